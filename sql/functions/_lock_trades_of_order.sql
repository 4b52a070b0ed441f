create function mixpay._lock_trades_of_order(p_merchant_id text, p_order_no text) returns text[]
language plpgsql
set search_path = mixpay, pg_temp
as $_lock_trades_of_order$
declare
    v_trade_nos text[] := array(
        select trade_no from trade_orders where merchant_id = p_merchant_id and order_no = p_order_no order by nth
    );
begin
    perform from trades
    where merchant_id = p_merchant_id and trade_no = any (v_trade_nos)
    order by trade_no
    for no key update;
    return v_trade_nos;
end;
$_lock_trades_of_order$;

comment on function mixpay._lock_trades_of_order(text, text) is $$
Locks the trades of an order and returns their numbers, its first trade first; one that the order gets while we wait is not among them.

Locks: the trades, in ascending trade number.
$$;
