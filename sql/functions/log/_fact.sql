create function mixpay._fact(
    p_trade mixpay.trades, p_entity text, p_number text, p_from_state text default null, p_to_state text default null
) returns mixpay.fact
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_fact$
declare
    v_fact fact;
begin
    v_fact.merchant_id := p_trade.merchant_id;
    v_fact.log := 'trade';
    v_fact.log_no := p_trade.trade_no;
    v_fact.currency := p_trade.currency;
    v_fact.entity := p_entity;
    v_fact.number := p_number;
    v_fact.from_state := p_from_state;
    v_fact.to_state := p_to_state;
    return v_fact;
end;
$_fact$;

comment on function mixpay._fact(mixpay.trades, text, text, text, text) is
$$The beginning of a fact of a trade's log: whose it is, what it is about, and from which state to which it goes, if to
any.
$$;
