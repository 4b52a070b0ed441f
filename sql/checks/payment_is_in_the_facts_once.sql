-- What the facts move in from the channel for a payment is what arrived: applied to orders, surplus to surplus.
select p.merchant_id, p.payment_no, p.applied, p.surplus, f.applied as applied_in_facts, f.surplus as surplus_in_facts
from mixpay.payments as p
inner join lateral (
    select
        coalesce(sum(x.amount) filter (where x.to_account = 'order'), 0) as applied,
        coalesce(sum(x.amount) filter (where x.to_account = 'surplus'), 0) as surplus
    from mixpay.facts as x
    where
        x.merchant_id = p.merchant_id and x.trade_no = p.trade_no and x.payment_no = p.payment_no
        and x.from_account = 'channel'
) as f on true
where p.applied <> f.applied or p.surplus <> f.surplus;
