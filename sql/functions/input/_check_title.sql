create function mixpay._check_title(p_value text) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_title$
begin
    if coalesce(length(p_value), 0) not between 1 and 200 then
        raise exception 'the title is empty or too long' using
            errcode = 'MX905',
            detail = format('It has %s characters.', coalesce(length(p_value), 0)),
            hint = 'A title has 1 to 200 characters.';
    end if;
    perform _check_plain('the title', p_value);
end;
$_check_title$;

comment on function mixpay._check_title(text) is $$
Refuses a title that is empty, too long or has control characters.

Raises: MX905.
$$;
