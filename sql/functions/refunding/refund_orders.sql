create function mixpay.refund_orders(p_merchant_id text, p_refunds jsonb) returns setof mixpay.refund
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off set enable_hashjoin = off set enable_mergejoin = off
as $refund_orders$
declare
    v_trade_nos jsonb;
    v_locked trades[];
    v_trades trades[];
    v_plain bigint[];
    v_item record;
    v_payment_nos text[];
begin
    perform _check_batch(
        'refund', p_refunds, array['order_no', 'refund_no', 'reason'], array['amount'], array['payment_nos'],
        p_required => array['order_no', 'refund_no', 'amount']
    );
    perform _check_text(format('refund %s: "reason"', j.i), j.value ->> 'reason')
    from jsonb_array_elements(p_refunds) with ordinality as j (value, i)
    where j.value ->> 'reason' is not null
    order by j.i;
    -- Each refund's trades are those that its order has now: one that it gets while we wait is locked by nobody here.
    select jsonb_agg(array(
        select x.trade_no from trade_orders as x
        where x.merchant_id = p_merchant_id and x.order_no = o.order_no
        order by x.nth
    ) order by o.i) into v_trade_nos
    from (
        select j.value ->> 'order_no' as order_no, j.i
        from jsonb_array_elements(p_refunds) with ordinality as j (value, i)
        offset 0
    ) as o;
    v_locked := _lock_trades(p_merchant_id, array(
        select distinct n
        from jsonb_array_elements(v_trade_nos) as t (value)
        cross join lateral jsonb_array_elements_text(t.value) as n
    ));
    perform _lock_shared(p_merchant_id, _trade_nos(v_locked));
    v_plain := _refund_plain(p_merchant_id, p_refunds, v_trade_nos, v_locked);
    for v_item in
        select j.*
        from rows from (jsonb_array_elements(p_refunds), jsonb_array_elements(v_trade_nos))
            with ordinality as j (value, trade_nos, i)
        where j.i not in (select u.i from unnest(v_plain) as u (i))
        order by j.i
    loop
        v_payment_nos := _parse_payment_nos(
            format('refund %s: "payment_nos"', v_item.i), v_item.value -> 'payment_nos'
        );
        v_trades := array(
            select t.x
            from jsonb_array_elements_text(v_item.trade_nos) as n (trade_no)
            cross join lateral (
                select x from trades as x where x.merchant_id = p_merchant_id and x.trade_no = n.trade_no limit 1
            ) as t
            order by (t.x).trade_no
        );
        if v_trades = '{}' then
            perform _check_order(p_merchant_id, v_item.value ->> 'order_no');
        end if;
        perform _refund_once(
            v_trades, p_merchant_id, v_item.value ->> 'order_no', v_item.value ->> 'refund_no',
            (v_item.value ->> 'amount')::bigint, v_item.value ->> 'reason', v_payment_nos
        );
    end loop;
    return query
    select (row(r.*)::refund).*
    from jsonb_array_elements(p_refunds) with ordinality as j (value, i)
    cross join lateral (
        select * from refunds where merchant_id = p_merchant_id and refund_no = j.value ->> 'refund_no' limit 1
    ) as r
    order by j.i;
end;
$refund_orders$;

comment on function mixpay.refund_orders(text, jsonb) is
$$Refunds many orders in one call, all or nothing. refund_order says what happens to each.

p_refunds is [{"order_no", "refund_no", "amount", "reason"?, "payment_nos"?}, ...], 1 to 10,000 of them; amounts are in
the currency's smallest unit. Returns the refunds in the order of the call.
Locks: the orders' trades, in ascending trade number; then their splits, then their totals, each in ascending order
number.
Raises: MX101 if there is no such merchant; MX103 if there is no such order; MX301 if more is asked than is left;
MX302 if a refund number was used for something else; MX306 if the named payments have too little of the order or are
none of the order's; MX901; MX902; MX903; MX904; MX905.
$$;
