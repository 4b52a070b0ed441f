create view mixpay.period_list as
select
    p.merchant_id,
    p.until_at,
    b.account::text as account,
    b.owner,
    b.currency,
    b.came_in,
    b.went_out,
    b.came_in - b.went_out as balance,
    p.created_at
from mixpay.closed_periods as p
left join mixpay.closed_balances as b on p.merchant_id = b.merchant_id and p.until_at = b.until_at;

comment on view mixpay.period_list is
'What the accounts had when each closed period ended, in the currency''s smallest unit; it is final.';
comment on column mixpay.period_list.owner is 'Whose account; empty: all accounts of this kind together.';
