-- Closing and cancelling. A100 and B50 are merged; 40 comes by card, then 20 by Alipay. A payment fills A first.
\set SHOW_CONTEXT never
select merchant_id from mixpay.register_merchant('mall', 'Willow Furniture Mall');
select trade_no, amount from mixpay.merge_orders('mall', '[
    {"order_no": "A", "amount": 100, "currency": "CNY"},
    {"order_no": "B", "amount": 50, "currency": "CNY"}
]', 'T-1');
select paid_at from mixpay.record_payment('mall', 'T-1', 'P-1', 'card', 40, '2026-03-01T10:00:00+08:00');
select paid_at from mixpay.record_payment('mall', 'T-1', 'P-2', 'alipay', 20, '2026-03-02T10:00:00+08:00');

-- A is sold out. Its 60 serve B first; the 10 that B does not need go back, the oldest money first.
select trade_no, amount, paid, state from mixpay.cancel_order('mall', 'T-1', 'A', 'sold out');
select payment_no, kind, amount, state from mixpay.surplus_list where merchant_id = 'mall';
select order_no, paid, unpaid, mergeable from mixpay.order_balances where merchant_id = 'mall' order by order_no;

-- A is there again: it is merged with C, half paid, and abandoned. What was paid stays for the next trade.
select trade_no, amount from mixpay.merge_orders('mall', '[
    {"order_no": "A", "amount": 100, "currency": "CNY"},
    {"order_no": "C", "amount": 30, "currency": "CNY"}
]', 'T-2');
select applied from mixpay.record_payment('mall', 'T-2', 'P-3', 'card', 70);
select state, keeps_paid, paid from mixpay.close_trade('mall', 'T-2', 'the buyer left', true);
select trade_no, amount from mixpay.merge_orders('mall', '[{"order_no": "A", "amount": 100, "currency": "CNY"}]', 'T-3');

-- Money that arrives for a closed trade is booked, and goes back by itself.
select applied, surplus, state from mixpay.record_payment('mall', 'T-2', 'P-4', 'card', 60);

-- A cashier hands back 25 of B: the rest is all that can still be refunded.
select kind, amount, state from mixpay.record_refund('mall', 'B', 'R-1', 25, 'cash');
select paid, refunded, refundable from mixpay.order_balances where merchant_id = 'mall' and order_no = 'B';
