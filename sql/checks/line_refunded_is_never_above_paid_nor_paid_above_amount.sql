-- For every line: 0 <= refunded <= paid <= amount.
select merchant_id, trade_no, order_no, amount, paid, refunded
from mixpay.trade_orders
where refunded < 0 or refunded > paid or paid > amount;
