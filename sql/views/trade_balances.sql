create view mixpay.trade_balances as
select
    t.merchant_id,
    t.trade_no::text as trade_no,
    t.state::text as state,
    t.currency,
    t.amount::bigint as amount,
    t.paid::bigint as paid,
    case t.state when 'open' then t.amount - t.paid else 0 end as lacking,
    t.refunded::bigint as refunded,
    t.paid - t.refunded as not_refunded,
    p.surplus,
    p.surplus_refunded,
    l.orders,
    p.payments,
    p.pending_payments,
    t.keeps_paid,
    t.expires_at,
    t.created_at,
    p.authorized
from mixpay.trades as t
cross join lateral (
    select count(*) as orders
    from mixpay.trade_orders as x
    where x.merchant_id = t.merchant_id and x.trade_no = t.trade_no
) as l
cross join lateral (
    select
        count(*) filter (where x.state = 'succeeded') as payments,
        count(*) filter (where x.state = 'pending') as pending_payments,
        coalesce(sum(x.authorized) filter (where x.state = 'authorized'), 0)::bigint as authorized,
        coalesce(sum(x.surplus), 0)::bigint as surplus,
        coalesce(sum(x.surplus_refunded), 0)::bigint as surplus_refunded
    from mixpay.payments as x
    where x.merchant_id = t.merchant_id and x.trade_no = t.trade_no
) as p;

comment on view mixpay.trade_balances is
'Each trade: what is to be paid, what is paid, lacking, refunded and not refunded, in the currency''s smallest unit.';
comment on column mixpay.trade_balances.keeps_paid is 'It was closed, and what was paid stays on its orders.';
comment on column mixpay.trade_balances.authorized is
'What channels have reserved for it and is to be captured or voided.';
