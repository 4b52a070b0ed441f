-- Takes back 0006, as long as no statement was loaded.
set role mixpay_owner;

do $refuse$
begin
    if exists (select from mixpay.statements) or exists (select from mixpay.reconciled_accounts) then
        raise exception '0006 cannot be taken back any more' using
            errcode = 'object_not_in_prerequisite_state',
            detail = 'Statements are on record that the tables of before have no place for.',
            hint = 'Restore a backup from before, or stay with this version.';
    end if;
end;
$refuse$;

do $refuse$
begin
    if exists (
        select from mixpay.facts
        where
            from_state = to_state and entity in ('repayment', 'return', 'chargeback', 'channel_fee', 'channel_payout')
            and reason = 'its moment came later'
    ) then
        raise exception '0006 cannot be taken back any more' using
            errcode = 'object_not_in_prerequisite_state',
            detail = 'Moments that came later are on record, which the code of before does not know.',
            hint = 'Restore a backup from before, or stay with this version.';
    end if;
end;
$refuse$;

delete from mixpay.state_transitions
where
    from_state = to_state
    and (
        entity in ('repayment', 'return', 'channel_fee', 'channel_payout')
        or (entity = 'chargeback' and to_state in ('charged', 'reversed'))
    );
update mixpay.state_transitions set cause = 'it gave one more part back'
where entity = 'chargeback' and from_state = 'partly_reversed' and to_state = 'partly_reversed';
update mixpay.state_transitions set cause = 'the channel''s number came later'
where
    (entity = 'payment' and from_state = 'succeeded' and to_state = 'succeeded')
    or (entity = 'channel_refund' and from_state = to_state and to_state in ('succeeded', 'bounced', 'failed'));

drop index mixpay.payments_by_moment;
drop index mixpay.channel_refunds_by_moment;
drop index mixpay.channel_fees_by_moment;
drop table mixpay.resolutions;
drop table mixpay.result_changes;
drop table mixpay.unmatched_items;
drop table mixpay.unmatched_lines;
drop table mixpay.line_matches;
drop table mixpay.statement_totals;
drop table mixpay.statement_lines;
drop table mixpay.statements;
drop table mixpay.reconciled_accounts;
drop type mixpay.reconciliation;
drop type mixpay.resolution;
drop type mixpay.statement;
drop type mixpay.reconciled_account;
drop type mixpay.found_difference;
drop type mixpay.own_item;
drop domain mixpay.reconciliation_result;
drop domain mixpay.match_rule;
drop domain mixpay.own_kind;
drop domain mixpay.line_state;
drop domain mixpay.line_kind;

reset role;
