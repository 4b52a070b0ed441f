create view mixpay.release_list as
select
    r.merchant_id,
    r.release_no::text as release_no,
    r.order_no,
    o.payee_no,
    r.amount::bigint as amount,
    o.currency,
    r.was_due,
    r.created_at
from mixpay.releases as r
inner join mixpay.orders as o on o.merchant_id = r.merchant_id and o.order_no = r.order_no;

comment on view mixpay.release_list is
'Money that was released from escrow, by call or because it was due, in the smallest unit.';
