create view mixpay.history as
select
    merchant_id,
    log_no as trade_no,
    entry,
    happened_at,
    entity::text as entity,
    number,
    from_state,
    to_state,
    reason,
    payment_no,
    order_no,
    refund_no,
    created_at
from mixpay.facts
where log = 'trade' and to_state is not null;

comment on view mixpay.history is
'Every change of state of a trade, payment, refund, channel refund, release, dispute or split, with time and cause.';
comment on column mixpay.history.number is 'The number of what changed.';
