create view mixpay.merchant_list as
select
    merchant_id::text as merchant_id,
    title,
    allocation::text as allocation,
    created_at
from mixpay.merchants;

comment on view mixpay.merchant_list is 'The merchants that are registered.';
