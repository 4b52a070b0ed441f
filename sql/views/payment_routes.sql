create view mixpay.payment_routes as
select
    p.merchant_id,
    p.payment_no::text as payment_no,
    p.trade_no,
    p.method,
    p.channel,
    f.reason,
    p.asked::bigint as asked,
    p.created_at
from mixpay.payments as p
left join mixpay.facts as f
    on
        f.merchant_id = p.merchant_id and f.log = 'trade' and f.log_no = p.trade_no and f.entity = 'payment'
        and f.number = p.payment_no and f.from_state = ''
where p.method is not null;

comment on view mixpay.payment_routes is
'For each payment that named a method: the route that led to its channel when it was started, and why.';
comment on column mixpay.payment_routes.reason is 'The route as it was then; empty: the caller named the channel.';
