create function mixpay.merge_many(p_merchant_id text, p_trades jsonb) returns setof mixpay.trade
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $merge_many$
begin
    return query
    select t.* from unnest(_merge(p_merchant_id, _parse_merges(p_trades))) as t;
end;
$merge_many$;

comment on function mixpay.merge_many(text, jsonb) is
$$Merges orders into trades, many trades in one call, all or nothing.

p_trades is [{"trade_no"?, "expires_at"?, "orders": [...]}, ...]. orders are as merge_orders takes them; expires_at is a
moment with its offset ("2026-01-31T12:00:00+08:00"). At most 10,000 orders in all, each named once. Returns the trades
in the order of the call. merge_orders says what happens to each.
Locks: the orders, in ascending order number; then their trades that are open or were paid, in ascending trade number.
Raises: MX101 if there is no such merchant; MX102 if there is no such payee; MX105 if a known order has another amount,
currency or payee; MX106 if a trade number was used for something else; MX107 if an order is in an open trade that
money was paid into or that has a pending attempt; MX108 if an order has less left to pay than is asked; MX109 if a
trade has orders of different currencies; MX110 if there is no such currency; MX901; MX902; MX903; MX904; MX905.
$$;
