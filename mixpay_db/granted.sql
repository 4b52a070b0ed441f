-- Schema mixpay, its types and what is replaceable in it, and what is granted on each, but for what owners may do.
with granted as (
    select 'schema mixpay' as object, null as part, n.nspowner as owner,
        coalesce(n.nspacl, acldefault('n', n.nspowner)) as acl
    from pg_catalog.pg_namespace as n
    where n.nspname = 'mixpay'
    union all
    select 'function ' || p.oid::regprocedure, null, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
    from pg_catalog.pg_proc as p
    where p.pronamespace = to_regnamespace('mixpay') and p.prokind <> 'a'
    union all
    select 'table ' || c.oid::regclass, null, c.relowner, coalesce(c.relacl, acldefault('r', c.relowner))
    from pg_catalog.pg_class as c
    where c.relnamespace = to_regnamespace('mixpay') and c.relkind = 'v'
    union all
    select 'table ' || c.oid::regclass, quote_ident(a.attname), c.relowner, a.attacl
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attacl is not null
    where c.relnamespace = to_regnamespace('mixpay') and c.relkind = 'v'
    union all
    select 'type ' || t.oid::regtype, null, t.typowner, coalesce(t.typacl, acldefault('T', t.typowner))
    from pg_catalog.pg_type as t
    where t.typnamespace = to_regnamespace('mixpay') and t.typcategory <> 'A'
)

select
    g.object,
    g.part,
    case x.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(x.grantee)) end as grantee,
    lower(x.privilege_type) as privilege,
    x.is_grantable
from granted as g
left join lateral aclexplode(g.acl) as x on x.grantee <> g.owner
order by 1, 2, 3, 4;
