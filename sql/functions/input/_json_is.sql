create function mixpay._json_is(p_value jsonb) returns text
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_json_is$
begin
    return case
        when jsonb_typeof(p_value) = 'string'
            and left(ltrim(p_value #>> '{}', E' \t\r\n'), 1) in ('[', '{') then format(
            'It is a text that holds JSON, which is JSON encoded twice: %s. Pass the array or object itself.',
            _shown(p_value::text)
        )
        else format('It is %s.', _shown(p_value::text))
    end;
end;
$_json_is$;

comment on function mixpay._json_is(jsonb) is
$$The detail of the error that JSON has another shape than it should: what it is, cut.
$$;
