create function mixpay._merge(p_merchant_id text, p_lines mixpay.merge_line[]) returns text[]
language plpgsql
set search_path = mixpay, pg_temp
as $_merge$
declare
    v_merchant merchants := _check_merchant(p_merchant_id);
    v_lines merge_line[] := p_lines;
    v_order_nos text[] := array[]::text[];
    v_trade_nos text[] := array[]::text[];
    v_line merge_line;
    v_found text[];
    v_at timestamptz := clock_timestamp();
begin
    foreach v_line in array p_lines loop
        v_order_nos := v_order_nos || v_line.order_no;
        v_trade_nos[v_line.trade] := v_line.trade_no;
    end loop;
    v_found := array_fill(null::text, array[cardinality(v_trade_nos)]);
    if exists (select from orders where merchant_id = p_merchant_id and order_no = any (v_order_nos))
        or exists (select from trades where merchant_id = p_merchant_id and trade_no = any (v_trade_nos)) then
        v_found := _find_merged(p_merchant_id, v_lines);
        v_lines := array(
            select v_lines[i] from generate_subscripts(v_lines, 1) as i
            where v_found[(v_lines[i]).trade] is null
            order by i
        );
    end if;
    if cardinality(v_lines) > 0 and _store_orders(p_merchant_id, v_lines) then
        -- Some are known. What was merged while we waited for them is a repetition, too.
        v_found := _find_merged_since(p_merchant_id, v_lines, v_found);
        v_lines := _lines_of_known_orders(p_merchant_id, v_lines, v_found);
    end if;
    if cardinality(v_lines) = 0 then
        return v_found;
    end if;
    foreach v_line in array v_lines loop
        if v_found[v_line.trade] is null then
            v_found[v_line.trade] := coalesce(v_line.trade_no, _new_number(v_at, v_line.trade));
        end if;
    end loop;
    perform _make_trades(v_merchant, v_lines, v_found);
    return v_found;
end;
$_merge$;

comment on function mixpay._merge(text, mixpay.merge_line[]) is $$
Merges these lines into trades, and returns the number of each trade, made now or by an earlier call.

Locks: the orders, in ascending order number; then the trades that are closed, in ascending trade number.
Raises: MX101 if there is no such merchant; MX102 if there is no such payee; MX105 if a known order has another amount,
currency or payee; MX106 if a trade number was used for something else; MX107 if an order is in an open trade that
money was paid into or that has a pending attempt; MX108 if an order has less left to pay than is asked; MX109 if a
trade has orders of different currencies; MX110 if there is no such currency; MX901; MX902.
$$;
