-- Whatever is refused is refused as a whole, with a SQLSTATE of class MX: the numbers in the detail, the way out in
-- the hint. Services decide by the SQLSTATE.
\set SHOW_CONTEXT never
select merchant_id from mixpay.register_merchant('mall', 'Willow Furniture Mall');
select trade_no from mixpay.merge_orders('mall', '[
    {"order_no": "A", "amount": 10000, "currency": "CNY"},
    {"order_no": "B", "amount": 5000, "currency": "CNY"}
]', 'T-1');
select payment_no from mixpay.record_payment('mall', 'T-1', 'P-1', 'card', 6000);
select refund_no from mixpay.refund_order('mall', 'A', 'R-1', 4000);

-- More than is left.
select * from mixpay.refund_order('mall', 'A', 'R-2', 2001);
\echo :LAST_ERROR_SQLSTATE

-- A repeated number with other content. With the same content it would return the first result.
select * from mixpay.refund_order('mall', 'A', 'R-1', 1000);
\echo :LAST_ERROR_SQLSTATE

-- A known order with another amount.
select * from mixpay.merge_orders('mall', '[{"order_no": "B", "amount": 4900, "currency": "CNY"}]');
\echo :LAST_ERROR_SQLSTATE

-- An order of a trade that money was paid into.
select * from mixpay.merge_orders('mall', '[{"order_no": "B", "amount": 5000, "currency": "CNY"}]', 'T-2');
\echo :LAST_ERROR_SQLSTATE

-- An attempt for more than the trade lacks.
select * from mixpay.start_payment('mall', 'T-1', 'P-2', 9001, 'card');
\echo :LAST_ERROR_SQLSTATE

-- Amounts in JSON are JSON integers: no text, no point.
select * from mixpay.merge_orders('mall', '[{"order_no": "C", "amount": "100.00", "currency": "CNY"}]');
\echo :LAST_ERROR_SQLSTATE

-- An unknown key is not passed over in silence.
select * from mixpay.merge_orders('mall', '[{"order_no": "C", "amount": 100, "curency": "CNY"}]');
\echo :LAST_ERROR_SQLSTATE
