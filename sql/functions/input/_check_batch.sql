create function mixpay._check_batch(
    p_name text, p_items jsonb, p_texts text[], p_integers text[], p_others text[] default '{}'
) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_batch$
begin
    if jsonb_typeof(p_items) is distinct from 'array' or jsonb_array_length(p_items) not between 1 and 10000 then
        raise exception 'the %s are not an array of 1 to 10000 objects', p_name using
            errcode = case when jsonb_typeof(p_items) = 'array' then 'MX904' else 'MX903' end,
            detail = format('It is %s.', coalesce(left(p_items::text, 80), 'null')),
            hint = format('The keys of each may be: %s.', array_to_string(p_texts || p_integers || p_others, ', '));
    end if;
    perform _check_json_array(
        array_agg(format('%s %s', p_name, j.i)), array_agg(j.value), p_texts, p_integers, p_others
    )
    from jsonb_array_elements(p_items) with ordinality as j (value, i);
end;
$_check_batch$;

comment on function mixpay._check_batch(text, jsonb, text[], text[], text[]) is $$
Refuses what is not an array of 1 to 10,000 objects with these keys: texts, whole numbers, and others.

Raises: MX903; MX904.
$$;
