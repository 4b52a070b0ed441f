-- Up to where the log is final. A transaction of another database of the server cannot write here, however old it is:
-- its id counts in every snapshot, but whose it is does not change, so whoever is seen elsewhere with it is passed
-- over.
create view mixpay.final_below as
select
    case
        -- There a snapshot does not say who runs.
        when pg_is_in_recovery() then pg_snapshot_xmin(pg_current_snapshot())
        else least(
            coalesce(min(x.xid), pg_snapshot_xmax(pg_current_snapshot())),
            -- A snapshot leaves out its own.
            pg_current_xact_id_if_assigned()
        )
    end as xid
from pg_snapshot_xip(pg_current_snapshot()) as x (xid)
where
    not exists (
        -- Not its function: that has other columns in other versions, and a dump names each by its place.
        select from pg_stat_activity as a
        inner join pg_database as d on d.datname = current_database()
        where a.backend_xid = x.xid::xid and a.datid <> d.oid
    )
    and not exists (
        select from pg_prepared_xact() as p
        inner join pg_database as d on d.datname = current_database()
        where p.transaction = x.xid::xid and p.dbid <> d.oid
    );

comment on view mixpay.final_below is
'One row: the oldest transaction that runs in this database, or else the next one to come. All that transactions '
'below it wrote is there: events are read and settlements made up to it. mixpay.horizon says whose it is.';
comment on column mixpay.final_below.xid is 'Its id, to compare with facts of the newest epoch.';
