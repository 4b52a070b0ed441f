create function mixpay._trade_nos(p_trades mixpay.trades[]) returns text[]
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_trade_nos$
declare
    v_trade trades;
    v_trade_nos text[] := array[]::text[];
begin
    foreach v_trade in array p_trades loop
        v_trade_nos := v_trade_nos || v_trade.trade_no::text;
    end loop;
    return v_trade_nos;
end;
$_trade_nos$;

comment on function mixpay._trade_nos(mixpay.trades[]) is
$$The numbers of these trades, in their order.
$$;
