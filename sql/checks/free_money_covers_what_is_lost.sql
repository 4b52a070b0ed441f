-- A payment that still holds money which can be refunded has no loss: what is free again covers it first. (A chargeback
-- of one order takes nothing of another.)
create view mixpay._free_money_covers_what_is_lost with (security_barrier) as
select p.merchant_id, p.payment_no, p.amount, p.refunded, x.lost
from mixpay.payments as p
inner join (
    select merchant_id, payment_no, sum(lost) as lost
    from (
        select merchant_id, payment_no, lost from mixpay.returns
        union all
        select merchant_id, payment_no, lost from mixpay.chargebacks where order_no is null
    ) as y
    group by merchant_id, payment_no
) as x on x.merchant_id = p.merchant_id and x.payment_no = p.payment_no
where x.lost > 0 and p.refunded < p.amount;
