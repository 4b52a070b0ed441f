create function mixpay._parse_merges(p_trades jsonb) returns mixpay.merge_line[]
language plpgsql stable
set search_path = mixpay, pg_temp
as $_parse_merges$
declare
    v_of_trade text[] := array['trade_no', 'expires_at', 'orders'];
    v_of_order text[] := array['order_no', 'amount', 'currency', 'payee_no'];
    v_orders jsonb;
    v_is_unusual boolean;
    v_lines merge_line[];
begin
    if jsonb_typeof(p_trades) is distinct from 'array' or jsonb_array_length(p_trades) not between 1 and 10000 then
        raise exception 'the trades are not an array of 1 to 10000 objects' using
            errcode = case when jsonb_typeof(p_trades) = 'array' then 'MX904' else 'MX903' end,
            detail = case when jsonb_typeof(p_trades) = 'array' then format('It has %s.', jsonb_array_length(p_trades))
                else _json_is(p_trades) end,
            hint = 'Pass [{"trade_no"?, "expires_at"?, "orders": [...]}, ...].';
    end if;
    v_orders := jsonb_path_query_array(p_trades, '$[*].orders[*]');
    -- At one pass each, whether all look as nearly all do; if not, it is looked at what is wrong.
    v_is_unusual := jsonb_array_length(v_orders) not between 1 and 10000
        or jsonb_path_exists(p_trades, '$[*] ? (!(
            @.orders.type() == "array" && @.orders.size() > 0 && (!exists(@.trade_no) || @.trade_no.type() == "string")
        ))') or jsonb_path_exists(v_orders, '$[*] ? (!(
            @.order_no.type() == "string" && @.amount.type() == "number" && @.currency.type() == "string"
        ))') or exists (
            select from jsonb_array_elements(p_trades) as t (value)
            where (
                t.value - v_of_trade = '{}' and length(coalesce(t.value ->> 'trade_no', '-')) between 1 and 64
                and coalesce(t.value ->> 'trade_no', '-') !~ '[^!-~]'
                and jsonb_typeof(coalesce(t.value -> 'expires_at', '""')) = 'string'
            ) is not true
        ) or exists (
            select from jsonb_array_elements(v_orders) as o (value)
            where (
                o.value - v_of_order = '{}' and length(o.value ->> 'order_no') between 1 and 64
                and o.value ->> 'order_no' !~ '[^!-~]'
                and length(o.value ->> 'amount') <= 15 and o.value ->> 'amount' !~ '^0$|[^0-9]'
                and jsonb_typeof(coalesce(o.value -> 'payee_no', '""')) = 'string'
            ) is not true
        );
    if v_is_unusual then
        perform _check_merges(p_trades);
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
    perform _check_merge_lines(v_lines, v_is_unusual);
    return v_lines;
end;
$_parse_merges$;

comment on function mixpay._parse_merges(jsonb) is
$$The lines of merge_many's JSON, or an error that names the trade and the order that is wrong.

Raises: MX901; MX902; MX903; MX904; MX905.
$$;
