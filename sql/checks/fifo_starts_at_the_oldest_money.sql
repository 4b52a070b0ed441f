-- No payment of a trade that an order refund could take from stands before where refunds start to look.
create view mixpay._fifo_starts_at_the_oldest_money with (security_barrier) as
select t.merchant_id, t.trade_no, t.fifo_paid_at, t.fifo_seq, p.payment_no, p.paid_at, p.seq
from mixpay.trades as t
inner join mixpay.payments as p on p.merchant_id = t.merchant_id and p.trade_no = t.trade_no
where not p.spent and (p.paid_at, p.seq) < (t.fifo_paid_at, t.fifo_seq);
