-- Replaying the facts of a trade gives every order refund the details that are stored, unless an operator named the
-- payments.
create view mixpay._refund_details_are_first_in_first_out with (security_barrier) as
select
    coalesce(d.merchant_id, e.merchant_id) as merchant_id,
    coalesce(d.refund_no, e.refund_no) as refund_no,
    coalesce(d.payment_no, e.payment_no) as payment_no,
    d.amount as stored,
    e.amount as replayed
from (
    select x.merchant_id, x.refund_no, x.payment_no, x.amount
    from mixpay.refund_details as x
    inner join mixpay.refunds as r on r.merchant_id = x.merchant_id and r.refund_no = x.refund_no
    where r.kind = 'order' and r.payment_nos is null
) as d
full join (
    select x.merchant_id, x.refund_no, x.payment_no, x.amount
    from mixpay.refund_explained as x
    where x.amount > 0 and not x.named
) as e on e.merchant_id = d.merchant_id and e.refund_no = d.refund_no and e.payment_no = d.payment_no
where d.amount is distinct from e.amount;
