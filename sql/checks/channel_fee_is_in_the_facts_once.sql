-- What is on record of a channel's fee is its row: once, from the channel's fees to the channel; what the channel gave
-- back, the other way.
create view mixpay._channel_fee_is_in_the_facts_once with (security_barrier) as
select
    coalesce(f.merchant_id, c.merchant_id) as merchant_id,
    coalesce(c.fee_no, f.log_no) as fee_no,
    c.channel, c.amount, c.payment_no, f.times, f.from_account, f.from_owner, f.to_account, f.to_owner,
    f.payment_no as payment_no_in_facts, f.amount as in_facts
from mixpay.channel_fees as c
full join (
    select
        merchant_id, log_no, currency, count(*) as times, min(from_account) as from_account,
        min(from_owner) as from_owner, min(to_account) as to_account, min(to_owner) as to_owner,
        min(payment_no) as payment_no, sum(amount) as amount
    from mixpay.facts
    where log = 'channel_fee' and amount is not null
    group by merchant_id, log_no, currency
) as f on f.merchant_id = c.merchant_id and f.log_no = c.fee_no and f.currency = c.currency
where
    (f.times, f.amount, f.payment_no, f.from_owner, f.to_owner)
    is distinct from (1::bigint, abs(c.amount)::numeric, c.payment_no, c.channel, c.channel)
    or f.from_account is distinct from case when c.amount > 0 then 'channel_fee' else 'channel' end
    or f.to_account is distinct from case when c.amount > 0 then 'channel' else 'channel_fee' end;
