-- A line of a statement of which nothing of ours was found. When it is found later, the row stays and says matched.
-- No foreign key leads to the line, as in line_matches.
create table mixpay.unmatched_lines (
    merchant_id text collate "C" not null,
    statement_no text collate "C" not null,
    line_no bigint not null,
    part text collate "C" not null,
    account mixpay.account not null,
    owner text collate "C" not null,
    result mixpay.reconciliation_result not null,
    currency text collate "C" not null,
    theirs bigint not null,
    happened_at timestamptz not null,
    run bigint not null,
    resolution_no text collate "C",
    primary key (merchant_id, statement_no, line_no, part)
);

alter table mixpay.unmatched_lines alter column merchant_id set (n_distinct = -0.01);

-- reconcile, reconciliation_differences: what is still open.
create index unmatched_lines_open on mixpay.unmatched_lines (owner, merchant_id, account, happened_at)
where result <> 'matched';

comment on table mixpay.unmatched_lines is
'Lines of statements of which nothing of ours was found when they were compared; it may have come later.';
comment on column mixpay.unmatched_lines.result is
'expected: ours may still come; missing_here; duplicate: another line says the same; unknown: nothing that we know of; '
'matched: ours was found since.';
comment on column mixpay.unmatched_lines.theirs is 'What the line moved, in the smallest unit; 0 if it failed.';
comment on column mixpay.unmatched_lines.happened_at is 'When the line says that it happened.';
comment on column mixpay.unmatched_lines.run is 'Which run of the account (last_run) gave this result.';
comment on column mixpay.unmatched_lines.resolution_no is
'The resolution of the difference; empty: there is none, or it was taken back.';
