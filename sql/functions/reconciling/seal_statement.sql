create function mixpay.seal_statement(
    p_merchant_id text, p_statement_no text, p_line_count bigint, p_totals jsonb default null
) returns mixpay.statement
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $seal_statement$
declare
    v_statement statements;
    v_zone text;
begin
    if p_totals is not null then
        perform _check_batch('total', p_totals, array['currency'], array[]::text[], array['amount', 'fee']);
    end if;
    perform _statement(p_merchant_id, p_statement_no);
    -- Who loads lines waits here, and is then refused; or was first, and these are counted.
    update statements set line_count = line_count
    where merchant_id = p_merchant_id and statement_no = p_statement_no
    returning * into v_statement;
    perform _refuse_withdrawn(v_statement);
    if v_statement.line_count is distinct from p_line_count then
        raise exception 'statement % has another number of lines', p_statement_no using
            errcode = 'MX424',
            detail = format(
                '%s are loaded, and %s are said.', v_statement.line_count, coalesce(p_line_count::text, 'null')
            ),
            hint = 'Load what is missing. A file that was cut off is asked for again.';
    end if;
    if v_statement.sealed_at is null then
        insert into statement_totals (merchant_id, statement_no, currency, line_count, amount, fee)
        select p_merchant_id, p_statement_no, l.currency, count(*), sum(l.amount), coalesce(sum(l.fee), 0)
        from statement_lines as l
        where l.merchant_id = p_merchant_id and l.statement_no = p_statement_no
        group by l.currency;
    end if;
    perform _refuse_other_totals(v_statement, p_totals);
    if v_statement.sealed_at is null then
        select zone into v_zone from reconciled_accounts
        where merchant_id = p_merchant_id and account = v_statement.account and owner = v_statement.owner;
        update statements
        set
            sealed_at = now(),
            from_at = coalesce(from_at, date_trunc('day', l.first_at, v_zone)),
            until_at = coalesce(
                until_at, (date_trunc('day', l.last_at at time zone v_zone) + interval '1 day') at time zone v_zone
            )
        from (
            select coalesce(min(x.happened_at), now()) as first_at, coalesce(max(x.happened_at), now()) as last_at
            from statement_lines as x
            where x.merchant_id = p_merchant_id and x.statement_no = p_statement_no
        ) as l
        where merchant_id = p_merchant_id and statement_no = p_statement_no
        returning statements.* into v_statement;
    end if;
    return row(v_statement.*)::statement;
end;
$seal_statement$;

comment on function mixpay.seal_statement(text, text, bigint, jsonb) is
$$Says that a statement is complete. Only then can it be reconciled, and it takes no further line.

p_line_count is how many lines there are. p_totals is what the statement itself says that they sum to, [{"currency",
"amount"?, "fee"?}, ...], in whole numbers of the smallest unit. If a number that is given is not right, nothing is
sealed. If no time was named when it was opened, it covers the days of its lines, from the first one to the last one;
without lines, today. A statement that is sealed may be sealed again with the same count and totals.
Locks: the statement.
Raises: MX101 if there is no such merchant; MX420 if there is no such statement; MX424 if the lines are more, fewer, or
sum to something else; MX433 if it was withdrawn; MX901; MX902; MX903; MX904.
$$;
