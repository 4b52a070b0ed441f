create function mixpay._check_receiver(p_merchant_id text, p_receiver text, p_account text) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_check_receiver$
begin
    if not exists (
        select from split_receivers
        where merchant_id = p_merchant_id and receiver = p_receiver and account = p_account
    ) then
        perform _check_merchant(p_merchant_id);
        perform _check_number('receiver', p_receiver);
        raise exception 'there is no receiver %', p_receiver using
            errcode = 'MX407',
            detail = format('Merchant %s has no split with a share that goes to %s:%s.', p_merchant_id, p_account,
                p_receiver),
            hint = 'See mixpay.split_list.';
    end if;
end;
$_check_receiver$;

comment on function mixpay._check_receiver(text, text, text) is
$$Refuses a receiver that no split names, or not for this kind of account.

Raises: MX101 if there is no such merchant; MX407 if no split names the receiver; MX901.
$$;
