-- What the summary of an account says that statements say is what their lines say, and what batches pay out.
create view mixpay._reconciliation_adds_up with (security_barrier) as
select r.merchant_id, r.account, r.owner, r.currency, r.theirs, r.lines
from (
    select
        s.merchant_id, s.account::text as account, s.owner, l.currency,
        (
            select sum(x.theirs) from mixpay.reconciliation_summary as x
            where
                x.merchant_id = s.merchant_id and x.account = s.account and x.owner = s.owner
                and x.currency = l.currency
        ) as theirs,
        sum(l.amount) filter (where l.state <> 'failed' and m.merchant_id is null) + coalesce((
            select sum(i.theirs) from mixpay.unmatched_items as i
            where
                i.merchant_id = s.merchant_id and i.account = s.account and i.owner = s.owner
                and i.currency = l.currency and i.batch_no is not null
        ), 0) as lines
    from mixpay.statements as s
    inner join mixpay.statement_lines as l on l.merchant_id = s.merchant_id and l.statement_no = s.statement_no
    -- What both sides are still at has moved nothing.
    left join mixpay.line_matches as m
        on
            m.merchant_id = l.merchant_id and m.statement_no = l.statement_no and m.line_no = l.line_no
            and m.part = l.part and m.theirs = 0
    where s.reconciled_at is not null and s.resolution_no is null
    group by s.merchant_id, s.account, s.owner, l.currency
) as r
where coalesce(r.theirs, 0) <> coalesce(r.lines, 0);
