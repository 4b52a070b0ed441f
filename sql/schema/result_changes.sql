-- A change of a result that an earlier run had told. Written once.
create table mixpay.result_changes (
    merchant_id text collate "C" not null,
    account mixpay.account not null,
    owner text collate "C" not null,
    run bigint not null,
    subject text collate "C" not null,
    from_result mixpay.reconciliation_result not null,
    to_result mixpay.reconciliation_result not null,
    statement_no text collate "C",
    created_at timestamptz not null default now(),
    primary key (merchant_id, account, owner, run, subject)
);

alter table mixpay.result_changes alter column merchant_id set (n_distinct = -0.01);

comment on table mixpay.result_changes is 'What reconciliation said first, and what it said later.';
comment on column mixpay.result_changes.subject is 'A line of a statement, or something of ours.';
comment on column mixpay.result_changes.run is 'Which run of the account (last_run) gave the later result.';
comment on column mixpay.result_changes.statement_no is 'The statement that was reconciled then.';
