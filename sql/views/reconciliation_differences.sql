create view mixpay.reconciliation_differences as
with open_ones as (
    select
        m.merchant_id, m.account, m.owner, m.result, m.statement_no, m.line_no, m.part, m.kind, m.number,
        m.currency, m.theirs, m.ours, m.fee_theirs, m.fee_ours, m.happened_at, m.run
    from mixpay.line_matches as m
    where m.result <> 'matched' and m.resolution_no is null
    union all
    select
        u.merchant_id, u.account, u.owner, u.result, u.statement_no, u.line_no, u.part, null, null, u.currency,
        u.theirs, 0, null, null, u.happened_at, u.run
    from mixpay.unmatched_lines as u
    where u.result <> 'matched' and u.resolution_no is null
    union all
    select
        i.merchant_id, i.account, i.owner, i.result, i.statement_no, null, null, i.kind, i.number, i.currency,
        i.theirs, i.ours, null, null, i.happened_at, i.run
    from mixpay.unmatched_items as i
    where i.result <> 'matched' and i.resolution_no is null
)

select
    o.merchant_id,
    o.account::text as account,
    o.owner,
    o.result::text as result,
    o.statement_no,
    o.line_no,
    o.part,
    coalesce(o.kind, l.kind)::text as kind,
    o.number,
    o.currency,
    o.theirs,
    o.ours,
    o.theirs - o.ours as difference,
    case when o.result in ('amount', 'fee') then coalesce(o.fee_theirs - o.fee_ours, 0) else 0 end as fee_difference,
    o.happened_at,
    case o.result
        when 'expected' then case
            when o.number is null then 'nothing of ours is found, and it may still come'
            when o.line_no is null then 'no statement has it yet'
            else 'the channel is at it, and so are we'
        end
        when 'missing_there' then 'statements reach beyond it, and none has it'
        when 'missing_here' then 'nothing of ours is found, and it should have come by now'
        when 'amount' then case when o.fee_theirs <> o.fee_ours
            then format(
                'the statement says %s, and %s is on record; the channel took %s, and %s is on record or agreed',
                o.theirs, o.ours, o.fee_theirs, o.fee_ours
            )
            else format('the statement says %s, and %s is on record', o.theirs, o.ours) end
        when 'currency' then format('the statement says %s, and another currency is on record', o.currency)
        when 'state' then case
            when o.ours <> 0 then 'the statement says that it failed, and it moved by our record'
            when l.state = 'failed' then 'the statement says that it failed, and we still wait for it'
            when l.state = 'processing' then 'the channel is still at it, and nothing moved by our record'
            else 'the statement says that it went, and nothing moved by our record' end
        when 'fee' then format('the channel took %s, and %s is on record or agreed', o.fee_theirs, o.fee_ours)
        when 'duplicate' then 'another line says the same'
        else format('the line is of a type that is not known: %s', coalesce(l.type, 'none'))
    end as reason,
    case
        when o.result = 'expected' then 'wait for the next statement, or reconcile again'
        when o.result = 'missing_there' then 'ask the channel or bank; or mark_received, if the money was seen'
        when o.result = 'missing_here'
            then 'book_line, if it is ours; else ask the channel or bank, or ignore_difference'
        when o.result = 'state' and o.ours = 0 and l.state = 'succeeded'
            then 'book_line: the channel says that it succeeded'
        when o.result = 'state' then 'ask the channel or bank; then fail, return or bounce it, and reconcile again'
        when o.result in ('amount', 'fee', 'currency')
            then 'ask the channel or bank; or write_off_difference, or ignore_difference'
        when o.result = 'duplicate' then 'ask whether it moved twice; else ignore_difference'
        else 'look what it is; book_line, or ignore_difference'
    end as what_to_do,
    l.type,
    l.channel_txn_no::text as channel_txn_no,
    l.our_no::text as our_no,
    l.description
from open_ones as o
-- Of each by its key, as in statement_line_list.
left join lateral (
    select x.* from mixpay.statement_lines as x
    where
        x.merchant_id = o.merchant_id and x.statement_no = o.statement_no and x.line_no = o.line_no
        and x.part = o.part
    order by x.part
    limit 1
) as l on true;

comment on view mixpay.reconciliation_differences is
'Work: where statements and what is on record differ, why, and what to do about it. A row with a number and no '
'line_no is something of ours that no line is about.';
