create function mixpay._allot(p_trade mixpay.trades, p_amount bigint, p_fact mixpay.fact) returns mixpay.fact[]
language plpgsql
set search_path = mixpay, pg_temp
as $_allot$
declare
    v_fills boolean := p_amount = p_trade.amount - p_trade.paid;
    v_fact fact := p_fact;
    v_facts fact[];
    v_moved fact;
    v_moves fact[];
    v_line trade_orders;
    v_left bigint := p_amount;
    v_by_remainder bigint[];
    v_nth bigint := 0;
    v_share bigint;
    v_clearing clearing;
    v_split_lines trade_orders[];
    v_split_shares bigint[];
    v_are_locked boolean;
begin
    if p_trade.allocation = 'pro_rata' and not v_fills then
        v_by_remainder := _apportion(p_amount, array(
            select amount - paid from trade_orders
            where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and live is not false
            order by position
        ));
    end if;
    v_fact.to_account := 'order';
    for v_line in
        select * from trade_orders
        where
            merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and live is not false
            and (paid < amount or v_by_remainder is not null)
        order by position
    loop
        v_share := least(v_left, v_line.amount - v_line.paid);
        if v_by_remainder is not null then
            v_nth := v_nth + 1;
            v_share := v_by_remainder[v_nth];
            continue when v_share = 0;
        end if;
        if not v_line.alone and v_are_locked is null then
            perform _lock_shared(
                p_trade.merchant_id, array[p_trade.trade_no::text], _orders_paid(p_trade, p_amount, v_by_remainder)
            );
            v_are_locked := true;
        end if;
        v_left := v_left - v_share;
        if v_line.split_no is not null then
            v_split_lines := v_split_lines || v_line;
            v_split_shares := v_split_shares || v_share;
        elsif not v_fills then
            update trade_orders
            set paid = paid + v_share, cleared = cleared + case when clears_at_once then v_share else 0 end
            where merchant_id = v_line.merchant_id and trade_no = v_line.trade_no and position = v_line.position;
        end if;
        v_fact.order_no := coalesce(p_fact.order_no, v_line.order_no);
        v_fact.to_owner := v_line.order_no;
        v_fact.amount := v_share;
        v_facts := v_facts || case
            when v_line.paid + v_share < v_line.amount and v_line.refunded = 0 and v_line.alone then v_fact
            else _order_fact(v_fact, v_line, v_share, 0)
        end;
        exit when v_left = 0 and not v_line.clears_at_once;
        v_fact.from_state := null;
        v_fact.to_state := null;
        if v_line.clears_at_once then
            v_moved := v_fact;
            v_moved.order_no := v_line.order_no;
            v_moved.from_account := 'order';
            v_moved.from_owner := v_line.order_no;
            v_moved.to_account := 'payee';
            v_moved.to_owner := v_line.payee_no;
            v_moves := v_moves || v_moved;
        end if;
        exit when v_left = 0;
    end loop;
    if v_fills then
        -- Each line gets what it lacks: one statement for all but those that a split divides.
        update trade_orders
        set paid = amount, cleared = cleared + case when clears_at_once then amount - paid else 0 end, live = false
        where
            merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and live is not false
            and (split_no is null or paid = amount);
    end if;
    if v_split_lines is null then
        return v_facts || v_moves;
    end if;
    -- In one order for all, because of the splits' locks.
    for v_nth in select i from generate_subscripts(v_split_lines, 1) as i order by (v_split_lines[i]).order_no loop
        v_line := v_split_lines[v_nth];
        v_fact.order_no := v_line.order_no;
        v_clearing := _clear_line(v_line, v_split_shares[v_nth], 0, 0);
        foreach v_moved in array _clearing_facts(v_fact, v_clearing) loop
            v_moves := v_moves || v_moved;
        end loop;
        update trade_orders
        set
            paid = paid + v_split_shares[v_nth], cleared = cleared + v_clearing.cleared, live = not v_fills
        where merchant_id = v_line.merchant_id and trade_no = v_line.trade_no and position = v_line.position;
    end loop;
    return v_facts || v_moves;
end;
$_allot$;

comment on function mixpay._allot(mixpay.trades, bigint, mixpay.fact) is
$$Gives an amount to the trade's live lines, as the trade's allocation says: in their order, each what it lacks (fifo),
or by what each still lacks, by largest remainder, ties by position (pro_rata); and returns the facts.

p_trade is the locked trade as it was before; p_amount, in the smallest unit, is at most what it lacks. p_fact says
where the money comes from and why; its state is that of the first movement. Writes the lines; the rest is the caller's.
Locks: the splits of the orders that get some, in ascending order number, if money of one is divided; then their totals.
$$;
