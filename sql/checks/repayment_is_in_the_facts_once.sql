-- What is on record of a repayment is its row: once, from its bank (before there were banks, from outside) to its
-- account.
create view mixpay._repayment_is_in_the_facts_once with (security_barrier) as
select
    coalesce(f.merchant_id, r.merchant_id) as merchant_id,
    coalesce(r.repayment_no, f.log_no) as repayment_no,
    r.account, r.owner, r.bank, r.amount, f.times, f.from_account, f.from_owner, f.to_account, f.to_owner,
    f.amount as in_facts
from mixpay.repayments as r
full join (
    select
        merchant_id, log_no, currency, count(*) as times, min(from_account) as from_account,
        min(from_owner) as from_owner,
        min(to_account) as to_account, min(to_owner) as to_owner, sum(amount) as amount
    from mixpay.facts
    where log = 'repayment' and amount is not null
    group by merchant_id, log_no, currency
) as f on f.merchant_id = r.merchant_id and f.log_no = r.repayment_no and f.currency = r.currency
where
    (f.times, f.from_owner, f.to_account, f.to_owner, f.amount)
    is distinct from (1::bigint, r.bank::text, r.account, r.owner, r.amount::numeric)
    or f.from_account is distinct from case when r.bank is null then 'outside' else 'bank' end;
