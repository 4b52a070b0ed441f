-- What the facts move in from the channel for a payment is what arrived; what they leave applied is applied, and what
-- they made surplus is surplus.
create view mixpay._payment_is_in_the_facts_once with (security_barrier) as
select
    p.merchant_id, p.payment_no, p.amount, p.applied, p.surplus,
    f.amount as amount_in_facts, f.applied as applied_in_facts, f.surplus as surplus_in_facts
from mixpay.payments as p
left join (
    select
        merchant_id, log_no as trade_no, payment_no,
        sum(amount) filter (where from_account = 'channel') as amount,
        sum(case from_account when 'channel' then amount else -amount end)
            filter (where to_account = 'order' or from_account = 'order') as applied,
        sum(amount) filter (where to_account = 'surplus') as surplus
    from mixpay.facts
    where
        log = 'trade'
        and (
            (from_account = 'channel' and to_account in ('order', 'surplus'))
            or (from_account = 'order' and to_account = 'surplus')
        )
    group by merchant_id, log_no, payment_no
) as f on f.merchant_id = p.merchant_id and f.trade_no = p.trade_no and f.payment_no = p.payment_no
where
    p.amount <> coalesce(f.amount, 0)
    or p.applied <> coalesce(f.applied, 0)
    or p.surplus <> coalesce(f.surplus, 0);
