-- Read only below the oldest transaction that still runs: whatever commits later gets a later position, so that nobody
-- who remembers how far he has read ever misses an event. What was written before the last restore is final anyhow.
create view mixpay.events as
select
    f.merchant_id,
    f.epoch,
    f.xid,
    case f.log when 'trade' then f.log_no end as trade_no,
    f.entry,
    f.epoch || '.' || f.xid || '.' || l.letter || f.entry || c.letter || '.' || f.log_no as position,
    c.entity,
    c.number,
    c.from_state,
    c.to_state,
    f.amount::bigint as amount,
    f.reason,
    f.payment_no,
    f.order_no,
    f.refund_no,
    f.channel_refund_no,
    f.happened_at,
    f.created_at,
    l.letter as log,
    f.log_no
from mixpay.facts as f
cross join lateral (
    select case f.log
        when 'trade' then '' when 'channel_fee' then 'f' when 'channel_payout' then 'p' else left(f.log, 1)
    end as letter
) as l
-- What a fact changes by itself, and what it makes of the order whose money it is.
cross join lateral (
    values
    ('', f.entity::text, f.number, f.from_state, f.to_state),
    (
        'o', 'order', case f.to_account when 'order' then f.to_owner else f.order_no end, f.order_from_state::text,
        f.order_to_state::text
    )
) as c (letter, entity, number, from_state, to_state)
where
    c.to_state is not null
    and f.epoch > 0 -- as the index says
    and (
        f.xid < (select b.xid from mixpay.final_below as b)
        or f.epoch < (select max(e.epoch) from mixpay.epochs as e)
    );

comment on view mixpay.events is
'Every change of state, by position: in the order of the transactions, up to the oldest one that still runs.';
comment on column mixpay.events.xid is
'The transaction. One that began early and came to a trade late stands before what others did to the trade meanwhile.';
comment on column mixpay.events.entry is
'Its place among the trade''s facts: the order in which things happened to the trade.';
comment on column mixpay.events.position is
'What read_events takes as p_after: epoch, transaction, entry and trade, or another log with its letter. If the event '
'is an order''s, the letter o follows the entry.';
comment on column mixpay.events.log is
'Which log it is from; log_no says whose. Empty: a trade''s; s: a settlement''s; r: a repayment''s; a: an '
'adjustment''s; f: a channel fee''s; p: a channel payout''s.';
comment on column mixpay.events.number is 'The number of what changed.';
comment on column mixpay.events.amount is
'What moved with the change, in the currency''s smallest unit; empty: no money.';
comment on column mixpay.events.epoch is 'How often the database was restored from a backup, from 1.';
