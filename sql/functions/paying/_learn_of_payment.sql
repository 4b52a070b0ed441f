create function mixpay._learn_of_payment(
    p_trade mixpay.trades, p_payment mixpay.payments, p_channel_txn_no text, p_paid_at timestamptz
) returns mixpay.payments
language plpgsql
set search_path = mixpay, pg_temp
as $_learn_of_payment$
declare
    v_trade trades := p_trade;
    v_payment payments := p_payment;
    v_txn_no text := case when p_payment.channel_txn_no is null then p_channel_txn_no end;
    v_moment boolean := _is_another_moment(p_payment.paid_at, p_paid_at);
begin
    if v_txn_no is null and not v_moment then
        return p_payment;
    end if;
    v_payment.channel_txn_no := coalesce(v_txn_no, p_payment.channel_txn_no);
    v_payment.paid_at := case when v_moment then p_paid_at else p_payment.paid_at end;
    begin
        update payments
        set paid_at = v_payment.paid_at, channel_txn_no = v_payment.channel_txn_no
        where merchant_id = p_payment.merchant_id and payment_no = p_payment.payment_no
        returning * into v_payment;
    exception
        when unique_violation then
            perform _refuse_channel_txn_no(
                p_payment.merchant_id, p_payment.channel, v_payment.channel_txn_no, v_payment.paid_at
            );
    end;
    -- Later refunds look for it where it belongs.
    if not v_payment.spent and (v_payment.paid_at, v_payment.seq) < (v_trade.fifo_paid_at, v_trade.fifo_seq) then
        v_trade.fifo_paid_at := v_payment.paid_at;
        v_trade.fifo_seq := v_payment.seq;
    end if;
    perform _post(v_trade, array[_fact(
        p_trade, 'payment', p_payment.payment_no, p_payment.state, p_payment.state,
        p_payment_no => p_payment.payment_no, p_reason => concat_ws(
            '; ', 'channel transaction ' || v_txn_no, case when v_moment then 'its moment came later' end
        ), p_happened_at => v_payment.paid_at
    )]);
    return v_payment;
end;
$_learn_of_payment$;

comment on function mixpay._learn_of_payment(mixpay.trades, mixpay.payments, text, timestamptz) is
$$Writes down what was not known when a payment's money was booked: the channel's number, if it has none, and when the
money arrived. Returns the payment.

From then on refunds take from it where that moment puts it; what was refunded before stays as it is. The caller holds
the lock of the trade, and knows that the moment is the same or was assumed.
Raises: MX207 if the number is another payment's.
$$;
