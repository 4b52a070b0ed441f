create function mixpay._cover_return(
    p_trade mixpay.trades, p_return_no text, p_order_no text, p_amount bigint
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_cover_return$
declare
    v_return returns;
    v_payment payments;
    v_fact fact := _fact(p_trade, 'return', p_return_no);
    v_shares bigint[] := array[]::bigint[];
begin
    update returns
    set lost = lost - p_amount, unapplied = unapplied + case when p_order_no is null then 0 else p_amount end
    where merchant_id = p_trade.merchant_id and return_no = p_return_no
    returning * into v_return;
    select * into v_payment from payments
    where merchant_id = p_trade.merchant_id and payment_no = v_return.payment_no;
    v_fact.reason := 'what had been given back is free again';
    if p_order_no is not null then
        v_shares := _lines_to_take(p_trade, p_amount, p_order_no);
    end if;
    return _take_returned(
        p_trade, v_return, _loss(v_fact, v_payment, -p_amount), case when p_order_no is null then p_amount else 0 end,
        v_shares, now()
    );
end;
$_cover_return$;

comment on function mixpay._cover_return(mixpay.trades, text, text, bigint) is
$$Takes money that has just been freed for what was lost by a return. In the smallest unit, at most what is lost.
$$;
