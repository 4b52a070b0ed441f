-- Something of ours that a statement should cover and of which it has no line. When the line comes later, the row stays
-- and says matched; so it does of a payout that is the sum of a batch's lines, and of several that one line pays.
create table mixpay.unmatched_items (
    merchant_id text collate "C" not null,
    account mixpay.account not null,
    owner text collate "C" not null,
    kind mixpay.own_kind not null,
    number text collate "C" not null,
    result mixpay.reconciliation_result not null,
    currency text collate "C" not null,
    ours bigint not null,
    theirs bigint not null default 0,
    happened_at timestamptz not null,
    statement_no text collate "C" not null,
    batch_no text collate "C",
    run bigint not null,
    resolution_no text collate "C",
    line_no bigint,
    part text collate "C",
    primary key (merchant_id, account, owner, kind, number),
    foreign key (merchant_id, statement_no) references mixpay.statements,
    constraint a_sum_has_its_line check ((line_no is null) = (part is null))
);

alter table mixpay.unmatched_items alter column merchant_id set (n_distinct = -0.01);

-- The foreign key to statements.
create index unmatched_items_by_statement on mixpay.unmatched_items (statement_no, merchant_id)
where statement_no is not null;

-- reconcile, reconciliation_differences: what is still open.
create index unmatched_items_open on mixpay.unmatched_items (owner, merchant_id, account, happened_at)
where result <> 'matched';

-- reconcile: what is compared with a batch.
create index unmatched_items_by_batch on mixpay.unmatched_items (batch_no, merchant_id) where batch_no is not null;

-- statement_line_list: what one line pays together.
create index unmatched_items_of_a_line on mixpay.unmatched_items (statement_no, line_no, merchant_id)
where line_no is not null;

comment on table mixpay.unmatched_items is
'What of ours had no line when its statement was compared; the line may have come later.';
comment on column mixpay.unmatched_items.kind is 'What of ours it is; number says which.';
comment on column mixpay.unmatched_items.result is
'expected: a later statement may have it; missing_there; amount: its batch or its line sums to something else; '
'matched: its line came, its batch sums to it, or one line pays it with others.';
comment on column mixpay.unmatched_items.ours is 'What is on record, in the smallest unit, with the sign of a line.';
comment on column mixpay.unmatched_items.theirs is
'What its batch sums to, or its part of the line that pays several; else 0.';
comment on column mixpay.unmatched_items.statement_no is 'The statement that should have covered it.';
comment on column mixpay.unmatched_items.batch_no is 'The batch of that statement that it pays out, if it has no line.';
comment on column mixpay.unmatched_items.run is 'Which run of the account (last_run) gave this result.';
comment on column mixpay.unmatched_items.resolution_no is
'The resolution of the difference; empty: there is none, or it was taken back.';
comment on column mixpay.unmatched_items.line_no is
'The line of that statement that pays it together with others, with part; else empty.';
