-- Every change of state on record is one of the legal ones.
select f.merchant_id, f.trade_no, f.number, f.entry, f.entity, f.from_state, f.to_state
from (
    select merchant_id, trade_no, null as number, entry, entity, from_state, to_state from mixpay.facts
    union all
    select merchant_id, null, number, entry, entity, from_state, to_state from mixpay.settlement_facts
) as f
where
    f.to_state is not null
    and not exists (
        select from mixpay.state_transitions as s
        where s.entity = f.entity and s.from_state = f.from_state and s.to_state = f.to_state
    );
