create function mixpay._fill_lines(p_lines mixpay.trade_orders[], p_shares bigint[], p_live boolean[]) returns void
language plpgsql
set search_path = mixpay, pg_temp
-- Only a hash of what is to be filled is never slow, whatever the planner believes of the table.
set enable_nestloop = off set enable_mergejoin = off set jit = off
as $_fill_lines$
begin
    update trade_orders as l
    set
        paid = l.paid + s.share, live = s.live,
        cleared = l.cleared + case when l.clears_at_once then s.share else 0 end
    from (
        select n.trade_no, n.position, p_shares[n.ordinality] as share, p_live[n.ordinality] as live
        from unnest(p_lines) with ordinality as n
    ) as s
    where
        l.merchant_id = (p_lines[1]).merchant_id and l.trade_no = s.trade_no and l.position = s.position
        and l.trade_no = any (array(select x.trade_no from unnest(p_lines) as x))
        and (s.share > 0 or not s.live);
end;
$_fill_lines$;

comment on function mixpay._fill_lines(mixpay.trade_orders[], bigint[], boolean[]) is
$$Pays many lines of many trades of a merchant: each its share, in the smallest unit, which is its payee's at once where
the line says so, and whether it is live still.
$$;
