create function mixpay._rest_of_surplus(
    p_trade mixpay.trades, p_payment_no text, p_return_no text, p_chargeback_no text
) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_rest_of_surplus$
declare
    v_payment payments;
    v_rest bigint;
    v_refund refunds;
    v_trade trades;
begin
    select * into v_payment from payments where merchant_id = p_trade.merchant_id and payment_no = p_payment_no;
    v_rest := v_payment.surplus - v_payment.surplus_refunded;
    if v_rest = 0 then
        return p_trade;
    end if;
    insert into refunds (merchant_id, refund_no, kind, amount, return_no, chargeback_no)
    values (
        p_trade.merchant_id, _new_number(clock_timestamp(), 0), 'surplus', v_rest, p_return_no, p_chargeback_no
    )
    returning * into v_refund;
    v_trade := _reserve_refund(p_trade, array[_refund_fact(p_trade, v_refund, '', null)], v_refund, array[row(
        p_payment_no, v_rest, p_trade.trade_no, null, v_payment.channel, v_payment.paid_at, v_payment.seq, v_rest
    )::refund_share], null, null);
    return _leave_to_a_person(
        v_trade, p_payment_no,
        coalesce('returned: ' || p_return_no, 'charged back: ' || p_chargeback_no)
    );
end;
$_rest_of_surplus$;

comment on function mixpay._rest_of_surplus(mixpay.trades, text, text, text) is
$$What a return or a chargeback left of a payment's surplus, of which it took a part, goes back as a refund of its own,
which a person lets go; for the parts that it was to go back in are not whole any more.

The caller holds the lock of the trade, which is returned as it is then.
$$;
