-- Three orders of two stores become one trade, which is paid in two payments.
-- Amounts are in the currency's smallest unit: 600000 is 6000.00 CNY.
select merchant_id, allocation from mixpay.register_merchant('mall', 'Willow Furniture Mall');
select payee_no, title from mixpay.register_payee('mall', 'oakhouse', 'Oak House');
select payee_no, title from mixpay.register_payee('mall', 'lumen', 'Lumen');

select trade_no, state, amount, paid from mixpay.merge_orders('mall', '[
    {"order_no": "SOFA", "amount": 600000, "currency": "CNY", "payee_no": "oakhouse"},
    {"order_no": "TABLE", "amount": 240000, "currency": "CNY", "payee_no": "oakhouse"},
    {"order_no": "LAMP", "amount": 60000, "currency": "CNY", "payee_no": "lumen"}
]', 'T-1');

-- The money is already there: recorded in one call.
select payment_no, state, amount, applied from mixpay.record_payment('mall', 'T-1', 'CASH-1', 'cash', 640000);
select order_no, amount, paid, unpaid from mixpay.order_balances where merchant_id = 'mall' order by amount desc;

-- The channel will call back: started, then succeeded. The callback may come twice.
select payment_no, state, asked, amount from mixpay.start_payment('mall', 'T-1', 'CARD-1', 260000, 'card');
select payment_no, state, asked, amount from mixpay.succeed_payment('mall', 'CARD-1', 'txn-4711');
select payment_no, state, asked, amount from mixpay.succeed_payment('mall', 'CARD-1', 'txn-4711');

-- Which order each payment's money went to.
select payment_no, order_no, amount from mixpay.allocations where merchant_id = 'mall' order by entry;
select trade_no, state, amount, paid, lacking from mixpay.trade_balances where merchant_id = 'mall';
