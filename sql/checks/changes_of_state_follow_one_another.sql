-- Within a trade, each change of a payment or a channel refund starts from where the last one ended.
select merchant_id, trade_no, entry, entity, number, from_state, was
from (
    select
        *,
        lag(to_state, 1, '') over (partition by merchant_id, trade_no, entity, number order by entry) as was
    from mixpay.history
    where entity <> 'refund'
) as h
where from_state <> was;
