-- Read only below the oldest transaction that still runs: whatever commits later gets a later position, so that nobody
-- who remembers how far he has read ever misses an event. What was written before the last restore is final anyhow.
create view mixpay.events as
select
    f.merchant_id,
    f.epoch,
    f.xid,
    f.trade_no,
    f.entry,
    f.epoch || '.' || f.xid || '.' || f.entry || '.' || f.trade_no as position,
    f.entity,
    case f.entity
        when 'trade' then f.trade_no
        when 'payment' then f.payment_no
        when 'refund' then f.refund_no
        else f.channel_refund_no
    end as number,
    f.from_state,
    f.to_state,
    f.amount,
    f.reason,
    f.payment_no,
    f.order_no,
    f.refund_no,
    f.channel_refund_no,
    f.happened_at,
    f.created_at
from mixpay.facts as f
where
    f.to_state is not null
    and (
        f.xid < pg_snapshot_xmin(pg_current_snapshot())
        or f.epoch < (
            select pg_get_expr(d.adbin, d.adrelid)::bigint
            from pg_catalog.pg_attrdef as d
            inner join pg_catalog.pg_attribute as a on a.attrelid = d.adrelid and a.attnum = d.adnum
            where d.adrelid = 'mixpay.facts'::regclass and a.attname = 'epoch'
        )
    );

comment on view mixpay.events is
'Every change of state, by position: in the order of the transactions, and only what no running one can still precede.';
comment on column mixpay.events.xid is
'The transaction: one that began early and came to a trade late stands before what others did to the trade meanwhile.';
comment on column mixpay.events.entry is 'Its place among the trade''s facts: the order in which things happened to the trade.';
comment on column mixpay.events.position is 'What read_events takes as p_after: epoch, transaction, entry and trade.';
comment on column mixpay.events.number is 'The number of what changed.';
comment on column mixpay.events.amount is 'What moved with the change, in the currency''s smallest unit; empty: nothing.';
comment on column mixpay.events.epoch is 'Counts the restores from a backup.';
