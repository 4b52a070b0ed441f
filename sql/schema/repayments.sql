-- A repayment is money that somebody brought in for an account that lacks some. Written once.
create table mixpay.repayments (
    merchant_id text collate "C" not null,
    repayment_no mixpay.number not null,
    account mixpay.account not null,
    owner text collate "C" not null,
    amount mixpay.positive_amount not null,
    currency text collate "C" not null,
    reason text,
    repaid_at timestamptz not null,
    created_at timestamptz not null default now(),
    bank mixpay.number,
    primary key (merchant_id, repayment_no),
    constraint somebody_owes_it check (account in ('payee', 'receiver', 'fee', 'channel_fee')),
    constraint reason_has_no_control_characters check (
        reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    )
);

alter table mixpay.repayments alter column merchant_id set (n_distinct = -0.01);

-- Settlements: what was brought in for an account.
create index repayments_by_owner on mixpay.repayments (owner, merchant_id, account) where owner is not null;

-- reconcile: what happened in a time.
create index repayments_by_moment on mixpay.repayments (merchant_id, repaid_at) where repaid_at is not null;

comment on table mixpay.repayments is 'Money that was brought in for accounts that lacked some.';
comment on column mixpay.repayments.account is
'What it was brought in for: payee, receiver, fee or channel_fee; owner says whose.';
comment on column mixpay.repayments.amount is 'In the currency''s smallest unit.';
comment on column mixpay.repayments.repaid_at is 'When it came.';
comment on column mixpay.repayments.bank is
'The bank account that it came to, by our name for it. Empty: it came before 0.5.0, which had no banks.';
