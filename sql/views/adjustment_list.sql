create view mixpay.adjustment_list as
select
    merchant_id,
    adjustment_no::text as adjustment_no,
    account::text as account,
    owner,
    amount::bigint as amount,
    currency,
    against_account::text as against_account,
    against_owner,
    reason,
    created_at
from mixpay.adjustments;

comment on view mixpay.adjustment_list is
'What was adjusted, in the smallest unit: above zero, account got it from against_account; below zero, '
'against_account got it from account.';
