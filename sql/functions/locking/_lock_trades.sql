create function mixpay._lock_trades(p_merchant_id text, p_trade_nos text[]) returns mixpay.trades[]
language plpgsql
set search_path = mixpay, pg_temp
as $_lock_trades$
begin
    -- A trade that is made while we wait for others is not among these.
    return array(
        select t.trade
        from (
            select distinct u.trade_no collate "C" as trade_no from unnest(p_trade_nos) as u (trade_no) order by 1
        ) as n
        cross join lateral (
            select x as trade from trades as x
            where x.merchant_id = p_merchant_id and x.trade_no = n.trade_no
            for no key update
        ) as t
    );
end;
$_lock_trades$;

comment on function mixpay._lock_trades(text, text[]) is
$$These trades, locked, as far as there are any.

Locks: the trades, in ascending trade number.
$$;
