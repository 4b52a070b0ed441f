-- A channel payout is money of ours that a channel paid to one of our banks. Written once.
create table mixpay.channel_payouts (
    merchant_id text collate "C" not null,
    payout_no mixpay.number not null,
    channel text collate "C" not null,
    amount mixpay.signed_amount not null,
    currency text collate "C" not null,
    bank mixpay.number not null,
    paid_at timestamptz not null,
    created_at timestamptz not null default now(),
    primary key (merchant_id, payout_no)
);

alter table mixpay.channel_payouts alter column merchant_id set (n_distinct = -0.01);

-- reconcile: what happened in a time.
create index channel_payouts_by_moment on mixpay.channel_payouts (merchant_id, paid_at) where paid_at is not null;

comment on table mixpay.channel_payouts is 'What channels paid to our banks.';
comment on column mixpay.channel_payouts.amount is
'In the currency''s smallest unit: above zero, the channel paid it; below zero, the bank paid it to the channel.';
comment on column mixpay.channel_payouts.bank is 'The bank account that it went to, by our name for it.';
comment on column mixpay.channel_payouts.paid_at is 'When the channel paid it.';
