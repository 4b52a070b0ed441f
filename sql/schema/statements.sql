-- A statement is what a channel or a bank says of our account there, for a time. Its lines are facts: they stay as they
-- were loaded, and what came of them stands elsewhere.
create table mixpay.statements (
    merchant_id text collate "C" not null,
    statement_no mixpay.number not null,
    account mixpay.account not null,
    owner text collate "C" not null,
    format text not null,
    from_at timestamptz,
    until_at timestamptz,
    line_count bigint not null default 0,
    sealed_at timestamptz,
    reconciled_at timestamptz,
    created_at timestamptz not null default now(),
    resolution_no text collate "C",
    primary key (merchant_id, statement_no),
    foreign key (merchant_id, account, owner) references mixpay.reconciled_accounts,
    constraint period_goes_forward check (from_at < until_at),
    constraint a_sealed_statement_has_its_period check (
        (from_at is null) = (until_at is null) and (sealed_at is null or from_at is not null)
    ),
    constraint only_a_sealed_statement_is_reconciled check (reconciled_at is null or sealed_at is not null)
);

alter table mixpay.statements alter column merchant_id set (n_distinct = -0.01);

-- The foreign key to reconciled_accounts; and until when an account's statements reach.
create index statements_by_owner on mixpay.statements (owner, merchant_id, account, until_at) where owner is not null;

comment on table mixpay.statements is 'What channels and banks say of our accounts there.';
comment on column mixpay.statements.account is 'channel or bank; owner says which.';
comment on column mixpay.statements.format is 'Where its lines come from, in a word: the format of the file.';
comment on column mixpay.statements.from_at is 'It covers what happened from then, and before until_at.';
comment on column mixpay.statements.line_count is 'How many lines it has.';
comment on column mixpay.statements.sealed_at is
'When it was complete. Nothing is matched before, and no line comes after.';
comment on column mixpay.statements.reconciled_at is 'When it was first compared with what is on record.';
comment on column mixpay.statements.resolution_no is
'The resolution that withdrew it: nothing is compared with it then. Empty: it was not withdrawn.';
