create function mixpay.reconcile(
    p_merchant_id text, p_statement_no text, p_dry_run boolean default false, p_tolerance bigint default null,
    p_lag interval default null
) returns setof mixpay.reconciliation
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_custom_plan
set enable_nestloop = off set enable_mergejoin = off set jit = off set work_mem = '64MB'
as $reconcile$
declare
    v_statement statements;
    v_found reconciliation[];
begin
    perform _check_from_zero('tolerance', p_tolerance), _check_lag(p_lag);
    v_statement := _statement(p_merchant_id, p_statement_no);
    perform _refuse_withdrawn(v_statement);
    if v_statement.sealed_at is null then
        raise exception 'statement % is not complete', p_statement_no using
            errcode = 'MX425',
            detail = format('%s lines of it are loaded, and it is not sealed.', v_statement.line_count),
            hint = 'Load its lines, and say with seal_statement how many there are.';
    end if;
    begin
        v_found := _reconcile(v_statement, p_tolerance, p_lag);
        if p_dry_run then
            -- What was found stays in the variable; what was written does not.
            raise exception 'a dry run' using
                errcode = 'MXDRY', detail = 'It is caught below.', hint = 'Nobody sees it.';
        end if;
    exception
        when sqlstate 'MXDRY' then
            null;
    end;
    return query select * from unnest(v_found);
end;
$reconcile$;

comment on function mixpay.reconcile(text, text, boolean, bigint, interval) is
$$Compares a statement with what is on record of its account. The result sums up what it found about the lines
("theirs"), about what of ours has no line ("ours"), and about what an earlier run had found otherwise ("earlier").

A line is matched by the channel's number; else by our number; else with what belongs to the payment that it names and
has the same amount; else with what has the same amount and happened at nearly the same moment. A payout that has no
line is matched with the sum of its batch. A bank's line is matched with several of ours that it pays together. What
came back of a chargeback is matched with several lines that sum to it. Each line and each of ours is in at most one
match, and the same rows give the same matches.

The result of each is matched; or expected: one side is there and the other may still come; missing_there or
missing_here: the other side did not come, although statements of the account now reach further than the lag beyond it;
amount, currency, state or fee: that differs; duplicate: another line says the same; unknown: the line's type is not
known. What is open of earlier statements is compared again.

p_tolerance, in the smallest unit, and p_lag are for this run; if left out, those of set_reconciliation. With p_dry_run
nothing is written. Another run finds nothing more, unless something was booked or loaded meanwhile. Everything is in
mixpay.statement_line_list, reconciliation_differences and reconciliation_summary.
Locks: the account, as it is reconciled; no trade, payment or refund.
Raises: MX101 if there is no such merchant; MX420 if there is no such statement; MX425 if it is not sealed; MX433 if it
was withdrawn; MX901; MX902; MX904.
$$;
