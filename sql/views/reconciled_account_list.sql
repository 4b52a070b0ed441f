create view mixpay.reconciled_account_list as
select
    a.merchant_id,
    a.account::text as account,
    a.owner::text as owner,
    a.zone,
    a.tolerance::bigint as tolerance,
    a.lag,
    a.fee_rate,
    a.fee_fixed::bigint as fee_fixed,
    a.write_off_limit::bigint as write_off_limit,
    (
        select max(s.until_at) from mixpay.statements as s
        where
            s.merchant_id = a.merchant_id and s.account = a.account and s.owner = a.owner
            and s.reconciled_at is not null and s.resolution_no is null
    ) as reconciled_until,
    a.created_at
from mixpay.reconciled_accounts as a;

comment on view mixpay.reconciled_account_list is
'Channels and banks whose statements are loaded, how each is compared, and until when that is done.';
