create function mixpay._check_lag(p_lag interval) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_lag$
begin
    if p_lag not between '0' and '366 days' then
        raise exception 'the lag is out of bounds' using
            errcode = 'MX904',
            detail = format('It is %s.', p_lag),
            hint = 'Say 0 to 366 days.';
    end if;
end;
$_check_lag$;

comment on function mixpay._check_lag(interval) is
$$Refuses a lag below zero or above a year; null is none.

Raises: MX904.
$$;
