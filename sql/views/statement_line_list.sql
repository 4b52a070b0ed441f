create view mixpay.statement_line_list as
select
    l.merchant_id,
    l.statement_no,
    l.line_no,
    l.part,
    s.account::text as account,
    s.owner,
    l.kind::text as kind,
    l.type,
    l.amount,
    l.currency,
    l.fee,
    l.happened_at,
    l.channel_txn_no::text as channel_txn_no,
    l.our_no::text as our_no,
    l.of_channel_txn_no::text as of_channel_txn_no,
    l.of_our_no::text as of_our_no,
    l.batch_no::text as batch_no,
    l.state::text as state,
    l.description,
    coalesce(m.result, u.result)::text as result,
    coalesce(m.rule::text, i.matched_by) as matched_by,
    coalesce(m.kind::text, i.kind) as our_kind,
    coalesce(m.number, i.numbers) as our_number,
    coalesce(m.ours, i.ours) as ours,
    m.fee_ours,
    coalesce(m.resolution_no, u.resolution_no) as resolution_no
from mixpay.statement_lines as l
inner join mixpay.statements as s on s.merchant_id = l.merchant_id and s.statement_no = l.statement_no
-- Of each line by its key, whatever the statistics say: a statement that was just loaded has none.
left join lateral (
    select x.* from mixpay.line_matches as x
    where
        x.merchant_id = l.merchant_id and x.statement_no = l.statement_no and x.line_no = l.line_no
        and x.part = l.part
    order by x.part
    limit 1
) as m on true
left join lateral (
    select x.* from mixpay.unmatched_lines as x
    where
        x.merchant_id = l.merchant_id and x.statement_no = l.statement_no and x.line_no = l.line_no
        and x.part = l.part
    order by x.part
    limit 1
) as u on true
left join lateral (
    -- Several that a line pays together.
    select
        'batch' as matched_by, min(x.kind) as kind, sum(x.ours)::bigint as ours,
        string_agg(x.number, ' ' order by x.happened_at, x.number) as numbers
    from mixpay.unmatched_items as x
    where
        m.merchant_id is null and u.result = 'matched' and x.merchant_id = l.merchant_id
        and x.statement_no = l.statement_no and x.line_no = l.line_no and x.part = l.part
    having count(*) > 0
) as i on true;

comment on view mixpay.statement_line_list is
'Lines of statements as they were loaded, what of ours each is about, and what comparing them says; several numbers, '
'if the line pays them together. Without a result, the statement is not reconciled yet, or was withdrawn.';
