-- All that goes when the given objects go: each with how far it is from them. The rule of a view counts as the view.
with recursive gone (classid, objid, objsubid, depth) as (
    select
        g.classid,
        g.objid,
        0,
        0
    from unnest(%(classids)s::oid[], %(objids)s::oid[]) as g (classid, objid)

    union
    select
        case when r.oid is null then d.classid else 'pg_class'::regclass end,
        coalesce(r.ev_class, d.objid),
        case when r.oid is null then d.objsubid else 0 end,
        g.depth + 1
    from gone as g
    inner join pg_catalog.pg_depend as d
        on d.refclassid = g.classid and d.refobjid = g.objid and (g.objsubid = 0 or d.refobjsubid = g.objsubid)
    left join pg_catalog.pg_rewrite as r
        on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid and r.rulename = '_RETURN'
    where (coalesce(r.ev_class, d.objid), case when r.oid is null then d.objsubid else 0 end) <> (g.objid, g.objsubid)
)

select
    g.classid,
    g.objid,
    i.type,
    i.identity,
    case
        when g.classid = 'pg_proc'::regclass then 'drop routine '
        when g.classid = 'pg_trigger'::regclass then 'drop trigger '
        when i.type in ('view', 'materialized view') then 'drop ' || i.type || ' '
    end || i.identity as drop
from (
    select
        x.classid,
        x.objid,
        x.objsubid,
        max(x.depth) as depth
    from gone as x
    group by x.classid, x.objid, x.objsubid
) as g
cross join lateral pg_catalog.pg_identify_object(g.classid, g.objid, g.objsubid) as i
-- What is only a part of another goes with it: row types, their arrays, indexes.
where
    g.classid <> 'pg_type'::regclass
    and not (g.classid = 'pg_class'::regclass and g.objsubid = 0 and i.type not in ('view', 'materialized view'))
order by g.depth desc, g.objid desc;
