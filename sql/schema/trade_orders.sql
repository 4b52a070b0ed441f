-- One order's line in one trade: its share of what the trade is to pay.
create table mixpay.trade_orders (
    merchant_id text collate "C" not null,
    trade_no text collate "C" not null,
    order_no text collate "C" not null,
    position bigint not null,
    nth bigint not null,
    asked mixpay.positive_amount not null,
    amount mixpay.amount not null,
    paid mixpay.amount not null default 0,
    refunded mixpay.amount not null default 0,
    live boolean not null default true,
    hold boolean not null default false,
    release_due_at timestamptz,
    cancelled_at timestamptz,
    payee_no text collate "C",
    split_no text collate "C",
    cleared mixpay.amount not null default 0,
    clears_at_once boolean not null generated always as (payee_no is not null and not hold and split_no is null) stored,
    release_at timestamptz generated always as (
        case when paid - refunded > cleared then release_due_at end
    ) stored,
    raised mixpay.amount not null default 0,
    alone boolean not null default true,
    primary key (merchant_id, trade_no, position),
    foreign key (merchant_id, trade_no) references mixpay.trades,
    foreign key (merchant_id, order_no) references mixpay.orders
) with (fillfactor = 85);

-- What is true of every row: a domain, as in trades.sql.
create domain mixpay.trade_order_rules as mixpay.trade_orders
constraint amount_is_never_above_asked check ((value).amount <= (value).asked + (value).raised)
constraint paid_is_never_above_amount check ((value).paid <= (value).amount)
constraint refunded_is_never_above_paid check ((value).refunded <= (value).paid)
constraint cleared_is_never_above_what_is_there check ((value).cleared <= (value).paid - (value).refunded)
constraint a_release_is_due_only_with_a_hold check ((value).hold or (value).release_due_at is null)
constraint a_cancelled_line_needs_nothing check (
    (value).cancelled_at is null or (not (value).live and (value).amount = (value).paid)
);

alter table mixpay.trade_orders
add constraint rules_hold check (not (cast(trade_orders as mixpay.trade_order_rules) is null));

comment on domain mixpay.trade_order_rules is 'What is true of every row of trade_orders.';

alter table mixpay.trade_orders alter column merchant_id set (n_distinct = -0.01);

-- The order's lines, in the order of its trades; and the foreign key to orders.
create unique index nth_is_the_orders_own_counter on mixpay.trade_orders (order_no, merchant_id, nth)
where order_no is not null;

create unique index an_order_has_one_live_line on mixpay.trade_orders (order_no, merchant_id) where live;

-- release_due: what is in escrow and has a moment at which it is due.
create index trade_orders_by_release_at on mixpay.trade_orders (merchant_id, release_at) where release_at is not null;

comment on table mixpay.trade_orders is 'One order''s line (its share) in one trade.';
comment on column mixpay.trade_orders.position is 'Its place in the trade, from 1: payments fill lines in this order.';
comment on column mixpay.trade_orders.nth is
'Its place among the trades of the order, from 1: refunds take from the first trade first.';
comment on column mixpay.trade_orders.asked is 'The share as it was merged, in the currency''s smallest unit.';
comment on column mixpay.trade_orders.amount is 'The share as it is now.';
comment on column mixpay.trade_orders.raised is
'How far above asked a repricing of the order has taken the share, at most.';
comment on column mixpay.trade_orders.live is 'Its trade is open and it may still be paid.';
comment on column mixpay.trade_orders.hold is 'Merged with hold: its money stays in escrow until it is released.';
comment on column mixpay.trade_orders.release_due_at is 'When the hold ends by itself; null: by call only.';
comment on column mixpay.trade_orders.cancelled_at is 'When the order was taken out of the trade.';
comment on column mixpay.trade_orders.payee_no is 'The order''s payee, to whom its money is cleared.';
comment on column mixpay.trade_orders.split_no is 'The split by which its money is divided.';
comment on column mixpay.trade_orders.cleared is
'What of paid minus refunded is the payee''s, or divided; the rest is in escrow.';
comment on column mixpay.trade_orders.clears_at_once is 'What is paid of it becomes the payee''s as it arrives.';
comment on column mixpay.trade_orders.release_at is
'When release_due may release what is in escrow: release_due_at while something is. A column of its own, so that a '
'payment of a line without such a moment changes nothing in an index.';
comment on column mixpay.trade_orders.alone is
'True: it is the order''s only line, and its share was all of the order, so its paid and refunded are those of the '
'order. False: those of the order are in order_totals.';
