-- A refund is one request to give money back: this order, this amount; or a payment's surplus, or a reversal; or money
-- that a channel took back by itself.
create table mixpay.refunds (
    merchant_id text collate "C" not null,
    refund_no mixpay.number not null,
    kind text not null,
    order_no text collate "C",
    amount mixpay.positive_amount not null,
    succeeded mixpay.amount not null default 0,
    freed mixpay.amount not null default 0,
    state text not null default 'processing',
    payment_nos text[],
    reason text,
    created_at timestamptz not null default now(),
    return_no text collate "C",
    chargeback_no text collate "C",
    primary key (merchant_id, refund_no),
    foreign key (merchant_id, order_no) references mixpay.orders,
    foreign key (merchant_id, return_no) references mixpay.returns,
    foreign key (merchant_id, chargeback_no) references mixpay.chargebacks
);

-- What is true of every row: a domain, as in trades.sql.
create domain mixpay.refund_rules as mixpay.refunds
constraint kind_is_known check (
    (value).kind in ('order', 'offline', 'surplus', 'reversal', 'return', 'chargeback')
)
-- What a chargeback takes of a surplus is of no order.
constraint order_is_named_by_order_refunds check (
    (value).kind = 'chargeback' or ((value).order_no is not null) = ((value).kind in ('order', 'offline'))
)
constraint its_cause_is_named check (
    case (value).kind
        when 'return' then (value).return_no is not null and (value).chargeback_no is null
        when 'chargeback' then (value).chargeback_no is not null and (value).return_no is null
        when 'surplus' then (value).return_no is null or (value).chargeback_no is null
        else (value).return_no is null and (value).chargeback_no is null
    end
)
constraint payment_nos_is_a_plain_list check (array_ndims((value).payment_nos) = 1)
constraint parts_are_never_above_amount check ((value).succeeded + (value).freed <= (value).amount)
constraint state_follows_from_the_parts check (
    (value).state = case
        when (value).succeeded + (value).freed < (value).amount then 'processing'
        when (value).freed = 0 then 'succeeded'
        when (value).succeeded = 0 then 'failed'
        else 'partly_failed'
    end
)
constraint reason_has_no_control_characters check (
    (value).reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
);

alter table mixpay.refunds
add constraint rules_hold check (not (cast(refunds as mixpay.refund_rules) is null));

comment on domain mixpay.refund_rules is 'What is true of every row of refunds.';

alter table mixpay.refunds alter column merchant_id set (n_distinct = -0.01);

-- The foreign key to orders.
create index refunds_by_order on mixpay.refunds (order_no, merchant_id) where order_no is not null;

-- The foreign keys to what the channel took back.
create index refunds_by_return on mixpay.refunds (return_no, merchant_id) where return_no is not null;
create index refunds_by_chargeback on mixpay.refunds (chargeback_no, merchant_id) where chargeback_no is not null;

comment on table mixpay.refunds is 'One request to give money back.';
comment on column mixpay.refunds.kind is
'order: of an order; offline: of an order, paid out by hand; surplus: what a trade did not need; reversal: taken from '
'orders, because a trade was closed, or an order was cancelled or costs less; return, chargeback: the channel took it '
'back by itself.';
comment on column mixpay.refunds.amount is 'In the currency''s smallest unit: the sum of its details.';
comment on column mixpay.refunds.state is
'processing: a part is under way; succeeded: all of it went; failed: nothing of it went; partly_failed: some of it '
'went, and the rest may be refunded again.';
comment on column mixpay.refunds.succeeded is 'What has gone back, or was written off.';
comment on column mixpay.refunds.freed is 'What did not get through and may be refunded again.';
comment on column mixpay.refunds.payment_nos is
'The payments that the caller named, if any: the refund takes from them in this order, not first in, first out.';
comment on column mixpay.refunds.return_no is
'The return that took this money. Of kind surplus: the return that took a part of the surplus and left this one, which '
'goes back to the buyer.';
comment on column mixpay.refunds.chargeback_no is
'The chargeback that took this money. Of kind surplus: the chargeback that took a part of the surplus and left this '
'one, which goes back to the buyer.';
