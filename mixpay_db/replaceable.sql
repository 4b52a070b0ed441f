-- What is replaceable in schema mixpay: a row for each view, function and trigger, in the order of their making.
with pieces as (
    select
        'view' as kind,
        c.oid,
        'pg_class'::regclass::oid as classid,
        c.oid::regclass::text as name,
        'view ' || c.oid::regclass as object,
        'table ' || c.oid::regclass as granted,
        null::text as "table",
        concat(
            'create or replace view ', c.oid::regclass, ' with (' || array_to_string(c.reloptions, ', ') || ')',
            E' as\n', pg_catalog.pg_get_viewdef(c.oid)
        ) as definition,
        null::text as result,
        (
            select array_agg(
                concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), a.attcollation::regcollation)
                order by a.attnum
            )
            from pg_catalog.pg_attribute as a
            where a.attrelid = c.oid and a.attnum > 0
        ) as shape,
        null::text as row,
        0 as arguments,
        0 as defaults,
        pg_get_userbyid(c.relowner) as owner,
        (
            select coalesce(jsonb_object_agg(a.attname, d.description), '{}')
            from pg_catalog.pg_description as d
            inner join pg_catalog.pg_attribute as a on a.attrelid = d.objoid and a.attnum = d.objsubid
            where d.objoid = c.oid and d.classoid = 'pg_class'::regclass and d.objsubid > 0
        ) as column_comments,
        obj_description(c.oid, 'pg_class') as comment
    from pg_catalog.pg_class as c
    where c.relnamespace = to_regnamespace('mixpay') and c.relkind = 'v'

    union all
    select
        'function',
        p.oid,
        'pg_proc'::regclass,
        p.oid::regprocedure::text,
        'function ' || p.oid::regprocedure,
        'function ' || p.oid::regprocedure,
        null,
        pg_catalog.pg_get_functiondef(p.oid),
        concat_ws(' ', p.prokind, pg_catalog.pg_get_function_result(p.oid)),
        coalesce(p.proargnames, '{}'),
        (
            select string_agg(
                concat_ws(
                    ' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
                    case when a.attcollation <> c.typcollation then 'collate ' || a.attcollation::regcollation end
                ),
                ', ' order by a.attnum
            )
            from pg_catalog.pg_type as t
            inner join pg_catalog.pg_attribute as a on a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
            inner join pg_catalog.pg_type as c on c.oid = a.atttypid
            where t.oid = p.prorettype and t.typnamespace = p.pronamespace
        ),
        p.pronargs,
        p.pronargdefaults,
        pg_get_userbyid(p.proowner),
        '{}',
        obj_description(p.oid, 'pg_proc')
    from pg_catalog.pg_proc as p
    where p.pronamespace = to_regnamespace('mixpay') and p.prokind <> 'a'

    union all
    select
        'trigger',
        t.oid,
        'pg_trigger'::regclass,
        format('%I on %s', t.tgname, t.tgrelid::regclass),
        format('trigger %I on %s', t.tgname, t.tgrelid::regclass),
        null,
        t.tgrelid::regclass::text,
        format(
            E'%s;\nalter table %s %s trigger %I',
            regexp_replace(pg_catalog.pg_get_triggerdef(t.oid), '^CREATE TRIGGER', 'create or replace trigger'),
            t.tgrelid::regclass,
            case t.tgenabled when 'D' then 'disable' when 'R' then 'enable replica' when 'A' then 'enable always' else 'enable' end,
            t.tgname
        ),
        null,
        null,
        null,
        0,
        0,
        null,
        '{}',
        obj_description(t.oid, 'pg_trigger')
    from pg_catalog.pg_trigger as t
    inner join pg_catalog.pg_class as c on c.oid = t.tgrelid
    inner join pg_catalog.pg_proc as p on p.oid = t.tgfoid
    -- One that calls a function of others is theirs.
    where
        c.relnamespace = to_regnamespace('mixpay') and p.pronamespace = to_regnamespace('mixpay')
        and not t.tgisinternal
)

select * from pieces
order by oid;
