create function mixpay._lock_trades_of_order(p_merchant_id text, p_order_no text) returns mixpay.trades[]
language plpgsql
set search_path = mixpay, pg_temp
as $_lock_trades_of_order$
declare
    v_trades trades[] := array(
        select t from trades as t
        where
            t.merchant_id = p_merchant_id and t.trade_no = any (array(
                select l.trade_no from trade_orders as l
                where l.merchant_id = p_merchant_id and l.order_no = p_order_no
            ))
        order by t.trade_no
        for no key update
    );
begin
    if v_trades = '{}' then
        perform _check_order(p_merchant_id, p_order_no);
    end if;
    return v_trades;
end;
$_lock_trades_of_order$;

comment on function mixpay._lock_trades_of_order(text, text) is
$$The trades of an order, locked; one that the order gets while we wait is not among them.

Locks: the trades, in ascending trade number.
Raises: MX101 if there is no such merchant; MX103 if there is no such order; MX901.
$$;
