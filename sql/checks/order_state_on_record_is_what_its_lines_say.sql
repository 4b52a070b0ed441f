-- The changes of an order's state on record lead from payable to what its lines say, and nowhere else; of an order that
-- was there before changes were written down, from any state, and if none is on record since, nothing can be said.
create view mixpay._order_state_on_record_is_what_its_lines_say with (security_barrier) as
with changes as not materialized (
    select
        merchant_id, case when to_account = 'order' then to_owner else order_no end as order_no,
        order_from_state::text as from_state, order_to_state::text as to_state
    from mixpay.facts
    where order_to_state is not null
), steps as (
    -- Where as many changes lead into a state as out of it, the order is not there; it is where one more leads in.
    select merchant_id, order_no, state, sum(step) as standing
    from (
        select merchant_id, order_no, to_state as state, 1 as step from changes
        union all
        select merchant_id, order_no, from_state, -1 from changes
        union all
        select merchant_id, order_no, 'payable', 1 from mixpay.orders where changes_on_record
    ) as s
    group by merchant_id, order_no, state
)
-- Of an order whose changes are all on record the steps add up to one, so one state at least is above zero.
select s.merchant_id, s.order_no, b.state, s.state as on_record, s.standing
from (select * from steps where standing > 0) as s
left join mixpay.order_balances as b on b.merchant_id = s.merchant_id and b.order_no = s.order_no
where (s.state, s.standing) is distinct from (b.state, 1);
