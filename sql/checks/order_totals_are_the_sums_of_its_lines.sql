-- An order that has had several lines, or one for a part of it, or one that is paid in part and not live, has totals,
-- which are its amount and the sums of its lines; the only line of any other order may be alone.
create view mixpay._order_totals_are_the_sums_of_its_lines with (security_barrier) as
select
    o.merchant_id, o.order_no, o.amount, t.amount as counted_amount, l.paid, t.paid as counted_paid, l.refunded,
    t.refunded as counted_refunded, l.number, l.alone
from mixpay.orders as o
inner join (
    select
        merchant_id, order_no, sum(paid) as paid, sum(refunded) as refunded, count(*) as number, max(asked) as asked,
        count(*) filter (where alone) as alone, bool_or(live) as is_live
    from mixpay.trade_orders
    group by merchant_id, order_no
) as l on l.merchant_id = o.merchant_id and l.order_no = o.order_no
left join mixpay.order_totals as t on t.merchant_id = o.merchant_id and t.order_no = o.order_no
where
    case
        when l.alone > 0
            then
                l.number > 1 or l.asked <> o.amount or t.order_no is not null
                or (not l.is_live and l.paid > 0 and l.paid < o.amount)
        else (t.amount, t.paid, t.refunded) is distinct from (o.amount, l.paid, l.refunded)
    end;
