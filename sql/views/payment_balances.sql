create view mixpay.payment_balances as
select
    merchant_id,
    payment_no::text as payment_no,
    trade_no,
    channel,
    state::text as state,
    asked::bigint as asked,
    amount::bigint as amount,
    applied::bigint as applied,
    surplus::bigint as surplus,
    refunded - surplus_refunded as order_refunded,
    surplus_refunded::bigint as surplus_refunded,
    applied - (refunded - surplus_refunded) as refundable,
    surplus - surplus_refunded as surplus_left,
    amount - refunded as not_refunded,
    channel_txn_no::text as channel_txn_no,
    paid_at,
    seq,
    created_at,
    authorized::bigint as authorized,
    captures
from mixpay.payments;

comment on view mixpay.payment_balances is
'Each payment: what arrived, what of it the trade needed, what went back and what did not, in the smallest unit.';
