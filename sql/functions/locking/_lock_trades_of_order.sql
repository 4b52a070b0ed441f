create function mixpay._lock_trades_of_order(p_merchant_id text, p_order_no text) returns mixpay.trades[]
language plpgsql
set search_path = mixpay, pg_temp
as $_lock_trades_of_order$
declare
    v_trades trades[] := array(
        select t.trade
        from (
            -- What would be in this order by itself is what is not to be read: all lines of the merchant.
            select l.trade_no from (
                select x.trade_no from trade_orders as x
                where x.merchant_id = p_merchant_id and x.order_no = p_order_no
                offset 0
            ) as l
            order by l.trade_no
        ) as n
        cross join lateral (
            select x as trade from trades as x
            where x.merchant_id = p_merchant_id and x.trade_no = n.trade_no
            for no key update
        ) as t
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
