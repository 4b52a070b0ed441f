-- A line's paid is what the facts moved to its order in this trade, from payments and other orders, and not on to other
-- orders or back as surplus; refunds aside.
select l.merchant_id, l.trade_no, l.order_no, l.paid, coalesce(sum(m.amount), 0) as allocated
from mixpay.trade_orders as l
left join (
    select merchant_id, trade_no, order_no, amount from mixpay.facts
    where from_account = 'channel' and to_account = 'order'
    union all
    select merchant_id, trade_no, order_no, -amount from mixpay.facts
    where from_account = 'order' and to_account in ('order', 'surplus')
    union all
    select merchant_id, trade_no, to_order_no, amount from mixpay.facts
    where to_order_no is not null
) as m on m.merchant_id = l.merchant_id and m.trade_no = l.trade_no and m.order_no = l.order_no
group by l.merchant_id, l.trade_no, l.position
having l.paid <> coalesce(sum(m.amount), 0);
