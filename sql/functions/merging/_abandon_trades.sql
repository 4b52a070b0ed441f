create function mixpay._abandon_trades(p_merchant_id text, p_order_nos text[]) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_abandon_trades$
declare
    v_live_nos text[];
    v_trade_nos text[];
    v_are_alone boolean;
    v_pending bigint;
    v_trade trades;
    v_trades trades[] := array[]::trades[];
    v_facts fact[] := array[]::fact[];
begin
    select
        array_agg(distinct l.trade_no) filter (where l.live),
        array_agg(distinct l.trade_no) filter (where l.live or l.paid > 0), bool_or(l.alone)
    into v_live_nos, v_trade_nos, v_are_alone
    from unnest(p_order_nos) as o (order_no)
    cross join lateral (
        select x.* from trade_orders as x
        where x.merchant_id = p_merchant_id and x.order_no = o.order_no and (x.live or x.alone)
        offset 0
    ) as l;
    if v_are_alone is null then
        return;
    end if;
    -- All are locked before the first is judged.
    v_trades := _lock_trades(p_merchant_id, v_trade_nos);
    for i in 1 .. cardinality(v_trades) loop
        v_trade := v_trades[i];
        continue when v_trade.state <> 'open' or v_trade.trade_no <> all (coalesce(v_live_nos, '{}'));
        select count(*) into v_pending from payments
        where merchant_id = p_merchant_id and trade_no = v_trade.trade_no and state in ('pending', 'authorized');
        if v_trade.paid > 0 or v_pending > 0 then
            raise exception 'trade % still holds an order of this merge', v_trade.trade_no using
                errcode = 'MX107',
                detail = format('%s is paid into it and %s attempts are under way.', v_trade.paid, v_pending),
                hint = 'Wait for its attempts, pay the rest of it, or end it with close_trade.';
        end if;
        update trade_orders set live = false
        where merchant_id = p_merchant_id and trade_no = v_trade.trade_no and live is not false;
        v_facts := v_facts || _fact(
            v_trade, 'trade', v_trade.trade_no, 'open', 'closed', p_reason => 'its orders were merged again'
        );
        v_trade.state := 'closed';
        v_trades[i] := v_trade;
    end loop;
    if v_facts <> '{}' then
        perform _post_all(v_trades, v_facts);
    end if;
    if v_are_alone then
        -- Who waits for one of them under REPEATABLE READ is not to go on with what he saw before.
        update trades as t set last_entry = t.last_entry
        from unnest(v_trade_nos) as n (trade_no)
        cross join lateral (
            select x.ctid as place from trades as x
            where x.merchant_id = p_merchant_id and x.trade_no = n.trade_no
            offset 0
        ) as x
        where t.ctid = x.place;
        perform _count_orders(p_merchant_id, p_order_nos);
    end if;
end;
$_abandon_trades$;

comment on function mixpay._abandon_trades(text, text[]) is
$$Closes the open trades of these orders, which have nothing paid and nothing in flight, so that they can be merged
again; and gives the orders totals, if their only line has told them so far.

Locks: those trades and, if such an order has no totals yet, the one that was paid, in ascending trade number.
Raises: MX107 if money was paid into one, or an attempt is pending.
$$;
