-- For each merchant and channel, what the journal leaves on its rounding is its channel refunds that are written off,
-- adjustments aside.
create view mixpay._rounding_account_holds_what_was_written_off with (security_barrier) as
select
    coalesce(j.merchant_id, w.merchant_id) as merchant_id,
    coalesce(w.channel, j.owner) as channel,
    coalesce(w.currency, j.currency) as currency,
    j.balance as in_journal,
    w.amount as written_off
from (
    select c.merchant_id, c.channel, t.currency, sum(c.amount) as amount
    from mixpay.channel_refunds as c
    inner join mixpay.payments as p on p.merchant_id = c.merchant_id and p.payment_no = c.payment_no
    inner join mixpay.trades as t on t.merchant_id = p.merchant_id and t.trade_no = p.trade_no
    where c.state = 'written_off'
    group by c.merchant_id, c.channel, t.currency
) as w
full join (
    select merchant_id, owner, currency, sum(came_in - went_out) as balance
    from mixpay.postings
    where account = 'rounding' and source <> 'adjustment'
    group by merchant_id, owner, currency
) as j on j.merchant_id = w.merchant_id and j.owner = w.channel and j.currency = w.currency
where coalesce(j.balance, 0) <> coalesce(w.amount, 0);
