-- Replaying the facts of a trade gives every order refund the details that are stored, unless an operator named the
-- payments.
create view mixpay._refund_details_are_first_in_first_out with (security_barrier) as
select x.merchant_id, x.refund_no, x.payment_no, sum(x.stored) as stored, sum(x.replayed) as replayed
from (
    select d.merchant_id, d.refund_no, d.payment_no, d.amount as stored, null::bigint as replayed
    from mixpay.refund_details as d
    inner join mixpay.refunds as r on r.merchant_id = d.merchant_id and r.refund_no = d.refund_no
    where r.kind = 'order' and r.payment_nos is null
    union all
    select e.merchant_id, e.refund_no, e.payment_no, null, e.amount
    from mixpay.refund_explained as e
    where e.amount > 0 and not e.named
) as x
group by x.merchant_id, x.refund_no, x.payment_no
having sum(x.stored) is distinct from sum(x.replayed);
