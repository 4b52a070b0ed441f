create view mixpay.channel_fee_list as
select
    merchant_id,
    fee_no::text as fee_no,
    channel,
    amount::bigint as amount,
    currency,
    payment_no,
    reason,
    charged_at,
    created_at
from mixpay.channel_fees;

comment on view mixpay.channel_fee_list is
'What channels took for their service, in the smallest unit; below zero, what they gave back of it.';
