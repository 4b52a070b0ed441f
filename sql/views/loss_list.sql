create view mixpay.loss_list as
select
    x.merchant_id,
    x.cause,
    x.number,
    x.payment_no,
    p.trade_no,
    p.channel,
    t.currency,
    x.lost::bigint as lost,
    h.waiting,
    x.reason,
    x.happened_at,
    x.created_at
from (
    select
        merchant_id, 'return' as cause, return_no::text as number, payment_no, lost, reason, returned_at as happened_at,
        created_at
    from mixpay.returns
    where lost > 0
    union all
    select merchant_id, 'chargeback', chargeback_no::text, payment_no, lost, reason, charged_at, created_at
    from mixpay.chargebacks
    where lost > 0
) as x
inner join mixpay.payments as p on p.merchant_id = x.merchant_id and p.payment_no = x.payment_no
inner join mixpay.trades as t on t.merchant_id = p.merchant_id and t.trade_no = p.trade_no
cross join lateral (
    select coalesce(sum(c.amount), 0)::bigint as waiting
    from mixpay.refund_details as d
    inner join mixpay.channel_refunds as c
        on c.merchant_id = d.merchant_id and c.refund_no = d.refund_no and c.payment_no = d.payment_no
    where d.merchant_id = x.merchant_id and d.payment_no = x.payment_no and c.state = 'waiting'
) as h;

comment on view mixpay.loss_list is
'What channels took back although it had been given back before: nobody owes it to the merchant; in the smallest '
'unit.';
comment on column mixpay.loss_list.cause is 'return or chargeback; number says which.';
comment on column mixpay.loss_list.waiting is
'What the payment is to give back and nobody has sent yet: fail_channel_refund frees it, and it covers the loss.';
