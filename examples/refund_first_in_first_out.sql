-- Two orders, merged into one trade and paid by two payments: 60.00 by WeChat, then 90.00 in cash.
-- Amounts are in the currency's smallest unit: 6000 is 60.00 CNY.
\set SHOW_CONTEXT never
select merchant_id from mixpay.register_merchant('mall', 'Willow Furniture Mall');
select trade_no, state, amount from mixpay.merge_orders('mall', '[
    {"order_no": "A", "amount": 10000, "currency": "CNY"},
    {"order_no": "B", "amount": 5000, "currency": "CNY"}
]', 'T-1');
select payment_no, state, amount
from mixpay.record_payment('mall', 'T-1', 'P-1', 'wechat', 6000, '2026-03-01T10:00:00+08:00');
select payment_no, state, amount
from mixpay.record_payment('mall', 'T-1', 'P-2', 'cash', 9000, '2026-03-02T10:00:00+08:00');

-- 45.00 of order B, then 80.00 of order A. Nobody has to say which payments that comes from.
select refund_no, order_no, amount, state from mixpay.refund_order('mall', 'B', 'R-1', 4500);
select refund_no, order_no, amount, state from mixpay.refund_order('mall', 'A', 'R-2', 8000);

-- Why: put end to end, the oldest first, the payments stand for the trade's money; a refund takes from 0 upwards.
select refund_no, payment_no, refundable, stands_from, stands_to, takes_from, takes_to, amount, left_over
from mixpay.refund_explained
where merchant_id = 'mall'
order by refund_no, place;

-- Of order B 5.00 is left. 5.01 is refused as a whole.
select refund_no from mixpay.refund_order('mall', 'B', 'R-3', 501);
select refund_no, order_no, amount, state from mixpay.refund_order('mall', 'B', 'R-3', 500);
