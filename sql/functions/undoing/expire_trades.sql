create function mixpay.expire_trades(p_merchant_id text, p_limit bigint default 1000) returns setof mixpay.trade
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $expire_trades$
declare
    v_trades trades[];
    v_trade trades;
begin
    perform _check_merchant(p_merchant_id);
    perform _check_limit(p_limit);
    v_trades := array(
        select t from trades as t
        where t.merchant_id = p_merchant_id and t.sweep_at <= now()
        order by t.sweep_at, t.trade_no
        limit p_limit
        for no key update skip locked
    );
    perform _lock_shared(p_merchant_id, _trade_nos(v_trades));
    foreach v_trade in array v_trades loop
        v_trade := _end_trade(v_trade, 'it expired', false);
        return next row(v_trade.*)::trade;
    end loop;
end;
$expire_trades$;

comment on function mixpay.expire_trades(text, bigint) is
$$Closes open trades that are past their expires_at, at most p_limit, as close_trade does without p_keep_paid, and
returns them. Any scheduler may call it, as often as it likes. A trade that another call has locked is left for the next
time.
Locks: the trades that it closes, skipping those that are locked; then their orders' splits, then their totals, each in
ascending order number.
Raises: MX101 if there is no such merchant; MX901; MX904.
$$;
