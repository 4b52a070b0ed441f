-- In a trade, no money of an order was released while a dispute of the order was open.
select r.merchant_id, r.trade_no, r.entry, r.order_no, r.cause_no as release_no, o.cause_no as dispute_no
from mixpay.facts as o
left join mixpay.facts as c
    on
        c.merchant_id = o.merchant_id and c.trade_no = o.trade_no and c.entity = 'dispute' and c.cause_no = o.cause_no
        and c.to_state = 'closed'
inner join mixpay.facts as r
    on
        r.merchant_id = o.merchant_id and r.trade_no = o.trade_no and r.order_no = o.order_no and r.entity = 'release'
        and r.entry > o.entry and (c.entry is null or r.entry < c.entry)
where o.entity = 'dispute' and o.to_state = 'open';
