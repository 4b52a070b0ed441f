create view mixpay.bounced_list as
select
    c.merchant_id,
    c.channel_refund_no,
    c.refund_no,
    c.payment_no,
    c.trade_no,
    c.order_no,
    c.kind,
    c.channel,
    c.amount,
    case
        when c.order_no is null then p.surplus - p.surplus_refunded
        else least(p.applied - (p.refunded - p.surplus_refunded), l.paid - l.refunded)
    end as free,
    c.reason,
    c.refunded_at,
    c.created_at
from mixpay.channel_refund_list as c
inner join mixpay.payments as p on p.merchant_id = c.merchant_id and p.payment_no = c.payment_no
inner join mixpay.refund_details as d
    on d.merchant_id = c.merchant_id and d.refund_no = c.refund_no and d.payment_no = c.payment_no
left join mixpay.trade_orders as l
    on l.merchant_id = c.merchant_id and l.order_no = c.order_no and l.trade_no = c.trade_no
where
    c.state = 'bounced' and d.freed and c.kind <> 'chargeback'
    and case
        when c.order_no is null then p.surplus > p.surplus_refunded
        else p.applied > p.refunded - p.surplus_refunded and l.paid > l.refunded
    end;

comment on view mixpay.bounced_list is
'Work: this money came back from the buyer and was not sent again; redirect it, or refund the order again.';
comment on column mixpay.bounced_list.free is 'What can still be sent again, in the currency''s smallest unit.';
