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
left join mixpay.line_matches as m
    on
        m.merchant_id = l.merchant_id and m.statement_no = l.statement_no and m.line_no = l.line_no
        and m.part = l.part
left join mixpay.unmatched_lines as u
    on
        u.merchant_id = l.merchant_id and u.statement_no = l.statement_no and u.line_no = l.line_no
        and u.part = l.part
left join (
    -- Several that a line pays together.
    select
        x.merchant_id, x.statement_no, x.line_no, x.part, 'batch' as matched_by, min(x.kind) as kind,
        sum(x.ours)::bigint as ours, string_agg(x.number, ' ' order by x.happened_at, x.number) as numbers
    from mixpay.unmatched_items as x
    where x.line_no is not null
    group by x.merchant_id, x.statement_no, x.line_no, x.part
) as i
    on
        i.merchant_id = l.merchant_id and i.statement_no = l.statement_no and i.line_no = l.line_no
        and i.part = l.part and m.merchant_id is null and u.result = 'matched';

comment on view mixpay.statement_line_list is
'Lines of statements as they were loaded, what of ours each is about, and what comparing them says; several numbers, '
'if the line pays them together. Without a result, the statement is not reconciled yet, or was withdrawn.';
