create function mixpay._parse_merges(p_trades jsonb) returns mixpay.merge_line[]
language plpgsql stable
set search_path = mixpay, pg_temp
as $_parse_merges$
declare
    v_trade record;
    v_order record;
    v_line merge_line;
    v_lines merge_line[] := array[]::merge_line[];
    v_name text;
    v_twice record;
begin
    if jsonb_typeof(p_trades) is distinct from 'array' or jsonb_array_length(p_trades) not between 1 and 10000 then
        raise exception 'the trades are not an array of 1 to 10000 objects' using
            errcode = case when jsonb_typeof(p_trades) = 'array' then 'MX904' else 'MX903' end,
            hint = 'Pass [{"trade_no"?, "expires_at"?, "orders": […]}, …].';
    end if;
    for v_trade in select j.value, j.i from jsonb_array_elements(p_trades) with ordinality as j (value, i) loop
        v_name := format('trade %s', v_trade.i);
        perform _check_json(v_name, v_trade.value, array['trade_no', 'expires_at'], '{}', array['orders']);
        v_line.trade := v_trade.i;
        v_line.trade_no := v_trade.value ->> 'trade_no';
        v_line.expires_at := _parse_moment(v_name || ': "expires_at"', v_trade.value ->> 'expires_at');
        if v_line.trade_no is not null then
            perform _check_number(v_name || ': trade_no', v_line.trade_no);
        end if;
        if jsonb_typeof(v_trade.value -> 'orders') is distinct from 'array' then
            raise exception '%: "orders" is not an array', v_name using
                errcode = 'MX903',
                hint = 'Pass [{"order_no", "amount", "currency", "payee_no"?, "pay"?, "hold"?}, …].';
        end if;
        if jsonb_array_length(v_trade.value -> 'orders') not between 1 and 10000 then
            raise exception '%: it merges % orders', v_name, jsonb_array_length(v_trade.value -> 'orders') using
                errcode = 'MX904',
                hint = 'Merge 1 to 10000 orders.';
        end if;
        for v_order in
            select j.value, j.i from jsonb_array_elements(v_trade.value -> 'orders') with ordinality as j (value, i)
        loop
            v_name := format('trade %s, order %s', v_trade.i, v_order.i);
            perform _check_json(
                v_name, v_order.value,
                array['order_no', 'currency', 'payee_no'], array['amount', 'pay'], array['hold']
            );
            v_line.position := v_order.i;
            v_line.order_no := v_order.value ->> 'order_no';
            v_line.amount := (v_order.value ->> 'amount')::bigint;
            v_line.currency := v_order.value ->> 'currency';
            v_line.payee_no := v_order.value ->> 'payee_no';
            v_line.pay := (v_order.value ->> 'pay')::bigint;
            v_line.held := null;
            v_line.release_due_at := null;
            perform _check_number(v_name || ': order_no', v_line.order_no);
            perform _check_amount(v_name || ': amount', v_line.amount);
            if v_line.pay is not null then
                perform _check_amount(v_name || ': pay', v_line.pay);
            end if;
            case jsonb_typeof(v_order.value -> 'hold')
                when 'boolean' then
                    v_line.held := (v_order.value ->> 'hold')::boolean;
                when 'string' then
                    v_line.held := true;
                    v_line.release_due_at := _parse_moment(v_name || ': "hold"', v_order.value ->> 'hold');
                else
                    if jsonb_typeof(v_order.value -> 'hold') <> 'null' then
                        raise exception '%: "hold" is neither true, false nor a moment', v_name using
                            errcode = 'MX903',
                            hint = 'Say true, or the moment when the money is due for release.';
                    end if;
            end case;
            v_lines := v_lines || v_line;
        end loop;
        if cardinality(v_lines) > 10000 then
            raise exception 'the trades have more than 10000 orders in all' using
                errcode = 'MX904',
                hint = 'Merge at most 10000 orders in one call.';
        end if;
    end loop;
    select l.order_no, count(*) as times into v_twice
    from unnest(v_lines) as l
    group by l.order_no having count(*) > 1 limit 1;
    if found then
        raise exception 'order % is named twice', v_twice.order_no using
            errcode = 'MX904',
            detail = format('It is named %s times in one call.', v_twice.times),
            hint = 'Name each order once.';
    end if;
    select l.trade_no, count(distinct l.trade) as times into v_twice
    from unnest(v_lines) as l
    where l.trade_no is not null
    group by l.trade_no having count(distinct l.trade) > 1 limit 1;
    if found then
        raise exception 'trade % is named twice', v_twice.trade_no using
            errcode = 'MX904',
            detail = format('It is named %s times in one call.', v_twice.times),
            hint = 'Name each trade once.';
    end if;
    return v_lines;
end;
$_parse_merges$;

comment on function mixpay._parse_merges(jsonb) is $$
The lines of merge_many's JSON, or an error that names the trade and the order that is wrong.

Raises: MX901; MX902; MX903; MX904.
$$;
