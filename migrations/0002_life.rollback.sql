-- Takes back 0002, as long as nothing happened that the tables of 0001 cannot say.
set role mixpay_owner;

do $refuse$
begin
    if exists (select from mixpay.facts where to_order_no is not null or epoch > 1)
        or exists (select from mixpay.trades where kept)
        or exists (select from mixpay.trade_orders where cancelled_at is not null)
        or exists (select from mixpay.channel_refunds where redirected_from is not null)
        or exists (select from mixpay.anomaly_resolutions) then
        raise exception '0002 cannot be taken back any more' using
            errcode = 'object_not_in_prerequisite_state',
            detail = 'Orders were cancelled, paid money kept, channel refunds redirected, anomalies resolved or an epoch begun.',
            hint = 'Restore a backup from before, or stay with this version.';
    end if;
end;
$refuse$;

drop index mixpay.facts_by_event;
alter table mixpay.facts
drop constraint from_one_order_to_another,
drop column to_order_no,
drop column epoch;

drop table mixpay.anomaly_resolutions;

drop index mixpay.channel_refunds_to_look_at;
drop index mixpay.a_channel_refund_has_one_successor;
drop index mixpay.channel_refunds_by_due_at;
alter table mixpay.channel_refunds
drop column redirected_from,
drop constraint work_is_due_some_time,
add constraint work_is_due_some_time check ((state in ('pending', 'sent', 'doubt')) = (due_at is not null)),
drop constraint money_that_went_back_has_its_moment,
add constraint money_that_went_back_has_its_moment check (
    (state in ('succeeded', 'bounced')) = (refunded_at is not null)
),
drop column not_before,
drop column sent_at;
create index channel_refunds_by_due_at on mixpay.channel_refunds (merchant_id, due_at)
where state in ('pending', 'sent', 'doubt');
comment on column mixpay.channel_refunds.reason is 'Why it waits, is in doubt or failed; waiting for a person: manual.';
comment on column mixpay.channel_refunds.due_at is
'When a worker may claim it: pending, at once; sent, when the lease ends; doubt, after the back-off.';

alter table mixpay.trade_orders
drop constraint a_cancelled_line_needs_nothing,
drop column cancelled_at;

drop index mixpay.trades_by_sweep_at;
alter table mixpay.trades
drop constraint only_a_closed_trade_is_kept,
drop column sweep_at,
drop column kept;

drop table mixpay.routes;

delete from mixpay.state_transitions as s
using (values
    ('trade', 'open', 'open'),
    ('trade', 'closed', 'closed'),
    ('refund', '', 'succeeded'),
    ('refund', 'failed', 'processing'),
    ('refund', 'succeeded', 'failed'),
    ('channel_refund', '', 'succeeded'),
    ('channel_refund', 'waiting', 'sent'),
    ('channel_refund', 'waiting', 'waiting'),
    ('channel_refund', 'pending', 'waiting'),
    ('channel_refund', 'sent', 'waiting'),
    ('channel_refund', 'succeeded', 'bounced'),
    ('channel_refund', 'bounced', 'succeeded'),
    ('channel_refund', 'bounced', 'failed')
) as n (entity, from_state, to_state)
where s.entity = n.entity and s.from_state = n.from_state and s.to_state = n.to_state;
drop index mixpay.channels_by_fallback;
alter table mixpay.channels
drop column is_limited,
drop column can_refund,
drop column can_refund_in_part,
drop column refund_window,
drop column max_refunds,
drop column refund_interval,
drop column min_refund,
drop column fallback_channel,
drop column source;

drop type mixpay.due_merchant;
drop type mixpay.route_choice;
drop type mixpay.refund_destination;

-- As in 0002.
do $account$
begin
    alter domain mixpay.account drop constraint account_is_known;
    alter domain mixpay.account add constraint account_is_known
    check (value in ('channel', 'order', 'surplus', 'refund', 'anomaly'));
    comment on domain mixpay.account is
    'channel: clearing with a channel; order: what is paid of an order; surplus: of a payment; refund: on its way back; '
    'anomaly: moved without a place in the books.';
end;
$account$;

reset role;
