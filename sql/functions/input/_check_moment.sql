create function mixpay._check_moment(p_name text, p_value timestamptz) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_check_moment$
begin
    if p_value < '1900-01-01 00:00:00+00' or p_value >= '9999-01-01 00:00:00+00' then
        raise exception '% is not a moment', p_name using
            errcode = 'MX905',
            detail = format('It is %s.', p_value),
            hint = 'Name a moment from 1900 to 9998, or leave it out.';
    end if;
end;
$_check_moment$;

comment on function mixpay._check_moment(text, timestamptz) is
$$Refuses a moment that many clients cannot read, before 1900 or after 9998; null is no moment.

Raises: MX905.
$$;
