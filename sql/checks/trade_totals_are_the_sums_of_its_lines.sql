-- A trade's amount, paid and refunded are the sums of those of its lines.
create view mixpay._trade_totals_are_the_sums_of_its_lines with (security_barrier) as
select
    t.merchant_id, t.trade_no, t.amount, sum(l.amount) as amount_of_lines, t.paid, sum(l.paid) as paid_of_lines,
    t.refunded, sum(l.refunded) as refunded_of_lines
from mixpay.trades as t
left join mixpay.trade_orders as l on l.merchant_id = t.merchant_id and l.trade_no = t.trade_no
group by t.merchant_id, t.trade_no
having (t.amount, t.paid, t.refunded) is distinct from (sum(l.amount), sum(l.paid), sum(l.refunded));
