-- For each merchant and payee, what the facts leave on its orders is what its lines are paid minus refunded.
with facts as (
    select
        o.merchant_id, o.payee_no,
        sum(f.amount) as held
    from (
        select merchant_id, coalesce(to_order_no, order_no) as order_no, amount
        from mixpay.facts
        where to_account = 'order'
        union all
        select merchant_id, order_no, -amount
        from mixpay.facts
        where from_account = 'order'
    ) as f
    inner join mixpay.orders as o on o.merchant_id = f.merchant_id and o.order_no = f.order_no
    group by o.merchant_id, o.payee_no
), lines as (
    select o.merchant_id, o.payee_no, sum(l.paid - l.refunded) as held
    from mixpay.trade_orders as l
    inner join mixpay.orders as o on o.merchant_id = l.merchant_id and o.order_no = l.order_no
    group by o.merchant_id, o.payee_no
)
select l.merchant_id, l.payee_no, f.held as in_facts, l.held as in_lines
from lines as l
left join facts as f on f.merchant_id = l.merchant_id and f.payee_no is not distinct from l.payee_no
where coalesce(f.held, 0) <> l.held;
