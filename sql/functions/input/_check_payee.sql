create function mixpay._check_payee(p_merchant_id text, p_payee_no text) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_check_payee$
begin
    if not exists (select from payees where merchant_id = p_merchant_id and payee_no = p_payee_no) then
        perform _check_merchant(p_merchant_id);
        perform _check_number('payee_no', p_payee_no);
        raise exception 'there is no payee %', p_payee_no using
            errcode = 'MX102',
            detail = format('Merchant %s has none of this number.', p_merchant_id),
            hint = 'Register it with register_payee.';
    end if;
end;
$_check_payee$;

comment on function mixpay._check_payee(text, text) is
$$Refuses a payee that is not registered.

Raises: MX101 if there is no such merchant; MX102 if there is no such payee; MX901.
$$;
