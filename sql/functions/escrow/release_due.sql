create function mixpay.release_due(p_merchant_id text, p_limit bigint default 1000) returns setof mixpay.release
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set jit = off set enable_bitmapscan = off set enable_sort = off
as $release_due$
declare
    v_trade_nos text[];
    v_order_nos text[];
    v_line record;
    v_due due_list;
    v_release releases;
    v_at timestamptz := clock_timestamp();
    v_ordinal bigint := 0;
begin
    perform _check_merchant(p_merchant_id);
    perform _check_limit(p_limit);
    -- In the order of the index, as far as the limit reaches; nothing is to be sorted. And all before the first of them
    -- is released: a cursor would pass over a trade that this transaction has changed.
    select
        array_agg(x.trade_no order by x.release_at, x.order_no), array_agg(x.order_no order by x.release_at, x.order_no)
    into v_trade_nos, v_order_nos
    from (
        select d.trade_no, d.order_no, d.release_at
        from due_list as d
        cross join lateral (
            select y.trade_no from trades as y
            where y.merchant_id = p_merchant_id and y.trade_no = d.trade_no
            for no key update skip locked
        ) as t
        where d.merchant_id = p_merchant_id and d.waits_for is null
        order by d.release_at
        limit p_limit
    ) as x;
    for v_line in
        select u.trade_no, u.order_no
        from unnest(v_trade_nos, v_order_nos) with ordinality as u (trade_no, order_no, i)
        order by u.i
    loop
        -- Read again, now that the trade is locked.
        select * into v_due from due_list
        where
            merchant_id = p_merchant_id and order_no = v_line.order_no and trade_no = v_line.trade_no
            and waits_for is null;
        continue when not found;
        if v_due.split_no is not null then
            -- Whoever has it may be waiting for one that we have: another trade of the order is being paid.
            perform from splits
            where merchant_id = p_merchant_id and split_no = v_due.split_no
            for no key update skip locked;
            continue when not found;
        end if;
        insert into releases (merchant_id, release_no, order_no, amount, was_due)
        values (p_merchant_id, _new_number(v_at, v_ordinal), v_due.order_no, v_due.in_escrow, true)
        returning * into v_release;
        v_ordinal := v_ordinal + 1;
        perform _release(v_release, array(
            select t from trades as t where t.merchant_id = p_merchant_id and t.trade_no = v_due.trade_no
        ));
        return next row(v_release.*)::release;
    end loop;
end;
$release_due$;

comment on function mixpay.release_due(p_merchant_id text, p_limit bigint) is
$$Releases all money in escrow of lines whose moment has come, the longest due first, at most p_limit lines. Returns the
releases. Any scheduler may call it, as often as it likes.

An order in dispute waits, and so does an order if the refund of its dispute failed. Both are on mixpay.due_list. A line
that another call has locked is left for the next time.
Locks: the trades whose money it releases, then the orders' splits, skipping those that are locked.
Raises: MX101 if there is no such merchant; MX901; MX904.
$$;
