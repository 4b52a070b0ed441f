-- A payment never gives back more than arrived.
create view mixpay._payment_refunded_is_never_above_amount with (security_barrier) as
select merchant_id, payment_no, amount, refunded
from mixpay.payments
where refunded not between 0 and amount;
