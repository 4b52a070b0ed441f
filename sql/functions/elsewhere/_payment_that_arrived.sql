create function mixpay._payment_that_arrived(p_merchant_id text, p_payment_no text) returns mixpay.payments
language plpgsql stable
set search_path = mixpay, pg_temp
as $_payment_that_arrived$
declare
    v_payment payments;
begin
    select * into v_payment from payments where merchant_id = p_merchant_id and payment_no = p_payment_no;
    if v_payment.state <> 'succeeded' then
        raise exception 'payment % has not succeeded', p_payment_no using
            errcode = 'MX226',
            detail = format('It is %s: nothing arrived that could be taken back.', v_payment.state),
            hint = 'If it arrived before it was taken back, book that first with succeed_payment.';
    end if;
    return v_payment;
end;
$_payment_that_arrived$;

comment on function mixpay._payment_that_arrived(text, text) is
$$The payment, whose trade the caller has locked, if it has succeeded.

Raises: MX226 if it has not.
$$;
