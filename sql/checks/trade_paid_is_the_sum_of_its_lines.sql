-- A trade's paid is the sum of its lines' paid.
create view mixpay._trade_paid_is_the_sum_of_its_lines with (security_barrier) as
select t.merchant_id, t.trade_no, t.paid, coalesce(sum(l.paid), 0) as lines
from mixpay.trades as t
left join mixpay.trade_orders as l on l.merchant_id = t.merchant_id and l.trade_no = t.trade_no
group by t.merchant_id, t.trade_no
having t.paid <> coalesce(sum(l.paid), 0);
