create function mixpay._check_amount(p_name text, p_value bigint) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_amount$
begin
    if p_value is null or p_value not between 1 and 1000000000000000 then
        raise exception '% is not an amount of money', p_name using
            errcode = 'MX902',
            detail = format('It is %s.', coalesce(p_value::text, 'null')),
            hint = 'Amounts are whole numbers of the smallest unit, from 1 to 10^15.';
    end if;
end;
$_check_amount$;

comment on function mixpay._check_amount(text, bigint) is
$$Refuses what cannot be an amount: in the smallest unit, from 1 to 10^15.

Raises: MX902.
$$;
