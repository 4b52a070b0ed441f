create view mixpay.chargeback_list as
select
    c.merchant_id,
    c.chargeback_no::text as chargeback_no,
    c.payment_no,
    p.trade_no,
    c.order_no,
    p.channel,
    t.currency,
    c.state,
    c.amount::bigint as amount,
    c.fee::bigint as fee,
    c.amount - c.reversed - c.lost as taken,
    c.lost::bigint as lost,
    c.reversed::bigint as reversed,
    c.reason,
    c.reversal_reason,
    c.charged_at,
    c.reversed_at,
    c.created_at
from mixpay.chargebacks as c
inner join mixpay.payments as p on p.merchant_id = c.merchant_id and p.payment_no = c.payment_no
inner join mixpay.trades as t on t.merchant_id = p.merchant_id and t.trade_no = p.trade_no;

comment on view mixpay.chargeback_list is
'Each chargeback: what its channel took of orders and surplus, what is lost, what came back, in the smallest unit.';
comment on column mixpay.chargeback_list.taken is 'What the orders, and the payment''s surplus, bear of it now.';
comment on column mixpay.chargeback_list.lost is 'What had been given back before; see loss_list.';
