create function mixpay._lock_trades(p_merchant_id text, p_trade_nos text[]) returns mixpay.trades[]
language plpgsql
set search_path = mixpay, pg_temp
as $_lock_trades$
begin
    -- A trade that is made while we wait for others is not among these.
    return array(
        select t from trades as t
        where t.merchant_id = p_merchant_id and t.trade_no = any (p_trade_nos)
        order by t.trade_no
        for no key update
    );
end;
$_lock_trades$;

comment on function mixpay._lock_trades(text, text[]) is
$$These trades, locked, as far as there are any.

Locks: the trades, in ascending trade number.
$$;
