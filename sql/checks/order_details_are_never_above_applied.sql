-- The order refunds that a payment bears, by the details themselves, are never above what it applied.
create view mixpay._order_details_are_never_above_applied with (security_barrier) as
select p.merchant_id, p.payment_no, p.applied, sum(d.amount) as order_details
from mixpay.payments as p
inner join mixpay.refund_details as d on d.merchant_id = p.merchant_id and d.payment_no = p.payment_no
inner join mixpay.refunds as r on r.merchant_id = d.merchant_id and r.refund_no = d.refund_no
where not d.freed and r.order_no is not null
group by p.merchant_id, p.payment_no
having sum(d.amount) > p.applied;
