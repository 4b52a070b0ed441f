-- In minus out by the facts is what the trade's payments still hold, less what was sent and has no place in the
-- books, what was lost, and the fees of chargebacks.
create view mixpay._trade_holds_what_came_in_and_did_not_go_back with (security_barrier) as
select
    t.merchant_id,
    t.trade_no,
    coalesce(f.in_minus_out, 0) as in_minus_out,
    coalesce(p.amount, 0) - coalesce(r.amount, 0) as not_sent_back
from mixpay.trades as t
left join (
    select
        x.merchant_id, x.log_no as trade_no,
        sum(case when x.from_account = 'channel' then x.amount else -x.amount end) as in_minus_out
    from mixpay.facts as x
    where x.log = 'trade' and (x.from_account = 'channel' or x.to_account = 'channel')
    group by x.merchant_id, x.log_no
) as f on f.merchant_id = t.merchant_id and f.trade_no = t.trade_no
left join (
    select x.merchant_id, x.trade_no, sum(x.amount) as amount
    from mixpay.payments as x
    group by x.merchant_id, x.trade_no
) as p on p.merchant_id = t.merchant_id and p.trade_no = t.trade_no
left join (
    select y.merchant_id, y.trade_no, sum(c.amount) as amount
    from (
        select x.merchant_id, x.payment_no, x.amount from mixpay.transfer_list as x
        where x.state in ('succeeded', 'anomaly', 'written_off')
        union all
        select x.merchant_id, x.payment_no, x.lost from mixpay.returns as x
        union all
        select x.merchant_id, x.payment_no, x.lost + x.fee from mixpay.chargebacks as x
    ) as c
    inner join mixpay.payments as y on y.merchant_id = c.merchant_id and y.payment_no = c.payment_no
    group by y.merchant_id, y.trade_no
) as r on r.merchant_id = t.merchant_id and r.trade_no = t.trade_no
where coalesce(f.in_minus_out, 0) <> coalesce(p.amount, 0) - coalesce(r.amount, 0);
