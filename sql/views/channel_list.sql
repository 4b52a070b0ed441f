create view mixpay.channel_list as
select
    channel,
    title,
    kind,
    can_refund,
    can_refund_in_part,
    refund_window,
    max_refunds,
    refund_interval,
    min_refund,
    fallback_channel,
    source,
    txn_numbers,
    day_zone,
    refund_to_money
from mixpay.channels;

comment on view mixpay.channel_list is 'The channels that payments may name, and their rules about refunds.';
