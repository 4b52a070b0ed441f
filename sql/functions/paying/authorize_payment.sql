create function mixpay.authorize_payment(
    p_merchant_id text, p_payment_no text, p_channel_txn_no text,
    p_expires_at timestamptz default null, p_amount bigint default null
) returns mixpay.payment
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $authorize_payment$
declare
    v_trade trades;
    v_payment payments;
    v_was payments;
begin
    perform _check_moment('expires_at', p_expires_at);
    if p_amount is not null then
        perform _check_amount('amount', p_amount);
    end if;
    perform _check_channel_txn_no('channel_txn_no', p_channel_txn_no);
    v_trade := _lock_trade_of_payment(p_merchant_id, p_payment_no);
    select * into v_payment from payments where merchant_id = p_merchant_id and payment_no = p_payment_no;
    if v_payment.recorded
        or (v_payment.authorized is not null and (
            p_amount <> v_payment.authorized or p_channel_txn_no <> v_payment.authorization_no
            or _is_another_moment(p_expires_at, v_payment.authorization_expires_at)
        )) then
        raise exception 'payment % was authorized otherwise, or never started', p_payment_no using
            errcode = 'MX211',
            detail = _on_record(json_build_object(
                'call', case when v_payment.recorded then 'record_payment' end, 'state', v_payment.state,
                'amount', v_payment.authorized, 'channel_txn_no', v_payment.authorization_no,
                'expires_at', v_payment.authorization_expires_at
            ), json_build_object(
                'amount', p_amount, 'channel_txn_no', p_channel_txn_no, 'expires_at', p_expires_at
            )),
            hint = 'An attempt has one authorization. Start another payment for another one.';
    end if;
    v_was := v_payment;
    update payments
    set
        state = case state when 'pending' then 'authorized' else state end,
        authorized = coalesce(authorized, p_amount, asked),
        authorization_no = coalesce(authorization_no, p_channel_txn_no),
        authorization_expires_at = coalesce(authorization_expires_at, p_expires_at)
    where merchant_id = p_merchant_id and payment_no = p_payment_no
    returning * into v_payment;
    if v_was.authorized is null then
        v_trade := _post(v_trade, array[_fact(
            v_trade, 'payment', p_payment_no, v_was.state, v_payment.state, p_payment_no => p_payment_no,
            p_reason => format('authorized: %s', v_payment.authorized),
            -- The news of the capture may have come first: its moment stays.
            p_happened_at => v_payment.paid_at
        )]);
    end if;
    return row(v_payment.*)::payment;
end;
$authorize_payment$;

comment on function mixpay.authorize_payment(text, text, text, timestamptz, bigint) is
$$Books that a channel has reserved a started payment's money for us. The money is not ours yet, and the payment counts
as an attempt under way.

p_amount is what the channel reserved, in the currency's smallest unit; if left out, what was started. p_channel_txn_no
is the channel's number of the authorization. p_expires_at says until when it can be captured. What was not known at
first may come later by the same call.

succeed_payment captures it, in whole or in part, and that ends it. Each further capture is a payment of its own,
recorded with p_captures. fail_payment says that it was voided or has expired. If the attempt had failed or was closed
meanwhile, its state stays, and authorization_list says that it is to be voided. If the news of its capture came first,
its state stays, too.
Locks: the trade.
Raises: MX101 if there is no such merchant; MX201 if there is no such payment; MX211 if it was authorized otherwise, or
was recorded and never started; MX901; MX902; MX905.
$$;
