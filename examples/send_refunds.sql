-- What a worker does with channel refunds. Their numbers are made by the database.
select merchant_id from mixpay.register_merchant('mall', 'Willow Furniture Mall');
select trade_no, amount from mixpay.merge_orders('mall', '[
    {"order_no": "BED", "amount": 30000, "currency": "CNY"}
]', 'T-1');
select payment_no from mixpay.record_payment('mall', 'T-1', 'P-1', 'wallet', 10000, '2026-03-01T10:00:00+08:00');
select payment_no from mixpay.record_payment('mall', 'T-1', 'P-2', 'card', 10000, '2026-03-02T10:00:00+08:00');
select payment_no from mixpay.record_payment('mall', 'T-1', 'P-3', 'cash', 10000, '2026-03-03T10:00:00+08:00');
select refund_no, amount, state from mixpay.refund_order('mall', 'BED', 'R-1', 30000);

-- Claim, commit, and only then call the channel. Cash is never claimed: it waits for a person.
create temporary table claimed as select * from mixpay.claim_channel_refunds('mall', 'worker-1');
select payment_no, channel, amount, state, attempts from claimed order by payment_no;

-- The wallet confirms.
select payment_no, channel, amount, state
from mixpay.complete_channel_refund(
    'mall', (select channel_refund_no from claimed where channel = 'wallet'), 'back-1'
);

-- The card does not answer: in doubt. The amount stays reserved, and after a back-off the same number is due again.
select payment_no, channel, amount, state, reason
from mixpay.doubt_channel_refund(
    'mall', (select channel_refund_no from claimed where channel = 'card'), 'no answer within 10 seconds', 'worker-1'
);

-- It was refused after all: the amount is freed and may be refunded again, under a new refund number.
select payment_no, channel, amount, state, reason
from mixpay.fail_channel_refund(
    'mall', (select channel_refund_no from claimed where channel = 'card'), 'card expired', 'worker-1'
);
select order_no, paid, refunded, refundable from mixpay.order_balances where merchant_id = 'mall';

-- A person hands the cash over and says so.
select channel_refund_no as cash_refund
from mixpay.trade_flow
where merchant_id = 'mall' and refund_no = 'R-1' and channel = 'cash' and to_account = 'refund' \gset
select payment_no, channel, amount, state from mixpay.complete_channel_refund('mall', :'cash_refund', null);

-- One part failed, so the refund did; what became of each part is on record.
select entity, payment_no, from_state, to_state, reason
from mixpay.history
where merchant_id = 'mall' and refund_no = 'R-1'
order by entry;
