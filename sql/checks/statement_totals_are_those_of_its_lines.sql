-- A statement counts its lines; once it is sealed, its totals are their sums, by currency.
create view mixpay._statement_totals_are_those_of_its_lines with (security_barrier) as
with lines as (
    select
        l.merchant_id, l.statement_no, l.currency, count(*) as line_count, sum(l.amount) as amount,
        coalesce(sum(l.fee), 0) as fee
    from mixpay.statement_lines as l
    group by l.merchant_id, l.statement_no, l.currency
)

select s.merchant_id, s.statement_no, null as currency, s.line_count as stored, coalesce(sum(l.line_count), 0) as lines
from mixpay.statements as s
left join lines as l on l.merchant_id = s.merchant_id and l.statement_no = s.statement_no
group by s.merchant_id, s.statement_no, s.line_count
having s.line_count <> coalesce(sum(l.line_count), 0)
union all
select
    coalesce(l.merchant_id, t.merchant_id) as merchant_id,
    coalesce(l.statement_no, t.statement_no) as statement_no,
    coalesce(l.currency, t.currency) as currency,
    t.amount as stored, l.amount as lines
from lines as l
inner join mixpay.statements as s
    on s.merchant_id = l.merchant_id and s.statement_no = l.statement_no and s.sealed_at is not null
full join mixpay.statement_totals as t
    on t.merchant_id = l.merchant_id and t.statement_no = l.statement_no and t.currency = l.currency
where (t.line_count, t.amount, t.fee) is distinct from (l.line_count, l.amount, l.fee);
