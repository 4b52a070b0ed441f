-- A deposit now, the rest in a later trade; then a refund that takes from both, first in, first out.
select merchant_id from mixpay.register_merchant('mall', 'Willow Furniture Mall');

-- pay is this trade's share of the order.
select trade_no, amount from mixpay.merge_orders('mall', '[
    {"order_no": "KITCHEN", "amount": 1000000, "pay": 200000, "currency": "CNY"}
]', 'DEPOSIT');
select payment_no, applied
from mixpay.record_payment('mall', 'DEPOSIT', 'P-1', 'wechat', 200000, '2026-03-01T10:00:00+08:00');

-- Left out, it is what the order's other trades leave.
select trade_no, amount from mixpay.merge_orders('mall', '[
    {"order_no": "KITCHEN", "amount": 1000000, "currency": "CNY"}
]', 'BALANCE');
select payment_no, applied
from mixpay.record_payment('mall', 'BALANCE', 'P-2', 'bank', 800000, '2026-03-20T10:00:00+08:00');

select order_no, amount, paid, unpaid, trades from mixpay.order_balances where merchant_id = 'mall';

-- The trade that the order was merged into first bears first.
select payment_no, trade_no, amount, refundable from mixpay.preview_refund('mall', 'KITCHEN', 500000);
select refund_no, amount, state from mixpay.refund_order('mall', 'KITCHEN', 'R-1', 500000, 'the oven is missing');
select trade_no, paid, refunded, not_refunded from mixpay.trade_balances where merchant_id = 'mall' order by created_at;
