-- A channel fee is what a channel took for its service, or gave back of that. Written once.
create table mixpay.channel_fees (
    merchant_id text collate "C" not null,
    fee_no mixpay.number not null,
    channel text collate "C" not null,
    amount mixpay.signed_amount not null,
    currency text collate "C" not null,
    payment_no text collate "C",
    reason text,
    charged_at timestamptz not null,
    created_at timestamptz not null default now(),
    primary key (merchant_id, fee_no),
    foreign key (merchant_id, payment_no) references mixpay.payments,
    constraint reason_has_no_control_characters check (
        reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    )
);

alter table mixpay.channel_fees alter column merchant_id set (n_distinct = -0.01);

-- The foreign key to payments; what a payment cost.
create index channel_fees_by_payment on mixpay.channel_fees (payment_no, merchant_id) where payment_no is not null;

-- reconcile: what was charged in a time.
create index channel_fees_by_moment on mixpay.channel_fees (merchant_id, charged_at) where charged_at is not null;

comment on table mixpay.channel_fees is 'What channels took for their service.';
comment on column mixpay.channel_fees.amount is
'In the currency''s smallest unit: above zero, the channel took it; below zero, it gave it back.';
comment on column mixpay.channel_fees.payment_no is 'The payment that it is for, if it is for one.';
comment on column mixpay.channel_fees.charged_at is 'When the channel took it.';
