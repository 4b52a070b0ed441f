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
    held boolean not null default false,
    release_due_at timestamptz,
    cancelled_at timestamptz,
    primary key (merchant_id, trade_no, position),
    foreign key (merchant_id, trade_no) references mixpay.trades,
    foreign key (merchant_id, order_no) references mixpay.orders,
    constraint nth_is_the_orders_own_counter unique (merchant_id, order_no, nth),
    constraint amount_is_never_above_asked check (amount <= asked),
    constraint paid_is_never_above_amount check (paid <= amount),
    constraint refunded_is_never_above_paid check (refunded <= paid),
    constraint release_is_due_only_of_held_money check (held or release_due_at is null),
    constraint a_cancelled_line_needs_nothing check (cancelled_at is null or (not live and amount = paid))
) with (fillfactor = 85);

create unique index an_order_has_one_live_line on mixpay.trade_orders (order_no, merchant_id) where live;

comment on table mixpay.trade_orders is 'One order''s line (its share) in one trade.';
comment on column mixpay.trade_orders.position is 'Its place in the trade, from 1: payments fill lines in this order.';
comment on column mixpay.trade_orders.nth is
'The how-manieth trade of the order this is, from 1: refunds take from the first trade first.';
comment on column mixpay.trade_orders.asked is 'The share as it was merged, in the currency''s smallest unit.';
comment on column mixpay.trade_orders.amount is 'The share as it is now.';
comment on column mixpay.trade_orders.live is 'Its trade is open and it may still be paid.';
comment on column mixpay.trade_orders.held is 'Merged with hold: its money is to sit in escrow until it is released.';
comment on column mixpay.trade_orders.release_due_at is 'When the hold ends by itself; null: by call only.';
comment on column mixpay.trade_orders.cancelled_at is 'When the order was taken out of the trade.';
