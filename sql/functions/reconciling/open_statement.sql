create function mixpay.open_statement(
    p_merchant_id text, p_statement_no text, p_account text, p_from_at timestamptz default null,
    p_until_at timestamptz default null, p_format text default 'lines'
) returns mixpay.statement
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $open_statement$
declare
    v_name account_name;
    v_statement statements;
begin
    perform _check_number('statement_no', p_statement_no), _check_number('format', p_format);
    perform _check_moment('from_at', p_from_at), _check_moment('until_at', p_until_at);
    perform _check_merchant(p_merchant_id);
    v_name := _check_account(p_account);
    if (p_from_at is null) <> (p_until_at is null) or p_from_at >= p_until_at then
        raise exception 'the time of statement % does not go forward', p_statement_no using
            errcode = 'MX905',
            detail = format('It is from %s until %s.', p_from_at, p_until_at),
            hint = 'Name the first moment and the one after the last; or neither, and the lines say it.';
    end if;
    perform _reconciled_account(p_merchant_id, v_name);
    insert into statements (merchant_id, statement_no, account, owner, format, from_at, until_at)
    values (p_merchant_id, p_statement_no, v_name.account, v_name.owner, p_format, p_from_at, p_until_at)
    on conflict do nothing
    returning * into v_statement;
    if not found then
        select * into v_statement from statements
        where merchant_id = p_merchant_id and statement_no = p_statement_no;
        if (v_statement.account, v_statement.owner, v_statement.format)
            is distinct from (v_name.account::account, v_name.owner, p_format)
            or _is_another_moment(v_statement.from_at, p_from_at)
            or _is_another_moment(v_statement.until_at, p_until_at) then
            raise exception 'statement number % was used for something else', p_statement_no using
                errcode = 'MX421',
                detail = _on_record(json_build_object(
                    'account', v_statement.account || ':' || v_statement.owner, 'format', v_statement.format,
                    'from_at', v_statement.from_at, 'until_at', v_statement.until_at
                ), json_build_object(
                    'account', p_account, 'format', p_format, 'from_at', p_from_at, 'until_at', p_until_at
                )),
                hint = 'Repeat a statement with the same content, or give it a number of its own.';
        end if;
        -- The time may come later than the number, until the lines have said it.
        if v_statement.from_at is null and p_from_at is not null then
            update statements set from_at = coalesce(from_at, p_from_at), until_at = coalesce(until_at, p_until_at)
            where merchant_id = p_merchant_id and statement_no = p_statement_no
            returning * into v_statement;
        end if;
    end if;
    return row(v_statement.*)::statement;
end;
$open_statement$;

comment on function mixpay.open_statement(text, text, text, timestamptz, timestamptz, text) is
$$Begins a statement of a channel or a bank, once per statement number. Load its lines, then seal it.

p_account is channel: and which, or bank: and your name for it. It covers what happened from p_from_at on and before
p_until_at. If they are left out, its lines say that when it is sealed: from the beginning of the day of the first one
to the end of the day of the last one. p_format is a word for where the lines come from. The same number with the same
content returns the statement as it is now; a time that is left out is not compared, and may come later, until it is
sealed.
Locks: the statement, if its time is told later.
Raises: MX101 if there is no such merchant; MX203 if there is no such channel; MX401 if it is neither a channel nor a
bank; MX421 if the statement number was used for something else; MX901; MX905.
$$;
