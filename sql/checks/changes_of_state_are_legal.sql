-- Every change of state on record is one of the legal ones.
select f.merchant_id, f.log, f.log_no, f.entry, f.entity, f.number, f.from_state, f.to_state
from mixpay.facts as f
where
    f.to_state is not null
    and not exists (
        select from mixpay.state_transitions as s
        where s.entity = f.entity and s.from_state = f.from_state and s.to_state = f.to_state
    );
