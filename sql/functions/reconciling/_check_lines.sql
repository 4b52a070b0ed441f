create function mixpay._check_lines(p_lines jsonb) returns void
language plpgsql stable
set search_path = mixpay, pg_temp
as $_check_lines$
declare
    v_texts text[] := array[
        'part', 'kind', 'type', 'currency', 'happened_at', 'channel_txn_no', 'our_no', 'of_channel_txn_no', 'of_our_no',
        'batch_no', 'state', 'description'
    ];
    v_numbers text[] := array['line_no', 'amount', 'fee'];
    v_line record;
    v_wrong boolean;
begin
    if jsonb_typeof(p_lines) is distinct from 'array' or jsonb_array_length(p_lines) not between 1 and 10000 then
        raise exception 'the lines are not an array of 1 to 10000 objects' using
            errcode = case when jsonb_typeof(p_lines) = 'array' then 'MX904' else 'MX903' end,
            detail = case when jsonb_typeof(p_lines) = 'array' then format('It has %s.', jsonb_array_length(p_lines))
                else _json_is(p_lines) end,
            hint = format('The keys of each may be: %s.', array_to_string(v_numbers || v_texts, ', '));
    end if;
    -- All at once, and one by one only if something looks wrong. First the shapes, then what they say.
    select bool_or(
        jsonb_typeof(e) is distinct from 'object' or e - (v_numbers || v_texts) <> '{}'
        or jsonb_typeof(e -> 'part') not in ('string', 'null')
        or jsonb_typeof(e -> 'kind') not in ('string', 'null')
        or jsonb_typeof(e -> 'type') not in ('string', 'null')
        or jsonb_typeof(e -> 'currency') not in ('string', 'null')
        or jsonb_typeof(e -> 'happened_at') not in ('string', 'null')
        or jsonb_typeof(e -> 'channel_txn_no') not in ('string', 'null')
        or jsonb_typeof(e -> 'our_no') not in ('string', 'null')
        or jsonb_typeof(e -> 'of_channel_txn_no') not in ('string', 'null')
        or jsonb_typeof(e -> 'of_our_no') not in ('string', 'null')
        or jsonb_typeof(e -> 'batch_no') not in ('string', 'null')
        or jsonb_typeof(e -> 'state') not in ('string', 'null')
        or jsonb_typeof(e -> 'description') not in ('string', 'null')
        or jsonb_typeof(e -> 'line_no') <> 'number' or jsonb_typeof(e -> 'amount') <> 'number'
        or jsonb_typeof(e -> 'fee') not in ('number', 'null')
        or (e ->> 'line_no') || ' ' || (e ->> 'amount') || ' ' || coalesce(e ->> 'fee', '0')
            !~ '^[0-9]{1,15} -?[0-9]{1,16} -?[0-9]{1,16}$'
        or e ->> 'line_no' is null or e ->> 'amount' is null
    ) into v_wrong
    from jsonb_array_elements(p_lines) as e;
    if v_wrong is not true then
        v_wrong := _lines_look_wrong(p_lines);
    end if;
    if v_wrong then
        for v_line in
            select j.value, j.i from jsonb_array_elements(p_lines) with ordinality as j (value, i) order by j.i
        loop
            perform _check_json(format('line %s', v_line.i), v_line.value, v_texts, v_numbers);
            perform _check_line(format('line %s', v_line.i), v_line.value);
        end loop;
    end if;
end;
$_check_lines$;

comment on function mixpay._check_lines(jsonb) is
$$Refuses what is not an array of 1 to 10,000 lines of a statement. The error names the line by its place in the array.

Raises: MX110 if there is no such currency; MX901; MX902; MX903; MX904; MX905.
$$;
