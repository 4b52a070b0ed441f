create function mixpay._store_lines(
    p_terms mixpay.reconciled_accounts, p_statement mixpay.statements
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_store_lines$
begin
    insert into unmatched_lines (
        merchant_id, statement_no, line_no, part, account, owner, result, currency, theirs, happened_at, run
    )
    select
        l.merchant_id, l.statement_no, l.line_no, l.part, p_terms.account, p_terms.owner, 'expected', l.currency,
        case l.state when 'failed' then 0 else l.amount end, l.happened_at, p_terms.last_run
    from statement_lines as l
    where
        l.merchant_id = p_statement.merchant_id and l.statement_no = p_statement.statement_no
        and not exists (
            select from line_matches as m
            where
                m.merchant_id = l.merchant_id and m.statement_no = l.statement_no and m.line_no = l.line_no
                and m.part = l.part
        );
end;
$_store_lines$;

comment on function mixpay._store_lines(mixpay.reconciled_accounts, mixpay.statements) is
$$Stores the lines of a statement that are not matched, as expected: once, when it is reconciled first.
$$;
