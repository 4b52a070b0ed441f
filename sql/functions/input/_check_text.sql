create function mixpay._check_text(p_name text, p_value text) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_text$
begin
    if length(p_value) > 1000 then
        raise exception '% is too long', p_name using
            errcode = 'MX905',
            detail = format('It has %s characters.', length(p_value)),
            hint = 'A reason or a name has at most 1000 characters.';
    end if;
    perform _check_plain(p_name, p_value);
end;
$_check_text$;

comment on function mixpay._check_text(text, text) is
$$Refuses a free text that is too long or has control characters; null is no text.

Raises: MX905.
$$;
