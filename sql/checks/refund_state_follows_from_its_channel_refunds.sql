-- A refund is processing while a channel refund of it is open; then succeeded if no detail is freed,
-- failed if all are, else partly_failed.
create view mixpay._refund_state_follows_from_its_channel_refunds with (security_barrier) as
select r.merchant_id, r.refund_no, r.state, r.succeeded, r.freed, s.open, s.succeeded as sent, s.freed as not_sent
from mixpay.refunds as r
cross join lateral (
    -- By its details, whose keys lead to both: by the refund's number alone, a server that knows the tables from when
    -- they were small reads all of the merchant's.
    select
        coalesce(sum(c.open), 0)::bigint as open,
        coalesce(sum(c.succeeded), 0) as succeeded,
        coalesce(sum(d.amount) filter (where d.freed), 0) as freed
    from mixpay.refund_details as d
    cross join lateral (
        select
            count(*) filter (where x.state in ('waiting', 'pending', 'sent', 'doubt')) as open,
            sum(x.amount) filter (where x.state in ('succeeded', 'written_off')) as succeeded
        from mixpay.channel_refunds as x
        where x.merchant_id = d.merchant_id and x.refund_no = d.refund_no and x.payment_no = d.payment_no
    ) as c
    where d.merchant_id = r.merchant_id and d.refund_no = r.refund_no
) as s
where
    r.state <> case
        when s.open > 0 then 'processing' when s.freed = 0 then 'succeeded' when s.succeeded = 0 then 'failed'
        else 'partly_failed'
    end
    or r.succeeded <> s.succeeded
    or r.freed <> s.freed;
