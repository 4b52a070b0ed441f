create function mixpay._lock_splits(p_merchant_id text, p_trade_nos text[]) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_lock_splits$
begin
    perform from splits as s
    where
        s.merchant_id = p_merchant_id and s.split_no = any (array(
            select l.split_no from trade_orders as l
            where l.merchant_id = p_merchant_id and l.trade_no = any (p_trade_nos) and l.split_no is not null
        ))
    order by s.order_no
    for no key update;
end;
$_lock_splits$;

comment on function mixpay._lock_splits(text, text[]) is $$
Locks the splits of all orders of some trades, for whoever will divide money of several orders in another order.

Locks: the splits, in ascending order number.
$$;
