-- All surplus of a payment has its refund, of kind surplus or reversal, or was made by a return, whatever became of it.
-- What a return or a chargeback left of such a refund goes back as one of its own, and is not counted twice.
create view mixpay._surplus_is_sent_back with (security_barrier) as
select p.merchant_id, p.payment_no, p.surplus, coalesce(sum(d.amount), 0) as details
from mixpay.payments as p
left join (
    select x.merchant_id, x.payment_no, x.amount
    from mixpay.refund_details as x
    inner join mixpay.refunds as r on r.merchant_id = x.merchant_id and r.refund_no = x.refund_no
    where r.kind in ('surplus', 'reversal') and r.return_no is null and r.chargeback_no is null
    union all
    select merchant_id, payment_no, unapplied from mixpay.returns
) as d on d.merchant_id = p.merchant_id and d.payment_no = p.payment_no
group by p.merchant_id, p.payment_no
having p.surplus <> coalesce(sum(d.amount), 0);
