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
'Channel refunds that go on by themselves: the channel cannot send them before not_before, and the reason says by '
'which rule.';
