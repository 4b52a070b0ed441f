create view mixpay.manual_list as
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
    created_at
from mixpay.channel_refund_list
where state = 'waiting' and not_before is null;

comment on view mixpay.manual_list is
'Work: a person has to hand this money over, redirect it, or say that it failed; the reason says why.';
