-- All of schema mixpay that has an owner of its own: how one names it to change that, and whether others wait then.
select 'schema mixpay' as object, n.nspowner::regrole::text as owner, false as waits, 1 as place
from pg_catalog.pg_namespace as n
where n.nspname = 'mixpay'
union all
select
    case c.relkind when 'v' then 'view ' when 'S' then 'sequence ' when 'c' then 'type ' else 'table ' end
    || c.oid::regclass,
    c.relowner::regrole::text,
    c.relkind <> 'c',
    2
from pg_catalog.pg_class as c
where
    c.relnamespace = to_regnamespace('mixpay') and c.relkind in ('r', 'p', 'v', 'S', 'c')
    -- A sequence of a column is its table's.
    and not exists (
        select from pg_catalog.pg_depend as d
        where d.classid = 'pg_class'::regclass and d.objid = c.oid and c.relkind = 'S' and d.deptype in ('a', 'i')
    )
union all
select 'function ' || p.oid::regprocedure, p.proowner::regrole::text, false, 2
from pg_catalog.pg_proc as p
where p.pronamespace = to_regnamespace('mixpay') and p.prokind <> 'a'
union all
select 'type ' || t.oid::regtype, t.typowner::regrole::text, false, 2
from pg_catalog.pg_type as t
where t.typnamespace = to_regnamespace('mixpay') and t.typtype in ('d', 'e')
-- First the schema: whoever is to own something must be allowed to create there.
order by place, object;
