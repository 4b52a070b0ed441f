create function mixpay.fail_payment(p_merchant_id text, p_payment_no text, p_reason text) returns mixpay.payment
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $fail_payment$
declare
    v_trade trades;
    v_payment payments;
    v_was payments;
begin
    perform _check_text('reason', p_reason);
    v_trade := _lock_trade_of_payment(p_merchant_id, p_payment_no);
    select * into v_was from payments where merchant_id = p_merchant_id and payment_no = p_payment_no;
    update payments
    set
        state = case when state in ('pending', 'authorized') then 'failed' else state end,
        voided_at = case when authorized is not null then now() end
    where
        merchant_id = p_merchant_id and payment_no = p_payment_no
        and (
            state in ('pending', 'authorized')
            or (state in ('failed', 'closed') and authorized is not null and voided_at is null)
        )
    returning * into v_payment;
    if found then
        v_trade := _post(v_trade, array[_fact(
            v_trade, 'payment', p_payment_no, v_was.state, v_payment.state, p_payment_no => p_payment_no,
            p_reason => p_reason
        )]);
        return row(v_payment.*)::payment;
    end if;
    if v_was.state = 'succeeded' then
        raise exception 'payment % has succeeded', p_payment_no using
            errcode = 'MX208',
            detail = format('%s arrived at %s.', v_was.amount, v_was.paid_at),
            hint = 'A success stays. What the channel took back since is return_payment or charge_back_payment.';
    end if;
    v_trade := _explain_later(v_trade, _fact(
        v_trade, 'payment', p_payment_no, v_was.state, v_was.state, p_payment_no => p_payment_no
    ), p_reason);
    return row(v_was.*)::payment;
end;
$fail_payment$;

comment on function mixpay.fail_payment(text, text, text) is
$$Books that a pending payment failed, or that an authorization was voided or has expired. A payment that has failed or
was closed stays as it is, and the reason may come later. If the payment has succeeded, the call is refused.
Locks: the trade.
Raises: MX101 if there is no such merchant; MX201 if there is no such payment; MX208 if it has succeeded; MX901; MX905.
$$;
