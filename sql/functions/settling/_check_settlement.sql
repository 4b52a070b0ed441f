create function mixpay._check_settlement(p_merchant_id text, p_settlement_no text) returns mixpay.settlements
language plpgsql stable
set search_path = mixpay, pg_temp
as $_check_settlement$
declare
    v_settlement settlements;
begin
    select * into v_settlement from settlements where merchant_id = p_merchant_id and settlement_no = p_settlement_no;
    if not found then
        perform _check_merchant(p_merchant_id);
        perform _check_number('settlement_no', p_settlement_no);
        raise exception 'there is no settlement %', p_settlement_no using
            errcode = 'MX405',
            detail = format('Merchant %s has none of this number.', p_merchant_id),
            hint = 'See mixpay.settlement_list.';
    end if;
    return v_settlement;
end;
$_check_settlement$;

comment on function mixpay._check_settlement(text, text) is
$$The settlement, or an error.

Raises: MX101 if there is no such merchant; MX405 if there is no such settlement; MX901.
$$;
