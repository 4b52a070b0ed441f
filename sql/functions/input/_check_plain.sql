create function mixpay._check_plain(p_name text, p_value text) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_plain$
declare
    v_pattern text := '[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']';
    v_place integer;
begin
    if p_value ~ v_pattern then
        v_place := regexp_instr(p_value, v_pattern);
        raise exception '% has a control character', p_name using
            errcode = 'MX905',
            detail = format(
                'It is the character %s of %s, U+%s.', v_place, length(p_value),
                lpad(upper(to_hex(ascii(substr(p_value, v_place, 1)))), 4, '0')
            ),
            hint = 'Write it in one line, without tabs: a terminal or a log would obey what it is not meant to.';
    end if;
end;
$_check_plain$;

comment on function mixpay._check_plain(text, text) is
$$Refuses a text with control characters, line breaks and tabs among them; null is no text.

Raises: MX905.
$$;
