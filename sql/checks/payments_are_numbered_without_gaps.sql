-- The succeeded payments of a trade are numbered from 1 to its last_seq without a gap.
create view mixpay._payments_are_numbered_without_gaps with (security_barrier) as
select t.merchant_id, t.trade_no, t.last_seq, count(p.seq) as payments, max(p.seq) as last_payment
from mixpay.trades as t
left join mixpay.payments as p on p.merchant_id = t.merchant_id and p.trade_no = t.trade_no
group by t.merchant_id, t.trade_no
having
    t.last_seq <> count(distinct p.seq)
    or t.last_seq <> coalesce(max(p.seq), 0)
    or count(p.seq) <> count(distinct p.seq);
