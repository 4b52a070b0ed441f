create function mixpay._take_from_many(
    p_merchant_id text, p_shares mixpay.refund_share[], p_lines mixpay.trade_orders[]
) returns void
language plpgsql
set search_path = mixpay, pg_temp
-- Only a hash of what is written is never slow, whatever the planner believes of the tables.
set enable_hashjoin = on set enable_nestloop = off set enable_mergejoin = off set jit = off
as $_take_from_many$
begin
    update payments as p
    set refunded = p.refunded + s.amount
    from unnest(p_shares) as s
    where
        p.merchant_id = p_merchant_id and p.payment_no = s.payment_no
        and p.payment_no = any (array(select x.payment_no from unnest(p_shares) as x));
    update trade_orders as l
    set refunded = n.refunded, cleared = n.cleared
    from unnest(p_lines) as n
    where
        l.merchant_id = p_merchant_id and l.trade_no = n.trade_no and l.position = n.position
        and l.trade_no = any (array(select x.trade_no from unnest(p_lines) as x));
end;
$_take_from_many$;

comment on function mixpay._take_from_many(text, mixpay.refund_share[], mixpay.trade_orders[]) is
$$Counts as refunded what many payments bear, each of them named once, and stores what their orders' lines are by that.
$$;
