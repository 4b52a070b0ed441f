-- Whoever is in a transaction in this database and could know of our functions: not the server's own processes, and no
-- login that may use nothing of ours. While a function of somebody else lends its owner's rights to whoever calls it,
-- every login may. What is granted is looked up once, not for each login.
with granted as materialized (
    select x.grantee
    from pg_catalog.pg_namespace as n
    cross join lateral pg_catalog.aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as x
    where n.nspname = 'mixpay' and x.privilege_type = 'USAGE'
    union
    select x.grantee
    from pg_catalog.pg_proc as p
    cross join lateral pg_catalog.aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as x
    where p.pronamespace = to_regnamespace('mixpay')
),

users as (
    select r.oid
    from pg_catalog.pg_roles as r
    where
        r.rolsuper
        or exists (select from granted as g where g.grantee = 0 or pg_has_role(r.oid, g.grantee, 'member'))
),

lenders as (
    select p.oid
    from pg_catalog.pg_proc as p
    where
        p.prosecdef and p.proowner in (select u.oid from users as u)
        and p.pronamespace not in (
            'pg_catalog'::regnamespace, 'information_schema'::regnamespace, to_regnamespace('mixpay')
        )
)

select
    l.virtualxid,
    a.pid,
    null as prepared_as,
    a.usename as login,
    coalesce(a.application_name, '') as application,
    coalesce(a.state, '') as state,
    a.xact_start as since,
    coalesce(left(regexp_replace(a.query, '\s+', ' ', 'g'), 60), '') as query
from pg_catalog.pg_locks as l
inner join pg_catalog.pg_stat_activity as a on a.pid = l.pid
where
    l.locktype = 'virtualxid' and l.granted and l.mode = 'ExclusiveLock'
    and a.datname = current_database() and a.pid <> pg_backend_pid()
    and (
        a.usesysid in (select u.oid from users as u)
        or (a.usesysid is not null and exists (select from lenders))
    )
order by a.xact_start nulls last;
