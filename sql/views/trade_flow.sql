create view mixpay.trade_flow as
select
    f.merchant_id,
    f.log_no as trade_no,
    f.entry,
    f.happened_at,
    f.from_account::text as from_account,
    f.to_account::text as to_account,
    f.amount::bigint as amount,
    -- Of money on its way, too, to which no channel has moved yet.
    coalesce(
        (
            select c.channel from mixpay.channel_refunds as c
            where c.merchant_id = f.merchant_id and c.channel_refund_no = f.channel_refund_no
        ), (
            select p.channel from mixpay.payments as p
            where p.merchant_id = f.merchant_id and p.payment_no = f.payment_no
        )
    ) as channel,
    f.payment_no,
    f.order_no,
    case when f.from_account = 'order' and f.to_account = 'order' then f.to_owner end as to_order_no,
    f.refund_no,
    f.channel_refund_no,
    sum(
        case when f.from_account = 'channel' then f.amount when f.to_account = 'channel' then -f.amount else 0 end
    ) over (partition by f.merchant_id, f.log_no order by f.entry)::bigint as in_minus_out,
    f.created_at,
    f.from_owner,
    f.to_owner
from mixpay.facts as f
where f.log = 'trade' and f.amount is not null;

comment on view mixpay.trade_flow is
'All movements of a trade''s money in the order in which they were written; in_minus_out is what the trade has after '
'each.';
comment on column mixpay.trade_flow.channel is
'Where the money came from or goes back to: the channel of the channel refund, else that of the payment.';
comment on column mixpay.trade_flow.to_order_no is
'Where it went, if it went from order_no to another order of the trade.';
comment on column mixpay.trade_flow.in_minus_out is
'What came in from channels minus what went back to them so far, in the currency''s smallest unit.';
comment on column mixpay.trade_flow.from_owner is
'Whose account: a channel, an order, a payment (surplus), a refund, a channel refund (anomaly), a payee or receiver.';
