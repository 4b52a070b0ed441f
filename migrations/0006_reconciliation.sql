-- Statements of channels and banks, and how they compare with what is on record.
-- New tables and types only, and three small indexes, for which payments, channel refunds and channel fees are read once.
-- The code stays.
-- It is one transaction together with its mark, so nothing in it can be concurrent.
-- squawk-ignore-file require-concurrent-index-creation
set role mixpay_owner;

-- Reconciliation: what a line of a statement says, what of ours it may be about, and what comparing them says.
create domain mixpay.line_kind as text collate "C"
constraint line_kind_is_known check (
    value in (
        'payment', 'refund', 'refund_reversal', 'chargeback', 'chargeback_reversal', 'return', 'fee', 'payout',
        'payout_reversal', 'adjustment', 'transfer', 'other', 'unknown'
    )
);

create domain mixpay.line_state as text collate "C"
constraint line_state_is_known check (value in ('succeeded', 'processing', 'failed'));

create domain mixpay.own_kind as text collate "C"
constraint own_kind_is_known check (
    value in (
        'payment', 'refund', 'refund_reversal', 'chargeback', 'chargeback_reversal', 'chargeback_fee', 'return', 'fee',
        'payout', 'payout_reversal', 'settlement', 'settlement_reversal', 'repayment', 'adjustment'
    )
);

create domain mixpay.match_rule as text collate "C"
constraint match_rule_is_known check (
    value in ('channel_txn_no', 'our_no', 'payment', 'amount', 'batch', 'booked')
);

create domain mixpay.reconciliation_result as text collate "C"
constraint reconciliation_result_is_known check (
    value in (
        'matched', 'expected', 'missing_there', 'missing_here', 'amount', 'currency', 'state', 'fee', 'duplicate',
        'unknown'
    )
);

comment on domain mixpay.line_kind is 'What a line of a statement is about, whatever word its channel has for it.';
comment on domain mixpay.line_state is
'succeeded: money moved; processing: the channel is at it; failed: no money moved.';
comment on domain mixpay.own_kind is 'What of ours a line of a statement may be about.';
comment on domain mixpay.match_rule is
'channel_txn_no, our_no: the number; payment: of one payment, with the same amount; amount: the same amount and nearly '
'the same moment; batch: the sum of several; booked: somebody booked it from the line.';
comment on domain mixpay.reconciliation_result is
'matched; expected: one side is there, and the other may still come; missing_there, missing_here: it did not; amount, '
'currency, state, fee: the sides differ; duplicate: another line says the same; unknown: nothing that we know of.';

-- Something of ours as a statement should show it.
create type mixpay.own_item as (
    kind text,
    number text,
    side text,
    amount bigint,
    currency text,
    happened_at timestamptz,
    channel_key text,
    payment_no text,
    payment_txn_no text,
    state text
);

comment on type mixpay.own_item is
'Something of ours as a statement should show it: the amount with the sign of a line, and what it is found by.';

-- What was found of a line, or of something of ours without one.
create type mixpay.found_difference as (
    account text,
    owner text,
    statement_no text,
    line_no bigint,
    part text,
    kind text,
    number text,
    rule text,
    result text,
    currency text,
    theirs bigint,
    ours bigint,
    fee_theirs bigint,
    fee_ours bigint,
    happened_at timestamptz,
    resolution_no text
);

comment on type mixpay.found_difference is
'What was found of a line, or of something of ours without one, and how it was resolved.';

-- What calls return.
create type mixpay.reconciled_account as (
    merchant_id text,
    account text,
    owner text,
    zone text,
    tolerance bigint,
    lag interval,
    fee_rate bigint,
    fee_fixed bigint,
    write_off_limit bigint,
    last_run bigint,
    created_at timestamptz
);

comment on type mixpay.reconciled_account is 'A row of reconciled_accounts, as calls return it: in plain types.';

create type mixpay.statement as (
    merchant_id text,
    statement_no text,
    account text,
    owner text,
    format text,
    from_at timestamptz,
    until_at timestamptz,
    line_count bigint,
    sealed_at timestamptz,
    reconciled_at timestamptz,
    created_at timestamptz
);

comment on type mixpay.statement is 'A row of statements, as calls return it: in plain types.';

create type mixpay.resolution as (
    merchant_id text,
    resolution_no text,
    account text,
    owner text,
    statement_no text,
    line_no bigint,
    part text,
    kind text,
    number text,
    action text,
    amount bigint,
    takes_back text,
    resolved_by text,
    session text,
    reason text,
    created_at timestamptz
);

comment on type mixpay.resolution is 'A row of resolutions, as calls return it: in plain types.';

-- What reconcile found, summed up.
create type mixpay.reconciliation as (
    side text,
    result text,
    was text,
    kind text,
    currency text,
    count bigint,
    theirs bigint,
    ours bigint
);

comment on type mixpay.reconciliation is
'How many lines of a statement, or of what is ours, have a result, and what they sum to in the smallest unit; was: what '
'an earlier run had said of them.';

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
'How far the two moments may lie apart, and how long one side waits for the other.';
comment on column mixpay.reconciled_accounts.fee_rate is
'What the channel may take of a payment, in millionths: 6000 is 0.6 %. Empty: nothing was agreed.';
comment on column mixpay.reconciled_accounts.fee_fixed is 'What it may take beside, in the smallest unit.';
comment on column mixpay.reconciled_accounts.write_off_limit is 'Up to which difference one may be written off.';
comment on column mixpay.reconciled_accounts.last_run is 'How often results were told; grows under the lock.';

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
comment on column mixpay.statements.format is 'Where its lines come from, in a word: of what format the file was.';
comment on column mixpay.statements.from_at is 'It covers what happened from then, and before until_at.';
comment on column mixpay.statements.line_count is 'How many lines it has.';
comment on column mixpay.statements.sealed_at is 'When it was complete. Nothing is matched before, and no line comes after.';
comment on column mixpay.statements.reconciled_at is 'When it was first compared with what is on record.';

-- A line of a statement, as it was loaded. Written once.
create table mixpay.statement_lines (
    merchant_id text collate "C" not null,
    statement_no text collate "C" not null,
    line_no bigint not null,
    part text collate "C" not null default '',
    kind mixpay.line_kind not null,
    type text,
    amount bigint not null,
    currency text collate "C" not null,
    fee bigint,
    happened_at timestamptz not null,
    channel_txn_no mixpay.channel_number,
    our_no mixpay.channel_number,
    of_channel_txn_no mixpay.channel_number,
    of_our_no mixpay.channel_number,
    batch_no mixpay.channel_number,
    state mixpay.line_state not null default 'succeeded',
    description text,
    primary key (merchant_id, statement_no, line_no, part),
    foreign key (merchant_id, statement_no) references mixpay.statements
);

alter table mixpay.statement_lines alter column merchant_id set (n_distinct = -0.01);

-- reconcile: whether another line says the same.
create index statement_lines_by_channel_txn_no on mixpay.statement_lines (channel_txn_no, merchant_id)
where channel_txn_no is not null;

comment on table mixpay.statement_lines is 'What statements say, line by line.';
comment on column mixpay.statement_lines.line_no is 'Its line in the file.';
comment on column mixpay.statement_lines.part is 'What of the line it says, where one says several things; else empty.';
comment on column mixpay.statement_lines.type is 'What it is in the channel''s own word.';
comment on column mixpay.statement_lines.amount is
'In the currency''s smallest unit, as seen by us: above zero, our account there got it.';
comment on column mixpay.statement_lines.fee is 'What the channel took for it beside the amount; empty: it does not say.';
comment on column mixpay.statement_lines.channel_txn_no is 'The channel''s own number of it.';
comment on column mixpay.statement_lines.our_no is 'Our number of it, as the channel repeats it.';
comment on column mixpay.statement_lines.of_channel_txn_no is 'The channel''s number of the payment that it is about.';
comment on column mixpay.statement_lines.of_our_no is 'Our number of the payment that it is about.';
comment on column mixpay.statement_lines.batch_no is 'The payout in which it is paid to us.';

-- What a statement sums to, in each currency, when it is sealed. Written once.
create table mixpay.statement_totals (
    merchant_id text collate "C" not null,
    statement_no text collate "C" not null,
    currency text collate "C" not null,
    line_count bigint not null,
    amount bigint not null,
    fee bigint not null,
    primary key (merchant_id, statement_no, currency),
    foreign key (merchant_id, statement_no) references mixpay.statements
);

alter table mixpay.statement_totals alter column merchant_id set (n_distinct = -0.01);

comment on table mixpay.statement_totals is 'What statements sum to.';
comment on column mixpay.statement_totals.amount is 'The sum of its lines, in the smallest unit.';
comment on column mixpay.statement_totals.fee is 'The sum of the fees that its lines name.';

-- A match: a line of a statement and what of ours it is about. Which two they are stays; what comparing them says may
-- change, when what is on record does. No foreign key leads to the line, for it would double what writing a match costs:
-- reconcile alone writes here, lines are never deleted, and a check looks for matches of nothing.
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
comment on column mixpay.line_matches.theirs is 'What the line moved, in the smallest unit; nothing, if it failed.';
comment on column mixpay.line_matches.ours is 'What is on record of it, with the same sign; of a batch, this line''s part.';
comment on column mixpay.line_matches.fee_theirs is 'The fee that the line names.';
comment on column mixpay.line_matches.fee_ours is 'The fee on record, or else as agreed; empty: nothing was agreed.';
comment on column mixpay.line_matches.happened_at is 'When the line says that it happened.';
comment on column mixpay.line_matches.run is 'The run of the account that said the result.';
comment on column mixpay.line_matches.resolution_no is 'How somebody resolved the difference, if it stands.';

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

comment on table mixpay.unmatched_lines is 'Lines of statements of which nothing of ours was found, at first.';
comment on column mixpay.unmatched_lines.result is
'expected: ours may still come; missing_here; duplicate: another line says the same; unknown: nothing that we know of; '
'matched: ours was found since.';
comment on column mixpay.unmatched_lines.theirs is 'What the line moved, in the smallest unit; nothing, if it failed.';
comment on column mixpay.unmatched_lines.happened_at is 'When the line says that it happened.';
comment on column mixpay.unmatched_lines.run is 'The run of the account that said the result.';
comment on column mixpay.unmatched_lines.resolution_no is 'How somebody resolved it, if that stands.';

-- Something of ours that a statement should cover and of which it has no line. When the line comes later, the row stays
-- and says matched; so it does of a payout that is the sum of a batch's lines.
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
    primary key (merchant_id, account, owner, kind, number),
    foreign key (merchant_id, statement_no) references mixpay.statements
);

alter table mixpay.unmatched_items alter column merchant_id set (n_distinct = -0.01);

-- The foreign key to statements.
create index unmatched_items_by_statement on mixpay.unmatched_items (statement_no, merchant_id)
where statement_no is not null;

-- reconcile, reconciliation_differences: what is still open.
create index unmatched_items_open on mixpay.unmatched_items (owner, merchant_id, account, happened_at)
where result <> 'matched';

comment on table mixpay.unmatched_items is 'What of ours statements should have covered and did not, at first.';
comment on column mixpay.unmatched_items.kind is 'What of ours it is; number says which.';
comment on column mixpay.unmatched_items.result is
'expected: a later statement may have it; missing_there; amount: its batch sums to something else; matched: its line '
'came, or its batch sums to it.';
comment on column mixpay.unmatched_items.ours is 'What is on record, in the smallest unit, with the sign of a line.';
comment on column mixpay.unmatched_items.theirs is 'What its batch sums to; nothing, if it has none.';
comment on column mixpay.unmatched_items.statement_no is 'The statement that should have covered it.';
comment on column mixpay.unmatched_items.batch_no is 'The batch of that statement that it pays out, if it has no line.';
comment on column mixpay.unmatched_items.run is 'The run of the account that said the result.';
comment on column mixpay.unmatched_items.resolution_no is 'How somebody resolved it, if that stands.';

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
comment on column mixpay.result_changes.run is 'The run of the account that said something else.';
comment on column mixpay.result_changes.statement_no is 'The statement that was reconciled then.';

-- What a person did about a difference. Written once; a further row takes one back.
create table mixpay.resolutions (
    merchant_id text collate "C" not null,
    resolution_no mixpay.number not null,
    account mixpay.account not null,
    owner text collate "C" not null,
    statement_no text collate "C",
    line_no bigint,
    part text collate "C",
    kind mixpay.own_kind,
    number text collate "C",
    action text not null,
    amount bigint not null default 0,
    takes_back text collate "C",
    resolved_by text not null,
    session text not null default session_user,
    reason text,
    created_at timestamptz not null default now(),
    primary key (merchant_id, resolution_no),
    foreign key (merchant_id, takes_back) references mixpay.resolutions,
    constraint action_is_known check (action in ('booked', 'received', 'written_off', 'ignored', 'taken_back')),
    constraint only_taking_back_names_another check ((takes_back is not null) = (action = 'taken_back')),
    constraint reason_has_no_control_characters check (
        reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    )
);

alter table mixpay.resolutions alter column merchant_id set (n_distinct = -0.01);

-- The foreign key to what it takes back: once.
create unique index a_resolution_is_taken_back_once on mixpay.resolutions (takes_back, merchant_id)
where takes_back is not null;

comment on table mixpay.resolutions is 'What people did about differences.';
comment on column mixpay.resolutions.statement_no is 'The line that it is about, with line_no and part; or';
comment on column mixpay.resolutions.kind is 'what of ours it is about, number says which; or what was booked from the line.';
comment on column mixpay.resolutions.action is
'booked: what was missing, from the line; received: somebody has seen the money; written_off: the difference is borne; '
'ignored; taken_back: an earlier one no longer stands.';
comment on column mixpay.resolutions.amount is 'What was booked or written off, in the smallest unit.';
comment on column mixpay.resolutions.takes_back is 'The resolution that no longer stands.';
comment on column mixpay.resolutions.resolved_by is 'Who did it, by the caller''s word.';
comment on column mixpay.resolutions.session is 'The login that called.';

-- reconcile: what arrived in a time. Small, and of no use to whoever looks for one row.
create index payments_by_moment on mixpay.payments using brin (merchant_id, paid_at) where paid_at is not null;

-- reconcile: what went back in a time. Small, and of no use to whoever looks for one row.
create index channel_refunds_by_moment on mixpay.channel_refunds using brin (merchant_id, refunded_at)
where refunded_at is not null;

-- reconcile: what was charged in a time. Small, and of no use to whoever looks for one row.
create index channel_fees_by_moment on mixpay.channel_fees using brin (merchant_id, charged_at)
where charged_at is not null;

-- A moment that was left out may come later, and so may the reason why a channel refund goes another way.
insert into mixpay.state_transitions (entity, from_state, to_state, cause) values
    ('repayment', 'recorded', 'recorded', 'its moment came later'),
    ('return', 'returned', 'returned', 'its moment came later'),
    ('chargeback', 'charged', 'charged', 'its moment came later'),
    ('chargeback', 'reversed', 'reversed', 'a moment came later'),
    ('channel_fee', 'recorded', 'recorded', 'its moment came later'),
    ('channel_payout', 'recorded', 'recorded', 'its moment came later');
update mixpay.state_transitions set cause = cause || ', or a moment came later'
where entity = 'chargeback' and from_state = 'partly_reversed' and to_state = 'partly_reversed';
update mixpay.state_transitions set cause = cause || ', or the moment'
where
    (entity = 'payment' and from_state = 'succeeded' and to_state = 'succeeded')
    or (entity = 'channel_refund' and from_state = to_state and to_state in ('succeeded', 'bounced', 'failed'));
update mixpay.state_transitions set cause = cause || ', or why it was redirected'
where entity = 'channel_refund' and from_state = 'failed' and to_state = 'failed';

reset role;
