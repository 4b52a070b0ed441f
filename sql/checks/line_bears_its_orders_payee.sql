-- A line's payee is its order's.
create view mixpay._line_bears_its_orders_payee with (security_barrier) as
select l.merchant_id, l.trade_no, l.order_no, l.payee_no, o.payee_no as orders_payee_no
from mixpay.trade_orders as l
inner join mixpay.orders as o on o.merchant_id = l.merchant_id and o.order_no = l.order_no
where l.payee_no is distinct from o.payee_no;
