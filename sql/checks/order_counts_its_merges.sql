-- An order's merge_count is how many lines it has, and they are numbered from 1 without a gap.
create view mixpay._order_counts_its_merges with (security_barrier) as
select o.merchant_id, o.order_no, o.merge_count, count(l.nth) as lines, max(l.nth) as last_nth
from mixpay.orders as o
left join mixpay.trade_orders as l on l.merchant_id = o.merchant_id and l.order_no = o.order_no
group by o.merchant_id, o.order_no
having o.merge_count <> count(l.nth) or o.merge_count <> max(l.nth) or min(l.nth) <> 1;
