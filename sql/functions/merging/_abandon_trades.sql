create function mixpay._abandon_trades(p_merchant_id text, p_order_nos text[]) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_abandon_trades$
declare
    v_trade_nos text[] := array(
        select distinct l.trade_no
        from unnest(p_order_nos) as o (order_no)
        cross join lateral (
            select trade_no from trade_orders
            where merchant_id = p_merchant_id and order_no = o.order_no and live limit 1
        ) as l
    );
    v_busy record;
    v_trade trades;
    v_trades trades[] := array[]::trades[];
    v_fact facts;
    v_facts facts[] := array[]::facts[];
begin
    if v_trade_nos = '{}' then
        return;
    end if;
    perform from trades
    where merchant_id = p_merchant_id and trade_no = any (v_trade_nos)
    order by trade_no
    for no key update;
    select t.trade_no, t.paid, (
        select count(*) from payments as p
        where p.merchant_id = t.merchant_id and p.trade_no = t.trade_no and p.state = 'pending'
    ) as pending into v_busy
    from trades as t
    where
        t.merchant_id = p_merchant_id and t.trade_no = any (v_trade_nos) and t.state = 'open'
        and (t.paid > 0 or exists (
            select from payments as p
            where p.merchant_id = t.merchant_id and p.trade_no = t.trade_no and p.state = 'pending'
        ))
    order by t.trade_no
    limit 1;
    if found then
        raise exception 'trade % still holds an order of this merge', v_busy.trade_no using
            errcode = 'MX107',
            detail = format('%s is paid into it and %s attempts are pending.', v_busy.paid, v_busy.pending),
            hint = 'Wait for its attempts, pay the rest of it, or end it with close_trade.';
    end if;
    update trade_orders set live = false
    from trades
    where
        trade_orders.merchant_id = p_merchant_id and trade_orders.trade_no = any (v_trade_nos) and trade_orders.live
        and trades.merchant_id = p_merchant_id and trades.trade_no = trade_orders.trade_no and trades.state = 'open';
    for v_trade in
        select * from trades
        where merchant_id = p_merchant_id and trade_no = any (v_trade_nos) and state = 'open'
        order by trade_no
    loop
        v_fact := _fact(v_trade, 'trade', v_trade.trade_no, 'open', 'closed');
        v_fact.reason := 'its orders were merged again';
        v_facts := v_facts || v_fact;
        v_trade.state := 'closed';
        v_trades := v_trades || v_trade;
    end loop;
    perform _post_all(v_trades, v_facts);
end;
$_abandon_trades$;

comment on function mixpay._abandon_trades(text, text[]) is $$
Closes the open trades of these orders, which have nothing paid and nothing in flight, so that they can be merged again.

Locks: those trades, in ascending trade number.
Raises: MX107 if money was paid into one, or an attempt is pending.
$$;
