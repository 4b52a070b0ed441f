-- What a chargeback took and did not give back is what its refunds bear and what is lost; and loss and fee are as the
-- facts say.
create view mixpay._chargeback_is_what_it_took_and_lost with (security_barrier) as
with taken as (
    select d.merchant_id, x.chargeback_no, d.payment_no, sum(d.amount) as amount
    from mixpay.refunds as x
    inner join mixpay.refund_details as d on d.merchant_id = x.merchant_id and d.refund_no = x.refund_no
    where x.kind = 'chargeback' and not d.freed
    group by d.merchant_id, x.chargeback_no, d.payment_no
), told as (
    select
        merchant_id, number as chargeback_no, payment_no,
        sum(case from_account when 'loss' then amount else -amount end) filter (
            where 'loss' in (from_account, to_account)
        ) as lost,
        sum(amount) filter (where from_account = 'channel_fee') as fee
    from mixpay.facts
    where entity = 'chargeback'
    group by merchant_id, number, payment_no
)
select
    c.merchant_id, c.chargeback_no, c.amount, c.reversed, c.lost, c.fee, coalesce(t.amount, 0) as taken,
    coalesce(f.lost, 0) as lost_in_facts, coalesce(f.fee, 0) as fee_in_facts
from mixpay.chargebacks as c
left join taken as t
    on t.merchant_id = c.merchant_id and t.chargeback_no = c.chargeback_no and t.payment_no = c.payment_no
left join told as f
    on f.merchant_id = c.merchant_id and f.chargeback_no = c.chargeback_no and f.payment_no = c.payment_no
where
    c.amount - c.reversed <> coalesce(t.amount, 0) + c.lost or c.lost <> coalesce(f.lost, 0)
    or c.fee <> coalesce(f.fee, 0);
