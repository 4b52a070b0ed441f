-- A refund is processing while a channel refund of it is open; then succeeded if no detail is freed,
-- failed if all are, else partly_failed.
create view mixpay._refund_state_follows_from_its_channel_refunds with (security_barrier) as
select r.merchant_id, r.refund_no, r.state, r.succeeded, r.freed, s.open, s.succeeded as sent, s.freed as not_sent
from mixpay.refunds as r
cross join lateral (
    select
        count(*) filter (where c.state in ('waiting', 'pending', 'sent', 'doubt')) as open,
        coalesce(sum(c.amount) filter (where c.state in ('succeeded', 'written_off')), 0) as succeeded,
        (
            select coalesce(sum(d.amount), 0)
            from mixpay.refund_details as d
            where d.merchant_id = r.merchant_id and d.refund_no = r.refund_no and d.freed
        ) as freed
    from mixpay.channel_refunds as c
    where c.merchant_id = r.merchant_id and c.refund_no = r.refund_no
) as s
where
    r.state <> case
        when s.open > 0 then 'processing' when s.freed = 0 then 'succeeded' when s.succeeded = 0 then 'failed'
        else 'partly_failed'
    end
    or r.succeeded <> s.succeeded
    or r.freed <> s.freed;
