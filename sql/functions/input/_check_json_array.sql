create function mixpay._check_json_array(
    p_names text[], p_items jsonb[], p_texts text[], p_integers text[], p_others text[] default '{}'
) returns void
language plpgsql immutable
set search_path = mixpay, pg_temp
as $_check_json_array$
declare
    v_item record;
begin
    for v_item in
        select u.name, u.value
        from unnest(p_names, p_items) with ordinality as u (name, value, i)
        where
            case when jsonb_typeof(u.value) = 'object' then exists (
                select from jsonb_each(u.value) as e
                where
                    not case
                        when e.key = any (p_texts) then jsonb_typeof(e.value) in ('string', 'null')
                        when e.key = any (p_integers)
                            then length(e.value::text) between 1 and 18 and e.value::text !~ '[^0-9]'
                        else e.key = any (p_others)
                    end
            ) else true end
        order by u.i
    loop
        perform _check_json(v_item.name, v_item.value, p_texts, p_integers, p_others);
    end loop;
end;
$_check_json_array$;

comment on function mixpay._check_json_array(text[], jsonb[], text[], text[], text[]) is
$$Does for many named objects what _check_json does for one: all at once, and one by one only those that look wrong.

Raises: MX903.
$$;
