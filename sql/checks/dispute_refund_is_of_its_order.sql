-- What a buyer got back by a dispute was a refund of the order that it was about.
create view mixpay._dispute_refund_is_of_its_order with (security_barrier) as
select d.merchant_id, d.dispute_no, d.order_no, d.refund_no, r.order_no as refunded_order_no
from mixpay.disputes as d
left join mixpay.refunds as r on r.merchant_id = d.merchant_id and r.refund_no = d.refund_no
where d.refund_no is not null and r.order_no is distinct from d.order_no;
