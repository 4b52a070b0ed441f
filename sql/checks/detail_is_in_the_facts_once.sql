-- The facts hold each detail that is not freed once on its way back, and each that is freed not at all.
select d.merchant_id, d.refund_no, d.payment_no, d.amount, d.freed, f.reserved
from mixpay.refund_details as d
inner join mixpay.payments as p on p.merchant_id = d.merchant_id and p.payment_no = d.payment_no
cross join lateral (
    select
        coalesce(sum(
            case
                when x.to_account = 'refund' then x.amount
                when x.from_account = 'refund' and x.to_account <> 'channel' then -x.amount
            end
        ), 0) as reserved
    from mixpay.facts as x
    where
        x.merchant_id = p.merchant_id and x.trade_no = p.trade_no and x.refund_no = d.refund_no
        and x.payment_no = d.payment_no
) as f
where f.reserved <> case when d.freed then 0 else d.amount end;
