create function mixpay.merge_many(p_merchant_id text, p_trades jsonb) returns setof mixpay.trades
language plpgsql security definer
set search_path = mixpay, pg_temp set enable_seqscan = off
as $merge_many$
declare
    v_lines merge_line[] := _parse_merges(p_trades);
    v_merchant merchants := _check_merchant(p_merchant_id);
    v_found text[] := _find_merged(p_merchant_id, v_lines);
    v_trade_nos text[];
    v_at timestamptz := clock_timestamp();
begin
    v_lines := array(select l from unnest(v_lines) as l where v_found[l.trade] is null);
    if v_lines <> '{}' then
        perform _store_orders(p_merchant_id, v_lines);
        -- What was merged while we waited for the orders is a repetition, too: it must leave no mark on them.
        v_trade_nos := _find_merged(p_merchant_id, array(
            select row(
                dense_rank() over (order by l.trade), l.trade_no, l.expires_at, l.position, l.order_no, l.amount,
                l.currency, l.payee_no, l.pay, l.held, l.release_due_at
            )::merge_line
            from unnest(v_lines) as l
        ));
        select array_agg(coalesce(f.trade_no, n.trade_no) order by f.i) into v_found
        from unnest(v_found) with ordinality as f (trade_no, i)
        left join (
            select d.trade, v_trade_nos[row_number() over (order by d.trade)] as trade_no
            from (select distinct l.trade from unnest(v_lines) as l) as d
        ) as n on n.trade = f.i;
        update orders set merge_count = merge_count - 1
        where
            merchant_id = p_merchant_id
            and order_no in (select l.order_no from unnest(v_lines) as l where v_found[l.trade] is not null);
        v_lines := array(select l from unnest(v_lines) as l where v_found[l.trade] is null);
    end if;
    if v_lines <> '{}' then
        perform _abandon_trades(p_merchant_id, array(select l.order_no from unnest(v_lines) as l));
        select array_agg(coalesce(f.trade_no, n.trade_no, _new_number(v_at, f.i)) order by f.i) into v_found
        from unnest(v_found) with ordinality as f (trade_no, i)
        left join (select distinct l.trade, l.trade_no from unnest(v_lines) as l) as n on n.trade = f.i;
        perform _make_trades(v_merchant, v_lines, v_found);
    end if;
    return query
    select t.*
    from unnest(v_found) with ordinality as f (trade_no, i)
    cross join lateral (
        select * from trades where merchant_id = p_merchant_id and trade_no = f.trade_no limit 1
    ) as t
    order by f.i;
end;
$merge_many$;

comment on function mixpay.merge_many(text, jsonb) is $$
Merges orders into trades, many trades in one call, all or nothing.

p_trades is [{"trade_no"?, "expires_at"?, "orders": [...]}, ...] with orders as merge_orders takes them and expires_at as a
moment with its offset ("2026-01-31T12:00:00+08:00"). At most 10,000 orders in all, each named once. Returns the trades
in the order of the call; for each, merge_orders says what happens.
Locks: the orders, in ascending order number; then the trades that are closed, in ascending trade number.
Raises: MX101 if there is no such merchant; MX102 if there is no such payee; MX105 if a known order has another amount,
currency or payee; MX106 if a trade number was used for something else; MX107 if an order is in an open trade that
money was paid into or that has a pending attempt; MX108 if an order has less left to pay than is asked; MX109 if a
trade has orders of different currencies; MX110 if there is no such currency; MX901; MX902; MX903; MX904; MX905.
$$;
