create function mixpay._check_merchant(p_merchant_id text) returns mixpay.merchants
language plpgsql stable
set search_path = mixpay, pg_temp
as $_check_merchant$
declare
    v_merchant merchants;
begin
    select * into v_merchant from merchants where merchant_id = p_merchant_id;
    if not found then
        perform _check_number('merchant_id', p_merchant_id);
        raise exception 'there is no merchant %', p_merchant_id using
            errcode = 'MX101',
            detail = format('None is registered under these %s characters.', length(p_merchant_id)),
            hint = 'Register it with register_merchant.';
    end if;
    return v_merchant;
end;
$_check_merchant$;

comment on function mixpay._check_merchant(text) is
$$The merchant, or an error.

Raises: MX101 if there is no such merchant; MX901.
$$;
