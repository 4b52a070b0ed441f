-- Routes, the rules of channels, and refunds that go another way.
\set SHOW_CONTEXT never
select merchant_id from mixpay.register_merchant('mall', 'Willow Furniture Mall');
select channel, fallback_channel from mixpay.register_channel(
    'psp', 'A gateway', 'online', p_min_refund => 100, p_fallback_channel => 'bank'
);

-- QR payments go to the gateway, small ones to Alipay.
select channel, max_amount from mixpay.set_route('mall', 'qr', 'alipay', 10, p_max_amount => 999);
select channel, priority from mixpay.set_route('mall', 'qr', 'psp', 20);
select channel, priority, problem, chosen from mixpay.explain_route('mall', 'qr', 'CNY', 5000, 'P-1');

select trade_no from mixpay.merge_orders('mall', '[{"order_no": "A", "amount": 5000, "currency": "CNY"}]', 'T-1');
select channel, state from mixpay.start_payment('mall', 'T-1', 'P-1', 5000, p_method => 'qr');
select channel, reason from mixpay.payment_routes where merchant_id = 'mall';
select state from mixpay.succeed_payment('mall', 'P-1', '4711');

-- The gateway sends back 1.00 at least; 0.50 goes to its fallback.
select state from mixpay.refund_order('mall', 'A', 'R-1', 50);
select channel, amount, state, reason from mixpay.channel_refund_list where merchant_id = 'mall' and refund_no = 'R-1';

-- The bank sent it, and it bounced: the amount is free again. Then it goes out in cash.
select channel_refund_no as number from mixpay.claim_channel_refunds('mall', 'worker-1') \gset
select state from mixpay.complete_channel_refund('mall', :'number', '815');
select state, reason from mixpay.bounce_channel_refund('mall', :'number', 'the account is closed');
select free, reason from mixpay.bounced_list where merchant_id = 'mall';
select channel, state, reason from mixpay.redirect_channel_refund('mall', :'number', 'cash', 'the buyer comes by');
select channel, amount, reason from mixpay.manual_list where merchant_id = 'mall';

-- What a consumer of events reads.
select entity, from_state, to_state, reason
from mixpay.read_events('mall', p_limit => 1000)
where entity in ('refund', 'channel_refund');
