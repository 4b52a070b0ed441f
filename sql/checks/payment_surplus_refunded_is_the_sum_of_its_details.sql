-- A payment's surplus_refunded is the sum of its details that are of no order and not freed.
create view mixpay._payment_surplus_refunded_is_the_sum_of_its_details with (security_barrier) as
select p.merchant_id, p.payment_no, p.surplus_refunded, coalesce(sum(d.amount), 0) as details
from mixpay.payments as p
left join (
    select x.merchant_id, x.payment_no, x.amount
    from mixpay.refund_details as x
    inner join mixpay.refunds as r on r.merchant_id = x.merchant_id and r.refund_no = x.refund_no
    where not x.freed and r.order_no is null
) as d on d.merchant_id = p.merchant_id and d.payment_no = p.payment_no
group by p.merchant_id, p.payment_no
having p.surplus_refunded <> coalesce(sum(d.amount), 0);
