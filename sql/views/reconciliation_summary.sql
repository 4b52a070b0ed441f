create view mixpay.reconciliation_summary as
select
    r.merchant_id,
    r.account::text as account,
    r.owner,
    (r.happened_at at time zone a.zone)::date as day,
    r.currency,
    count(*) filter (where r.is_line) as lines,
    count(*) filter (where r.result <> 'matched' and r.resolution_no is null) as differences,
    sum(r.ours)::bigint as ours,
    sum(r.theirs)::bigint as theirs,
    coalesce(sum(r.theirs - r.ours) filter (where r.result <> 'matched' and r.resolution_no is null), 0)::bigint
        as difference,
    coalesce(sum(r.theirs - r.ours) filter (where r.resolution_no is not null), 0)::bigint as resolved,
    coalesce(sum(r.theirs - r.ours) filter (where r.result = 'matched' and r.resolution_no is null), 0)::bigint
        as tolerated,
    coalesce(sum(r.fee_theirs), 0)::bigint as fee_theirs,
    coalesce(sum(r.fee_ours), 0)::bigint as fee_ours
from (
    select
        m.merchant_id, m.account, m.owner, m.result, m.currency, m.theirs, m.ours, m.fee_theirs, m.fee_ours,
        m.happened_at, m.resolution_no, true as is_line
    from mixpay.line_matches as m
    union all
    select
        u.merchant_id, u.account, u.owner, u.result, u.currency, u.theirs, 0, null, null, u.happened_at,
        u.resolution_no, true
    from mixpay.unmatched_lines as u
    where u.result <> 'matched' or u.theirs = 0
    union all
    select
        i.merchant_id, i.account, i.owner, i.result, i.currency, i.theirs, i.ours, null, null, i.happened_at,
        i.resolution_no, false
    from mixpay.unmatched_items as i
    where i.result <> 'matched' or i.batch_no is not null or i.line_no is not null
    union all
    -- A line that pays several is counted; what it moved stands with them. They are few, and lead to it by its key,
    -- by which there is one: the limit keeps the planner from going the other way.
    select
        u.merchant_id, u.account, u.owner, u.result, u.currency, 0, 0, null, null, u.happened_at, u.resolution_no, true
    from (
        select distinct merchant_id, statement_no, line_no, part from mixpay.unmatched_items where line_no is not null
    ) as i
    cross join lateral (
        select x.*
        from mixpay.unmatched_lines as x
        where
            x.merchant_id = i.merchant_id and x.statement_no = i.statement_no and x.line_no = i.line_no
            and x.part = i.part
        order by x.part
        limit 1
    ) as u
    where u.result = 'matched' and u.theirs <> 0
) as r
inner join mixpay.reconciled_accounts as a
    on a.merchant_id = r.merchant_id and a.account = r.account and a.owner = r.owner
group by r.merchant_id, r.account, r.owner, (r.happened_at at time zone a.zone)::date, r.currency;

comment on view mixpay.reconciliation_summary is
'For each account, day and currency, in the smallest unit: what is on record (ours), what statements say (theirs), '
'and what still differs. theirs is the sum of ours, what was resolved, what was tolerated, and the difference, which '
'is zero when you are done.';
