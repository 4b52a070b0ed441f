create view mixpay.allocations as
select
    merchant_id,
    log_no as trade_no,
    entry,
    payment_no,
    order_no,
    amount::bigint as amount,
    happened_at,
    created_at
from mixpay.facts
where log = 'trade' and from_account = 'channel' and to_account = 'order';

comment on view mixpay.allocations is
'Which order each payment''s money went to when it arrived, in the currency''s smallest unit.';
