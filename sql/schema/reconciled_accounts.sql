-- Accounts whose statements are loaded: what was agreed about them, and the lock of whoever reconciles one.
create table mixpay.reconciled_accounts (
    merchant_id text collate "C" not null,
    account mixpay.account not null,
    owner mixpay.number not null,
    zone text not null default 'UTC',
    tolerance mixpay.amount not null default 0,
    lag interval not null default '1 day',
    fee_rate bigint,
    fee_fixed mixpay.amount not null default 0,
    write_off_limit mixpay.amount not null default 0,
    last_run bigint not null default 0,
    created_at timestamptz not null default now(),
    primary key (merchant_id, account, owner),
    constraint statements_are_of_channels_and_banks check (account in ('channel', 'bank')),
    constraint lag_is_at_most_a_year check (lag between '0' and '366 days'),
    constraint fee_rate_is_in_millionths check (fee_rate between 0 and 1000000)
);

alter table mixpay.reconciled_accounts alter column merchant_id set (n_distinct = -0.01);

comment on table mixpay.reconciled_accounts is 'Accounts whose statements are loaded, and how they are compared.';
comment on column mixpay.reconciled_accounts.account is 'channel or bank; owner says which.';
comment on column mixpay.reconciled_accounts.zone is 'The time zone of its days.';
comment on column mixpay.reconciled_accounts.tolerance is
'How far two amounts may differ and be taken for the same, in the smallest unit.';
comment on column mixpay.reconciled_accounts.lag is
'How far the moments of a line and of what is on record may lie apart, and how long one side waits for the other.';
comment on column mixpay.reconciled_accounts.fee_rate is
'What the channel may take of a payment, in millionths: 6000 is 0.6 %. Empty: nothing was agreed.';
comment on column mixpay.reconciled_accounts.fee_fixed is
'What the channel may take of each payment in addition to fee_rate, in the smallest unit.';
comment on column mixpay.reconciled_accounts.write_off_limit is
'The largest difference that may be written off, in the smallest unit.';
comment on column mixpay.reconciled_accounts.last_run is
'The number of the last run. Each reconciliation is a run, and so is each call that resolves a difference, takes a '
'resolution back or withdraws a statement. A run raises it, and that locks the account.';
