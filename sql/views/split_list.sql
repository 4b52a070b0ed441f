create view mixpay.split_list as
select
    r.merchant_id,
    r.split_no,
    r.position,
    s.order_no,
    r.kind::text as kind,
    r.receiver::text as receiver,
    r.fixed::bigint as fixed,
    r.rate,
    r.takes_remainder,
    r.kept_on_refund,
    s.takes_place,
    x.amount,
    x.taken_back,
    x.amount - case when r.kept_on_refund then 0 else x.taken_back end
    - case when r.takes_remainder then k.amount else 0 end as balance,
    s.created_at
from mixpay.split_receivers as r
inner join mixpay.splits as s on s.merchant_id = r.merchant_id and s.split_no = r.split_no
cross join lateral (
    select coalesce(sum(y.amount), 0)::bigint as amount, coalesce(sum(y.taken_back), 0)::bigint as taken_back
    from mixpay.split_shares as y
    where y.merchant_id = r.merchant_id and y.split_no = r.split_no and y.position = r.position
) as x
cross join lateral (
    select coalesce(sum(y.taken_back), 0)::bigint as amount
    from mixpay.split_receivers as z
    inner join mixpay.split_shares as y
        on y.merchant_id = z.merchant_id and y.split_no = z.split_no and y.position = z.position
    where z.merchant_id = r.merchant_id and z.split_no = r.split_no and z.kept_on_refund
) as k;

comment on view mixpay.split_list is
'Who gets what of each order that is split: as it was agreed, and what each receiver has of it now, in the smallest '
'unit.';
comment on column mixpay.split_list.amount is 'The receiver''s share of what was divided so far, without refunds.';
comment on column mixpay.split_list.taken_back is 'The receiver''s part of what was refunded since.';
comment on column mixpay.split_list.balance is
'What the receiver has of the order: amount less taken_back; or all of amount if it is kept on refund, and then the '
'receiver who takes the remainder bears that.';
