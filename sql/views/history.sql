create view mixpay.history as
select
    f.merchant_id,
    f.log_no as trade_no,
    f.entry,
    f.happened_at,
    c.entity,
    c.number,
    c.from_state,
    c.to_state,
    f.reason,
    f.payment_no,
    f.order_no,
    f.refund_no,
    f.created_at
from mixpay.facts as f
cross join lateral (
    values
    (f.entity::text, f.number, f.from_state, f.to_state),
    (
        'order', case f.to_account when 'order' then f.to_owner else f.order_no end, f.order_from_state::text,
        f.order_to_state::text
    )
) as c (entity, number, from_state, to_state)
where f.log = 'trade' and c.to_state is not null;

comment on view mixpay.history is
'Every change of state of a trade, and of its orders, payments, refunds, channel refunds, releases, disputes, splits '
'and so on, with time and cause.';
comment on column mixpay.history.number is 'The number of what changed.';
