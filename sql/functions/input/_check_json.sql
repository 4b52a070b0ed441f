create function mixpay._check_json(
    p_name text, p_value jsonb, p_texts text[], p_integers text[], p_others text[] default '{}'
) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_json$
declare
    v_problem text;
begin
    if jsonb_typeof(p_value) is distinct from 'object' then
        raise exception '% is not an object', p_name using
            errcode = 'MX903',
            detail = _json_is(p_value),
            hint = format('Its keys may be: %s.', array_to_string(p_texts || p_integers || p_others, ', '));
    end if;
    select case
        when key = any (p_texts) then
            case when jsonb_typeof(value) not in ('string', 'null') then format('"%s" is not a text', key) end
        when key = any (p_integers) then
            case when value::text !~ '^(-?[0-9]{1,18}|null)$' then format('"%s" is not a whole number', key) end
        when key <> all (p_others) then format('the key "%s" is unknown', _shown(key))
    end into v_problem
    from jsonb_each(p_value)
    order by 1
    limit 1;
    if v_problem is not null then
        raise exception '%: %', p_name, v_problem using
            errcode = 'MX903',
            detail = format('It is %s.', _shown(p_value::text)),
            hint = format(
                'Texts: %s. Whole numbers, without quotes, point or exponent: %s.%s',
                array_to_string(p_texts, ', '), array_to_string(p_integers, ', '),
                case when p_others <> '{}' then format(' Others: %s.', array_to_string(p_others, ', ')) else '' end
            );
    end if;
end;
$_check_json$;

comment on function mixpay._check_json(text, jsonb, text[], text[], text[]) is
$$Refuses an object with an unknown key, or with a value of another type than its key's. A null is as good as no key.

Raises: MX903.
$$;
