create function mixpay._read_orders(p_orders jsonb, p_trade_no text, p_expires_at timestamptz)
returns mixpay.merge_line[]
language plpgsql stable
set search_path = mixpay, pg_temp
as $_read_orders$
declare
    v_lines merge_line[];
    v_is_plain boolean := false;
begin
    if jsonb_typeof(p_orders) = 'array'
        and (p_trade_no is null or (length(p_trade_no) between 1 and 64 and p_trade_no !~ '[^!-~]')) then
        select
            array_agg(case when s.is_plain then row(
                1, p_trade_no, p_expires_at, o.i, o.value ->> 'order_no', (o.value ->> 'amount')::bigint,
                o.value ->> 'currency', o.value ->> 'payee_no', (o.value ->> 'pay')::bigint,
                case jsonb_typeof(o.value -> 'hold')
                    when 'boolean' then (o.value -> 'hold')::boolean when 'string' then true
                end,
                case jsonb_typeof(o.value -> 'hold') when 'string' then
                    _parse_moment(format('trade 1, order %s: "hold"', o.i), o.value ->> 'hold')
                end,
                null, null, null
            )::merge_line end order by o.i),
            bool_and(s.is_plain) and count(distinct o.value ->> 'order_no') = count(*) and count(*) <= 10000
        into v_lines, v_is_plain
        from jsonb_array_elements(p_orders) with ordinality as o (value, i)
        cross join lateral (
            select case jsonb_typeof(o.value) when 'object' then
                o.value - array['order_no', 'amount', 'currency', 'payee_no', 'pay', 'hold'] = '{}'
                and jsonb_typeof(o.value -> 'order_no') = 'string'
                and length(o.value ->> 'order_no') between 1 and 64 and o.value ->> 'order_no' !~ '[^!-~]'
                and (o.value -> 'amount')::text ~ '^[1-9][0-9]{0,14}$'
                and coalesce((o.value -> 'pay')::text, 'null') ~ '^([1-9][0-9]{0,14}|null)$'
                and jsonb_typeof(o.value -> 'currency') = 'string'
                and coalesce(jsonb_typeof(o.value -> 'payee_no'), 'null') in ('string', 'null')
                and coalesce(jsonb_typeof(o.value -> 'hold'), 'null') in ('boolean', 'string', 'null')
            end is true as is_plain
            offset 0
        ) as s;
    end if;
    if v_is_plain then
        return v_lines;
    end if;
    -- Something is unusual, or wrong: that is for those who can say what.
    return _parse_merges(jsonb_build_array(jsonb_build_object(
        'trade_no', p_trade_no, 'orders', p_orders,
        'expires_at', to_char(p_expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    )));
end;
$_read_orders$;

comment on function mixpay._read_orders(jsonb, text, timestamptz) is
$$The lines of merge_orders' JSON, read at one pass if nothing about it is unusual.

Raises: MX901; MX902; MX903; MX904; MX905.
$$;
