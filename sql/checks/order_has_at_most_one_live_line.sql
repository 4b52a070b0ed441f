-- An order has at most one live line.
create view mixpay._order_has_at_most_one_live_line with (security_barrier) as
select merchant_id, order_no, count(*) as live_lines
from mixpay.trade_orders
where live
group by merchant_id, order_no
having count(*) > 1;
