create view mixpay.allocations as
select
    f.merchant_id,
    f.log_no as trade_no,
    f.entry,
    f.payment_no,
    f.order_no,
    f.amount::bigint as amount,
    f.happened_at,
    f.created_at
from mixpay.facts as f
-- Both add nothing, and lead from a payment or an order to the logs of its trades. Not the other way: coalesce hides
-- that a trade leads to all its payments and lines, of which there may be many for each fact.
inner join mixpay.payments as p
    on p.merchant_id = f.merchant_id and p.payment_no = f.payment_no and coalesce(p.trade_no, '') = f.log_no
inner join mixpay.trade_orders as l
    on l.merchant_id = f.merchant_id and coalesce(l.trade_no, '') = f.log_no and l.order_no = f.order_no
where f.log = 'trade' and f.from_account = 'channel' and f.to_account = 'order';

comment on view mixpay.allocations is
'Which order each payment''s money went to when it arrived, in the currency''s smallest unit.';
