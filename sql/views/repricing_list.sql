create view mixpay.repricing_list as
select
    r.merchant_id,
    r.reprice_no::text as reprice_no,
    r.order_no,
    r.nth,
    r.from_amount::bigint as from_amount,
    r.amount::bigint as amount,
    o.currency,
    r.reason,
    r.created_at
from mixpay.repricings as r
inner join mixpay.orders as o on o.merchant_id = r.merchant_id and o.order_no = r.order_no;

comment on view mixpay.repricing_list is
'Each change of what an order costs: the amounts before and after, in the smallest unit.';
comment on column mixpay.repricing_list.nth is 'Its place among the repricings of the order, from 1.';
