-- Takes back 0008, as long as no statement was withdrawn and no line pays several.
set role mixpay_owner;

do $refuse$
begin
    if exists (select from mixpay.resolutions where action = 'withdrawn')
        or exists (select from mixpay.unmatched_items where line_no is not null)
        or exists (
            select from mixpay.line_matches where rule = 'batch'
            group by merchant_id, account, owner, kind, number
            having count(distinct statement_no) > 1 or bool_or(account = 'channel')
        ) then
        raise exception '0008 cannot be taken back any more' using
            errcode = 'object_not_in_prerequisite_state',
            detail = 'Statements were withdrawn, or lines match that the code of before does not know as matched.',
            hint = 'Restore a backup from before, or stay with this version.';
    end if;
end;
$refuse$;

drop index mixpay.unmatched_items_in_a_sum;

alter table mixpay.unmatched_items drop column line_no, drop column part;

comment on column mixpay.unmatched_items.result is
'expected: a later statement may have it; missing_there; amount: its batch sums to something else; matched: its line '
'came, or its batch sums to it.';
comment on column mixpay.unmatched_items.theirs is 'What its batch sums to; nothing, if it has none.';

alter table mixpay.resolutions
drop constraint a_statement_is_withdrawn_whole,
drop constraint action_is_known,
add constraint action_is_known check (action in ('booked', 'received', 'written_off', 'ignored', 'taken_back'));

comment on column mixpay.resolutions.action is
'booked: what was missing, from the line; received: somebody has seen the money; written_off: the difference is borne; '
'ignored; taken_back: an earlier one no longer stands.';

alter type mixpay.statement drop attribute resolution_no;
alter table mixpay.statements drop column resolution_no;

reset role;
