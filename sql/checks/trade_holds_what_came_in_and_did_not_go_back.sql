-- In minus out by the facts is what the trade's payments still hold, less what was sent and has no place in the books.
select t.merchant_id, t.trade_no, f.in_minus_out, p.held
from mixpay.trades as t
cross join lateral (
    select
        coalesce(sum(case when x.from_account = 'channel' then x.amount else -x.amount end), 0) as in_minus_out
    from mixpay.facts as x
    where x.merchant_id = t.merchant_id and x.trade_no = t.trade_no
        and (x.from_account = 'channel' or x.to_account = 'channel')
) as f
cross join lateral (
    select
        coalesce((
            select sum(y.amount)
            from mixpay.payments as y
            where y.merchant_id = t.merchant_id and y.trade_no = t.trade_no
        ), 0) - coalesce((
            select sum(c.amount)
            from mixpay.payments as y
            inner join mixpay.channel_refunds as c on c.merchant_id = y.merchant_id and c.payment_no = y.payment_no
            left join mixpay.anomalies as a
                on a.merchant_id = c.merchant_id and a.channel_refund_no = c.channel_refund_no
            where
                y.merchant_id = t.merchant_id and y.trade_no = t.trade_no
                and (c.state = 'succeeded' or a.channel_refund_no is not null)
        ), 0) as held
) as p
where f.in_minus_out <> p.held;
