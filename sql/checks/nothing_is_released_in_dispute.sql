-- In a trade, no money of an order was released while a dispute of the order was open.
create view mixpay._nothing_is_released_in_dispute with (security_barrier) as
select r.merchant_id, r.log_no as trade_no, r.entry, r.order_no, r.number as release_no, o.number as dispute_no
from mixpay.facts as o
left join mixpay.facts as c
    on
        c.merchant_id = o.merchant_id and c.log = o.log and c.log_no = o.log_no and c.entity = 'dispute'
        and c.number = o.number and c.to_state = 'closed'
inner join mixpay.facts as r
    on
        r.merchant_id = o.merchant_id and r.log = o.log and r.log_no = o.log_no and r.order_no = o.order_no
        and r.entity = 'release' and r.entry > o.entry and (c.entry is null or r.entry < c.entry)
where o.entity = 'dispute' and o.to_state = 'open';
