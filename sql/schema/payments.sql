-- A payment is one attempt to pay into a trade, and what came of it. Never deleted.
create table mixpay.payments (
    merchant_id text collate "C" not null,
    payment_no mixpay.number not null,
    trade_no text collate "C" not null,
    channel text collate "C" not null,
    method text,
    recorded boolean not null,
    asked mixpay.positive_amount not null,
    amount mixpay.amount not null default 0,
    applied mixpay.amount not null default 0,
    surplus mixpay.amount not null default 0,
    refunded mixpay.amount not null default 0,
    surplus_refunded mixpay.amount not null default 0,
    state mixpay.payment_state not null,
    channel_txn_no mixpay.channel_number,
    paid_at timestamptz,
    seq bigint,
    created_at timestamptz not null default now(),
    spent boolean not null generated always as (applied = refunded - surplus_refunded) stored,
    authorized mixpay.positive_amount,
    authorization_no mixpay.channel_number,
    authorization_expires_at timestamptz,
    voided_at timestamptz,
    captures text collate "C",
    txn_day date,
    primary key (merchant_id, payment_no),
    foreign key (merchant_id, trade_no) references mixpay.trades,
    foreign key (merchant_id, captures) references mixpay.payments
) with (fillfactor = 85);

-- What is true of every row: a domain, as in trades.sql.
create domain mixpay.payment_rules as mixpay.payments
constraint amount_is_applied_and_surplus check ((value).amount = (value).applied + (value).surplus)
constraint surplus_refunded_is_never_above_surplus check ((value).surplus_refunded <= (value).surplus)
constraint refunded_includes_surplus_refunded check ((value).surplus_refunded <= (value).refunded)
constraint order_refunds_are_never_above_applied check (
    (value).refunded <= (value).applied + (value).surplus_refunded
)
constraint only_a_success_brings_money check (((value).state = 'succeeded') = ((value).amount > 0))
constraint money_has_its_moment_and_place check (
    case
        when (value).amount = 0 then (value).paid_at is null and (value).seq is null
        else (value).paid_at is not null and (value).seq is not null
    end
)
constraint an_authorization_has_its_amount check (
    case
        when (value).state = 'authorized' then (value).authorized is not null and (value).voided_at is null
        else
            (value).authorized is not null or (
                (value).authorization_no is null and (value).authorization_expires_at is null
                and (value).voided_at is null
            )
    end
)
constraint captures_another check ((value).captures <> (value).payment_no);

alter table mixpay.payments
add constraint rules_hold check (not (cast(payments as mixpay.payment_rules) is null));

comment on domain mixpay.payment_rules is 'What is true of every row of payments.';

alter table mixpay.payments alter column merchant_id set (n_distinct = -0.01);

-- The foreign key to trades; and refund_order: the trade's payments that still hold money, oldest first. spent is a
-- column of its own because a payment that is refunded in part then keeps its place in the index (a HOT update).
create index payments_by_trade on mixpay.payments (trade_no, merchant_id, spent, paid_at, seq)
where trade_no is not null;

-- The foreign key to what it captures, too.
create index payments_by_captures on mixpay.payments (captures, merchant_id) where captures is not null;

-- authorization_list: what the channels hold for us.
create index payments_authorized on mixpay.payments (merchant_id, authorization_expires_at)
where authorized is not null and voided_at is null and state in ('authorized', 'failed', 'closed');

create unique index a_channel_transaction_pays_once on mixpay.payments (merchant_id, channel, channel_txn_no, txn_day)
where txn_day is not null;

-- reconcile: a line that bears the number of such a transaction where numbers are no key.
create index payments_numbered_without_a_day on mixpay.payments (channel_txn_no, merchant_id)
where txn_day is null and channel_txn_no is not null;

-- reconcile: what arrived in a time.
create index payments_by_moment on mixpay.payments (merchant_id, paid_at) where paid_at is not null;

comment on table mixpay.payments is 'One attempt to pay into a trade, and what came of it.';
comment on column mixpay.payments.method is
'The payment method that the caller named. If the caller named no channel, routing chose one for it.';
comment on column mixpay.payments.recorded is
'Recorded in one call when the money was already there; else it was started.';
comment on column mixpay.payments.asked is
'The amount that it was started or recorded with, in the currency''s smallest unit.';
comment on column mixpay.payments.amount is 'What arrived: 0 until it succeeds.';
comment on column mixpay.payments.applied is 'What the trade needed of it.';
comment on column mixpay.payments.surplus is 'What the trade did not need: it goes back to this payment.';
comment on column mixpay.payments.refunded is 'What is on its way back or has gone back of it, surplus included.';
comment on column mixpay.payments.surplus_refunded is
'The part of refunded that was surplus; the rest were order refunds.';
comment on column mixpay.payments.paid_at is 'When the money arrived: first in, first out goes by it.';
comment on column mixpay.payments.seq is
'Its place among the trade''s payments in the order in which we heard of the money.';
comment on column mixpay.payments.spent is
'True: all of applied has been refunded or is on its way back, so an order refund can take nothing from it. Also true '
'while applied is 0.';
comment on column mixpay.payments.authorized is
'What the channel reserved for us and we may capture, in the smallest unit; null: it never told of an authorization.';
comment on column mixpay.payments.authorization_no is 'The channel''s own number of the authorization.';
comment on column mixpay.payments.authorization_expires_at is 'Until when it can be captured; null: nobody said.';
comment on column mixpay.payments.voided_at is 'When we heard that nothing of the authorization will be captured.';
comment on column mixpay.payments.captures is
'If this is a further capture: the payment whose authorization it captures.';
comment on column mixpay.payments.channel_txn_no is 'The channel''s own number of the transaction.';
comment on column mixpay.payments.txn_day is
'The day in which channel_txn_no is unique, by the channel''s txn_numbers at the time when it was written. 0001-01-01: '
'it is unique for ever; null: it need not be unique.';
