-- What the journal leaves on the account of a payee, a receiver or a fee is what was cleared to it of lines and splits,
-- not paid out, and adjusted; of a channel's fees, what it has not charged. (The fee of a chargeback is in the trade's
-- log.)
create view mixpay._owners_have_what_was_cleared_to_them_and_not_paid_out with (security_barrier) as
with booked as (
    select merchant_id, account, owner, currency, sum(came_in - went_out) as balance
    from mixpay.postings
    where
        account in ('payee', 'receiver', 'fee', 'channel_fee')
        and not (account = 'channel_fee' and cause = 'chargeback')
    group by merchant_id, account, owner, currency
), cleared as (
    select l.merchant_id, 'payee' as account, l.payee_no as owner, t.currency, l.cleared as amount
    from mixpay.trade_orders as l
    inner join mixpay.trades as t on t.merchant_id = l.merchant_id and t.trade_no = l.trade_no
    where l.payee_no is not null and l.split_no is null
    union all
    select
        l.merchant_id, r.account, r.receiver, t.currency,
        coalesce(s.amount, 0) - case when r.kept_on_refund then 0 else coalesce(s.taken_back, 0) end
        - case when r.takes_remainder then coalesce(k.taken_back, 0) else 0 end
        -- What is in escrow of an order that is split at payment is its payee's share.
        - case when x.takes_place = 'payment' and r.kind = 'payee' and r.receiver = l.payee_no
            then l.paid - l.refunded - l.cleared else 0 end
    from mixpay.trade_orders as l
    inner join mixpay.trades as t on t.merchant_id = l.merchant_id and t.trade_no = l.trade_no
    inner join mixpay.splits as x on x.merchant_id = l.merchant_id and x.split_no = l.split_no
    inner join mixpay.split_receivers as r on r.merchant_id = l.merchant_id and r.split_no = l.split_no
    left join mixpay.split_shares as s
        on
            s.merchant_id = l.merchant_id and s.split_no = l.split_no and s.trade_no = l.trade_no
            and s.position = r.position
    left join (
        select z.merchant_id, z.split_no, z.trade_no, sum(z.taken_back) as taken_back
        from mixpay.split_shares as z
        inner join mixpay.split_receivers as q
            on q.merchant_id = z.merchant_id and q.split_no = z.split_no and q.position = z.position
        where q.kept_on_refund
        group by z.merchant_id, z.split_no, z.trade_no
    ) as k on k.merchant_id = l.merchant_id and k.split_no = l.split_no and k.trade_no = l.trade_no
    union all
    select s.merchant_id, s.account, s.owner, s.currency, -s.amount
    from mixpay.settlements as s
    where s.state = 'settled'
    union all
    select r.merchant_id, r.account, r.owner, r.currency, r.amount
    from mixpay.repayments as r
    union all
    select c.merchant_id, 'channel_fee', c.channel, c.currency, -c.amount
    from mixpay.channel_fees as c
    union all
    select a.merchant_id, a.account, a.owner, a.currency, a.amount
    from mixpay.adjustments as a
    union all
    select a.merchant_id, a.against_account, a.against_owner, a.currency, -a.amount
    from mixpay.adjustments as a
), due as (
    select merchant_id, account, owner, currency, sum(amount) as balance
    from cleared
    where account in ('payee', 'receiver', 'fee', 'channel_fee')
    group by merchant_id, account, owner, currency
)
select
    coalesce(b.merchant_id, d.merchant_id) as merchant_id,
    coalesce(d.account, b.account) as account,
    coalesce(d.owner, b.owner) as owner,
    coalesce(d.currency, b.currency) as currency,
    b.balance as in_journal,
    d.balance as due
from due as d
full join booked as b
    on b.merchant_id = d.merchant_id and b.account = d.account and b.owner = d.owner and b.currency = d.currency
where coalesce(b.balance, 0) <> coalesce(d.balance, 0);
