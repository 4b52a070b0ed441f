-- A refund's details sum to its amount.
create view mixpay._refund_amount_is_the_sum_of_its_details with (security_barrier) as
select r.merchant_id, r.refund_no, r.amount, coalesce(sum(d.amount), 0) as details
from mixpay.refunds as r
left join mixpay.refund_details as d on d.merchant_id = r.merchant_id and d.refund_no = r.refund_no
group by r.merchant_id, r.refund_no
having r.amount <> coalesce(sum(d.amount), 0);
