create function mixpay._parse_merges(p_trades jsonb) returns mixpay.merge_line[]
language plpgsql stable
set search_path = mixpay, pg_temp
as $_parse_merges$
declare
    v_trade record;
    v_names text[];
    v_orders jsonb[];
    v_name text;
    v_hold text;
    v_lines merge_line[];
begin
    if jsonb_typeof(p_trades) is distinct from 'array' or jsonb_array_length(p_trades) not between 1 and 10000 then
        raise exception 'the trades are not an array of 1 to 10000 objects' using
            errcode = case when jsonb_typeof(p_trades) = 'array' then 'MX904' else 'MX903' end,
            detail = case when jsonb_typeof(p_trades) = 'array' then format('It has %s.', jsonb_array_length(p_trades))
                else _json_is(p_trades) end,
            hint = 'Pass [{"trade_no"?, "expires_at"?, "orders": [...]}, ...].';
    end if;
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
    v_lines := array(
        select row(
            t.i, t.trade_no,
            case when t.expires_at is not null then
                _parse_moment(format('trade %s: "expires_at"', t.i), t.expires_at)
            end,
            o.i, o.order_no, o.amount, o.currency, o.payee_no, o.pay,
            case jsonb_typeof(o.hold) when 'boolean' then o.hold::boolean when 'string' then true end,
            case jsonb_typeof(o.hold) when 'string' then
                _parse_moment(format('trade %s, order %s: "hold"', t.i, o.i), o.hold #>> '{}')
            end,
            null, null, null
        )::merge_line
        from rows from (jsonb_to_recordset(p_trades) as (
            trade_no text, expires_at text, orders jsonb
        )) with ordinality as t (trade_no, expires_at, orders, i)
        cross join lateral rows from (jsonb_to_recordset(t.orders) as (
            order_no text, amount bigint, currency text, payee_no text, pay bigint, hold jsonb
        )) with ordinality as o (order_no, amount, currency, payee_no, pay, hold, i)
        order by t.i, o.i
    );
    perform _check_merge_lines(v_lines);
    return v_lines;
end;
$_parse_merges$;

comment on function mixpay._parse_merges(jsonb) is
$$The lines of merge_many's JSON, or an error that names the trade and the order that is wrong.

Raises: MX901; MX902; MX903; MX904; MX905.
$$;
