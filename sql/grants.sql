-- Readers ask, writers also do, nobody touches a table, and everybody else may nothing.
do $grants$
declare
    v_grant text;
begin
    for v_grant in
        select format('revoke all on function %s from public', p.oid::regprocedure)
        from pg_catalog.pg_proc as p
        where p.pronamespace = 'mixpay'::regnamespace
        union all
        -- An array has the rights of its elements.
        select format('revoke all on type %s from public', t.oid::regtype)
        from pg_catalog.pg_type as t
        where t.typnamespace = 'mixpay'::regnamespace and t.typcategory <> 'A'
        union all
        select format('grant execute on function %s to mixpay_writer', p.oid::regprocedure)
        from pg_catalog.pg_proc as p
        where p.pronamespace = 'mixpay'::regnamespace and left(p.proname, 1) <> '_'
        union all
        select format('grant select on %s to mixpay_reader, mixpay_writer', c.oid::regclass)
        from pg_catalog.pg_class as c
        where c.relnamespace = 'mixpay'::regnamespace and c.relkind = 'v'
    loop
        execute v_grant;
    end loop;
end;
$grants$;

grant usage on schema mixpay to mixpay_reader, mixpay_writer;
