create function mixpay.mark_received(
    p_merchant_id text, p_resolution_no text, p_by text, p_account text, p_kind text, p_number text,
    p_reason text default null
) returns mixpay.resolution
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $mark_received$
declare
    v_found found_difference;
    v_resolution resolutions;
begin
    perform _check_number('resolution_no', p_resolution_no), _check_by(p_by), _check_text('reason', p_reason);
    v_found := _lock_difference(p_merchant_id, p_resolution_no, null, null, null, p_account, p_kind, p_number);
    v_resolution := _resolved_before(p_merchant_id, p_resolution_no, 'received', v_found, p_reason);
    if v_resolution.resolution_no is null then
        v_resolution := _resolve(_resolution(
            p_merchant_id, p_resolution_no, 'received', v_found, p_by, p_reason, v_found.ours
        ));
    end if;
    return row(v_resolution.*)::resolution;
end;
$mark_received$;

comment on function mixpay.mark_received(text, text, text, text, text, text, text) is
$$Says that somebody has seen the money of something of ours that no statement covers, such as cash that was counted;
once per resolution number. It moves nothing: the books have it already.

p_account, p_kind and p_number are as mixpay.reconciliation_differences names it; p_account has account and owner of
that view, as in channel:card. p_by is the person who has seen it; the login is recorded, too. The same number with the
same content returns the same row; neither the person nor the reason is compared, and the reason may come later.
take_back_resolution takes it back.
Locks: the account, as reconcile does.
Raises: MX101 if there is no such merchant; MX203 if there is no such channel; MX401 if it is neither a channel nor a
bank; MX426 if nothing of ours like this is without a line; MX427 if the resolution number was used for something else;
MX428 if nothing is open; MX435 if the resolution was taken back; MX901; MX905.
$$;
