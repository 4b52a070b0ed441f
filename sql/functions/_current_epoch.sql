create function mixpay._current_epoch() returns bigint
language plpgsql stable
set search_path = mixpay, pg_temp
as $_current_epoch$
begin
    return (
        select pg_get_expr(d.adbin, d.adrelid)::bigint
        from pg_catalog.pg_attrdef as d
        inner join pg_catalog.pg_attribute as a on a.attrelid = d.adrelid and a.attnum = d.adnum
        where d.adrelid = 'mixpay.facts'::regclass and a.attname = 'epoch'
    );
end;
$_current_epoch$;

comment on function mixpay._current_epoch() is $$
How many times the database began anew, from 1: the default of facts.epoch.
$$;
