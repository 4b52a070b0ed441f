-- A line's paid is what the facts moved to its order in this trade, from payments and other orders, and not on to other
-- orders or back as surplus; refunds aside.
create view mixpay._line_paid_is_what_was_allocated_to_it with (security_barrier) as
select l.merchant_id, l.trade_no, l.order_no, l.paid, coalesce(sum(p.came_in - p.went_out), 0) as allocated
from mixpay.trade_orders as l
left join mixpay.postings as p
    on
        p.merchant_id = l.merchant_id and p.source = 'trade' and p.number = l.trade_no and p.account = 'order'
        and p.owner = l.order_no and p.other_account in ('channel', 'order', 'surplus')
group by l.merchant_id, l.trade_no, l.position
having l.paid <> coalesce(sum(p.came_in - p.went_out), 0);
