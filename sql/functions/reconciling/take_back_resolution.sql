create function mixpay.take_back_resolution(
    p_merchant_id text, p_resolution_no text, p_takes_back text, p_by text, p_reason text default null
) returns mixpay.resolution
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $take_back_resolution$
declare
    v_terms reconciled_accounts;
    v_was resolutions;
    v_resolution resolutions;
    v_why text := coalesce(p_reason, format('resolution %s is taken back', p_takes_back));
    v_kind text;
begin
    perform _check_number('resolution_no', p_resolution_no), _check_by(p_by), _check_text('reason', p_reason);
    perform _check_merchant(p_merchant_id), _check_number('takes_back', p_takes_back);
    select * into v_was from resolutions where merchant_id = p_merchant_id and resolution_no = p_takes_back;
    update reconciled_accounts set last_run = last_run + 1
    where
        merchant_id = p_merchant_id and account = v_was.account and owner = v_was.owner and not exists (
            select from resolutions where merchant_id = p_merchant_id and resolution_no = p_resolution_no
        )
    returning * into v_terms;
    select * into v_resolution from resolutions
    where merchant_id = p_merchant_id and (resolution_no = p_resolution_no or takes_back = p_takes_back)
    order by resolution_no <> p_resolution_no
    limit 1;
    if v_resolution.resolution_no = p_resolution_no and v_resolution.takes_back = p_takes_back then
        v_resolution := _reason_later(v_resolution, 'resolution_no', p_reason);
        return row(v_resolution.*)::resolution;
    end if;
    perform _refuse_taking_back(v_was, v_resolution, p_resolution_no, p_takes_back);
    if v_was.action = 'written_off' then
        perform adjust_account(
            p_merchant_id, a.account || ':' || a.owner, p_resolution_no, -a.amount, a.currency, v_why,
            a.against_account || ':' || a.against_owner
        )
        from adjustments as a
        where a.merchant_id = p_merchant_id and a.adjustment_no = p_takes_back;
    elsif v_was.action = 'booked' then
        v_kind := _take_back_booking(v_terms, v_was, p_resolution_no, v_why);
        perform _open_again(v_terms, v_was, p_resolution_no, v_kind, case
            when v_kind in ('refund_reversal', 'chargeback_reversal') then v_was.number else p_resolution_no
        end);
    end if;
    update line_matches set resolution_no = null
    where merchant_id = p_merchant_id and statement_no = v_was.statement_no and line_no = v_was.line_no
        and part = v_was.part and resolution_no = p_takes_back;
    update unmatched_lines set resolution_no = null
    where merchant_id = p_merchant_id and statement_no = v_was.statement_no and line_no = v_was.line_no
        and part = v_was.part and resolution_no = p_takes_back;
    update unmatched_items set resolution_no = null
    where merchant_id = p_merchant_id and account = v_was.account and owner = v_was.owner and kind = v_was.kind
        and number = v_was.number and resolution_no = p_takes_back;
    v_was.resolution_no := p_resolution_no;
    v_was.action := 'taken_back';
    v_was.takes_back := p_takes_back;
    v_was.amount := -v_was.amount;
    v_was.resolved_by := p_by;
    v_was.reason := p_reason;
    v_resolution := _resolve(v_was);
    return row(v_resolution.*)::resolution;
end;
$take_back_resolution$;

comment on function mixpay.take_back_resolution(text, text, text, text, text) is
$$Takes a resolution back, once: what it was about is open again.

p_takes_back is the number of that resolution, and p_resolution_no a new number for taking it back. If the resolution
booked something, the opposite is booked under p_resolution_no: by return_payment, bounce_channel_refund or
reverse_chargeback, or as a channel fee, payout or adjustment of the other sign; of a chargeback, its fee, too. The line
can then be booked again, or resolved in another way. p_by is the person who says so; the login is recorded, too. The
same numbers return the same row; the reason may come later.
Locks: the account, as reconcile does; then what the call locks that books the opposite: a trade, its
orders' splits and totals.
Raises: MX101 if there is no such merchant; MX221, MX412, MX413 or MX414 if p_resolution_no names such a thing already;
MX303, MX304 or MX311 if a refund that was booked is something else by now; MX427 if the number was used for something
else; MX431 if there is no such resolution; MX432 if it was taken back, or what was booked has no opposite; MX901;
MX905.
$$;
