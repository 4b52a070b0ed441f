-- A payment never gives back more than arrived.
select merchant_id, payment_no, amount, refunded
from mixpay.payments
where refunded not between 0 and amount;
