-- Each change of a payment or a channel refund within its trade, of a settlement or a repayment starts from where the
-- last one ended.
select merchant_id, trade_no, entry, entity, number, from_state, was
from (
    select
        *,
        lag(to_state, 1, '') over (partition by merchant_id, trade_no, entity, number order by entry) as was
    from (
        select merchant_id, trade_no, entry, entity, number, from_state, to_state from mixpay.history
        where entity <> 'refund'
        union all
        select merchant_id, null, entry, entity, number, from_state, to_state from mixpay.settlement_facts
    ) as c
) as h
where from_state <> was;
