-- Events are read, and settlements made, only below the oldest transaction that still runs in this database
-- (mixpay.final_below).
create view mixpay.horizon as
select
    a.pid::bigint as pid,
    null::text as prepared_as,
    a.datname::text as database,
    a.usename::text as role,
    nullif(a.application_name, '') as application,
    a.state,
    a.xact_start as began_at,
    age(a.backend_xid)::bigint as transactions_since
from pg_stat_activity as a
where a.backend_xid is not null and a.pid <> pg_backend_pid() and a.datname = current_database()
union all
select null, p.gid, p.database::text, p.owner::text, null, 'prepared', p.prepared, age(p.transaction)::bigint
from pg_prepared_xacts as p
where p.database = current_database();

comment on view mixpay.horizon is
'Transactions of this database that have an id and run, or are prepared: what was written since the oldest of them '
'began is in no event and no settlement yet. The oldest has the most transactions_since.';
comment on column mixpay.horizon.pid is 'The session, for pg_terminate_backend; empty for a prepared transaction.';
comment on column mixpay.horizon.prepared_as is
'The name of a prepared transaction, for rollback prepared in its database.';
comment on column mixpay.horizon.database is 'The database in which it runs: this one.';
comment on column mixpay.horizon.application is 'What its session calls itself.';
comment on column mixpay.horizon.state is
'active, idle in transaction, prepared or another; empty if you may not see others'' sessions (pg_read_all_stats).';
comment on column mixpay.horizon.began_at is
'When it began, or was prepared; empty for a moment after that, or if you may not see others'' sessions '
'(pg_read_all_stats).';
comment on column mixpay.horizon.transactions_since is
'How many transactions have got an id since then, on the whole server.';
