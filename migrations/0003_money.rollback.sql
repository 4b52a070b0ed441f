-- Takes back 0003, as long as nothing happened that the tables of 0002 cannot say.
set role mixpay_owner;

do $refuse$
begin
    if exists (
        select from mixpay.facts
        where entity in ('release', 'dispute', 'split') or from_owner is not null or to_owner is not null
    )
        or exists (select from mixpay.settlement_facts) or exists (select from mixpay.closed_periods) then
        raise exception '0003 cannot be taken back any more' using
            errcode = 'object_not_in_prerequisite_state',
            detail = 'Money was cleared to payees or receivers, released, disputed, divided or paid out, or a period closed.',
            hint = 'Restore a backup from before, or stay with this version.';
    end if;
end;
$refuse$;

drop table mixpay.closed_balances;
drop table mixpay.closed_periods;
drop table mixpay.folded_balances;
drop table mixpay.balance_folds;
drop table mixpay.settlement_facts;
drop table mixpay.settlements;
drop table mixpay.split_shares;
drop table mixpay.split_receivers;
drop table mixpay.splits;
drop table mixpay.disputes;
drop table mixpay.releases;

drop index mixpay.facts_by_xid;
drop index mixpay.facts_by_to_owner;
drop index mixpay.facts_by_from_owner;
alter table mixpay.facts
drop constraint owner_of_the_money_is_named,
drop column from_owner,
drop column to_owner,
drop column cause_no;
create index facts_by_event on mixpay.facts (merchant_id, epoch, xid) where to_state is not null;
comment on column mixpay.facts.entity is 'What the change of state is about: trade, payment, refund or channel_refund.';

alter table mixpay.channel_refunds
drop constraint cleared_is_never_above_amount,
drop column cleared;

drop index mixpay.trade_orders_by_release_at;
alter table mixpay.trade_orders
drop constraint cleared_is_never_above_what_is_there,
drop column release_at,
drop column clears_at_once,
drop column cleared,
drop column split_no,
drop column payee_no;

delete from mixpay.state_transitions
where entity in ('release', 'dispute', 'split', 'settlement', 'repayment');
alter table mixpay.state_transitions
drop constraint entity_is_known,
add constraint entity_is_known check (entity in ('trade', 'payment', 'refund', 'channel_refund'));

drop type mixpay.split_division;
drop type mixpay.journal_range;
drop type mixpay.statement_line;
drop type mixpay.account_total;
drop type mixpay.account_name;
drop domain mixpay.share_kind;

-- As in 0003.
do $domains$
begin
    alter domain mixpay.entity drop constraint entity_is_known;
    alter domain mixpay.entity add constraint entity_is_known
    check (value in ('trade', 'payment', 'refund', 'channel_refund'));
    alter domain mixpay.account drop constraint account_is_known;
    alter domain mixpay.account add constraint account_is_known
    check (value in ('channel', 'order', 'surplus', 'refund', 'anomaly', 'outside'));
    comment on domain mixpay.account is
    'channel: clearing with a channel; order: what is paid of an order; surplus: of a payment; refund: on its way back; '
    'anomaly: moved without a place in the books; outside: the merchant''s own pocket.';
end;
$domains$;

reset role;
