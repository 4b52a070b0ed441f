create function mixpay._check_moment(p_name text, p_value timestamptz) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_moment$
begin
    if not isfinite(p_value) then
        raise exception '% is not a moment', p_name using
            errcode = 'MX905',
            detail = format('It is %s.', p_value),
            hint = 'Name a moment, or leave it out.';
    end if;
end;
$_check_moment$;

comment on function mixpay._check_moment(text, timestamptz) is $$
Refuses a moment that never comes; null is no moment.

Raises: MX905.
$$;
