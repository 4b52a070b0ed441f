create view mixpay.due_list as
select
    l.merchant_id,
    l.order_no,
    l.trade_no,
    l.release_at,
    l.payee_no,
    l.split_no,
    l.paid - l.refunded - l.cleared as in_escrow,
    -- Not joined: release_due, which does not ask for it, reads no trade for it.
    (select t.currency from mixpay.trades as t where t.merchant_id = l.merchant_id and t.trade_no = l.trade_no)
        as currency,
    d.dispute_no::text as dispute_no,
    case
        when d.state = 'open' then format('dispute %s is open', d.dispute_no)
        when d.state = 'closed' then format('refund %s of dispute %s failed', d.refund_no, d.dispute_no)
        when l.payee_no is null and l.split_no is null then 'the order has neither payee nor split'
    end as waits_for
from mixpay.trade_orders as l
left join lateral (
    -- What a dispute gave to the buyer does not become the payee's because a channel could not send it back.
    select x.dispute_no, x.state, x.refund_no
    from mixpay.disputes as x
    where
        x.merchant_id = l.merchant_id and x.order_no = l.order_no
        and (x.state = 'open' or (
            select r.freed from mixpay.refunds as r
            where r.merchant_id = x.merchant_id and r.order_no = x.order_no and r.refund_no = x.refund_no
        ) > 0)
    order by x.state desc, x.created_at desc
    limit 1
) as d on true
where l.release_at <= now();

comment on view mixpay.due_list is
'Work: money in escrow whose release is due; release_due releases it, unless waits_for says what is in the way.';
comment on column mixpay.due_list.in_escrow is 'In the currency''s smallest unit.';
comment on column mixpay.due_list.waits_for is
'Empty: the next release_due. If the refund of a dispute failed: redirect it, or release what is left with '
'release_order.';
