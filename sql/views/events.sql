-- Read only below the oldest transaction that still runs: whatever commits later gets a later position, so that nobody
-- who remembers how far he has read ever misses an event. What was written before the last restore is final anyhow.
create view mixpay.events as
select
    e.merchant_id,
    e.epoch,
    e.xid,
    e.trade_no,
    e.entry,
    e.epoch || '.' || e.xid || '.' || e.log || e.entry || '.' || e.log_no as position,
    e.entity,
    e.number,
    e.from_state,
    e.to_state,
    e.amount,
    e.reason,
    e.payment_no,
    e.order_no,
    e.refund_no,
    e.channel_refund_no,
    e.happened_at,
    e.created_at,
    e.log,
    e.log_no
from (
    select
        f.merchant_id,
        f.epoch,
        f.xid,
        f.trade_no,
        f.entry,
        f.entity::text as entity,
        case f.entity
            when 'trade' then f.trade_no
            when 'payment' then f.payment_no
            when 'refund' then f.refund_no
            when 'channel_refund' then f.channel_refund_no
            else f.cause_no
        end as number,
        f.from_state,
        f.to_state,
        f.amount::bigint as amount,
        f.reason,
        f.payment_no,
        f.order_no,
        f.refund_no,
        f.channel_refund_no,
        f.happened_at,
        f.created_at,
        '' as log,
        f.trade_no as log_no
    from mixpay.facts as f
    union all
    select
        s.merchant_id,
        s.epoch,
        s.xid,
        null::text as trade_no,
        s.entry,
        s.entity,
        s.number::text as number,
        s.from_state,
        s.to_state,
        s.amount::bigint as amount,
        s.reason,
        null::text as payment_no,
        null::text as order_no,
        null::text as refund_no,
        null::text as channel_refund_no,
        s.happened_at,
        s.created_at,
        left(s.entity, 1) as log,
        s.number::text as log_no
    from mixpay.settlement_facts as s
) as e
-- No condition inside: then both logs are read in the order of their indexes, as far as a limit reaches.
where
    e.to_state is not null
    and (
        e.xid < pg_snapshot_xmin(pg_current_snapshot())
        or e.epoch < (
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
comment on column mixpay.events.position is
'What read_events takes as p_after: epoch, transaction, entry and trade, or settlement or repayment (with an s or r).';
comment on column mixpay.events.log is 'Which log it is from: empty, a trade''s; s, a settlement''s; r, a repayment''s; log_no is whose.';
comment on column mixpay.events.number is 'The number of what changed.';
comment on column mixpay.events.amount is 'What moved with the change, in the currency''s smallest unit; empty: nothing.';
comment on column mixpay.events.epoch is 'Counts the restores from a backup.';
