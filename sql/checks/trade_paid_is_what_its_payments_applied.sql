-- A trade's paid is the sum of what its payments applied.
create view mixpay._trade_paid_is_what_its_payments_applied with (security_barrier) as
select t.merchant_id, t.trade_no, t.paid, coalesce(sum(p.applied), 0) as applied
from mixpay.trades as t
left join mixpay.payments as p on p.merchant_id = t.merchant_id and p.trade_no = t.trade_no
group by t.merchant_id, t.trade_no
having t.paid <> coalesce(sum(p.applied), 0);
