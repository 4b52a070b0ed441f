create view mixpay.allocations as
select
    merchant_id,
    trade_no,
    entry,
    payment_no,
    order_no,
    amount,
    happened_at,
    created_at
from mixpay.facts
where from_account = 'channel' and to_account = 'order';

comment on view mixpay.allocations is
'Which order each payment''s money went to when it arrived, in the currency''s smallest unit.';
