-- A payment's refunded is the sum of its details that are not freed.
create view mixpay._payment_refunded_is_the_sum_of_its_details with (security_barrier) as
select p.merchant_id, p.payment_no, p.refunded, coalesce(sum(d.amount), 0) as details
from mixpay.payments as p
left join mixpay.refund_details as d
    on d.merchant_id = p.merchant_id and d.payment_no = p.payment_no and not d.freed
group by p.merchant_id, p.payment_no
having p.refunded <> coalesce(sum(d.amount), 0);
