-- Every change of state on record is one of the legal ones.
create view mixpay._changes_of_state_are_legal with (security_barrier) as
select c.merchant_id, c.log, c.log_no, c.entry, c.entity, c.number, c.from_state, c.to_state
from (
    select f.merchant_id, f.log, f.log_no, f.entry, f.entity, f.number, f.from_state, f.to_state
    from mixpay.facts as f
    where f.to_state is not null
    union all
    select
        f.merchant_id, f.log, f.log_no, f.entry, 'order',
        case f.to_account when 'order' then f.to_owner else f.order_no end, f.order_from_state, f.order_to_state
    from mixpay.facts as f
    where f.order_to_state is not null
) as c
where not exists (
    select from mixpay.state_transitions as s
    where s.entity = c.entity and s.from_state = c.from_state and s.to_state = c.to_state
);
