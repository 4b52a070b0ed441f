-- No payment that is pending or authorized belongs to a trade that is closed.
create view mixpay._pending_payments_belong_to_trades_that_are_not_closed with (security_barrier) as
select p.merchant_id, p.payment_no, p.trade_no
from mixpay.payments as p
inner join mixpay.trades as t on t.merchant_id = p.merchant_id and t.trade_no = p.trade_no
where p.state in ('pending', 'authorized') and t.state = 'closed';
