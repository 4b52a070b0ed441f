create function mixpay._read_orders(p_orders jsonb, p_trade_no text, p_expires_at timestamptz)
returns mixpay.merge_line[]
language plpgsql stable
set search_path = mixpay, pg_temp
as $_read_orders$
declare
    v_lines merge_line[];
begin
    if jsonb_typeof(p_orders) = 'array' and not jsonb_path_exists(p_orders, 'strict $[*] ? (@.type() != "object")')
        and (p_trade_no is null or (length(p_trade_no) between 1 and 64 and p_trade_no !~ '[^!-~]')) then
        -- An order is as it should be if it says nothing but what was read of it.
        v_lines := array(
            select row(
                1, p_trade_no, p_expires_at, o.i, o.order_no, o.amount::bigint, o.currency, o.payee_no, o.pay::bigint,
                case jsonb_typeof(o.hold) when 'boolean' then o.hold::boolean when 'string' then true end,
                case jsonb_typeof(o.hold) when 'string' then
                    _parse_moment(format('trade 1, order %s: "hold"', o.i), o.hold #>> '{}')
                end,
                null, null, null
            )::merge_line
            from rows from (
                jsonb_to_recordset(p_orders) as (
                    order_no text, amount jsonb, currency text, payee_no text, pay jsonb, hold jsonb
                ),
                jsonb_array_elements(p_orders)
            ) with ordinality as o (order_no, amount, currency, payee_no, pay, hold, sent, i)
            where case
                when length(o.order_no) <= 64 and o.order_no ~ '^[!-~]+$'
                    and o.amount::text ~ '^[1-9][0-9]{0,14}$'
                    and (o.pay is null or o.pay::text ~ '^[1-9][0-9]{0,14}$')
                    and (o.hold is null or jsonb_typeof(o.hold) in ('boolean', 'string'))
                    then jsonb_strip_nulls(o.sent) = jsonb_strip_nulls(jsonb_build_object(
                        'order_no', o.order_no, 'amount', o.amount, 'currency', o.currency, 'payee_no', o.payee_no,
                        'pay', o.pay, 'hold', o.hold
                    ))
            end
        );
        if cardinality(v_lines) = jsonb_array_length(p_orders) and cardinality(v_lines) between 1 and 10000 then
            return v_lines;
        end if;
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
