create view mixpay.channel_refund_list as
select
    c.merchant_id,
    c.channel_refund_no::text as channel_refund_no,
    c.refund_no,
    c.payment_no,
    p.trade_no,
    r.order_no,
    r.kind,
    c.channel,
    c.amount::bigint as amount,
    c.state::text as state,
    c.reason,
    c.due_at,
    c.not_before,
    c.worker,
    c.attempts,
    c.channel_txn_no::text as channel_txn_no,
    c.refunded_at,
    c.redirected_from,
    c.created_at
from mixpay.channel_refunds as c
-- It adds nothing, and leads from a payment, and so from a trade, to what goes back of it. Not the other way: coalesce
-- hides that a refund leads to all its details.
inner join mixpay.refund_details as d
    on d.merchant_id = c.merchant_id and coalesce(d.refund_no, '') = c.refund_no and d.payment_no = c.payment_no
inner join mixpay.refunds as r on r.merchant_id = c.merchant_id and r.refund_no = c.refund_no
inner join mixpay.payments as p on p.merchant_id = c.merchant_id and p.payment_no = c.payment_no;

comment on view mixpay.channel_refund_list is
'Each channel refund as it is now: whether it waits for a person, is to be sent, is in doubt or has ended.';
