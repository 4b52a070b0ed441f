-- Takes back 0001: all tables and types of the schema, then the schema.
-- Without cascade: what others built upon them stops it instead of vanishing.
-- The roles stay: they belong to the cluster, and another database may use them.
set role mixpay_owner;

do $rollback$
declare
    v_tables text;
    v_type text;
begin
    select string_agg(c.oid::regclass::text, ', ') into v_tables
    from pg_catalog.pg_class as c
    where c.relnamespace = 'mixpay'::regnamespace and c.relkind in ('r', 'p');
    if v_tables is not null then
        execute 'drop table ' || v_tables;
    end if;
    for v_type in
        select t.oid::regtype::text
        from pg_catalog.pg_type as t
        left join pg_catalog.pg_class as c on c.oid = t.typrelid
        where
            t.typnamespace = 'mixpay'::regnamespace
            and (t.typtype in ('d', 'e') or c.relkind = 'c')
        -- The newer may be made of the older.
        order by t.oid desc
    loop
        execute 'drop type ' || v_type;
    end loop;
    for v_type in
        select c.oid::regclass::text
        from pg_catalog.pg_class as c
        where c.relnamespace = 'mixpay'::regnamespace and c.relkind = 'S'
    loop
        execute 'drop sequence ' || v_type;
    end loop;
end;
$rollback$;

drop schema mixpay;
reset role;
