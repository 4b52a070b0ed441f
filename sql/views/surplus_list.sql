create view mixpay.surplus_list as
select
    r.merchant_id,
    d.payment_no,
    r.refund_no::text as refund_no,
    r.kind,
    p.trade_no,
    p.channel as paid_by,
    d.amount::bigint as amount,
    c.state::text as state,
    c.channel,
    c.channel_refund_no::text as channel_refund_no,
    c.reason,
    r.created_at
from mixpay.refunds as r
inner join mixpay.refund_details as d on d.merchant_id = r.merchant_id and d.refund_no = r.refund_no
inner join mixpay.payments as p on p.merchant_id = d.merchant_id and p.payment_no = d.payment_no
cross join lateral (
    select x.state, x.channel, x.channel_refund_no, x.reason
    from mixpay.channel_refunds as x
    where x.merchant_id = d.merchant_id and x.refund_no = d.refund_no and x.payment_no = d.payment_no
    -- The one that stands, else the last one: the others were redirected.
    order by x.state in ('failed', 'bounced'), x.channel_refund_no desc
    limit 1
) as c
where
    r.kind in ('surplus', 'reversal') and r.state <> 'succeeded' and c.state not in ('succeeded', 'written_off')
    -- A return or a chargeback may have taken what did not get through.
    and (c.state not in ('failed', 'bounced') or d.amount <= p.surplus - p.surplus_refunded);

comment on view mixpay.surplus_list is
'Work until the money is back: money that no trade needs (surplus or reversed), and the state of its way back.';
comment on column mixpay.surplus_list.state is 'The state of its channel refund; failed or bounced: redirect it.';
