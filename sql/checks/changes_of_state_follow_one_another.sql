-- Within its log, each change of anything but a refund starts from where the last one ended. (A refund of several
-- trades changes in the logs of all.)
create view mixpay._changes_of_state_follow_one_another with (security_barrier) as
select merchant_id, log, log_no, entry, entity, number, from_state, was
from (
    select
        *,
        lag(to_state, 1, '') over (partition by merchant_id, log, log_no, entity, number order by entry) as was
    from mixpay.facts
    where to_state is not null and entity <> 'refund'
) as f
where from_state <> was;
