create function mixpay.ignore_difference(
    p_merchant_id text, p_resolution_no text, p_by text, p_reason text, p_statement_no text default null,
    p_line_no bigint default null, p_part text default '', p_account text default null, p_kind text default null,
    p_number text default null
) returns mixpay.resolution
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $ignore_difference$
declare
    v_found found_difference;
    v_resolution resolutions;
begin
    perform _check_number('resolution_no', p_resolution_no), _check_by(p_by), _check_text('reason', p_reason);
    v_found := _lock_difference(
        p_merchant_id, p_resolution_no, p_statement_no, p_line_no, p_part, p_account, p_kind, p_number
    );
    v_resolution := _resolved_before(p_merchant_id, p_resolution_no, 'ignored', v_found, p_reason);
    if v_resolution.resolution_no is null then
        v_resolution := _resolve(_resolution(p_merchant_id, p_resolution_no, 'ignored', v_found, p_by, p_reason, 0));
    end if;
    return row(v_resolution.*)::resolution;
end;
$ignore_difference$;

comment on function mixpay.ignore_difference(
    text, text, text, text, text, bigint, text, text, text, text
) is
$$Says that a difference is to be left as it is, once per resolution number; it moves nothing.

What it is about is a line (p_statement_no, p_line_no and p_part) or something of ours that has none (p_account, p_kind
and p_number), as mixpay.reconciliation_differences names it; of the two, the line counts. p_account has account and
owner of that view, as in channel:card. p_by is the person who says so; the login is recorded, too. The same number with
the same content returns the same row; neither the person nor the reason is compared, and the reason may come later.
take_back_resolution takes it back.
Locks: the account, as reconcile does.
Raises: MX101 if there is no such merchant; MX203 if there is no such channel; MX401 if it is neither a channel nor a
bank; MX420 if there is no such statement; MX426 if there is no such line, or nothing of ours without one; MX427 if the
resolution number was used for something else; MX428 if nothing is open; MX433 if the statement was withdrawn; MX435 if
the resolution was taken back; MX901; MX905.
$$;
