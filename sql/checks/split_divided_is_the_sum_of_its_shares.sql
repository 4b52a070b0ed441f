-- A split's divided is the sum of its shares; its lines are those of its order, and each share is of one of them.
create view mixpay._split_divided_is_the_sum_of_its_shares with (security_barrier) as
select
    coalesce(x.merchant_id, l.merchant_id) as merchant_id,
    coalesce(x.split_no, l.split_no) as split_no,
    x.order_no, x.divided, s.amount as shares, s.strangers as strange_shares, l.order_no as strange_line
from mixpay.splits as x
left join lateral (
    select
        coalesce(sum(y.amount), 0) as amount,
        count(*) filter (where not exists (
            select from mixpay.trade_orders as z
            where z.merchant_id = y.merchant_id and z.trade_no = y.trade_no and z.split_no = y.split_no
        )) as strangers
    from mixpay.split_shares as y
    where y.merchant_id = x.merchant_id and y.split_no = x.split_no
) as s on true
full join (
    select z.merchant_id, coalesce(z.split_no, y.split_no) as split_no, z.order_no
    from mixpay.trade_orders as z
    left join mixpay.splits as y on y.merchant_id = z.merchant_id and y.order_no = z.order_no
    where z.split_no is distinct from y.split_no
) as l on l.merchant_id = x.merchant_id and l.split_no = x.split_no
where x.divided is distinct from s.amount or s.strangers > 0 or l.split_no is not null;
