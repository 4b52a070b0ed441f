create view mixpay.doubt_list as
select
    merchant_id,
    channel_refund_no,
    refund_no,
    payment_no,
    trade_no,
    order_no,
    kind,
    channel,
    amount,
    reason,
    attempts,
    due_at,
    created_at
from mixpay.channel_refund_list
where state = 'doubt';

comment on view mixpay.doubt_list is 'Work: nobody knows whether a channel sent these; a worker asks again at due_at.';
