-- A match: a line of a statement and what of ours it is about. Which two they are stays; what comparing them says may
-- change, when what is on record does. No foreign key leads to the line. One is possible, but makes writing a match two
-- and a half times as dear: 9 microseconds against 3.5, so six seconds for a million lines. It would refuse what cannot
-- come about: reconcile alone writes here, of lines that it reads, and lines are never deleted. A check looks for
-- matches of nothing.
create table mixpay.line_matches (
    merchant_id text collate "C" not null,
    statement_no text collate "C" not null,
    line_no bigint not null,
    part text collate "C" not null,
    account mixpay.account not null,
    owner text collate "C" not null,
    kind mixpay.own_kind not null,
    number text collate "C" not null,
    rule mixpay.match_rule not null,
    result mixpay.reconciliation_result not null,
    currency text collate "C" not null,
    theirs bigint not null,
    ours bigint not null,
    fee_theirs bigint,
    fee_ours bigint,
    happened_at timestamptz not null,
    run bigint not null,
    resolution_no text collate "C",
    primary key (merchant_id, statement_no, line_no, part)
);

alter table mixpay.line_matches alter column merchant_id set (n_distinct = -0.01);

-- What is ours is in one match of an account. A payout stands on the channel's statement and on the bank's; of a batch,
-- several lines are about one payout.
create unique index what_is_ours_is_matched_once on mixpay.line_matches (number, merchant_id, kind, account, owner)
where rule <> 'batch';
create index line_matches_of_batches on mixpay.line_matches (number, merchant_id, kind, account, owner)
where rule = 'batch';

-- reconcile, reconciliation_differences: what somebody should look at.
create index line_matches_that_differ on mixpay.line_matches (owner, merchant_id, account, happened_at)
where result <> 'matched';

comment on table mixpay.line_matches is 'Lines of statements, and what of ours they are about.';
comment on column mixpay.line_matches.kind is 'What of ours it is; number says which.';
comment on column mixpay.line_matches.rule is 'By what the two were found to belong together.';
comment on column mixpay.line_matches.result is 'What comparing them says.';
comment on column mixpay.line_matches.theirs is 'What the line moved, in the smallest unit; 0 if nothing moved.';
comment on column mixpay.line_matches.ours is
'What is on record of it, with the same sign; of a batch, this line''s part.';
comment on column mixpay.line_matches.fee_theirs is 'The fee that the line names.';
comment on column mixpay.line_matches.fee_ours is 'The fee on record, or else as agreed; empty: nothing was agreed.';
comment on column mixpay.line_matches.happened_at is 'When the line says that it happened.';
comment on column mixpay.line_matches.run is 'Which run of the account (last_run) gave this result.';
comment on column mixpay.line_matches.resolution_no is
'The resolution of the difference; empty: there is none, or it was taken back.';
