create function mixpay._cover_chargeback(
    p_trade mixpay.trades, p_chargeback_no text, p_order_no text, p_amount bigint
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_cover_chargeback$
declare
    v_chargeback chargebacks;
    v_payment payments;
    v_fact fact := _fact(p_trade, 'chargeback', p_chargeback_no);
begin
    update chargebacks set lost = lost - p_amount
    where merchant_id = p_trade.merchant_id and chargeback_no = p_chargeback_no
    returning * into v_chargeback;
    select * into v_payment from payments
    where merchant_id = p_trade.merchant_id and payment_no = v_chargeback.payment_no;
    v_fact.reason := 'what had been given back is free again';
    return _take_charged_back(
        p_trade, v_chargeback, _loss(v_fact, v_payment, -p_amount), p_order_no, p_amount, now()
    );
end;
$_cover_chargeback$;

comment on function mixpay._cover_chargeback(mixpay.trades, text, text, bigint) is
$$Takes money that has just been freed for what was lost by a chargeback. In the smallest unit, at most what is lost.
$$;
