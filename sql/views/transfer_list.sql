create view mixpay.transfer_list as
select
    t.merchant_id,
    t.channel_refund_no,
    t.nth,
    case t.nth when 1 then t.channel_refund_no else format('%s#%s', t.channel_refund_no, t.nth) end as number,
    t.refund_no,
    t.payment_no,
    t.channel,
    t.amount,
    t.state,
    t.channel_txn_no,
    t.refunded_at,
    t.came_back_at
from (
    select
        c.merchant_id, c.channel_refund_no::text as channel_refund_no, c.nth, c.refund_no, c.payment_no, c.channel,
        c.amount::bigint as amount, case c.state when 'succeeded' then 'succeeded' else 'bounced' end as state,
        c.channel_txn_no::text as channel_txn_no, c.refunded_at, c.bounced_at as came_back_at
    from mixpay.channel_refunds as c
    -- Not is not null: so the index by that moment is no way to look for a number.
    where num_nonnulls(c.refunded_at) = 1
    union all
    select
        b.merchant_id, b.channel_refund_no, b.nth, c.refund_no, c.payment_no, c.channel, c.amount::bigint, 'bounced',
        b.channel_txn_no::text, b.refunded_at, b.bounced_at
    from mixpay.bounced_transfers as b
    -- Of each of these few, the limit keeps the planner from going the other way.
    cross join lateral (
        select x.* from mixpay.channel_refunds as x
        where x.merchant_id = b.merchant_id and x.channel_refund_no = b.channel_refund_no
        order by x.channel_refund_no
        limit 1
    ) as c
    union all
    -- One that was booked stands on the channel refund.
    select
        a.merchant_id, a.channel_refund_no, a.nth, c.refund_no, c.payment_no, c.channel, a.amount::bigint,
        coalesce(r.resolution, 'anomaly'), a.channel_txn_no::text, a.happened_at,
        r.recovered_at
    from mixpay.anomalies as a
    cross join lateral (
        select x.* from mixpay.channel_refunds as x
        where x.merchant_id = a.merchant_id and x.channel_refund_no = a.channel_refund_no
        order by x.channel_refund_no
        limit 1
    ) as c
    left join mixpay.anomaly_resolutions as r
        on r.merchant_id = a.merchant_id and r.channel_refund_no = a.channel_refund_no and r.nth = a.nth
    where r.resolution is distinct from 'booked'
) as t;

comment on view mixpay.transfer_list is
'Each time that a channel sent the money of a channel refund: when it went, and when it came back. Most channel '
'refunds have one transfer, and those that have not gone have none.';
comment on column mixpay.transfer_list.nth is 'Which of the channel refund''s transfers it is, counted from 1.';
comment on column mixpay.transfer_list.number is
'As statements'' results name it: the number of the channel refund, and of further transfers # and nth.';
comment on column mixpay.transfer_list.state is
'succeeded; bounced: it came back; anomaly: it went although its amount had been given to others; recovered: an '
'anomaly that came back; written_off: one that the merchant bears.';
