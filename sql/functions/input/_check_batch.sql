create function mixpay._check_batch(
    p_name text, p_items jsonb, p_texts text[], p_integers text[], p_others text[] default '{}',
    p_required text[] default '{}'
) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_batch$
declare
    v_keys text[] := array(select k from unnest(p_texts) as k where right(k, 3) = '_no') || p_integers;
    v_wrong record;
begin
    if jsonb_typeof(p_items) is distinct from 'array' or jsonb_array_length(p_items) not between 1 and 10000 then
        raise exception 'the %s are not an array of 1 to 10000 objects', p_name using
            errcode = case when jsonb_typeof(p_items) = 'array' then 'MX904' else 'MX903' end,
            detail = case when jsonb_typeof(p_items) = 'array' then format('It has %s.', jsonb_array_length(p_items))
                else _json_is(p_items) end,
            hint = format('The keys of each may be: %s.', array_to_string(p_texts || p_integers || p_others, ', '));
    end if;
    perform _check_json_array(
        array_agg(format('%s %s', p_name, j.i)), array_agg(j.value), p_texts, p_integers, p_others
    )
    from jsonb_array_elements(p_items) with ordinality as j (value, i);
    -- All at once, and by their own checks only those that look wrong.
    for v_wrong in
        select
            format('%s %s: "%s"', p_name, j.i, k.key) as name, j.value ->> k.key as value,
            k.key
        from jsonb_array_elements(p_items) with ordinality as j (value, i)
        cross join unnest(v_keys) with ordinality as k (key, place)
        where
            case
                when j.value ->> k.key is null then k.key = any (p_required)
                when k.key = any (p_integers) then (j.value ->> k.key)::bigint not between 1 and 1000000000000000
                when k.key = 'channel_txn_no' and length(j.value ->> k.key) between 1 and 255
                    then j.value ->> k.key ~ E'[\\u0001-\\u001f\\u007f-\\u009f]'
                else length(j.value ->> k.key) not between 1 and 64 or j.value ->> k.key ~ '[^!-~]'
            end
        order by j.i, k.place
    loop
        if v_wrong.key = any (p_integers) then
            perform _check_amount(v_wrong.name, v_wrong.value::bigint);
        elsif v_wrong.key = 'channel_txn_no' then
            perform _check_channel_txn_no(v_wrong.name, v_wrong.value);
        else
            perform _check_number(v_wrong.name, v_wrong.value);
        end if;
    end loop;
end;
$_check_batch$;

comment on function mixpay._check_batch(text, jsonb, text[], text[], text[], text[]) is
$$Refuses what is not an array of 1 to 10,000 objects with these keys: texts, whole numbers, and others. The error names
the item.

The texts whose key ends with "_no" are numbers that can name something, but "channel_txn_no" is a channel's own; the
whole numbers are amounts of money;
p_required are those of them that may not be left out.
Raises: MX901; MX902; MX903; MX904.
$$;
