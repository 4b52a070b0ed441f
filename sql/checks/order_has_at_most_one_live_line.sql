-- An order has at most one live line.
select merchant_id, order_no, count(*) as live_lines
from mixpay.trade_orders
where live
group by merchant_id, order_no
having count(*) > 1;
