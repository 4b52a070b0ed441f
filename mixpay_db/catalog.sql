-- All that stands in schema mixpay: a row for each object, with its definition, whose it is and who may use it. Apart
-- from it what a server prints of it, which it may print otherwise when it has read that; and SQL that makes it so: what
-- is printed with a beginning and an end. Printing is most of the work, so `parts` are made once.
-- The names of NOT NULL constraints don't count: they exist since PostgreSQL 18 only.
with schemas as (
    select n.oid, n.nspowner, n.nspacl
    from pg_catalog.pg_namespace as n
    where n.nspname = 'mixpay'
),

relations as (
    select
        c.*,
        c.oid::regclass::text as name,
        case c.relkind
            when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
            when 'c' then 'type' when 'f' then 'foreign table' else 'table'
        end as kind
    from pg_catalog.pg_class as c
    inner join schemas as s on s.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'c', 'S')
),

functions as (
    select
        p.*,
        p.oid::regprocedure::text as name
    from pg_catalog.pg_proc as p
    inner join schemas as s on s.oid = p.pronamespace
),

types as (
    select
        t.*,
        t.oid::regtype::text as name
    from pg_catalog.pg_type as t
    inner join schemas as s on s.oid = t.typnamespace
    where t.typtype in ('d', 'e')
),

parts as materialized (
    -- A table, view, sequence or composite type.
    select
        r.kind || ' ' || r.name as object,
        concat_ws(
            E'\n',
            case when r.relpersistence <> 'p' then 'persistence ' || r.relpersistence::text end,
            'with ' || array_to_string(r.reloptions, ', '),
            case when r.relrowsecurity then 'row level security' end,
            case when r.relforcerowsecurity then 'force row level security' end,
            (
                select format('%s from %s by %s between %s and %s', format_type(q.seqtypid, null),
                    q.seqstart, q.seqincrement, q.seqmin, q.seqmax)
                from pg_catalog.pg_sequence as q
                where q.seqrelid = r.oid
            )
        ) as definition,
        r.relowner as owner,
        case
            when r.relkind <> 'c'
                then coalesce(r.relacl, acldefault(case r.relkind when 'S' then 's' else 'r' end::"char", r.relowner))
        end as grants,
        obj_description(r.oid, 'pg_class') as comment,
        case when r.relkind in ('v', 'm') then pg_catalog.pg_get_viewdef(r.oid) end as printed,
        case
            when r.relkind = 'v' then concat(
                'create or replace view ', r.name, ' with (' || array_to_string(r.reloptions, ', ') || ')', ' as '
            )
        end as beginning,
        '' as ending
    from relations as r

    union all
    select
        format('column %s.%I', r.name, a.attname),
        concat_ws(
            ' ',
            -- Not attnum: a dropped column leaves a gap.
            format('%s.', row_number() over (partition by a.attrelid order by a.attnum)),
            format_type(a.atttypid, a.atttypmod),
            case when a.attcollation <> t.typcollation then 'collate ' || a.attcollation::regcollation end,
            case when a.attnotnull then 'not null' end,
            'generated ' || nullif(a.attgenerated::text, ''),
            'identity ' || nullif(a.attidentity::text, ''),
            -- The server's own mark is no option of ours: some minor versions keep it here.
            'with ' || (
                select string_agg(o.option, ', ' order by o.place)
                from unnest(a.attoptions) with ordinality as o (option, place)
                where o.option not like 'pg\_attver=%'
            )
        ),
        null,
        a.attacl,
        e.description,
        'default ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid),
        case when a.attgenerated = '' then format('alter table %s alter column %I set ', r.name, a.attname) end,
        ''
    from relations as r
    inner join pg_catalog.pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
    inner join pg_catalog.pg_type as t on t.oid = a.atttypid
    left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
    -- Of so many, at once.
    left join pg_catalog.pg_description as e
        on e.objoid = a.attrelid and e.classoid = 'pg_catalog.pg_class'::regclass and e.objsubid = a.attnum
    where r.relkind <> 'S'

    union all
    select
        format('constraint %I on %s', k.conname, coalesce(r.name, t.name)),
        case when not k.convalidated then 'not valid' end,
        null,
        null,
        obj_description(k.oid, 'pg_constraint'),
        pg_catalog.pg_get_constraintdef(k.oid),
        case
            when k.contype = 'c' then format(
                'alter %1$s %2$s drop constraint %3$I; alter %1$s %2$s add constraint %3$I ',
                case when r.oid is null then 'domain' else 'table' end, coalesce(r.name, t.name), k.conname
            )
        end,
        -- A domain's is not validated: PostgreSQL 15 refuses to for a domain in a row whose rules are a domain, too.
        case when r.oid is null and k.convalidated then ' not valid' else '' end
    from pg_catalog.pg_constraint as k
    left join relations as r on r.oid = k.conrelid
    left join types as t on t.oid = k.contypid
    where k.contype not in ('n', 't') and (r.oid is not null or t.oid is not null)

    union all
    select
        'index ' || i.indexrelid::regclass,
        case when not i.indisvalid then 'invalid' end,
        null,
        null,
        obj_description(i.indexrelid, 'pg_class'),
        pg_catalog.pg_get_indexdef(i.indexrelid),
        format('drop index %s; ', i.indexrelid::regclass),
        ''
    from relations as r
    inner join pg_catalog.pg_index as i on i.indrelid = r.oid

    union all
    select
        format('trigger %I on %s', t.tgname, r.name),
        'enabled ' || t.tgenabled::text,
        null,
        null,
        obj_description(t.oid, 'pg_trigger'),
        pg_catalog.pg_get_triggerdef(t.oid),
        format('drop trigger %I on %s; ', t.tgname, r.name),
        ''
    from relations as r
    inner join pg_catalog.pg_trigger as t on t.tgrelid = r.oid and not t.tgisinternal

    union all
    select
        format('rule %I on %s', w.rulename, r.name),
        pg_catalog.pg_get_ruledef(w.oid),
        null,
        null,
        obj_description(w.oid, 'pg_rewrite'),
        null,
        null,
        null
    from relations as r
    inner join pg_catalog.pg_rewrite as w on w.ev_class = r.oid and w.rulename <> '_RETURN'

    union all
    select
        format('policy %I on %s', p.polname, r.name),
        concat_ws(
            ' ',
            case when p.polpermissive then 'permissive' else 'restrictive' end,
            'for ' || p.polcmd::text,
            'to ' || array_to_string(p.polroles::regrole[]::text[], ', '),
            'using ' || pg_catalog.pg_get_expr(p.polqual, p.polrelid),
            'with check ' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)
        ),
        null,
        null,
        obj_description(p.oid, 'pg_policy'),
        null,
        null,
        null
    from relations as r
    inner join pg_catalog.pg_policy as p on p.polrelid = r.oid

    union all
    select
        'function ' || f.name,
        case when f.prokind = 'a' then 'aggregate' end,
        f.proowner,
        coalesce(f.proacl, acldefault('f', f.proowner)),
        obj_description(f.oid, 'pg_proc'),
        case when f.prokind <> 'a' then pg_catalog.pg_get_functiondef(f.oid) end,
        '',
        ''
    from functions as f

    union all
    select
        'type ' || t.name,
        concat_ws(
            ' ',
            case when t.typtype = 'd' then 'domain over ' || format_type(t.typbasetype, t.typtypmod) end,
            case when t.typcollation <> b.typcollation then 'collate ' || t.typcollation::regcollation end,
            case when t.typnotnull then 'not null' end,
            'default ' || t.typdefault,
            (
                select 'enum ' || string_agg(e.enumlabel, ', ' order by e.enumsortorder)
                from pg_catalog.pg_enum as e
                where e.enumtypid = t.oid
            )
        ),
        t.typowner,
        coalesce(t.typacl, acldefault('T', t.typowner)),
        obj_description(t.oid, 'pg_type'),
        null,
        null,
        null
    from types as t
    left join pg_catalog.pg_type as b on b.oid = t.typbasetype

    union all
    select
        'schema mixpay',
        '',
        s.nspowner,
        coalesce(s.nspacl, acldefault('n', s.nspowner)),
        obj_description(s.oid, 'pg_namespace'),
        null,
        null,
        null
    from schemas as s

    union all
    select
        format('default privileges of %s for %s', d.defaclrole::regrole, d.defaclobjtype),
        '',
        null,
        d.defaclacl,
        null,
        null,
        null,
        null
    from schemas as s
    inner join pg_catalog.pg_default_acl as d on d.defaclnamespace = s.oid

    union all
    -- What nobody expects here (operators, collations, statistics, …) counts by its name.
    select
        i.type || ' ' || i.identity,
        '',
        null,
        null,
        null,
        null,
        null,
        null
    from schemas as s
    inner join pg_catalog.pg_depend as d
        on d.refclassid = 'pg_catalog.pg_namespace'::regclass and d.refobjid = s.oid
    cross join lateral pg_catalog.pg_identify_object(d.classid, d.objid, 0) as i
    where
        d.classid not in (
            'pg_catalog.pg_class'::regclass, 'pg_catalog.pg_proc'::regclass,
            'pg_catalog.pg_type'::regclass, 'pg_catalog.pg_default_acl'::regclass
        )
)

select
    p.object,
    concat_ws(
        E'\n',
        nullif(p.definition, ''),
        'owner ' || p.owner::regrole,
        'grants ' || g.of_ours,
        'comment ' || p.comment
    ) as told,
    p.printed,
    p.beginning || p.printed || p.ending as anew,
    -- A DBA's own.
    g.of_others as granted_to_others
from parts as p
left join lateral (
    select
        string_agg(i.item, ', ' order by i.item) filter (where i.is_ours) as of_ours,
        string_agg(i.item, ', ' order by i.item) filter (where not i.is_ours) as of_others
    from (
        select
            a::text collate "C" as item,
            a::text ~ '^(mixpay_(owner|writer|reader|monitor))?='
            or split_part(a::text, '=', 1) is not distinct from p.owner::regrole::text as is_ours
        from unnest(p.grants) as a
    ) as i
) as g on p.grants is not null
order by p.object collate "C";
