-- The transfers of a channel refund are counted from 1, each once, whether they stand on it, came back or are listed.
create view mixpay._transfers_are_numbered_without_gaps with (security_barrier) as
select merchant_id, channel_refund_no, count(*) as transfers, count(distinct nth) as numbers, max(nth) as last
from mixpay.transfer_list
group by merchant_id, channel_refund_no
having count(*) <> count(distinct nth) or max(nth) <> count(*) or min(nth) <> 1;
