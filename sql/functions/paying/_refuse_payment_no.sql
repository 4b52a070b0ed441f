create function mixpay._refuse_payment_no(p_payment mixpay.payments, p_sent json) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_refuse_payment_no$
begin
    raise exception 'payment number % was used for something else', p_payment.payment_no using
        errcode = 'MX202',
        detail = _on_record(json_build_object(
            'call', case when p_payment.recorded then 'record_payment' else 'start_payment' end,
            'trade_no', p_payment.trade_no, 'amount', p_payment.asked, 'channel', p_payment.channel,
            'method', p_payment.method, 'paid_at', p_payment.paid_at, 'channel_txn_no', p_payment.channel_txn_no,
            'captures', p_payment.captures, 'state', p_payment.state
        ), p_sent),
        hint = 'Repeat a number with the same content. For a payment that was started, use succeed_payment.';
end;
$_refuse_payment_no$;

comment on function mixpay._refuse_payment_no(mixpay.payments, json) is
$$Says what the payment is that has this number, and what was sent.

Raises: MX202.
$$;
