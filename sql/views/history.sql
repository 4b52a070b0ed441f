create view mixpay.history as
select
    merchant_id,
    trade_no,
    entry,
    happened_at,
    entity,
    case entity
        when 'trade' then trade_no when 'payment' then payment_no when 'refund' then refund_no
        when 'channel_refund' then channel_refund_no else cause_no
    end as number,
    from_state,
    to_state,
    reason,
    payment_no,
    order_no,
    refund_no,
    created_at
from mixpay.facts
where to_state is not null;

comment on view mixpay.history is
'Every change of state of a trade, payment, refund, channel refund, release, dispute or split, with time and cause.';
comment on column mixpay.history.number is 'The number of what changed.';
