-- An adjustment moves money between two accounts because somebody says so: a fine, a bonus, cash that the seller took.
-- Written once.
create table mixpay.adjustments (
    merchant_id text collate "C" not null,
    adjustment_no mixpay.number not null,
    account mixpay.account not null,
    owner text collate "C" not null,
    against_account mixpay.account not null,
    against_owner text collate "C" not null,
    amount mixpay.signed_amount not null,
    currency text collate "C" not null,
    reason text,
    created_at timestamptz not null default now(),
    primary key (merchant_id, adjustment_no),
    constraint only_accounts_of_somebody_are_adjusted check (
        account in ('payee', 'receiver', 'fee', 'channel_fee', 'channel', 'bank', 'loss', 'rounding')
        and against_account in ('payee', 'receiver', 'fee', 'channel_fee', 'channel', 'bank', 'loss', 'rounding')
    ),
    constraint its_accounts_are_two check ((account, owner) <> (against_account, against_owner)),
    constraint reason_has_no_control_characters check (
        reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    )
);

alter table mixpay.adjustments alter column merchant_id set (n_distinct = -0.01);

-- payee_balances: what was adjusted of an account, from either side.
create index adjustments_by_owner on mixpay.adjustments (owner, merchant_id, account) where owner is not null;
create index adjustments_by_against_owner on mixpay.adjustments (against_owner, merchant_id, against_account)
where against_owner is not null;

comment on table mixpay.adjustments is 'Money that moved between two accounts because somebody said so.';
comment on column mixpay.adjustments.account is 'The account that the amount is about; owner says whose.';
comment on column mixpay.adjustments.against_account is 'The account on the other side; against_owner says whose.';
comment on column mixpay.adjustments.amount is
'In the currency''s smallest unit: above zero, account got it; below zero, against_account did.';
