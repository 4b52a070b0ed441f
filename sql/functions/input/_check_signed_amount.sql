create function mixpay._check_signed_amount(p_name text, p_value bigint) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_signed_amount$
begin
    if p_value is null or p_value = 0 or p_value not between -1000000000000000 and 1000000000000000 then
        raise exception '% is not an amount of money', p_name using
            errcode = 'MX902',
            detail = format('It is %s.', coalesce(p_value::text, 'null')),
            hint = 'Say whole numbers of the smallest unit, 1 to 10^15, above or below zero: the sign says which way.';
    end if;
end;
$_check_signed_amount$;

comment on function mixpay._check_signed_amount(text, bigint) is
$$Refuses what cannot be an amount with a sign: in the smallest unit, from 1 to 10^15, above or below zero.

Raises: MX902.
$$;
