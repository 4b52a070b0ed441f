create view mixpay.anomaly_list as
select
    a.merchant_id,
    a.channel_refund_no,
    c.refund_no,
    c.payment_no,
    p.trade_no,
    c.channel,
    a.amount::bigint as amount,
    a.channel_txn_no::text as channel_txn_no,
    a.happened_at,
    a.created_at,
    a.nth
from mixpay.anomalies as a
-- There are few, whatever the statistics say: of each by its key.
cross join lateral (
    select x.* from mixpay.channel_refunds as x
    where x.merchant_id = a.merchant_id and x.channel_refund_no = a.channel_refund_no
    order by x.channel_refund_no
    limit 1
) as c
cross join lateral (
    select x.* from mixpay.payments as x
    where x.merchant_id = a.merchant_id and x.payment_no = c.payment_no
    order by x.payment_no
    limit 1
) as p
left join mixpay.anomaly_resolutions as r
    on r.merchant_id = a.merchant_id and r.channel_refund_no = a.channel_refund_no and r.nth = a.nth
where r.channel_refund_no is null;

comment on view mixpay.anomaly_list is
'Work: a channel sent this money although its amount had been freed and given to others; end it with resolve_anomaly.';
