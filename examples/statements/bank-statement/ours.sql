-- A marketplace's bank account in March: what channels pay out comes in, what sellers are owed goes out.
select * from mixpay.register_merchant('banked', 'Two Sellers');
select * from mixpay.register_payee('banked', 'one', 'Seller One');
select * from mixpay.register_payee('banked', 'two', 'Seller Two');
select * from mixpay.register_payee('banked', 'three', 'Seller Three');
select * from mixpay.merge_orders('banked', '[
    {"order_no": "O-1", "amount": 10000, "currency": "EUR", "payee_no": "one"},
    {"order_no": "O-2", "amount": 20000, "currency": "EUR", "payee_no": "two"},
    {"order_no": "O-3", "amount": 5000, "currency": "EUR", "payee_no": "three"}
]', 'T-1');
select * from mixpay.record_payment('banked', 'T-1', 'P-1', 'card', 35000, '2026-03-01T10:00:00+01:00', '8800000000000101');
select * from mixpay.record_channel_payout('banked', 'card', 'TX4400000000012XT', 20285, 'EUR', '2026-03-03T21:30:00+01:00');
select * from mixpay.record_channel_payout('banked', 'card', 'TX4400000000013XT', 9455, 'EUR', '2026-03-04T21:30:00+01:00');
-- On its way: the bank will have it in the next statement.
select * from mixpay.record_channel_payout('banked', 'card', 'TX4400000000014XT', 3000, 'EUR', '2026-03-07T21:30:00+01:00');
select * from mixpay.settle_payee('banked', 'one', 'ST-1', null);
select * from mixpay.settle_payee('banked', 'two', 'ST-2', null);
select * from mixpay.settle_payee('banked', 'three', 'ST-3', null);
