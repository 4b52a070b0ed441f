-- What channels sent back of a payment, and may be sending, is never above what arrived, anomalies aside.
create view mixpay._money_sent_back_is_never_above_what_arrived with (security_barrier) as
select p.merchant_id, p.payment_no, p.amount, sum(c.amount) as sent
from mixpay.payments as p
inner join mixpay.channel_refunds as c on c.merchant_id = p.merchant_id and c.payment_no = p.payment_no
where c.state not in ('failed', 'bounced')
group by p.merchant_id, p.payment_no
having sum(c.amount) > p.amount;
