create function mixpay._parse_payment_nos(p_name text, p_value jsonb) returns text[]
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_parse_payment_nos$
declare
    v_payment_nos text[];
begin
    if p_value is null or p_value = 'null' then
        return null;
    end if;
    if jsonb_typeof(p_value) <> 'array' or jsonb_path_exists(p_value, 'strict $[*] ? (@.type() != "string")') then
        raise exception '% is not a list of texts', p_name using
            errcode = 'MX903',
            detail = _json_is(p_value),
            hint = 'Write "payment_nos": ["P1", "P2"], or leave it out.';
    end if;
    v_payment_nos := array(select n from jsonb_array_elements_text(p_value) as n);
    perform _check_payment_nos(p_name, v_payment_nos);
    return v_payment_nos;
end;
$_parse_payment_nos$;

comment on function mixpay._parse_payment_nos(text, jsonb) is
$$The payments that a JSON array of texts names; null stays null.

Raises: MX901; MX903; MX904.
$$;
