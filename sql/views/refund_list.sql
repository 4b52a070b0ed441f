create view mixpay.refund_list as
select
    merchant_id,
    refund_no::text as refund_no,
    kind,
    order_no,
    state,
    amount::bigint as amount,
    succeeded::bigint as succeeded,
    freed::bigint as freed,
    amount - succeeded - freed as under_way,
    payment_nos,
    reason,
    created_at
from mixpay.refunds;

comment on view mixpay.refund_list is
'Each refund as it is now: what of it has gone back, what was freed and what is under way, in the smallest unit.';
