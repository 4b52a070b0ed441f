-- A statement counts its lines; once it is sealed, its totals are their sums, by currency. A union that stood in the
-- view by itself would be no barrier: PostgreSQL looks through it.
create view mixpay._statement_totals_are_those_of_its_lines with (security_barrier) as
select x.* from (
    select s.merchant_id, s.statement_no, null as currency, s.line_count as stored, count(l.line_no) as lines
    from mixpay.statements as s
    left join mixpay.statement_lines as l on l.merchant_id = s.merchant_id and l.statement_no = s.statement_no
    group by s.merchant_id, s.statement_no
    having s.line_count <> count(l.line_no)
    union all
    select
        coalesce(t.merchant_id, l.merchant_id) as merchant_id,
        coalesce(l.statement_no, t.statement_no) as statement_no,
        coalesce(l.currency, t.currency) as currency, t.amount as stored, l.amount as lines
    from (
        select
            y.merchant_id, y.statement_no, y.currency, count(*) as line_count, sum(y.amount) as amount,
            coalesce(sum(y.fee), 0) as fee
        from mixpay.statement_lines as y
        inner join mixpay.statements as s
            on s.merchant_id = y.merchant_id and s.statement_no = y.statement_no and s.sealed_at is not null
        group by y.merchant_id, y.statement_no, y.currency
    ) as l
    full join mixpay.statement_totals as t
        on t.merchant_id = l.merchant_id and t.statement_no = l.statement_no and t.currency = l.currency
    where (t.line_count, t.amount, t.fee) is distinct from (l.line_count, l.amount, l.fee)
) as x;
