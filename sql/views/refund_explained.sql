-- The computation of refund_order a second time, in another way: out of the facts written before the refund, each
-- payment is given the stretch of its trade's money that it stands for, oldest first; the refund takes from 0 upwards.
create view mixpay.refund_explained as
with touched as (
    -- Where a refund took from, and how far the trade's log had come by then.
    select
        r.merchant_id, r.refund_no::text as refund_no, r.order_no, r.payment_nos, r.amount, l.trade_no, l.nth, b.before
    from mixpay.refunds as r
    inner join mixpay.trade_orders as l on l.merchant_id = r.merchant_id and l.order_no = r.order_no
    cross join lateral (
        select min(f.entry) as before
        from mixpay.facts as f
        where f.merchant_id = l.merchant_id and f.log = 'trade' and f.log_no = l.trade_no and f.refund_no = r.refund_no
    ) as b
    where r.kind = 'order' and b.before is not null
), lines as (
    select t.*, h.refundable
    from touched as t
    cross join lateral (
        select sum(p.came_in - p.went_out) as refundable
        from mixpay.postings as p
        where
            p.merchant_id = t.merchant_id and p.source = 'trade' and p.number = t.trade_no and p.entry < t.before
            and p.account = 'order' and p.owner = t.order_no
            -- Whose it is does not matter here.
            and p.other_account not in ('payee', 'receiver', 'fee', 'channel_fee')
    ) as h
), shares as (
    select
        *,
        greatest(0, least(refundable, amount - coalesce(sum(refundable) over (
            partition by merchant_id, order_no, refund_no order by nth rows between unbounded preceding and 1 preceding
        ), 0))) as share
    from lines
), payments_then as (
    select
        s.*, p.payment_no::text as payment_no, p.channel, coalesce(h.known_paid_at, p.paid_at) as paid_at, p.seq,
        h.refundable as of_payment
    from shares as s
    -- One pass over the trade's log for each refund, whatever the planner believes. Refunds go by what was known then:
    -- a payment's moment may have come later.
    cross join lateral (
        select
            f.payment_no,
            sum(
                case when f.to_account = 'order' then f.amount else 0 end
                - case when f.from_account = 'order' then f.amount else 0 end
            ) filter (where f.from_account <> all(x.beside) and f.to_account <> all(x.beside)) as refundable,
            (array_agg(f.happened_at order by f.entry desc) filter (
                where f.entity = 'payment' and f.to_state = 'succeeded'
            ))[1] as known_paid_at
        from mixpay.facts as f
        cross join (values (array['payee', 'receiver', 'fee', 'channel_fee'])) as x (beside)
        where
            f.merchant_id = s.merchant_id and f.log = 'trade' and f.log_no = s.trade_no and f.entry < s.before
            and f.payment_no is not null
        group by f.payment_no
        having bool_or('order' in (f.from_account, f.to_account))
    ) as h
    inner join mixpay.payments as p on p.merchant_id = s.merchant_id and p.payment_no = h.payment_no
    where s.payment_nos is null or p.payment_no = any(s.payment_nos)
), stretches as (
    select
        *,
        row_number() over fifo as place,
        sum(of_payment) over fifo - of_payment as stands_from,
        sum(of_payment) over fifo as stands_to
    from payments_then
    window fifo as (
        partition by merchant_id, order_no, refund_no, trade_no
        order by array_position(payment_nos, payment_no), paid_at, seq
        rows unbounded preceding
    )
), amounts as (
    -- An operator who names the payments decides: then there is nothing to compute, only what is stored.
    select
        s.*, s.payment_nos is not null as named,
        case
            when s.payment_nos is null then greatest(0, least(s.stands_to, s.share) - s.stands_from)
            else coalesce(d.amount, 0)
        end as detail
    from stretches as s
    left join mixpay.refund_details as d
        on d.merchant_id = s.merchant_id and d.refund_no = s.refund_no and d.payment_no = s.payment_no
)
select
    merchant_id,
    refund_no,
    nth,
    place,
    order_no,
    trade_no,
    payment_no,
    channel,
    paid_at,
    of_payment::bigint as refundable,
    case when not named then stands_from::bigint end as stands_from,
    case when not named then stands_to::bigint end as stands_to,
    case when detail > 0 and not named then stands_from::bigint end as takes_from,
    case when detail > 0 and not named then (stands_from + detail)::bigint end as takes_to,
    detail::bigint as amount,
    (of_payment - detail)::bigint as left_over,
    named
from amounts;

comment on view mixpay.refund_explained is
'Each refund of an order: what every payment of its trades could give, oldest first, what it bears, and what is left.';
comment on column mixpay.refund_explained.nth is
'Which of the order''s trades it is, counted from 1; money is taken from the first one first.';
comment on column mixpay.refund_explained.paid_at is 'When its money arrived, as was known when the refund was made.';
comment on column mixpay.refund_explained.refundable is
'What refunds of orders could take of it then, in the smallest unit.';
comment on column mixpay.refund_explained.stands_from is
'The payment stands for the trade''s money from here to stands_to, the oldest first; the refund takes from 0 upwards.';
comment on column mixpay.refund_explained.amount is 'What it bears of this refund: the stored detail.';
comment on column mixpay.refund_explained.named is
'The caller named the payments: only they are shown, in that order, and no stretches.';
