create view mixpay.route_list as
select
    merchant_id,
    method,
    priority,
    channel,
    currency,
    weight,
    min_amount::bigint as min_amount,
    max_amount::bigint as max_amount,
    created_at
from mixpay.routes;

comment on view mixpay.route_list is
'Which channels each payment method of a merchant may use: the smallest priority first.';
