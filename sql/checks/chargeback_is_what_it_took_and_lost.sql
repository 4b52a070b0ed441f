-- What a chargeback took and did not give back is what its refunds bear and what is lost; and loss and fee are as the
-- facts say.
select
    c.merchant_id, c.chargeback_no, c.amount, c.reversed, c.lost, c.fee, t.taken, f.lost as lost_in_facts,
    f.fee as fee_in_facts
from mixpay.chargebacks as c
cross join lateral (
    select coalesce(sum(d.amount), 0) as taken
    from mixpay.refunds as x
    inner join mixpay.refund_details as d on d.merchant_id = x.merchant_id and d.refund_no = x.refund_no
    where
        x.merchant_id = c.merchant_id and x.chargeback_no = c.chargeback_no and x.kind = 'chargeback' and not d.freed
        and d.payment_no = c.payment_no
) as t
cross join lateral (
    select
        coalesce(sum(case y.from_account when 'loss' then y.amount else -y.amount end) filter (
            where 'loss' in (y.from_account, y.to_account)
        ), 0) as lost,
        coalesce(sum(y.amount) filter (where y.from_account = 'channel_fee'), 0) as fee
    from mixpay.facts as y
    where
        y.merchant_id = c.merchant_id and y.entity = 'chargeback' and y.number = c.chargeback_no
        and y.payment_no = c.payment_no and y.amount is not null
) as f
where c.amount - c.reversed <> t.taken + c.lost or c.lost <> f.lost or c.fee <> f.fee;
