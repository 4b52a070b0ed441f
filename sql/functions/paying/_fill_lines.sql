create function mixpay._fill_lines(p_lines mixpay.trade_orders[], p_trades mixpay.trades[]) returns void
language plpgsql
set search_path = mixpay, pg_temp
as $_fill_lines$
begin
    update trade_orders as l
    set paid = n.paid, cleared = n.cleared, live = t.state = 'open'
    from unnest(p_lines) as n
    inner join unnest(p_trades) as t on t.trade_no = n.trade_no
    cross join lateral (
        select x.ctid as place from trade_orders as x
        where
            x.merchant_id = n.merchant_id and x.trade_no = n.trade_no and x.position = n.position
            and (x.paid <> n.paid or t.state <> 'open')
        offset 0
    ) as x
    where l.ctid = x.place;
end;
$_fill_lines$;

comment on function mixpay._fill_lines(mixpay.trade_orders[], mixpay.trades[]) is
$$Stores many lines as they are paid and cleared now; those of a trade that is paid are not live any more.
$$;
