-- No fact was written by a transaction that is still to come: after a restore from a backup, transactions are counted
-- anew, and the epoch must be raised before anybody writes.
select 'facts' as log, merchant_id, max(xid::text::numeric) as xid, pg_snapshot_xmax(pg_current_snapshot()) as to_come
from mixpay.facts
where epoch = (
    select pg_get_expr(d.adbin, d.adrelid)::bigint
    from pg_catalog.pg_attrdef as d
    inner join pg_catalog.pg_attribute as a on a.attrelid = d.adrelid and a.attnum = d.adnum
    where d.adrelid = 'mixpay.facts'::regclass and a.attname = 'epoch'
) and xid >= pg_snapshot_xmax(pg_current_snapshot())
group by merchant_id;
