create function mixpay._lock_trade_of_chargeback(p_merchant_id text, p_chargeback_no text) returns mixpay.trades
language plpgsql
set search_path = mixpay, pg_temp
as $_lock_trade_of_chargeback$
declare
    v_payment_no text;
begin
    select payment_no into v_payment_no from chargebacks
    where merchant_id = p_merchant_id and chargeback_no = p_chargeback_no;
    if not found then
        perform _check_merchant(p_merchant_id);
        perform _check_number('chargeback_no', p_chargeback_no);
        raise exception 'there is no chargeback %', p_chargeback_no using
            errcode = 'MX224',
            detail = format('Merchant %s has none of this number.', p_merchant_id),
            hint = 'Book it first with charge_back_payment. See mixpay.chargeback_list.';
    end if;
    return _lock_trade_of_payment(p_merchant_id, v_payment_no);
end;
$_lock_trade_of_chargeback$;

comment on function mixpay._lock_trade_of_chargeback(text, text) is
$$The trade of a chargeback's payment, locked, or an error.

Locks: the trade.
Raises: MX101 if there is no such merchant; MX224 if there is no such chargeback; MX901.
$$;
