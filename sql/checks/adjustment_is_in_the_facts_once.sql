-- What is on record of an adjustment is its row: once, from the account against which it is to its own; below zero, the
-- other way.
create view mixpay._adjustment_is_in_the_facts_once with (security_barrier) as
select
    coalesce(f.merchant_id, a.merchant_id) as merchant_id,
    coalesce(a.adjustment_no, f.log_no) as adjustment_no,
    a.account, a.owner, a.against_account, a.against_owner, a.amount, f.times, f.from_account, f.from_owner,
    f.to_account, f.to_owner, f.amount as in_facts
from mixpay.adjustments as a
full join (
    select
        merchant_id, log_no, currency, count(*) as times, min(from_account) as from_account,
        min(from_owner) as from_owner, min(to_account) as to_account, min(to_owner) as to_owner, sum(amount) as amount
    from mixpay.facts
    where log = 'adjustment'
    group by merchant_id, log_no, currency
) as f on f.merchant_id = a.merchant_id and f.log_no = a.adjustment_no and f.currency = a.currency
where
    (f.times, f.amount) is distinct from (1::bigint, abs(a.amount)::numeric)
    or (f.from_account, f.from_owner, f.to_account, f.to_owner) is distinct from (
        case when a.amount > 0 then a.against_account else a.account end,
        case when a.amount > 0 then a.against_owner else a.owner end,
        case when a.amount > 0 then a.account else a.against_account end,
        case when a.amount > 0 then a.owner else a.against_owner end
    );
