-- For every line: 0 <= refunded <= paid <= amount.
create view mixpay._line_refunded_is_never_above_paid_nor_paid_above_amount with (security_barrier) as
select merchant_id, trade_no, order_no, amount, paid, refunded
from mixpay.trade_orders
where refunded < 0 or refunded > paid or paid > amount;
