create view mixpay.order_balances as
select
    o.merchant_id,
    o.order_no::text as order_no,
    o.payee_no,
    o.currency,
    o.amount::bigint as amount,
    l.paid,
    o.amount - l.paid as unpaid,
    o.amount - l.taken as mergeable,
    l.refunded,
    l.paid - l.refunded as refundable,
    l.paid - l.refunded - l.cleared as in_escrow,
    l.cleared,
    l.open_trade_no,
    o.merge_count as trades,
    o.created_at,
    case
        when l.paid > 0 and l.refunded = l.paid then 'refunded'
        when l.paid < o.amount then 'payable'
        when l.refunded > 0 then 'partly_refunded'
        else 'paid'
    end as state
from mixpay.orders as o
cross join lateral (
    select
        coalesce(sum(x.paid), 0)::bigint as paid,
        coalesce(sum(x.refunded), 0)::bigint as refunded,
        coalesce(sum(x.cleared), 0)::bigint as cleared,
        coalesce(sum(case when x.live then x.amount else x.paid end), 0)::bigint as taken,
        max(x.trade_no) filter (where x.live) as open_trade_no
    from mixpay.trade_orders as x
    where x.merchant_id = o.merchant_id and x.order_no = o.order_no
) as l;

comment on view mixpay.order_balances is
'Each order over all its trades: what is paid, unpaid, refunded and refundable, in the currency''s smallest unit.';
comment on column mixpay.order_balances.mergeable is 'What is unpaid and in no open trade.';
comment on column mixpay.order_balances.in_escrow is 'What of it is in escrow: paid, not refunded and not cleared.';
comment on column mixpay.order_balances.cleared is 'What is its payee''s, or divided among receivers.';
comment on column mixpay.order_balances.state is
'payable: something of it was never paid; paid: all of it is paid; partly_refunded: all of it was paid, and some has '
'gone back; refunded: all that was paid of it has gone back, which may be less than its amount. See docs/states.md.';
