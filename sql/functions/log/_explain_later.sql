create function mixpay._explain_later(
    p_trade mixpay.trades, p_fact mixpay.facts, p_reason text
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_explain_later$
declare
    v_fact facts := p_fact;
    v_known text;
begin
    if p_reason is null then
        return p_trade;
    end if;
    select f.reason into v_known from facts as f
    where
        f.merchant_id = p_trade.merchant_id and f.log = 'trade' and f.log_no = p_trade.trade_no
        and f.entity = p_fact.entity and f.number = p_fact.number and f.to_state is not null
        and case when p_fact.order_no is null then f.to_state = p_fact.to_state else f.order_no = p_fact.order_no end
    order by f.entry desc
    limit 1;
    if v_known is not null then
        return p_trade;
    end if;
    v_fact.reason := p_reason;
    return _post(p_trade, array[v_fact]);
end;
$_explain_later$;

comment on function mixpay._explain_later(mixpay.trades, mixpay.facts, text) is $$
Writes down why something ended whose row bears no reason, if that comes later than the end. The first one stays.

p_fact says what ended, with the state that it is in as both of its states, and of which order, if it is about one of a
trade's. The caller holds the lock of the trade.
$$;
