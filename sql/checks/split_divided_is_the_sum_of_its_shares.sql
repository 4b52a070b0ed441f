-- A split's divided is the sum of its shares, and each share is of a line of the split; its lines are those of its
-- order. A union that stood in the view by itself would be no barrier: PostgreSQL looks through it.
create view mixpay._split_divided_is_the_sum_of_its_shares with (security_barrier) as
select x.* from (
    select
        s.merchant_id, s.split_no, s.order_no, s.divided, coalesce(sum(y.amount), 0) as shares,
        count(y.amount) filter (where l.trade_no is null) as strange_shares, null as strange_line
    from mixpay.splits as s
    left join mixpay.split_shares as y on y.merchant_id = s.merchant_id and y.split_no = s.split_no
    left join mixpay.trade_orders as l
        on l.merchant_id = y.merchant_id and l.trade_no = y.trade_no and l.split_no = y.split_no
    group by s.merchant_id, s.split_no
    having s.divided <> coalesce(sum(y.amount), 0) or count(y.amount) filter (where l.trade_no is null) > 0
    union all
    select
        l.merchant_id, coalesce(l.split_no, s.split_no), s.order_no, s.divided, null, null, l.order_no as strange_line
    from mixpay.trade_orders as l
    left join mixpay.splits as s on s.merchant_id = l.merchant_id and s.order_no = l.order_no
    where l.split_no is distinct from s.split_no
) as x;
