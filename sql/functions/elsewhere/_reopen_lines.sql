create function mixpay._reopen_lines(p_trade mixpay.trades, p_positions bigint[]) returns bigint[]
language plpgsql
set search_path = mixpay, pg_temp
as $_reopen_lines$
declare
    v_locked text[];
begin
    if p_trade.state = 'closed' then
        return array[]::bigint[];
    end if;
    -- The caller has locked the orders before the trade, unless a return came between: then nobody is waited for, and
    -- an order that is being merged at this moment is merged elsewhere. A merge that waits for the update fails under
    -- REPEATABLE READ.
    v_locked := array(
        select o.order_no
        from (
            select l.order_no from trade_orders as l
            where
                l.merchant_id = p_trade.merchant_id and l.trade_no = p_trade.trade_no
                and l.position = any (p_positions) and l.cancelled_at is null and l.live is not true
            order by l.order_no
        ) as n
        cross join lateral (
            select x.order_no from orders as x
            where x.merchant_id = p_trade.merchant_id and x.order_no = n.order_no
            for no key update skip locked
        ) as o
    );
    update orders as o set merge_count = o.merge_count
    from unnest(v_locked) as n (order_no)
    cross join lateral (
        select x.ctid as place from orders as x
        where x.merchant_id = p_trade.merchant_id and x.order_no = n.order_no
        offset 0
    ) as x
    where o.ctid = x.place;
    update trade_orders as l set live = true
    where
        l.merchant_id = p_trade.merchant_id and l.trade_no = p_trade.trade_no and l.position = any (p_positions)
        and l.order_no = any (v_locked)
        and not exists (
            select from trade_orders as x
            where x.merchant_id = l.merchant_id and x.order_no = l.order_no and x.live
            offset 0
        );
    return array(
        select l.position from trade_orders as l
        where
            l.merchant_id = p_trade.merchant_id and l.trade_no = p_trade.trade_no and l.position = any (p_positions)
            and l.cancelled_at is null and not l.live
        order by l.position
    );
end;
$_reopen_lines$;

comment on function mixpay._reopen_lines(mixpay.trades, bigint[]) is
$$Makes lines live again whose money is about to be taken, unless their orders have been merged elsewhere meanwhile.
Returns the positions of those that were: there is where these orders are payable, so here their amounts are to fall. Of
a closed trade nothing lives again, and nothing falls.

The caller holds the lock of the trade, and before it has locked its orders.
Locks: the orders of these lines, skipping what is locked.
$$;
