create view mixpay.waiting_list as
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
    not_before,
    created_at
from mixpay.channel_refund_list
where state = 'waiting' and not_before is not null;

comment on view mixpay.waiting_list is
'Work that does itself: the channel cannot send these before not_before, and the reason says which rule.';
