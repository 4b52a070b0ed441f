-- A return's amount is what its refunds took and what is lost, and what is un-applied and lost is as the facts say.
select
    r.merchant_id, r.return_no, r.amount, r.unapplied, r.lost, t.taken, f.unapplied as unapplied_in_facts,
    f.lost as lost_in_facts
from mixpay.returns as r
cross join lateral (
    select coalesce(sum(d.amount), 0) as taken
    from mixpay.refunds as x
    inner join mixpay.refund_details as d on d.merchant_id = x.merchant_id and d.refund_no = x.refund_no
    where
        x.merchant_id = r.merchant_id and x.return_no = r.return_no and x.kind = 'return' and not d.freed
        and d.payment_no = r.payment_no
) as t
cross join lateral (
    select
        coalesce(sum(y.amount) filter (where y.from_account = 'order' and y.to_account = 'surplus'), 0) as unapplied,
        coalesce(sum(case y.from_account when 'loss' then y.amount else -y.amount end) filter (
            where y.entity = 'return' and 'loss' in (y.from_account, y.to_account)
        ), 0) as lost
    from mixpay.facts as y
    left join mixpay.refunds as x on x.merchant_id = y.merchant_id and x.refund_no = y.refund_no
    where
        y.merchant_id = r.merchant_id and y.payment_no = r.payment_no
        and ((y.entity = 'return' and y.number = r.return_no) or (y.entity = 'payment' and x.return_no = r.return_no))
) as f
where r.amount <> t.taken + r.lost or r.unapplied <> f.unapplied or r.lost <> f.lost;
