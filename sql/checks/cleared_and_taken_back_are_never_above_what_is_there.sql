-- No more is cleared of a line than is there, none of a channel refund was given back beyond its amount, and no receiver
-- gave back more than its share.
select merchant_id, 'trade_order' as of_what, trade_no as number, order_no as part, cleared, paid - refunded as at_most
from mixpay.trade_orders
where cleared not between 0 and paid - refunded
union all
select merchant_id, 'channel_refund', channel_refund_no, refund_no, cleared, amount
from mixpay.channel_refunds
where cleared not between 0 and amount
union all
select merchant_id, 'split_share', split_no, trade_no || ' ' || position, taken_back, amount
from mixpay.split_shares
where taken_back not between 0 and amount;
