-- Drops every view, function and trigger of the schema, so that nothing stays that sql/ no longer contains.
-- Without cascade: what others built upon them stops the load instead of vanishing.
do $unload$
declare
    v_drop text;
begin
    for v_drop in
        select format('drop trigger %I on %s', t.tgname, t.tgrelid::regclass)
        from pg_catalog.pg_trigger as t
        inner join pg_catalog.pg_class as c on c.oid = t.tgrelid
        where c.relnamespace = 'mixpay'::regnamespace and not t.tgisinternal
    loop
        execute v_drop;
    end loop;
    for v_drop in
        select format('drop function %s', p.oid::regprocedure)
        from pg_catalog.pg_proc as p
        where p.pronamespace = 'mixpay'::regnamespace
        order by p.oid desc
    loop
        execute v_drop;
    end loop;
    for v_drop in
        select format('drop view %s', c.oid::regclass)
        from pg_catalog.pg_class as c
        where c.relnamespace = 'mixpay'::regnamespace and c.relkind = 'v'
        order by c.oid desc
    loop
        execute v_drop;
    end loop;
end;
$unload$;
