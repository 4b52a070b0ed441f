create function mixpay._refunded_line(p_line mixpay.trade_orders, p_amount bigint) returns mixpay.trade_orders
language plpgsql stable
set search_path = mixpay, pg_temp
as $_refunded_line$
declare
    v_line trade_orders := p_line;
begin
    if p_amount > 0 then
        v_line.cleared := v_line.cleared + (_clear_line(p_line, 0, p_amount, 0)).cleared;
        v_line.refunded := v_line.refunded + p_amount;
    end if;
    return v_line;
end;
$_refunded_line$;

comment on function mixpay._refunded_line(mixpay.trade_orders, bigint) is
$$The line without a split of which so much more, in the smallest unit, is refunded.
$$;
