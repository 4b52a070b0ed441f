-- Money that arrived is never refused. What the trade does not need is the payment's surplus and goes back to it.
select merchant_id from mixpay.register_merchant('mall', 'Willow Furniture Mall');
select trade_no, amount from mixpay.merge_orders('mall', '[
    {"order_no": "CHAIR", "amount": 10000, "currency": "CNY"}
]', 'T-1');

-- The buyer pays on two devices at once; both attempts were started while the trade lacked all of it.
select payment_no, state, asked from mixpay.start_payment('mall', 'T-1', 'PHONE', 10000, 'wechat');
select payment_no, state, asked from mixpay.start_payment('mall', 'T-1', 'LAPTOP', 10000, 'alipay');
select payment_no, amount, applied, surplus from mixpay.succeed_payment('mall', 'PHONE', 'wx-1');
select payment_no, amount, applied, surplus from mixpay.succeed_payment('mall', 'LAPTOP', 'ali-1');

-- The order is paid once, and the second payment is on its way back.
select order_no, amount, paid from mixpay.order_balances where merchant_id = 'mall';
select from_account, to_account, amount, channel, payment_no, order_no, in_minus_out
from mixpay.trade_flow
where merchant_id = 'mall'
order by entry;
select payment_no, channel, amount, state from mixpay.claim_channel_refunds('mall', 'worker-1');
