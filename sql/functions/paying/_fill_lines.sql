create function mixpay._fill_lines(
    p_merchant_id text, p_trade_nos text[], p_positions bigint[], p_shares bigint[], p_payee_nos text[],
    p_live boolean[]
) returns void
language plpgsql
set search_path = mixpay, pg_temp
-- Only a hash of what is to be filled is never slow, whatever the planner believes of the table.
set enable_nestloop = off set enable_mergejoin = off set jit = off
as $_fill_lines$
begin
    update trade_orders as l
    set
        paid = l.paid + s.share, live = s.live,
        cleared = l.cleared + case when s.payee_no is null then 0 else s.share end
    from unnest(p_trade_nos, p_positions, p_shares, p_payee_nos, p_live)
        as s (trade_no, position, share, payee_no, live)
    where
        l.merchant_id = p_merchant_id and l.trade_no = s.trade_no and l.position = s.position
        and l.trade_no = any (p_trade_nos)
        and (s.share > 0 or not s.live);
end;
$_fill_lines$;

comment on function mixpay._fill_lines(text, text[], bigint[], bigint[], text[], boolean[]) is $$
Pays many lines of many trades: each its share, which is its payee's at once where one is named, and whether it is live
still. In the smallest unit.
$$;
