create function mixpay.succeed_payment(
    p_merchant_id text, p_payment_no text, p_channel_txn_no text,
    p_paid_at timestamptz default null, p_amount bigint default null
) returns mixpay.payment
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $succeed_payment$
declare
    v_trade trades;
    v_payment payments;
    v_from_state text;
    v_amount bigint;
    v_applied bigint;
begin
    if p_paid_at is not null then
        perform _check_past('paid_at', p_paid_at);
    end if;
    if p_amount is not null then
        perform _check_amount('amount', p_amount);
    end if;
    if p_channel_txn_no is not null then
        perform _check_channel_txn_no('channel_txn_no', p_channel_txn_no);
    end if;
    v_trade := _lock_trade_of_payment(p_merchant_id, p_payment_no);
    select * into v_payment from payments where merchant_id = p_merchant_id and payment_no = p_payment_no;
    if v_payment.state = 'succeeded' then
        if p_amount <> v_payment.amount or p_channel_txn_no <> v_payment.channel_txn_no or (
            _is_another_moment(v_payment.paid_at, p_paid_at)
            and not _was_assumed(v_trade, 'payment', p_payment_no, v_payment.paid_at)
        ) then
            raise exception 'payment % has succeeded with other news', p_payment_no using
                errcode = 'MX208',
                detail = _on_record(json_build_object(
                    'amount', v_payment.amount, 'channel_txn_no', v_payment.channel_txn_no, 'paid_at', v_payment.paid_at
                ), json_build_object(
                    'amount', p_amount, 'channel_txn_no', p_channel_txn_no, 'paid_at', p_paid_at
                )),
                hint = 'Money that arrived besides is a payment of its own: record_payment.';
        end if;
        v_payment := _learn_of_payment(v_trade, v_payment, p_channel_txn_no, p_paid_at);
        return row(v_payment.*)::payment;
    end if;
    v_from_state := v_payment.state;
    v_amount := coalesce(p_amount, v_payment.authorized, v_payment.asked);
    -- A trade that is not open needs nothing.
    v_applied := case when v_trade.state = 'open' then least(v_amount, v_trade.amount - v_trade.paid) else 0 end;
    begin
        update payments
        set
            state = 'succeeded', amount = v_amount, applied = v_applied, surplus = v_amount - v_applied,
            channel_txn_no = p_channel_txn_no, paid_at = coalesce(p_paid_at, now()), seq = v_trade.last_seq + 1,
            txn_day = case
                when p_channel_txn_no is not null
                    then (
                        select _number_day(c, coalesce(p_paid_at, now())) from channels as c
                        where c.channel = v_payment.channel
                    )
            end
        where merchant_id = p_merchant_id and payment_no = p_payment_no
        returning * into v_payment;
    exception
        when unique_violation then
            perform _refuse_channel_txn_no(
                p_merchant_id, v_payment.channel, p_channel_txn_no, coalesce(p_paid_at, now())
            );
    end;
    v_payment := _apply_payment(v_trade, v_payment, v_from_state);
    return row(v_payment.*)::payment;
end;
$succeed_payment$;

comment on function mixpay.succeed_payment(text, text, text, timestamptz, bigint) is
$$Books that a started payment's money arrived, also after the payment failed or was closed. You may call it as often as
you like.

p_amount is what arrived, in the currency's smallest unit; if left out, what was authorized, or started. What the trade
does not need becomes the payment's surplus and goes back to it. p_paid_at is when it arrived; if left out, now; refunds
take the oldest money first. p_channel_txn_no is the channel's own number, null if it has none or is not known yet. The
number and the moment, if they were left out at first, may come with later news; refunds go by that moment from then on.
Locks: the trade; then its orders' splits, then their totals, each in ascending order number.
Raises: MX101 if there is no such merchant; MX201 if there is no such payment; MX207 if the channel transaction is
another payment's; MX208 if it has succeeded with another amount or channel transaction, or at another moment; MX901;
MX902; MX905.
$$;
