-- Takes back 0014: when something came back is in the log only. The version of before has no place for when a settlement
-- was reversed, if that came later.
set role mixpay_owner;

do $refuse$
begin
    if exists (select from mixpay.facts where log = 'settlement' and from_state = to_state) then
        raise exception '0014 cannot be taken back any more' using
            errcode = 'object_not_in_prerequisite_state',
            detail = 'Moments of reversals came later than the reversals, and the version of before knows no such fact.',
            hint = 'Restore a backup from before, or stay with this version.';
    end if;
end;
$refuse$;

delete from mixpay.state_transitions where (entity, from_state, to_state) = ('settlement', 'reversed', 'reversed');

create index unmatched_items_in_a_sum on mixpay.unmatched_items (owner, merchant_id, account) where line_no is not null;

drop index mixpay.repayments_by_moment;
drop index mixpay.settlements_by_reversed_at;
drop index mixpay.settlements_by_moment;
drop index mixpay.channel_payouts_by_moment;
drop index mixpay.returns_by_moment;
drop index mixpay.chargebacks_by_reversed_at;
drop index mixpay.chargebacks_by_moment;

drop index mixpay.payments_numbered_without_a_day;

drop index mixpay.channel_fees_by_moment;
drop index mixpay.channel_refunds_by_moment;
drop index mixpay.payments_by_moment;
create index payments_by_moment on mixpay.payments using brin (merchant_id, paid_at) where paid_at is not null;
create index channel_refunds_by_moment on mixpay.channel_refunds using brin (merchant_id, refunded_at)
where refunded_at is not null;
create index channel_fees_by_moment on mixpay.channel_fees using brin (merchant_id, charged_at)
where charged_at is not null;

alter table mixpay.anomaly_resolutions drop column recovered_at;

alter table mixpay.channel_refunds drop constraint rules_hold;
alter domain mixpay.channel_refund_rules drop constraint money_that_came_back_has_its_moment;
alter type mixpay.channel_refund drop attribute bounced_at;
alter table mixpay.channel_refunds
drop column bounced_at,
add constraint rules_hold check (not (cast(channel_refunds as mixpay.channel_refund_rules) is null));

reset role;
