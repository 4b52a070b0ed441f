create function mixpay._check_until(p_until timestamptz) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_check_until$
begin
    perform _check_moment('until', p_until);
    if p_until > clock_timestamp() then
        raise exception 'until lies in the future' using
            errcode = 'MX905',
            detail = format('It is %s.', p_until),
            hint = 'Name a moment in the past, or null: now.';
    end if;
end;
$_check_until$;

comment on function mixpay._check_until(timestamptz) is
$$Refuses a moment that is still to come, until which nobody can settle; null is now.

Raises: MX905.
$$;
