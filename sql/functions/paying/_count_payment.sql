create function mixpay._count_payment(p_trade mixpay.trades, p_payment mixpay.payments) returns mixpay.trades
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_count_payment$
declare
    v_trade trades := p_trade;
begin
    v_trade.paid := v_trade.paid + p_payment.applied;
    v_trade.last_seq := p_payment.seq;
    if v_trade.state = 'open' and v_trade.paid = v_trade.amount then
        v_trade.state := 'paid';
    end if;
    if p_payment.paid_at < v_trade.fifo_paid_at then
        v_trade.fifo_paid_at := p_payment.paid_at;
        v_trade.fifo_seq := p_payment.seq;
    end if;
    return v_trade;
end;
$_count_payment$;

comment on function mixpay._count_payment(mixpay.trades, mixpay.payments) is
$$The trade with what this payment applied, which may be all that it lacked.
$$;
