-- A shop's card payments of the first days of March, as its books have them.
select * from mixpay.register_merchant('acquired', 'Lamps and Tables');
select * from mixpay.merge_orders('acquired', '[{"order_no": "O-4001", "amount": 6000, "currency": "EUR"}]', 'T-4001');
select * from mixpay.merge_orders('acquired', '[{"order_no": "O-4002", "amount": 9000, "currency": "EUR"}]', 'T-4002');
select * from mixpay.merge_orders('acquired', '[{"order_no": "O-4003", "amount": 5000, "currency": "EUR"}]', 'T-4003');
select * from mixpay.merge_orders('acquired', '[{"order_no": "O-4004", "amount": 2000, "currency": "EUR"}]', 'T-4004');
select * from mixpay.merge_orders('acquired', '[{"order_no": "O-4005", "amount": 3000, "currency": "EUR"}]', 'T-4005');
select * from mixpay.merge_orders('acquired', '[{"order_no": "O-4007", "amount": 7000, "currency": "EUR"}]', 'T-4007');
select * from mixpay.record_payment('acquired', 'T-4001', 'P-4001', 'card', 6000, '2026-03-01T10:00:00+01:00', '8800000000000001');
select * from mixpay.record_payment('acquired', 'T-4002', 'P-4002', 'card', 9000, '2026-03-01T11:00:00+01:00', '8800000000000002');
select * from mixpay.record_payment('acquired', 'T-4003', 'P-4003', 'card', 5000, '2026-03-01T12:00:00+01:00', '8800000000000003');
-- Late in the evening: the acquirer settles it with the next batch.
select * from mixpay.record_payment('acquired', 'T-4004', 'P-4004', 'card', 2000, '2026-03-03T23:50:00+01:00', '8800000000000004');
select * from mixpay.record_payment('acquired', 'T-4005', 'P-4005', 'card', 3000, '2026-03-01T13:00:00+01:00', '8800000000000005');
-- Its number at the acquirer never arrived.
select * from mixpay.record_payment('acquired', 'T-4007', 'P-4007', 'card', 7000, '2026-03-02T09:00:00+01:00');
-- 45.00 of the first were refunded in the acquirer's dashboard, and written down here with the number it has there.
select * from mixpay.record_channel_refund(
    'acquired', 'O-4001', 'R-4001', 4500, 'P-4001', '8820000000000001', '2026-03-02T10:00:00+01:00', 'refunded in the dashboard'
);
select * from mixpay.charge_back_payment(
    'acquired', 'P-4002', 'CB-4002', 9000, 'not recognised', 1500, '2026-03-02T11:00:00+01:00'
);
select * from mixpay.record_channel_fee(
    'acquired', 'card', 'FEE-2026-03', 180, 'EUR', null, 'Transaction Fees March 2026', '2026-03-03T21:00:00+01:00'
);
select * from mixpay.record_channel_payout('acquired', 'card', 'TX4400000000012XT', 20285, 'EUR', '2026-03-03T21:30:00+01:00');
