-- The line of a cancelled order is not live, and its amount is what is paid of it.
select merchant_id, trade_no, order_no, live, amount, paid
from mixpay.trade_orders
where cancelled_at is not null and (live or amount <> paid);
