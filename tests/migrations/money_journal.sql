-- Every movement of money as 0.3.0 told it: its view journal.
select
    f.merchant_id,
    'trade' as source,
    f.trade_no as number,
    f.entry,
    f.from_account,
    case f.from_account
        when 'channel' then coalesce(c.channel, p.channel)
        when 'order' then f.order_no
        when 'surplus' then f.payment_no
        when 'refund' then f.refund_no
        when 'anomaly' then f.channel_refund_no
        else f.from_owner
    end as from_owner,
    f.to_account,
    case f.to_account
        when 'channel' then coalesce(c.channel, p.channel)
        when 'order' then coalesce(f.to_order_no, f.order_no)
        when 'surplus' then f.payment_no
        when 'refund' then f.refund_no
        when 'anomaly' then f.channel_refund_no
        else f.to_owner
    end as to_owner,
    f.amount,
    t.currency,
    f.entity::text as cause,
    case f.entity
        when 'trade' then f.trade_no
        when 'payment' then f.payment_no
        when 'refund' then f.refund_no
        when 'channel_refund' then f.channel_refund_no
        else f.cause_no
    end as cause_no,
    f.payment_no,
    f.order_no,
    f.refund_no,
    f.channel_refund_no,
    f.reason,
    f.happened_at,
    f.created_at,
    f.epoch,
    f.xid
from mixpay.facts as f
inner join mixpay.trades as t on t.merchant_id = f.merchant_id and t.trade_no = f.trade_no
left join mixpay.payments as p on p.merchant_id = f.merchant_id and p.payment_no = f.payment_no
left join mixpay.channel_refunds as c
    on c.merchant_id = f.merchant_id and c.channel_refund_no = f.channel_refund_no
where f.amount is not null
union all
select
    s.merchant_id,
    s.entity,
    s.number::text,
    s.entry,
    s.from_account,
    s.from_owner,
    s.to_account,
    s.to_owner,
    s.amount,
    s.currency,
    s.entity as cause,
    s.number::text as cause_no,
    null,
    null,
    null,
    null,
    s.reason,
    s.happened_at,
    s.created_at,
    s.epoch,
    s.xid
from mixpay.settlement_facts as s
where s.amount is not null;
