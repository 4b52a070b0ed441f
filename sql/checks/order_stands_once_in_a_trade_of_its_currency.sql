-- An order stands at most once in a trade, and in the trade's currency.
create view mixpay._order_stands_once_in_a_trade_of_its_currency with (security_barrier) as
select l.merchant_id, l.trade_no, l.order_no, count(*) as lines, min(o.currency) as currency
from mixpay.trade_orders as l
inner join mixpay.orders as o on o.merchant_id = l.merchant_id and o.order_no = l.order_no
inner join mixpay.trades as t on t.merchant_id = l.merchant_id and t.trade_no = l.trade_no
group by l.merchant_id, l.trade_no, l.order_no, t.currency
having count(*) > 1 or min(o.currency) <> t.currency;
