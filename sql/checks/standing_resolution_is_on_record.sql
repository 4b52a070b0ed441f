-- What is resolved names a resolution that stands and is about it; and each that stands is named by what it is about: a
-- difference, or a statement.
create view mixpay._standing_resolution_is_on_record with (security_barrier) as
with standing as (
    select r.* from mixpay.resolutions as r
    where not exists (
        select from mixpay.resolutions as t
        where t.merchant_id = r.merchant_id and t.takes_back = r.resolution_no
    )
),

named as (
    select
        m.merchant_id, m.resolution_no, m.account, m.owner, m.statement_no, m.line_no, m.part, null as kind,
        null as number
    from mixpay.line_matches as m
    where m.resolution_no is not null
    union all
    select u.merchant_id, u.resolution_no, u.account, u.owner, u.statement_no, u.line_no, u.part, null, null
    from mixpay.unmatched_lines as u
    where u.resolution_no is not null
    union all
    select i.merchant_id, i.resolution_no, i.account, i.owner, null, null, null, i.kind, i.number
    from mixpay.unmatched_items as i
    where i.resolution_no is not null
    union all
    select s.merchant_id, s.resolution_no, s.account, s.owner, s.statement_no, null, null, null, null
    from mixpay.statements as s
    where s.resolution_no is not null
)

select
    coalesce(n.merchant_id, s.merchant_id) as merchant_id, coalesce(s.resolution_no, n.resolution_no) as resolution_no,
    s.action, n.statement_no, n.line_no, n.kind, n.number
from standing as s
full join named as n on n.merchant_id = s.merchant_id and n.resolution_no = s.resolution_no
where
    case
        when n.resolution_no is null then s.action <> 'taken_back'
        when (s.account, s.owner) is distinct from (n.account, n.owner) then true
        -- What was booked by mistake, and its opposite.
        when s.action = 'taken_back' then false
        when n.line_no is null and n.statement_no is not null
            then (s.action, s.statement_no) is distinct from ('withdrawn', n.statement_no)
        when n.line_no is null then (s.kind, s.number) is distinct from (n.kind, n.number)
        else (s.statement_no, s.line_no, s.part) is distinct from (n.statement_no, n.line_no, n.part)
    end;
