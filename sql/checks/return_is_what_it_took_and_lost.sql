-- A return's amount is what its refunds took and what is lost, and what is un-applied and lost is as the facts say.
create view mixpay._return_is_what_it_took_and_lost with (security_barrier) as
with taken as (
    select d.merchant_id, x.return_no, d.payment_no, sum(d.amount) as amount
    from mixpay.refunds as x
    inner join mixpay.refund_details as d on d.merchant_id = x.merchant_id and d.refund_no = x.refund_no
    where x.kind = 'return' and not d.freed
    group by d.merchant_id, x.return_no, d.payment_no
), told as (
    select
        y.merchant_id, y.payment_no, case y.entity when 'return' then y.number else x.return_no end as return_no,
        sum(y.amount) filter (where y.from_account = 'order' and y.to_account = 'surplus') as unapplied,
        sum(case y.from_account when 'loss' then y.amount else -y.amount end) filter (
            where y.entity = 'return' and 'loss' in (y.from_account, y.to_account)
        ) as lost
    from mixpay.facts as y
    left join mixpay.refunds as x on x.merchant_id = y.merchant_id and x.refund_no = y.refund_no
    where y.entity = 'return' or (y.entity = 'payment' and x.return_no is not null)
    group by y.merchant_id, y.payment_no, case y.entity when 'return' then y.number else x.return_no end
)
select
    r.merchant_id, r.return_no, r.amount, r.unapplied, r.lost, coalesce(t.amount, 0) as taken,
    coalesce(f.unapplied, 0) as unapplied_in_facts, coalesce(f.lost, 0) as lost_in_facts
from mixpay.returns as r
left join taken as t
    on t.merchant_id = r.merchant_id and t.return_no = r.return_no and t.payment_no = r.payment_no
left join told as f
    on f.merchant_id = r.merchant_id and f.return_no = r.return_no and f.payment_no = r.payment_no
where
    r.amount <> coalesce(t.amount, 0) + r.lost or r.unapplied <> coalesce(f.unapplied, 0)
    or r.lost <> coalesce(f.lost, 0);
