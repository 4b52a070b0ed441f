create function mixpay._lock_shared(
    p_merchant_id text, p_trade_nos text[], p_order_nos text[] default null
) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_lock_shared$
begin
    perform s.split_no
    from (
        select distinct l.order_no, l.split_no
        from unnest(p_trade_nos) as n (trade_no)
        cross join lateral (
            select x.order_no, x.split_no from trade_orders as x
            where x.merchant_id = p_merchant_id and x.trade_no = n.trade_no and x.split_no is not null
            offset 0
        ) as l
        where p_order_nos is null or l.order_no = any (p_order_nos)
        order by l.order_no
    ) as d
    cross join lateral (
        select y.split_no from splits as y
        where y.merchant_id = p_merchant_id and y.split_no = d.split_no
        for no key update
    ) as s;
    perform t.order_no
    from (
        select distinct l.order_no
        from unnest(p_trade_nos) as n (trade_no)
        cross join lateral (
            select x.order_no from trade_orders as x
            where x.merchant_id = p_merchant_id and x.trade_no = n.trade_no and not x.alone
            offset 0
        ) as l
        where p_order_nos is null or l.order_no = any (p_order_nos)
        order by l.order_no
    ) as d
    cross join lateral (
        select y.order_no from order_totals as y
        where y.merchant_id = p_merchant_id and y.order_no = d.order_no
        for no key update
    ) as t;
end;
$_lock_shared$;

comment on function mixpay._lock_shared(text, text[], text[]) is
$$Locks what other trades share of the orders of some trades, their splits and their totals, for whoever will change
lines of several orders in another order. p_order_nos: only those of these orders; null: of all.

Locks: the splits, in ascending order number; then the orders' totals, in ascending order number.
$$;
