-- Each line of a reconciled statement is matched, or said to be unmatched; one that is both says matched. A line of a
-- statement that was withdrawn says nothing.
create view mixpay._reconciled_line_has_one_result with (security_barrier) as
select l.merchant_id, l.statement_no, l.line_no, l.part, m.result as of_match, u.result
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
where
    case
        when s.reconciled_at is null or s.resolution_no is not null then m.result is not null or u.result is not null
        else coalesce(m.result, u.result) is null or (m.result is not null and u.result <> 'matched')
    end;
