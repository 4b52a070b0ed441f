create function mixpay._payment_fact(
    p_trade mixpay.trades, p_payment mixpay.payments, p_from_state text
) returns mixpay.facts
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_payment_fact$
declare
    -- The first movement is also the change of the payment's state.
    v_fact facts := _fact(p_trade, 'payment', p_payment.payment_no, p_from_state, 'succeeded');
begin
    v_fact.payment_no := p_payment.payment_no;
    v_fact.happened_at := p_payment.paid_at;
    v_fact.from_account := 'channel';
    v_fact.from_owner := p_payment.channel;
    return v_fact;
end;
$_payment_fact$;

comment on function mixpay._payment_fact(mixpay.trades, mixpay.payments, text) is
$$The beginning of the facts of a payment that succeeds: its money comes from its channel.
$$;
