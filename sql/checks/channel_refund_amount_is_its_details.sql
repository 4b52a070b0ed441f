-- A channel refund's amount is that of its detail.
create view mixpay._channel_refund_amount_is_its_details with (security_barrier) as
select c.merchant_id, c.channel_refund_no, c.amount, d.amount as detail
from mixpay.channel_refunds as c
inner join mixpay.refund_details as d
    on d.merchant_id = c.merchant_id and d.refund_no = c.refund_no and d.payment_no = c.payment_no
where c.amount <> d.amount;
