-- What is on record of a channel's payout is its row: once, from its bank to the channel; what the bank paid, the other
-- way.
create view mixpay._channel_payout_is_in_the_facts_once with (security_barrier) as
select
    coalesce(f.merchant_id, c.merchant_id) as merchant_id,
    coalesce(c.payout_no, f.log_no) as payout_no,
    c.channel, c.bank, c.amount, f.times, f.from_account, f.from_owner, f.to_account, f.to_owner, f.amount as in_facts
from mixpay.channel_payouts as c
full join (
    select
        merchant_id, log_no, currency, count(*) as times, min(from_account) as from_account,
        min(from_owner) as from_owner, min(to_account) as to_account, min(to_owner) as to_owner, sum(amount) as amount
    from mixpay.facts
    where log = 'channel_payout' and amount is not null
    group by merchant_id, log_no, currency
) as f on f.merchant_id = c.merchant_id and f.log_no = c.payout_no and f.currency = c.currency
where
    (f.times, f.amount) is distinct from (1::bigint, abs(c.amount)::numeric)
    or (f.from_account, f.from_owner, f.to_account, f.to_owner) is distinct from (
        case when c.amount > 0 then 'bank' else 'channel' end,
        case when c.amount > 0 then c.bank::text else c.channel end,
        case when c.amount > 0 then 'channel' else 'bank' end,
        case when c.amount > 0 then c.channel else c.bank::text end
    );
