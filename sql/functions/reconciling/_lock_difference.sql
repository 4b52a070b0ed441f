create function mixpay._lock_difference(
    p_merchant_id text, p_resolution_no text, p_statement_no text, p_line_no bigint, p_part text, p_account text,
    p_kind text, p_number text
) returns mixpay.found_difference
language plpgsql
set search_path = mixpay, pg_temp
as $_lock_difference$
declare
    v_statement statements;
    v_name account_name;
    v_found found_difference;
    v_line text;
begin
    if p_statement_no is not null then
        v_statement := _statement(p_merchant_id, p_statement_no);
        v_name := row(v_statement.account, v_statement.owner)::account_name;
    else
        perform _check_merchant(p_merchant_id);
    end if;
    -- Something of ours; what no statement has names one as well, the one that should have it.
    if p_line_no is null and p_account is not null then
        v_name := _check_account(p_account);
    end if;
    if
        v_name is null or (p_line_no is null and p_number is null)
        or (p_line_no is not null and p_statement_no is null)
    then
        raise exception 'it is not said what is resolved' using
            errcode = 'MX426',
            detail = format(
                'Given are statement_no %s, line_no %s, account %s, kind %s, number %s.', _shown(p_statement_no),
                _shown(p_line_no::text), _shown(p_account), _shown(p_kind), _shown(p_number)
            ),
            hint = 'Name a line by statement_no and line_no, or something of ours by account, kind and number.';
    end if;
    -- Whoever reconciles waits here, and so does who resolves something else of the account; but for one that is there.
    update reconciled_accounts set last_run = last_run + 1
    where
        merchant_id = p_merchant_id and account = v_name.account and owner = v_name.owner and not exists (
            select from resolutions where merchant_id = p_merchant_id and resolution_no = p_resolution_no
        );
    select f.* into v_found
    from (
        select m.account, m.owner, m.statement_no, m.line_no, m.part, m.kind, m.number, m.rule, m.result, m.currency,
            m.theirs, m.ours, m.fee_theirs, m.fee_ours, m.happened_at, m.resolution_no
        from line_matches as m
        where
            m.merchant_id = p_merchant_id and m.statement_no = p_statement_no and m.line_no = p_line_no
            and m.part = p_part
        union all
        select u.account, u.owner, u.statement_no, u.line_no, u.part, null, null, null, u.result, u.currency, u.theirs,
            0, null, null, u.happened_at, u.resolution_no
        from unmatched_lines as u
        where
            u.merchant_id = p_merchant_id and u.statement_no = p_statement_no and u.line_no = p_line_no
            and u.part = p_part
        union all
        select i.account, i.owner, i.statement_no, null, null, i.kind, i.number, null, i.result, i.currency, i.theirs,
            i.ours, null, null, i.happened_at, i.resolution_no
        from unmatched_items as i
        where
            p_line_no is null and i.merchant_id = p_merchant_id and i.account = v_name.account
            and i.owner = v_name.owner and i.kind = p_kind and i.number = p_number
    ) as f
    limit 1;
    if not found and p_line_no is null then
        select format('; line %s of statement %s has it', m.line_no, m.statement_no) into v_line
        from line_matches as m
        where
            m.merchant_id = p_merchant_id and m.account = v_name.account and m.owner = v_name.owner
            and m.kind = p_kind and m.number = p_number
        order by m.line_no
        limit 1;
    end if;
    if v_found.account is null then
        if p_line_no is not null then
            perform _refuse_withdrawn(v_statement);
        end if;
        raise exception 'there is nothing of this kind to resolve' using
            errcode = 'MX426',
            detail = case
                when p_line_no is null then format(
                    'No %s %s of %s:%s is without a line%s.', _shown(p_kind), _shown(p_number), v_name.account,
                    v_name.owner, v_line
                )
                else format(
                    'No line %s%s of statement %s was reconciled.', p_line_no, _shown(p_part), p_statement_no
                )
            end,
            hint = 'mixpay.reconciliation_differences has what is open. Reconcile the statement first.';
    end if;
    return v_found;
end;
$_lock_difference$;

comment on function mixpay._lock_difference(text, text, text, bigint, text, text, text, text) is
$$What was found of a line, or without a number of a line of something of ours that has none, under the lock of its
account.

Locks: the account.
Raises: MX101 if there is no such merchant; MX203 if there is no such channel; MX401 if it is neither a channel nor a
bank; MX420 if there is no such statement; MX426 if there is no such line, or nothing of ours without one; MX433 if the
statement was withdrawn; MX901.
$$;
