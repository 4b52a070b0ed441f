create function mixpay._shown(p_text text, p_quote text default '') returns text
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_shown$
declare
    -- Control characters; what turns the direction of writing, has no width or ends a line; tags.
    v_unseen text := E'[\\u0001-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e'
        || E'\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb\\U000e0000-\\U000e007f]';
    v_text text := left(p_text, 255);
begin
    if v_text ~ v_unseen then
        v_text := (
            select string_agg(
                case
                    when u.c !~ v_unseen then u.c
                    when ascii(u.c) < 256 then E'\\x' || lpad(to_hex(ascii(u.c)), 2, '0')
                    when ascii(u.c) < 65536 then E'\\u' || lpad(to_hex(ascii(u.c)), 4, '0')
                    else E'\\U' || lpad(to_hex(ascii(u.c)), 8, '0')
                end, '' order by u.i
            )
            from string_to_table(v_text, null) with ordinality as u (c, i)
        );
    end if;
    return coalesce(p_quote || v_text || case when length(p_text) > 255 then '...' else '' end || p_quote, 'null');
end;
$_shown$;

comment on function mixpay._shown(text, text) is
$$What somebody has sent, as an error may say it: its first 255 characters, with what a terminal or a log would obey, or
would not show, written out: \x1b, \u202e. Null is null; p_quote goes around everything else.
$$;
