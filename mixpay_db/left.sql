-- What an upgrade had to leave for calls that had been read and not begun, in the order in which it can be dropped.
with functions as (
    select
        p.oid,
        'function ' || p.oid::regprocedure as object
    from pg_catalog.pg_proc as p
    where
        p.pronamespace = to_regnamespace('mixpay')
        and (
            starts_with(p.proname, '_after_')
            -- What stood in a gate that is no more.
            or starts_with(p.proname, '_before_') and not exists (
                select from pg_catalog.pg_proc as g
                where
                    g.pronamespace = p.pronamespace
                    and g.proname = substr(p.proname, length('_before_') + 1)
                    and g.proargtypes = p.proargtypes
                    and strpos(g.prosrc, '._before_') > 0
            )
        )
),

types as (
    select
        t.oid,
        'type ' || t.oid::regtype as object
    from pg_catalog.pg_type as t
    where
        t.typnamespace = to_regnamespace('mixpay') and starts_with(t.typname, '_after_') and t.typtype = 'c'
        and not exists (
            select from pg_catalog.pg_depend as d
            where
                d.refclassid = 'pg_type'::regclass and d.refobjid = t.oid
                and d.classid = 'pg_proc'::regclass and d.objid not in (select f.oid from functions as f)
        )
)

(select f.object from functions as f order by f.oid)
union all
(select t.object from types as t order by t.oid);
