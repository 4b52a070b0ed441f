-- What the journal moved outside of each merchant is what settlements paid out before there were banks, less what was
-- repaid then, and what was written off.
create view mixpay._outside_got_what_was_paid_out with (security_barrier) as
with booked as (
    select merchant_id, currency, sum(came_in - went_out) as balance
    from mixpay.postings
    where account = 'outside'
    group by merchant_id, currency
), due as (
    select merchant_id, currency, sum(amount) as balance
    from (
        select merchant_id, currency, amount from mixpay.settlements
        where state = 'settled' and bank is null
        union all
        select merchant_id, currency, -amount from mixpay.repayments where bank is null
        union all
        select a.merchant_id, t.currency, -a.amount
        from mixpay.anomalies as a
        inner join mixpay.anomaly_resolutions as r
            on r.merchant_id = a.merchant_id and r.channel_refund_no = a.channel_refund_no and r.nth = a.nth
        inner join mixpay.channel_refunds as c
            on c.merchant_id = a.merchant_id and c.channel_refund_no = a.channel_refund_no
        inner join mixpay.payments as p on p.merchant_id = c.merchant_id and p.payment_no = c.payment_no
        inner join mixpay.trades as t on t.merchant_id = p.merchant_id and t.trade_no = p.trade_no
        where r.resolution = 'written_off'
    ) as x
    group by merchant_id, currency
)
select
    coalesce(b.merchant_id, d.merchant_id) as merchant_id,
    coalesce(d.currency, b.currency) as currency,
    b.balance as in_journal,
    d.balance as due
from due as d
full join booked as b on b.merchant_id = d.merchant_id and b.currency = d.currency
where coalesce(b.balance, 0) <> coalesce(d.balance, 0);
