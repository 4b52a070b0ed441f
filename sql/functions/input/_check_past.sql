create function mixpay._check_past(p_name text, p_value timestamptz) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_check_past$
begin
    if p_value > now() + interval '1 day' then
        raise exception '% lies in the future', p_name using
            errcode = 'MX905',
            detail = format('It is %s, which is more than a day from now.', p_value),
            hint = 'Money moves before it is told. A clock may be wrong by a day at most; leave the moment out: now.';
    end if;
    perform _check_moment(p_name, p_value);
end;
$_check_past$;

comment on function mixpay._check_past(text, timestamptz) is
$$Refuses a moment of money that is more than a day in the future, or that _check_moment refuses; null is no moment.

Raises: MX905.
$$;
