-- No fact was written by a transaction that is still to come: after a restore from a backup, transactions are counted
-- anew, and the epoch must be raised before anybody writes. A logical replica has the transactions of its source.
create view mixpay._no_fact_is_of_a_transaction_to_come with (security_barrier) as
select merchant_id, max(xid::text::numeric) as xid, pg_snapshot_xmax(pg_current_snapshot()) as to_come
from mixpay.facts
where
    epoch = (select max(e.epoch) from mixpay.epochs as e) and xid >= pg_snapshot_xmax(pg_current_snapshot())
    and not exists (
        select from pg_subscription as s
        where s.subdbid = (select d.oid from pg_database as d where d.datname = current_database())
    )
group by merchant_id;
