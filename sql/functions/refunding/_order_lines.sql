create function mixpay._order_lines(
    p_merchant_id text, p_order_no text, p_trade_nos text[]
) returns mixpay.trade_orders[]
language plpgsql stable
set search_path = mixpay, pg_temp
as $_order_lines$
declare
    v_lines trade_orders[] := array(
        select l from trade_orders as l
        where
            l.merchant_id = p_merchant_id and l.order_no = p_order_no
            and (p_trade_nos is null or l.trade_no = any (p_trade_nos))
        order by l.nth
    );
begin
    if cardinality(v_lines) = 0 then
        perform _check_order(p_merchant_id, p_order_no);
    end if;
    return v_lines;
end;
$_order_lines$;

comment on function mixpay._order_lines(text, text, text[]) is
$$The lines of an order, those of its first trade first.

p_trade_nos are the trades that the caller has locked: one that the order got since then has money that others may be
taking; null when nothing is locked because nothing will be written.
Raises: MX101 if there is no such merchant; MX103 if there is no such order; MX901.
$$;
