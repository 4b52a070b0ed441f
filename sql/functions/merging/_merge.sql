create function mixpay._merge(p_merchant_id text, p_lines mixpay.merge_line[]) returns mixpay.trade[]
language plpgsql
set search_path = mixpay, pg_temp
as $_merge$
declare
    v_allocation text;
    v_lines merge_line[] := p_lines;
    v_found text[];
    v_made trade[];
begin
    select allocation into v_allocation from merchants where merchant_id = p_merchant_id;
    if not found then
        perform _check_merchant(p_merchant_id);
    end if;
    -- A repetition by number leaves the orders alone. What else is a repetition shows when they are locked.
    if (p_lines[1]).trade_no is not null or (p_lines[cardinality(p_lines)]).trade > 1 then
        if exists (
            select from unnest(p_lines) as l
            where l.trade_no is not null and exists (
                select from trades as t where t.merchant_id = p_merchant_id and t.trade_no = l.trade_no
                offset 0
            )
        ) then
            perform _check_merge_lines(p_lines, false);
            v_found := _find_merged(p_merchant_id, v_lines);
            v_lines := array(
                select v_lines[i] from generate_subscripts(v_lines, 1) as i
                where v_found[(v_lines[i]).trade] is null
                order by i
            );
        end if;
    end if;
    if cardinality(v_lines) > 0 and _store_orders(p_merchant_id, v_lines) then
        -- Some are known. What was merged while we waited for them is a repetition, too, and leaves no mark on them.
        v_found := array(
            select coalesce(f.before, f.since)
            from unnest(v_found, _find_merged(p_merchant_id, v_lines)) with ordinality as f (before, since, i)
            order by f.i
        );
        update orders as o set merge_count = o.merge_count - 1
        from unnest(v_lines) as l
        cross join lateral (
            select x.ctid as place from orders as x
            where x.merchant_id = p_merchant_id and x.order_no = l.order_no
            offset 0
        ) as x
        where o.ctid = x.place and v_found[l.trade] is not null;
        perform _abandon_trades(p_merchant_id, array(
            select l.order_no from unnest(v_lines) as l where v_found[l.trade] is null
        ));
        v_lines := array(
            select row(
                l.trade, l.trade_no, l.expires_at, l.position, l.order_no, l.amount, l.currency, o.payee_no, l.pay,
                l.hold, l.release_due_at, o.merge_count, _taken_of_order(p_merchant_id, l.order_no, null), s.split_no
            )::merge_line
            from unnest(v_lines) with ordinality as l
            cross join lateral (
                select x.merge_count, x.payee_no from orders as x
                where x.merchant_id = p_merchant_id and x.order_no = l.order_no limit 1
            ) as o
            left join lateral (
                select x.split_no from splits as x
                where x.merchant_id = p_merchant_id and x.order_no = l.order_no limit 1
            ) as s on true
            where v_found[l.trade] is null
            order by l.ordinality
        );
    end if;
    if cardinality(v_lines) > 0 then
        v_made := _make_trades(p_merchant_id, v_allocation, v_lines);
    end if;
    if v_found is null then
        return v_made;
    end if;
    -- What was there and what was made, in the order of the call.
    return array(
        select coalesce(t.trade, v_made[f.nth])
        from (
            select n.trade_no, n.i, (count(*) filter (where n.trade_no is null) over (order by n.i))::integer as nth
            from unnest(v_found) with ordinality as n (trade_no, i)
        ) as f
        left join lateral (
            select row(x.*)::trade as trade from trades as x
            where x.merchant_id = p_merchant_id and x.trade_no = f.trade_no limit 1
        ) as t on true
        order by f.i
    );
end;
$_merge$;

comment on function mixpay._merge(text, mixpay.merge_line[]) is
$$Merges these lines into trades, and returns each trade as it is now, made now or by an earlier call.

Locks: the orders, in ascending order number; then their trades that are open or were paid, in ascending trade number.
Raises: MX101 if there is no such merchant; MX102 if there is no such payee; MX105 if a known order has another amount,
currency or payee; MX106 if a trade number was used for something else; MX107 if an order is in an open trade that
money was paid into or that has a pending attempt; MX108 if an order has less left to pay than is asked; MX109 if a
trade has orders of different currencies; MX110 if there is no such currency; MX901; MX902; MX904.
$$;
