create function mixpay._reconcile(
    p_statement mixpay.statements, p_tolerance bigint, p_lag interval
) returns mixpay.reconciliation[]
language plpgsql
set search_path = mixpay, pg_temp
as $_reconcile$
declare
    v_terms reconciled_accounts;
    v_statement statements;
    v_reach statements;
    v_horizon timestamptz;
begin
    -- The second of two runs waits here, and then finds what the first one matched.
    update reconciled_accounts set last_run = last_run + 1
    where merchant_id = p_statement.merchant_id and account = p_statement.account and owner = p_statement.owner
    returning * into v_terms;
    v_terms.tolerance := coalesce(p_tolerance, v_terms.tolerance);
    v_terms.lag := coalesce(p_lag, v_terms.lag);
    v_statement := _statement(p_statement.merchant_id, p_statement.statement_no);
    perform _refuse_withdrawn(v_statement);
    perform _match_by_number(v_terms, v_statement);
    if v_statement.reconciled_at is null then
        perform _store_lines(v_terms, v_statement);
        update statements set reconciled_at = now()
        where merchant_id = p_statement.merchant_id and statement_no = p_statement.statement_no
        returning * into v_statement;
    end if;
    perform _store_items(v_terms, v_statement);
    perform _match_named(v_terms);
    v_reach := _reaching_late_lines(v_statement);
    if (v_reach.from_at, v_reach.until_at) <> (v_statement.from_at, v_statement.until_at) then
        perform _match_by_number(v_terms, v_reach);
    end if;
    perform _match_news(v_terms);
    perform _match_named_sums(v_terms, v_reach);
    perform _match_by_amount(v_terms, v_reach, 'payment');
    perform _match_by_amount(v_terms, v_reach, 'amount');
    perform _match_batches(v_terms, v_reach);
    perform _match_bank_batches(v_terms);
    -- What was between two others may be gone now. So a run again finds nothing more.
    while _match_sums(v_terms, v_reach) loop
    end loop;
    perform _match_reversals(v_terms);
    select reconciled_until into v_horizon from reconciled_account_list
    where merchant_id = v_terms.merchant_id and account = v_terms.account and owner = v_terms.owner;
    perform _tell_matches(v_terms, v_horizon), _tell_lines(v_terms, v_horizon), _tell_items(v_terms, v_horizon);
    return _reconciliation(v_terms, p_statement.statement_no);
end;
$_reconcile$;

comment on function mixpay._reconcile(mixpay.statements, bigint, interval) is
$$Compares a statement with what is on record, and what of earlier statements of its account is open; and sums up.

Locks: the account.
Raises: MX101 if there is no such merchant; MX420 if there is no such statement; MX433 if it was withdrawn; MX901.
$$;
