create function mixpay._name_transaction(
    p_trade mixpay.trades, p_payment mixpay.payments, p_channel_txn_no text
) returns mixpay.payments
language plpgsql
set search_path = mixpay, pg_temp
as $_name_transaction$
declare
    v_payment payments;
    v_fact facts := _fact(p_trade, 'payment', p_payment.payment_no, p_payment.state, p_payment.state);
begin
    begin
        update payments set channel_txn_no = p_channel_txn_no
        where merchant_id = p_payment.merchant_id and payment_no = p_payment.payment_no
        returning * into v_payment;
    exception
        when unique_violation then
            perform _refuse_channel_txn_no(
                p_payment.merchant_id, p_payment.channel, p_channel_txn_no, p_payment.paid_at
            );
    end;
    v_fact.payment_no := p_payment.payment_no;
    v_fact.reason := format('channel transaction %s', p_channel_txn_no);
    perform _post(p_trade, array[v_fact]);
    return v_payment;
end;
$_name_transaction$;

comment on function mixpay._name_transaction(mixpay.trades, mixpay.payments, text) is
$$Writes down the channel's number of a payment that was booked without one, and returns the payment.

The caller holds the lock of the trade.
Raises: MX207 if it is another payment's.
$$;
