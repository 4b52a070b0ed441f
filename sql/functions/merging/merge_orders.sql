create function mixpay.merge_orders(
    p_merchant_id text, p_orders jsonb, p_trade_no text default null, p_expires_at timestamptz default null
) returns mixpay.trade
language plpgsql security definer
set search_path = mixpay, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $merge_orders$
begin
    if p_expires_at is not null then
        perform _check_moment('expires_at', p_expires_at);
    end if;
    return (_merge(p_merchant_id, _read_orders(p_orders, p_trade_no, p_expires_at)))[1];
end;
$merge_orders$;

comment on function mixpay.merge_orders(text, jsonb, text, timestamptz) is
$$Merges orders into one trade, which is then paid as a whole.

p_orders is [{"order_no", "amount", "currency", "payee_no"?, "pay"?, "hold"?}, ...], 1 to 10,000 of them: amount is what
the order costs in the currency's smallest unit. pay is this trade's share of it; if left out, it is what the order's
other trades leave. hold is true, or the moment when the order's money is due for release. New orders are stored.

An order may be merged again while something of it is unpaid. If it is in an open trade into which nothing was paid, and
for which no attempt to pay is under way, that trade is closed.

The same trade number with the same content returns its trade as it is now. Without a number, the same orders with the
same shares return the open trade that they are in. From p_expires_at on no attempt to pay may start; another
p_expires_at in a repetition changes nothing.
Locks: the orders, in ascending order number; then their trades that are open or were paid, in ascending trade number.
Raises: MX101 if there is no such merchant; MX102 if there is no such payee; MX105 if a known order has another amount,
currency or payee; MX106 if the trade number was used for something else; MX107 if an order is in an open trade that
money was paid into or that has a pending attempt; MX108 if an order has less left to pay than is asked; MX109 if the
orders have different currencies; MX110 if there is no such currency; MX901; MX902; MX903; MX904; MX905.
$$;
