-- An order, over all its trades, is never refunded more than it was paid, by the details themselves.
create view mixpay._order_refunded_is_never_above_its_paid with (security_barrier) as
select o.merchant_id, o.order_no, o.paid, r.refunded
from (
    select merchant_id, order_no, sum(paid) as paid from mixpay.trade_orders group by merchant_id, order_no
) as o
inner join (
    select x.merchant_id, x.order_no, sum(d.amount) as refunded
    from mixpay.refunds as x
    inner join mixpay.refund_details as d on d.merchant_id = x.merchant_id and d.refund_no = x.refund_no
    where x.order_no is not null and not d.freed
    group by x.merchant_id, x.order_no
) as r on r.merchant_id = o.merchant_id and r.order_no = o.order_no
where r.refunded > o.paid;
