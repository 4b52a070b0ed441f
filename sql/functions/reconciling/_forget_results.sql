create function mixpay._forget_results(
    p_terms mixpay.reconciled_accounts, p_statement mixpay.statements
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_forget_results$
declare
    v_horizon timestamptz;
    v_first timestamptz;
    v_last timestamptz;
    v_other statements;
begin
    select reconciled_until into v_horizon from reconciled_account_list
    where merchant_id = p_terms.merchant_id and account = p_terms.account and owner = p_terms.owner;
    -- Its lines may be about what happened long before, which other statements cover.
    select least(p_statement.from_at, min(l.happened_at)), greatest(p_statement.until_at, max(l.happened_at))
    into v_first, v_last
    from line_matches as l
    where l.merchant_id = p_statement.merchant_id and l.statement_no = p_statement.statement_no;
    perform _forget_matches(p_terms, p_statement), _forget_batches(p_terms, p_statement);
    delete from unmatched_lines
    where merchant_id = p_statement.merchant_id and statement_no = p_statement.statement_no;
    -- What was booked by mistake, and its opposite, stay: no other line is about them either.
    delete from unmatched_items
    where
        merchant_id = p_statement.merchant_id and statement_no = p_statement.statement_no and resolution_no is null;
    for v_other in
        select s.*
        from (
            select * from statements
            where
                merchant_id = p_terms.merchant_id and account = p_terms.account and owner = p_terms.owner
                and until_at > v_first - 3 * p_terms.lag
            order by until_at
            offset 0
        ) as s
        where
            s.reconciled_at is not null and s.resolution_no is null and s.from_at < v_last + 3 * p_terms.lag
        order by s.reconciled_at, s.statement_no
    loop
        perform _store_items(p_terms, v_other);
    end loop;
    -- What was told because it reached further may come after all.
    update unmatched_items
    set result = 'expected', run = p_terms.last_run
    where
        merchant_id = p_terms.merchant_id and account = p_terms.account and owner = p_terms.owner
        and result = 'missing_there' and resolution_no is null
        and (happened_at + p_terms.lag <= v_horizon) is not true;
    perform _tell_matches(p_terms, v_horizon), _tell_lines(p_terms, v_horizon), _tell_items(p_terms, v_horizon);
end;
$_forget_results$;

comment on function mixpay._forget_results(mixpay.reconciled_accounts, mixpay.statements) is
$$Takes the results of a statement that is withdrawn out of those of its account: what its lines were matched with is
open again, and what only it should have covered is not looked for.
$$;
