-- A match, and a line without one, bear the line's account, currency, moment, fee and amount; or nothing, if nothing
-- moved.
create view mixpay._match_says_what_its_line_says with (security_barrier) as
select r.merchant_id, r.statement_no, r.line_no, r.part, r.theirs, l.amount, r.fee_theirs, l.fee
from (
    select
        m.merchant_id, m.statement_no, m.line_no, m.part, m.account, m.owner, m.currency, m.theirs, m.happened_at,
        m.fee_theirs, m.rule <> 'batch' as says_fee
    from mixpay.line_matches as m
    union all
    select
        u.merchant_id, u.statement_no, u.line_no, u.part, u.account, u.owner, u.currency, u.theirs, u.happened_at,
        null, false
    from mixpay.unmatched_lines as u
) as r
left join mixpay.statement_lines as l
    on
        l.merchant_id = r.merchant_id and l.statement_no = r.statement_no and l.line_no = r.line_no
        and l.part = r.part
left join mixpay.statements as s on s.merchant_id = r.merchant_id and s.statement_no = r.statement_no
where
    (r.account, r.owner, r.currency, r.happened_at) is distinct from (s.account, s.owner, l.currency, l.happened_at)
    or r.theirs is distinct from case
        when l.state = 'failed' or (l.state = 'processing' and r.theirs = 0) then 0 else l.amount
    end
    or (r.says_fee and r.fee_theirs is distinct from l.fee);
