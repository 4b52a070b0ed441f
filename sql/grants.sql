-- Readers ask, writers also do, nobody touches a table, and everybody else may nothing. Who watches sees what the
-- checks find, and figures; of a view of a check, nothing else of the tables, for it is a security barrier.
do $grants$
declare
    v_grant text;
begin
    for v_grant in
        select format('revoke all on function %s from public', string_agg(p.oid::regprocedure::text, ', '))
        from pg_catalog.pg_proc as p
        where p.pronamespace = 'mixpay'::regnamespace
        union all
        -- An array has the rights of its elements.
        select format('revoke all on type %s from public', string_agg(t.oid::regtype::text, ', '))
        from pg_catalog.pg_type as t
        where t.typnamespace = 'mixpay'::regnamespace and t.typcategory <> 'A'
        union all
        select format('grant execute on function %s to mixpay_writer', string_agg(p.oid::regprocedure::text, ', '))
        from pg_catalog.pg_proc as p
        where p.pronamespace = 'mixpay'::regnamespace and left(p.proname, 1) <> '_'
        union all
        select format('grant select on %s to mixpay_monitor', string_agg(c.oid::regclass::text, ', '))
        from pg_catalog.pg_class as c
        where
            c.relnamespace = 'mixpay'::regnamespace and c.relkind = 'v'
            and (c.relname ~ '^_' or c.relname in ('horizon', 'metrics'))
        union all
        select format('grant select on %s to mixpay_reader, mixpay_writer', string_agg(c.oid::regclass::text, ', '))
        from pg_catalog.pg_class as c
        where c.relnamespace = 'mixpay'::regnamespace and c.relkind = 'v' and c.relname !~ '^_'
    loop
        execute v_grant;
    end loop;
end;
$grants$;

grant usage on schema mixpay to mixpay_monitor, mixpay_reader, mixpay_writer;
grant execute on function mixpay._is_merchant(text) to mixpay_monitor;
