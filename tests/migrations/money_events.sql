-- Every change of state as 0.3.0 told it: its view events, without waiting for anybody.
select
    e.merchant_id,
    e.epoch,
    e.xid,
    e.trade_no,
    e.entry,
    e.epoch || '.' || e.xid || '.' || e.log || e.entry || '.' || e.log_no as position,
    e.entity,
    e.number,
    e.from_state,
    e.to_state,
    e.amount,
    e.reason,
    e.payment_no,
    e.order_no,
    e.refund_no,
    e.channel_refund_no,
    e.happened_at,
    e.created_at,
    e.log,
    e.log_no
from (
    select
        f.merchant_id,
        f.epoch,
        f.xid,
        f.trade_no,
        f.entry,
        f.entity::text as entity,
        case f.entity
            when 'trade' then f.trade_no
            when 'payment' then f.payment_no
            when 'refund' then f.refund_no
            when 'channel_refund' then f.channel_refund_no
            else f.cause_no
        end as number,
        f.from_state,
        f.to_state,
        f.amount::bigint as amount,
        f.reason,
        f.payment_no,
        f.order_no,
        f.refund_no,
        f.channel_refund_no,
        f.happened_at,
        f.created_at,
        '' as log,
        f.trade_no as log_no
    from mixpay.facts as f
    union all
    select
        s.merchant_id,
        s.epoch,
        s.xid,
        null::text as trade_no,
        s.entry,
        s.entity,
        s.number::text as number,
        s.from_state,
        s.to_state,
        s.amount::bigint as amount,
        s.reason,
        null::text as payment_no,
        null::text as order_no,
        null::text as refund_no,
        null::text as channel_refund_no,
        s.happened_at,
        s.created_at,
        left(s.entity, 1) as log,
        s.number::text as log_no
    from mixpay.settlement_facts as s
) as e
where e.to_state is not null;
