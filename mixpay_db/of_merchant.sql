-- The statements that give a role one merchant's rows and calls, in a schema of their own.
with calls as (
    select
        p.oid,
        p.proname as name,
        p.prorettype as result,
        t.typrelid as row,
        -- All but the merchant.
        ltrim(substr(pg_get_function_arguments(p.oid), length('p_merchant_id text') + 1), ', ') as arguments,
        array_to_string(array(select format(', $%%s', i) from generate_series(1, p.pronargs - 1) as i), '') as passed
    from pg_catalog.pg_proc as p
    inner join pg_catalog.pg_type as t on t.oid = p.prorettype
    where
        p.pronamespace = 'mixpay'::regnamespace and p.proname not like '\_%%' and p.proargnames[1] = 'p_merchant_id'
        -- Who is a merchant, and by which rules, is not for himself to say.
        and p.proname <> 'register_merchant' and not %(read_only)s
),

results as (
    select
        c.oid,
        string_agg(format('%%I %%s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' order by a.attnum)
            as declared,
        string_agg(format('x.%%I', a.attname), ', ' order by a.attnum) as columns
    from calls as c
    inner join pg_catalog.pg_attribute as a on a.attrelid = c.row and a.attnum > 0 and not a.attisdropped
    group by c.oid
)

select
    c.relname as name,
    format(
        'create view %%1$I.%%2$I with (security_barrier) as select * from mixpay.%%2$I where merchant_id = %%3$L;',
        %(schema)s, c.relname, %(merchant)s
    ) as statement
from pg_catalog.pg_class as c
where
    c.relnamespace = 'mixpay'::regnamespace and c.relkind = 'v' and c.relname not like '\_%%'
    and exists (
        select from pg_catalog.pg_attribute as a
        where a.attrelid = c.oid and a.attname = 'merchant_id' and not a.attisdropped
    )
union all
select
    c.name,
    format(
        E'create function %%1$I.%%2$I(%%3$s) returns %%4$s\n'
        'language sql security definer set search_path = pg_catalog, pg_temp\n'
        'as %%5$L;',
        %(schema)s, c.name, c.arguments, coalesce(format('table (%%s)', r.declared), format_type(c.result, null)),
        format(
            'select %%s from mixpay.%%I(%%L%%s) as x', coalesce(r.columns, 'x.*'), c.name, %(merchant)s, c.passed
        )
    )
from calls as c
left join results as r on r.oid = c.oid
order by 1;
