create function mixpay._check_title(p_value text) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_title$
declare
    -- Blanks of every width, and what has no width.
    v_seen text := E'[^[:space:]\\u0001-\\u001f\\u0085\\u00a0\\u00ad\\u061c\\u1680\\u180e\\u2000-\\u200f\\u2028-\\u202f'
        || E'\\u205f-\\u206f\\u3000\\ufeff]';
begin
    if coalesce(length(p_value), 0) not between 1 and 200 then
        raise exception 'the title is empty or too long' using
            errcode = 'MX905',
            detail = format('It has %s characters.', coalesce(length(p_value), 0)),
            hint = 'A title has 1 to 200 characters.';
    end if;
    perform _check_plain('the title', p_value);
    if p_value !~ v_seen then
        raise exception 'the title is blank' using
            errcode = 'MX905',
            detail = format('Nothing is to be seen of its %s characters.', length(p_value)),
            hint = 'Say by which name people know it.';
    end if;
end;
$_check_title$;

comment on function mixpay._check_title(text) is
$$Refuses a title that is empty, blank, too long or has control characters.

Raises: MX905.
$$;
