-- But for the one who takes the remainder, no receiver was given more than its fixed amount and its rate of the whole
-- order; and no more was divided than the order's amount.
create view mixpay._receiver_never_gets_more_than_was_agreed with (security_barrier) as
select
    x.merchant_id, x.split_no, r.position, r.receiver, x.divided, s.amount,
    r.fixed + div(o.amount::numeric * r.rate, 10000) as at_most, o.amount as of_order
from mixpay.splits as x
inner join mixpay.orders as o on o.merchant_id = x.merchant_id and o.order_no = x.order_no
inner join mixpay.split_receivers as r on r.merchant_id = x.merchant_id and r.split_no = x.split_no
left join (
    select y.merchant_id, y.split_no, y.position, sum(y.amount) as amount
    from mixpay.split_shares as y
    group by y.merchant_id, y.split_no, y.position
) as s on s.merchant_id = r.merchant_id and s.split_no = r.split_no and s.position = r.position
where
    x.divided > o.amount
    or not r.takes_remainder and s.amount > r.fixed + div(o.amount::numeric * r.rate, 10000);
