-- A line's refunded is what its order's refunds, not freed, took from the payments of its trade.
create view mixpay._line_refunded_is_the_sum_of_its_details with (security_barrier) as
select l.merchant_id, l.trade_no, l.order_no, l.refunded, coalesce(sum(d.amount), 0) as details
from mixpay.trade_orders as l
left join (
    select r.merchant_id, r.order_no, p.trade_no, x.amount
    from mixpay.refunds as r
    inner join mixpay.refund_details as x on x.merchant_id = r.merchant_id and x.refund_no = r.refund_no
    inner join mixpay.payments as p on p.merchant_id = x.merchant_id and p.payment_no = x.payment_no
    where r.order_no is not null and not x.freed
) as d on d.merchant_id = l.merchant_id and d.trade_no = l.trade_no and d.order_no = l.order_no
group by l.merchant_id, l.trade_no, l.position
having l.refunded <> coalesce(sum(d.amount), 0);
