create function mixpay.withdraw_statement(
    p_merchant_id text, p_resolution_no text, p_statement_no text, p_by text, p_reason text
) returns mixpay.resolution
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_custom_plan
set enable_nestloop = off set enable_mergejoin = off set jit = off set work_mem = '64MB'
as $withdraw_statement$
declare
    v_terms reconciled_accounts;
    v_statement statements;
    v_found found_difference;
    v_resolution resolutions;
begin
    perform _check_number('resolution_no', p_resolution_no), _check_by(p_by), _check_text('reason', p_reason);
    v_statement := _statement(p_merchant_id, p_statement_no);
    -- Whoever reconciles or resolves something of the account waits here; but for one that is there.
    update reconciled_accounts set last_run = last_run + 1
    where
        merchant_id = p_merchant_id and account = v_statement.account and owner = v_statement.owner and not exists (
            select from resolutions where merchant_id = p_merchant_id and resolution_no = p_resolution_no
        )
    returning * into v_terms;
    select * into v_resolution from resolutions
    where merchant_id = p_merchant_id and resolution_no = p_resolution_no;
    if found then
        if (v_resolution.action, v_resolution.statement_no) is distinct from ('withdrawn', p_statement_no) then
            raise exception 'resolution number % was used for something else', p_resolution_no using
                errcode = 'MX427',
                detail = _on_record(
                    to_json(v_resolution), json_build_object('action', 'withdrawn', 'statement_no', p_statement_no)
                ),
                hint = 'Repeat a resolution with the same content, or give it a number of its own.';
        end if;
        v_resolution := _reason_later(v_resolution, 'resolution_no', p_reason);
        return row(v_resolution.*)::resolution;
    end if;
    -- Whoever loads lines waits here, and is then refused.
    update statements set resolution_no = p_resolution_no
    where merchant_id = p_merchant_id and statement_no = p_statement_no and resolution_no is null
    returning * into v_statement;
    if not found then
        perform _refuse_withdrawn(_statement(p_merchant_id, p_statement_no));
    end if;
    perform _refuse_withdrawing(v_statement);
    perform _forget_results(v_terms, v_statement);
    v_found.account := v_statement.account;
    v_found.owner := v_statement.owner;
    v_resolution := _resolution(p_merchant_id, p_resolution_no, 'withdrawn', v_found, p_by, p_reason, 0);
    v_resolution.statement_no := p_statement_no;
    v_resolution := _resolve(v_resolution);
    return row(v_resolution.*)::resolution;
end;
$withdraw_statement$;

comment on function mixpay.withdraw_statement(text, text, text, text, text) is
$$Says that a statement was loaded wrongly, such as for another channel or by a wrong map; once per resolution number.

Its lines stay on record, but nothing is compared with them any more: their matches and differences go, and what they
were matched with waits for another line. After that, reconcile another statement of the account again, or load the
right one under another number. If people have resolved something about its lines, or about what it should have covered,
take that back first, by take_back_resolution.

p_by is the person who says so; the login is recorded, too. The same number with the same content returns the same row;
neither the person nor the reason is compared, and the reason may come later. A withdrawal cannot be taken back.
Locks: the account, as reconcile does; then the statement.
Raises: MX101 if there is no such merchant; MX420 if there is no such statement; MX427 if the resolution number was used
for something else; MX433 if it was withdrawn; MX434 if a resolution of it stands; MX901; MX905.
$$;
