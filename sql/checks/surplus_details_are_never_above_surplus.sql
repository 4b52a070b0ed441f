-- What a payment bears of refunds that are of no order (surplus, reversals, returns), by the details themselves, is
-- never above its surplus.
create view mixpay._surplus_details_are_never_above_surplus with (security_barrier) as
select p.merchant_id, p.payment_no, p.surplus, sum(d.amount) as surplus_details
from mixpay.payments as p
inner join mixpay.refund_details as d on d.merchant_id = p.merchant_id and d.payment_no = p.payment_no
inner join mixpay.refunds as r on r.merchant_id = d.merchant_id and r.refund_no = d.refund_no
where not d.freed and r.order_no is null
group by p.merchant_id, p.payment_no
having sum(d.amount) > p.surplus;
