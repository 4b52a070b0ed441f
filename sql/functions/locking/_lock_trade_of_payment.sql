create function mixpay._lock_trade_of_payment(p_merchant_id text, p_payment_no text) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_lock_trade_of_payment$
declare
    v_trade_no text;
begin
    select trade_no into v_trade_no from payments where merchant_id = p_merchant_id and payment_no = p_payment_no;
    if not found then
        perform _check_merchant(p_merchant_id);
        perform _check_number('payment_no', p_payment_no);
        raise exception 'there is no payment %', p_payment_no using
            errcode = 'MX201',
            detail = format('Merchant %s has none of this number.', p_merchant_id),
            hint = 'Start it with start_payment, or record money that is already there with record_payment.';
    end if;
    return _lock_trade(p_merchant_id, v_trade_no);
end;
$_lock_trade_of_payment$;

comment on function mixpay._lock_trade_of_payment(text, text) is
$$The payment's trade, locked, or an error.

Locks: the trade.
Raises: MX101 if there is no such merchant; MX201 if there is no such payment; MX901.
$$;
