create function mixpay._paid_fact(p_trade mixpay.trades, p_payment mixpay.payments) returns mixpay.fact
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_paid_fact$
declare
    v_fact fact := _fact(p_trade, 'trade', p_trade.trade_no, 'open', 'paid');
begin
    v_fact.payment_no := p_payment.payment_no;
    v_fact.happened_at := p_payment.paid_at;
    return v_fact;
end;
$_paid_fact$;

comment on function mixpay._paid_fact(mixpay.trades, mixpay.payments) is
$$The fact that a trade lacks nothing any more, since this payment.
$$;
