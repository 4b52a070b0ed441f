create function mixpay._check_receiver(p_merchant_id text, p_receiver text, p_kinds text[]) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_check_receiver$
begin
    if not exists (
        select from split_receivers
        where merchant_id = p_merchant_id and receiver = p_receiver and kind = any (p_kinds)
    ) then
        perform _check_merchant(p_merchant_id);
        perform _check_number('receiver', p_receiver);
        raise exception 'there is no receiver %', p_receiver using
            errcode = 'MX407',
            detail = format('No split of merchant %s names it as %s.', p_merchant_id, array_to_string(p_kinds, ' or ')),
            hint = 'See mixpay.split_list.';
    end if;
end;
$_check_receiver$;

comment on function mixpay._check_receiver(text, text, text[]) is $$
Refuses a receiver that no split names.

Raises: MX101 if there is no such merchant; MX407 if no split names the receiver; MX901.
$$;
