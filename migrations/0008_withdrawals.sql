-- A statement that was loaded wrongly is withdrawn, by a person, and names the resolution that says so. One line of a bank
-- that pays several of ours is what their rows name.
-- It is one transaction together with its mark, so nothing in it can be left to be validated later: writes wait until it
-- is done, and the tables are small.
-- The code stays.
-- squawk-ignore-file constraint-missing-not-valid, ban-drop-constraint, require-concurrent-index-creation
set role mixpay_owner;

alter table mixpay.statements add column resolution_no text collate "C";

comment on column mixpay.statements.resolution_no is 'How somebody withdrew it. Nothing is compared with it then.';

alter type mixpay.statement add attribute resolution_no text;

alter table mixpay.resolutions
drop constraint action_is_known,
add constraint action_is_known check (
    action in ('booked', 'received', 'written_off', 'ignored', 'taken_back', 'withdrawn')
),
add constraint a_statement_is_withdrawn_whole check (
    action <> 'withdrawn' or (statement_no is not null and num_nonnulls(line_no, part, kind, number) = 0)
);

comment on column mixpay.resolutions.action is
'booked: what was missing, from the line; received: somebody has seen the money; written_off: the difference is borne; '
'ignored; taken_back: an earlier one no longer stands; withdrawn: the statement was loaded wrongly.';

alter table mixpay.unmatched_items
add column line_no bigint,
add column part text collate "C",
add constraint a_sum_has_its_line check ((line_no is null) = (part is null));

-- reconcile: what one line of a bank pays together is not looked for again.
create index unmatched_items_in_a_sum on mixpay.unmatched_items (owner, merchant_id, account) where line_no is not null;

comment on column mixpay.unmatched_items.result is
'expected: a later statement may have it; missing_there; amount: its batch or its line sums to something else; '
'matched: its line came, its batch sums to it, or one line pays it with others.';
comment on column mixpay.unmatched_items.theirs is
'What its batch sums to, or its part of the line that pays several; else nothing.';
comment on column mixpay.unmatched_items.line_no is
'The line of that statement that pays it together with others, with part; else empty.';

reset role;
