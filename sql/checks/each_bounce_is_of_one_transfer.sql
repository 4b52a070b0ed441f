-- As many of a channel refund's transfers came back as its facts say.
create view mixpay._each_bounce_is_of_one_transfer with (security_barrier) as
select
    c.merchant_id, c.channel_refund_no, coalesce(f.bounces, 0) as bounces, coalesce(t.transfers, 0) as transfers
from mixpay.channel_refunds as c
left join (
    select merchant_id, number, count(*) as bounces from mixpay.facts
    where entity = 'channel_refund' and to_state = 'bounced' and from_state <> 'bounced'
    group by merchant_id, number
) as f on f.merchant_id = c.merchant_id and f.number = c.channel_refund_no
left join (
    select merchant_id, channel_refund_no, count(*) as transfers from mixpay.transfer_list
    where state = 'bounced'
    group by merchant_id, channel_refund_no
) as t on t.merchant_id = c.merchant_id and t.channel_refund_no = c.channel_refund_no
where coalesce(f.bounces, 0) <> coalesce(t.transfers, 0);
