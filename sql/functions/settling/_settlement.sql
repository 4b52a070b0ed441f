create function mixpay._settlement(
    p_merchant_id text, p_settlement_no text, p_lock boolean
) returns mixpay.settlements
language plpgsql
set search_path = mixpay, pg_temp
as $_settlement$
declare
    v_settlement settlements;
begin
    if p_lock then
        select * into v_settlement from settlements
        where merchant_id = p_merchant_id and settlement_no = p_settlement_no
        for no key update;
    else
        select * into v_settlement from settlements
        where merchant_id = p_merchant_id and settlement_no = p_settlement_no;
    end if;
    if v_settlement.settlement_no is null then
        perform _check_merchant(p_merchant_id);
        perform _check_number('settlement_no', p_settlement_no);
        raise exception 'there is no settlement %', p_settlement_no using
            errcode = 'MX405',
            detail = format('Merchant %s has none of this number.', p_merchant_id),
            hint = 'See mixpay.settlement_list.';
    end if;
    return v_settlement;
end;
$_settlement$;

comment on function mixpay._settlement(text, text, boolean) is
$$The settlement, locked if p_lock.

Locks: the settlement, if p_lock.
Raises: MX101 if there is no such merchant; MX405 if there is no such settlement; MX901.
$$;
