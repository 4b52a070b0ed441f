-- No fact was written by a transaction that is still to come: after a restore from a backup, transactions are counted
-- anew, and the epoch must be raised before anybody writes.
select merchant_id, max(xid::text::numeric) as xid, pg_snapshot_xmax(pg_current_snapshot()) as to_come
from mixpay.facts
where epoch = (select max(e.epoch) from mixpay.epochs as e) and xid >= pg_snapshot_xmax(pg_current_snapshot())
group by merchant_id;
