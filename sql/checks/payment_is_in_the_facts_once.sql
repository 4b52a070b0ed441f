-- What the facts move in from the channel for a payment is what arrived: applied to orders, surplus to surplus.
select p.merchant_id, p.payment_no, p.applied, p.surplus, f.applied as applied_in_facts, f.surplus as surplus_in_facts
from mixpay.payments as p
left join (
    select
        merchant_id, trade_no, payment_no,
        sum(amount) filter (where to_account = 'order') as applied,
        sum(amount) filter (where to_account = 'surplus') as surplus
    from mixpay.facts
    where from_account = 'channel'
    group by merchant_id, trade_no, payment_no
) as f on f.merchant_id = p.merchant_id and f.trade_no = p.trade_no and f.payment_no = p.payment_no
where p.applied <> coalesce(f.applied, 0) or p.surplus <> coalesce(f.surplus, 0);
