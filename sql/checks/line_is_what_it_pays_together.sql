-- A line of a bank that pays several of ours is in no other match, and its amount is their parts of it.
create view mixpay._line_is_what_it_pays_together with (security_barrier) as
select i.merchant_id, i.statement_no, i.line_no, i.part, u.theirs, sum(i.theirs) as parts, count(*) as items
from mixpay.unmatched_items as i
left join mixpay.unmatched_lines as u
    on
        u.merchant_id = i.merchant_id and u.statement_no = i.statement_no and u.line_no = i.line_no
        and u.part = i.part and u.account = i.account and u.owner = i.owner and u.result = 'matched'
left join mixpay.line_matches as m
    on
        m.merchant_id = i.merchant_id and m.statement_no = i.statement_no and m.line_no = i.line_no
        and m.part = i.part
where i.line_no is not null
group by i.merchant_id, i.statement_no, i.line_no, i.part, u.theirs, m.merchant_id
having sum(i.theirs) is distinct from u.theirs or count(*) < 2 or m.merchant_id is not null;
