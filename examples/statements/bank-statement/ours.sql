-- A marketplace's bank account in March: what channels pay out comes in, what sellers are owed goes out.
select * from mixpay.register_merchant('banked', 'Two Sellers');
select * from mixpay.register_payee('banked', 'one', 'Seller One');
select * from mixpay.register_payee('banked', 'two', 'Seller Two');
select * from mixpay.merge_orders('banked', '[
    {"order_no": "O-1", "amount": 10000, "currency": "EUR", "payee_no": "one"},
    {"order_no": "O-2", "amount": 20000, "currency": "EUR", "payee_no": "two"}
]', 'T-1');
select * from mixpay.record_payment('banked', 'T-1', 'P-1', 'card', 30000, '2026-03-01T10:00:00+01:00', '8800000000000101');
select * from mixpay.record_channel_payout('banked', 'card', 'TX4400000000012XT', 20285, 'EUR', '2026-03-03T21:30:00+01:00');
select * from mixpay.record_channel_payout('banked', 'card', 'TX4400000000013XT', 9455, 'EUR', '2026-03-04T21:30:00+01:00');
-- The bank does not have it.
select * from mixpay.record_channel_payout('banked', 'card', 'TX4400000000011XT', 4100, 'EUR', '2026-03-04T12:00:00+01:00');
-- Two batches of one evening, which the bank books as one.
select * from mixpay.record_channel_payout('banked', 'card', 'TX4400000000015XT', 12000, 'EUR', '2026-03-05T21:30:00+01:00');
select * from mixpay.record_channel_payout('banked', 'card', 'TX4400000000016XT', 8000, 'EUR', '2026-03-05T22:30:00+01:00');
-- On its way: the bank will have it in the next statement.
select * from mixpay.record_channel_payout('banked', 'card', 'TX4400000000014XT', 3000, 'EUR', '2026-03-07T21:30:00+01:00');
select * from mixpay.settle_payee('banked', 'one', 'ST-1', null);
select * from mixpay.settle_payee('banked', 'two', 'ST-2', null);
