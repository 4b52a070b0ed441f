-- The figures of a closed period are what the journal says was written until then, and seen when it was closed.
create view mixpay._closed_balances_are_sums_of_the_journal with (security_barrier) as
with sides as (
    select p.merchant_id, p.account, k.owner, p.currency, p.created_at, p.epoch, p.xid, p.came_in, p.went_out
    from mixpay.postings as p
    -- Each account of those that are named, and each kind.
    cross join lateral (
        select '' as owner
        union all
        select p.owner where p.account not in ('order', 'surplus', 'refund', 'anomaly', 'outside')
    ) as k
), sums as (
    select
        p.merchant_id, p.until_at, s.account, s.owner, s.currency, sum(s.came_in) as came_in,
        sum(s.went_out) as went_out
    from mixpay.closed_periods as p
    inner join sides as s
        on
            s.merchant_id = p.merchant_id and s.created_at <= p.until_at
            and (s.epoch < p.epoch or (s.epoch = p.epoch and pg_visible_in_snapshot(s.xid, p.seen)))
    group by p.merchant_id, p.until_at, s.account, s.owner, s.currency
)
select
    coalesce(s.merchant_id, b.merchant_id) as merchant_id,
    coalesce(b.until_at, s.until_at) as until_at,
    coalesce(b.account, s.account) as account,
    coalesce(b.owner, s.owner) as owner,
    coalesce(b.currency, s.currency) as currency,
    b.came_in, b.went_out, s.came_in as came_in_by_journal, s.went_out as went_out_by_journal
from mixpay.closed_balances as b
full join sums as s
    on
        s.merchant_id = b.merchant_id and s.until_at = b.until_at and s.account = b.account and s.owner = b.owner
        and s.currency = b.currency
where b.came_in is distinct from s.came_in or b.went_out is distinct from s.went_out;
