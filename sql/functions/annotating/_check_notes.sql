create function mixpay._check_notes(p_notes jsonb) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_notes$
declare
    v_wrong record;
begin
    if jsonb_typeof(p_notes) is distinct from 'object' then
        raise exception 'the notes are not an object' using
            errcode = 'MX903',
            detail = _json_is(p_notes),
            hint = 'Pass {"key": value, ...}; null as a value removes the key.';
    end if;
    select n.key, n.value, n.as_text into v_wrong
    from (
        select e.key, e.value, t.value as as_text, e.key ~ v.pattern or t.value ~ v.pattern as is_rude
        from jsonb_each(p_notes) as e
        inner join jsonb_each_text(p_notes) as t on t.key = e.key
        cross join (
            values ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
        ) as v (pattern)
    ) as n
    where
        length(n.key) not between 1 and 64 or n.is_rude
        or jsonb_typeof(n.value) not in ('string', 'number', 'boolean', 'null')
    order by n.key
    limit 1;
    if found then
        perform _check_plain('a key of the notes', v_wrong.key);
        if length(v_wrong.key) not between 1 and 64 then
            raise exception 'a key of the notes is empty or too long' using
                errcode = 'MX905',
                detail = format('It has %s characters.', length(v_wrong.key)),
                hint = 'A key has 1 to 64 characters.';
        end if;
        if jsonb_typeof(v_wrong.value) in ('object', 'array') then
            raise exception 'the note % is not a text, a number or a boolean', _shown(v_wrong.key) using
                errcode = 'MX903',
                detail = format('It is %s.', _shown(v_wrong.value::text)),
                hint = 'Notes are flat: give each value a key of its own, or write it as a text.';
        end if;
        perform _check_plain(format('the note %s', _shown(v_wrong.key)), v_wrong.as_text);
    end if;
end;
$_check_notes$;

comment on function mixpay._check_notes(jsonb) is
$$Refuses notes that are no flat object of texts, numbers and booleans, with keys of 1 to 64 characters; null as a value
stands for no key.

Raises: MX903; MX905.
$$;
