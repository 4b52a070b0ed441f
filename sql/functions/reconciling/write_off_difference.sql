create function mixpay.write_off_difference(
    p_merchant_id text, p_resolution_no text, p_by text, p_reason text, p_statement_no text default null,
    p_line_no bigint default null, p_part text default '', p_account text default null, p_kind text default null,
    p_number text default null
) returns mixpay.resolution
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $write_off_difference$
declare
    v_found found_difference;
    v_resolution resolutions;
    v_amount bigint;
    v_limit bigint;
begin
    perform _check_number('resolution_no', p_resolution_no), _check_by(p_by), _check_text('reason', p_reason);
    v_found := _lock_difference(
        p_merchant_id, p_resolution_no, p_statement_no, p_line_no, p_part, p_account, p_kind, p_number
    );
    v_resolution := _resolved_before(p_merchant_id, p_resolution_no, 'written_off', v_found, p_reason);
    if v_resolution.resolution_no is not null then
        return row(v_resolution.*)::resolution;
    end if;
    -- What our account there has less than the books say.
    v_amount := case v_found.result
        when 'fee' then v_found.fee_theirs - v_found.fee_ours else v_found.ours - v_found.theirs
    end;
    select write_off_limit into v_limit from reconciled_accounts
    where merchant_id = p_merchant_id and account = v_found.account and owner = v_found.owner;
    if abs(v_amount) > v_limit or v_amount = 0 or v_found.result in ('currency', 'state') then
        raise exception 'this is not written off' using
            errcode = 'MX429',
            detail = format(
                'The result is %s, the difference %s, and the limit of %s:%s is %s.', v_found.result,
                case v_found.result when 'fee' then v_amount else -v_amount end, v_found.account, v_found.owner, v_limit
            ),
            hint = 'set_reconciliation raises the limit. Another currency is booked by hand, and ignored. '
                'If it succeeded, book_line says so.';
    end if;
    perform adjust_account(
        p_merchant_id, v_found.account || ':' || v_found.owner, p_resolution_no, v_amount, v_found.currency,
        coalesce(p_reason, _about(v_found)), 'rounding:reconciliation'
    );
    v_resolution := _resolve(_resolution(
        p_merchant_id, p_resolution_no, 'written_off', v_found, p_by, p_reason, v_amount
    ));
    return row(v_resolution.*)::resolution;
end;
$write_off_difference$;

comment on function mixpay.write_off_difference(
    text, text, text, text, text, bigint, text, text, text, text
) is
$$Writes a difference off within the account's limit, once per resolution number: the merchant bears it. An adjustment
of the same number moves it between the account and rounding:reconciliation, so the books agree with the channel or the
bank.

What it is about is a line (p_statement_no, p_line_no and p_part) or something of ours that has none (p_account, p_kind
and p_number), as mixpay.reconciliation_differences names it; of the two, the line counts. p_account has account and
owner of that view, as in channel:card. If the fee of a line differs, the difference of the fees is written off.
set_reconciliation sets the limit. p_by is the person who says so; the login is recorded, too. The same number with the
same content returns the same row; neither the person nor the reason is compared, and the reason may come later.
take_back_resolution takes it back, with the opposite adjustment.

What is written off is matched with nothing any more. If the other side turns up after all, that is a difference: take
the resolution back, and reconcile.
Locks: the account, as reconcile does.
Raises: MX101 if there is no such merchant; MX203 if there is no such channel; MX401 if it is neither a channel nor a
bank; MX412 if an adjustment has the number; MX420 if there is no such statement; MX426 if there is no such line, or
nothing of ours without one; MX427 if the resolution number was used for something else; MX428 if nothing is open; MX429
if it is above the limit, in another currency, or of another state; MX433 if the statement was withdrawn; MX435 if the
resolution was taken back; MX901; MX905.
$$;
