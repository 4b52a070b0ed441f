-- A chargeback is money that a channel took back for a buyer who objected: a refund that the channel made by itself.
create table mixpay.chargebacks (
    merchant_id text collate "C" not null,
    chargeback_no mixpay.number not null,
    payment_no text collate "C" not null,
    order_no text collate "C",
    amount mixpay.positive_amount not null,
    fee mixpay.amount not null default 0,
    lost mixpay.amount not null default 0,
    reversed mixpay.amount not null default 0,
    state text not null default 'charged',
    reason text,
    reversal_reason text,
    charged_at timestamptz not null,
    reversed_at timestamptz,
    created_at timestamptz not null default now(),
    primary key (merchant_id, chargeback_no),
    foreign key (merchant_id, payment_no) references mixpay.payments,
    foreign key (merchant_id, order_no) references mixpay.orders,
    constraint parts_are_never_above_amount check (lost + reversed <= amount),
    constraint state_follows_from_reversed check (
        state = case reversed when 0 then 'charged' when amount then 'reversed' else 'partly_reversed' end
    ),
    constraint reversed_has_its_moment check ((reversed_at is not null) = (reversed > 0)),
    constraint reason_has_no_control_characters check (
        reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    ),
    constraint reversal_reason_has_no_control_characters check (
        reversal_reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    )
);

alter table mixpay.chargebacks alter column merchant_id set (n_distinct = -0.01);

-- The foreign key to payments; and what is lost, when money of the payment is free again.
create index chargebacks_by_payment on mixpay.chargebacks (payment_no, merchant_id) where payment_no is not null;

-- The foreign key to orders.
create index chargebacks_by_order on mixpay.chargebacks (order_no, merchant_id) where order_no is not null;

-- reconcile: what happened in a time.
create index chargebacks_by_moment on mixpay.chargebacks (merchant_id, charged_at) where charged_at is not null;
create index chargebacks_by_reversed_at on mixpay.chargebacks (merchant_id, reversed_at)
where reversed_at is not null;

comment on table mixpay.chargebacks is 'Money of a payment that its channel took back for the buyer.';
comment on column mixpay.chargebacks.order_no is 'The order that it is about, if the caller named it.';
comment on column mixpay.chargebacks.amount is
'What the channel took, in the currency''s smallest unit, without its fee.';
comment on column mixpay.chargebacks.fee is
'What the channel took for the chargeback, in the smallest unit; a reversal does not give it back.';
comment on column mixpay.chargebacks.lost is
'What the payment and its orders no longer had, such as money refunded before: a loss. It falls when such a refund '
'does not get through, and when the chargeback is reversed.';
comment on column mixpay.chargebacks.reversed is 'What of it the channel gave back.';
comment on column mixpay.chargebacks.state is
'charged; partly_reversed: the channel gave a part back; reversed: all of it.';
comment on column mixpay.chargebacks.charged_at is
'When the channel took it; reversed_at is when it gave back the last part.';
