create function mixpay._payment_fact(
    p_trade mixpay.trades, p_payment mixpay.payments, p_from_state text
) returns mixpay.fact
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_payment_fact$
declare
    v_fact fact;
begin
    -- Written out, and not begun by _fact: every payment makes one.
    v_fact.merchant_id := p_trade.merchant_id;
    v_fact.log := 'trade';
    v_fact.log_no := p_trade.trade_no;
    v_fact.currency := p_trade.currency;
    -- The first movement is also the change of the payment's state.
    v_fact.entity := 'payment';
    v_fact.number := p_payment.payment_no;
    v_fact.from_state := p_from_state;
    v_fact.to_state := 'succeeded';
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
