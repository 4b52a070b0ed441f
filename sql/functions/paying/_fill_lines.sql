create function mixpay._fill_lines(p_lines mixpay.trade_orders[], p_trades mixpay.trades[]) returns void
language plpgsql
set search_path = mixpay, pg_temp
-- Only a hash of what is to be filled is never slow, whatever the planner believes of the table.
set enable_hashjoin = on set enable_nestloop = off set enable_mergejoin = off set jit = off
as $_fill_lines$
begin
    update trade_orders as l
    set paid = n.paid, cleared = n.cleared, live = t.state = 'open'
    from unnest(p_lines) as n
    inner join unnest(p_trades) as t on t.trade_no = n.trade_no
    where
        l.merchant_id = (p_lines[1]).merchant_id and l.trade_no = n.trade_no and l.position = n.position
        and l.trade_no = any (array(select x.trade_no from unnest(p_trades) as x))
        and (l.paid <> n.paid or t.state <> 'open');
end;
$_fill_lines$;

comment on function mixpay._fill_lines(mixpay.trade_orders[], mixpay.trades[]) is
$$Stores many lines as they are paid and cleared now; those of a trade that is paid are not live any more.
$$;
