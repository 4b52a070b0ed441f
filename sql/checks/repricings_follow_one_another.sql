-- Each repricing of an order begins where the one before ended, and the order costs what the last one says.
create view mixpay._repricings_follow_one_another with (security_barrier) as
select
    r.merchant_id, r.order_no, r.reprice_no, r.nth, r.amount, n.nth as next_nth,
    coalesce(n.from_amount, o.amount) as costs_then
from mixpay.repricings as r
inner join mixpay.orders as o on o.merchant_id = r.merchant_id and o.order_no = r.order_no
left join lateral (
    select x.nth, x.from_amount, x.merge_count
    from mixpay.repricings as x
    where x.merchant_id = r.merchant_id and x.order_no = r.order_no and x.nth > r.nth
    order by x.nth
    limit 1
) as n on true
where
    r.amount <> coalesce(n.from_amount, o.amount)
    or n.nth <> r.nth + 1
    or r.merge_count > coalesce(n.merge_count, o.merge_count)
    or (r.nth <> 1 and not exists (
        select from mixpay.repricings as x
        where x.merchant_id = r.merchant_id and x.order_no = r.order_no and x.nth = r.nth - 1
    ));
