create function mixpay._check_merges(p_trades jsonb) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_merges$
declare
    v_trade record;
    v_names text[];
    v_orders jsonb[];
    v_name text;
    v_hold text;
begin
    perform _check_json_array(
        array_agg(format('trade %s', j.i)), array_agg(j.value), array['trade_no', 'expires_at'], '{}', array['orders']
    )
    from jsonb_array_elements(p_trades) with ordinality as j (value, i);
    for v_trade in
        select format('trade %s', j.i) as name, j.value -> 'orders' as orders
        from jsonb_array_elements(p_trades) with ordinality as j (value, i)
        where
            case jsonb_typeof(j.value -> 'orders')
                when 'array' then jsonb_array_length(j.value -> 'orders') not between 1 and 10000
                else true
            end
        order by j.i
    loop
        if jsonb_typeof(v_trade.orders) is distinct from 'array' then
            raise exception '%: "orders" is not an array', v_trade.name using
                errcode = 'MX903',
                detail = _json_is(v_trade.orders),
                hint = 'Pass [{"order_no", "amount", "currency", "payee_no"?, "pay"?, "hold"?}, ...].';
        end if;
        raise exception '%: too few or too many orders', v_trade.name using
            errcode = 'MX904',
            detail = format('It merges %s.', jsonb_array_length(v_trade.orders)),
            hint = 'Merge 1 to 10000 orders.';
    end loop;
    select array_agg(format('trade %s, order %s', t.i, o.i) order by t.i, o.i), array_agg(o.value order by t.i, o.i)
    into v_names, v_orders
    from jsonb_array_elements(p_trades) with ordinality as t (value, i)
    cross join lateral jsonb_array_elements(t.value -> 'orders') with ordinality as o (value, i);
    if cardinality(v_orders) > 10000 then
        raise exception 'the trades have more than 10000 orders in all' using
            errcode = 'MX904',
            detail = format('They have %s.', cardinality(v_orders)),
            hint = 'Merge at most 10000 orders in one call.';
    end if;
    perform _check_json_array(
        v_names, v_orders, array['order_no', 'currency', 'payee_no'], array['amount', 'pay'], array['hold']
    );
    select u.name, _shown((u.value -> 'hold')::text) into v_name, v_hold
    from unnest(v_names, v_orders) with ordinality as u (name, value, i)
    where jsonb_typeof(u.value -> 'hold') not in ('boolean', 'string', 'null')
    order by u.i
    limit 1;
    if found then
        raise exception '%: "hold" is neither true, false nor a moment', v_name using
            errcode = 'MX903',
            detail = format('It is %s.', v_hold),
            hint = 'Say true, or the moment when the money is due for release.';
    end if;
end;
$_check_merges$;

comment on function mixpay._check_merges(jsonb) is
$$Refuses what is wrong about the shape of merge_many's JSON, an array of trades, and names the trade and the order.

Raises: MX903; MX904.
$$;
