-- A line's paid is what the facts moved to its order in this trade, refunds aside.
select l.merchant_id, l.trade_no, l.order_no, l.paid, coalesce(sum(a.amount), 0) as allocated
from mixpay.trade_orders as l
left join mixpay.allocations as a
    on a.merchant_id = l.merchant_id and a.trade_no = l.trade_no and a.order_no = l.order_no
group by l.merchant_id, l.trade_no, l.position
having l.paid <> coalesce(sum(a.amount), 0);
