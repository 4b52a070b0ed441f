create function mixpay._check_limit(p_value bigint) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_limit$
begin
    if p_value is null or p_value not between 1 and 1000 then
        raise exception 'the limit is out of bounds' using
            errcode = 'MX904',
            detail = format('It is %s.', coalesce(p_value::text, 'null')),
            hint = 'Ask for 1 to 1000 at a time.';
    end if;
end;
$_check_limit$;

comment on function mixpay._check_limit(bigint) is
$$Refuses a limit that is not from 1 to 1000.

Raises: MX904.
$$;
