-- What an order's trades have taken of it (the share of a live line, what is paid of another) is never above its
-- amount.
create view mixpay._order_is_never_taken_above_its_amount with (security_barrier) as
select o.merchant_id, o.order_no, o.amount, sum(case when l.live then l.amount else l.paid end) as taken
from mixpay.orders as o
inner join mixpay.trade_orders as l on l.merchant_id = o.merchant_id and l.order_no = o.order_no
group by o.merchant_id, o.order_no
having sum(case when l.live then l.amount else l.paid end) > o.amount;
