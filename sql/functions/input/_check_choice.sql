create function mixpay._check_choice(p_name text, p_value text, p_choices text[]) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_choice$
begin
    if p_value is null or p_value <> all (p_choices) then
        raise exception '% is not one of what it may be', p_name using
            errcode = 'MX905',
            detail = format('It is %s.', _shown(p_value, '''')),
            hint = format('Say one of: %s.', array_to_string(p_choices, ', '));
    end if;
end;
$_check_choice$;

comment on function mixpay._check_choice(text, text, text[]) is
$$Refuses what is not one of the choices.

Raises: MX905.
$$;
