-- A trade's amount is the sum of its lines.
create view mixpay._trade_amount_is_the_sum_of_its_lines with (security_barrier) as
select t.merchant_id, t.trade_no, t.amount, coalesce(sum(l.amount), 0) as lines
from mixpay.trades as t
left join mixpay.trade_orders as l on l.merchant_id = t.merchant_id and l.trade_no = t.trade_no
group by t.merchant_id, t.trade_no
having t.amount <> coalesce(sum(l.amount), 0);
