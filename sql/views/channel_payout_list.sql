create view mixpay.channel_payout_list as
select
    merchant_id,
    payout_no::text as payout_no,
    channel,
    amount::bigint as amount,
    currency,
    bank::text as bank,
    paid_at,
    created_at
from mixpay.channel_payouts;

comment on view mixpay.channel_payout_list is
'What channels paid to our banks, in the smallest unit; below zero, what banks paid to channels.';
