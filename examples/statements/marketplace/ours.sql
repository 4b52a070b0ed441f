-- Orders of several sellers, paid together by WeChat Pay, some refunded.
select * from mixpay.register_merchant('market', 'Willow Market');
select * from mixpay.register_payee('market', 'oak', 'Oak House');
select * from mixpay.register_payee('market', 'lumen', 'Lumen');
select * from mixpay.merge_orders('market', '[
    {"order_no": "O-1", "amount": 6000, "currency": "CNY", "payee_no": "oak"},
    {"order_no": "O-2", "amount": 9000, "currency": "CNY", "payee_no": "lumen"}
]', 'T-1');
select * from mixpay.merge_orders('market', '[{"order_no": "O-3", "amount": 2550, "currency": "CNY", "payee_no": "oak"}]', 'T-3');
select * from mixpay.merge_orders('market', '[{"order_no": "O-4", "amount": 8000, "currency": "CNY", "payee_no": "lumen"}]', 'T-4');
select * from mixpay.merge_orders('market', '[{"order_no": "O-5", "amount": 1234, "currency": "CNY", "payee_no": "oak"}]', 'T-5');
select * from mixpay.merge_orders('market', '[{"order_no": "O-6", "amount": 4000, "currency": "CNY", "payee_no": "oak"}]', 'T-6');
select * from mixpay.record_payment('market', 'T-1', 'P-1', 'wechat', 15000, '2026-03-01T09:10:11+08:00', '4200002700202603010000000001');
select * from mixpay.record_payment('market', 'T-3', 'P-3', 'wechat', 2550, '2026-03-01T15:00:00+08:00', '4200002700202603010000000003');
-- The buyer had a voucher of 20.00 that the merchant bears: the channel settles 60.00.
select * from mixpay.record_payment('market', 'T-4', 'P-4', 'wechat', 8000, '2026-03-01T16:00:00+08:00', '4200002700202603010000000004');
-- A second before midnight here, a second after it there.
select * from mixpay.record_payment('market', 'T-5', 'P-5', 'wechat', 1234, '2026-03-01T23:59:59+08:00', '4200002700202603020000000005');
select * from mixpay.record_payment('market', 'T-6', 'P-6', 'wechat', 4000, '2026-03-02T10:00:00+08:00', '4200002700202603020000000006');
select * from mixpay.record_channel_refund(
    'market', 'O-1', 'R-1', 4500, 'P-1', '50300002702026030100000000011', '2026-03-01T12:30:07+08:00', 'a scratch'
);
select * from mixpay.record_channel_refund(
    'market', 'O-3', 'R-3', 550, 'P-3', '50300002702026030200000000013', '2026-03-02T09:00:00+08:00', 'late'
);
select * from mixpay.record_channel_payout('market', 'wechat', 'AGG-0302', 18965, 'CNY', '2026-03-03T10:00:00+08:00');
