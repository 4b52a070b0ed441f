create function mixpay._count_refunded(
    p_trade mixpay.trades, p_order_no text, p_line mixpay.trade_orders, p_shares mixpay.refund_share[],
    p_released bigint
) returns mixpay.clearing
language plpgsql
set search_path = mixpay, pg_temp
as $_count_refunded$
declare
    v_line trade_orders := p_line;
    v_share refund_share;
    v_total bigint := 0;
    v_clearing clearing;
    v_fact fact;
begin
    foreach v_share in array p_shares loop
        update payments
        set
            refunded = refunded + v_share.amount,
            surplus_refunded = surplus_refunded + case when p_order_no is null then v_share.amount else 0 end
        where merchant_id = p_trade.merchant_id and payment_no = v_share.payment_no;
        v_total := v_total + v_share.amount;
    end loop;
    if p_order_no is null then
        return v_clearing;
    end if;
    if p_line.trade_no is null then
        select * into v_line from trade_orders
        where merchant_id = p_trade.merchant_id and order_no = p_order_no and trade_no = p_trade.trade_no;
    end if;
    if v_total < 0 and p_released = 0 and v_line.split_no is not null and not v_line.hold then
        -- It was refunded before there was a split, and nothing stays in escrow: it is divided as if it came now.
        v_clearing := _clear_line(v_line, -v_total, 0, 0);
        v_clearing.split_no := v_line.split_no;
    else
        v_clearing := _clear_line(v_line, 0, v_total, p_released);
    end if;
    v_fact := _order_fact(null, v_line, 0, v_total);
    v_clearing.order_from_state := v_fact.order_from_state;
    v_clearing.order_to_state := v_fact.order_to_state;
    update trade_orders set refunded = refunded + v_total, cleared = cleared + v_clearing.cleared
    where merchant_id = p_trade.merchant_id and trade_no = p_trade.trade_no and position = v_line.position;
    return v_clearing;
end;
$_count_refunded$;

comment on function mixpay._count_refunded(
    mixpay.trades, text, mixpay.trade_orders, mixpay.refund_share[], bigint
) is
$$Counts money of one trade as refunded, or below zero as refunded no longer: in its payments and in the order's line;
and clears the line. Surplus and reversals have no order. What it cleared, and made of the order, is for the caller's
facts.

p_shares say of which payments how much, in the smallest unit. p_released is what payee and receivers had given back of
what is freed, and get again. p_line is the order's line in the trade, if it has been read. The caller holds the lock of
the trade, and counts its refunded.
$$;
