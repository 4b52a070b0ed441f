-- A channel refund that was redirected has failed, or succeeded after all and may have bounced then; its successor is
-- for the same part of the same refund.
create view mixpay._successor_stands_for_its_predecessor with (security_barrier) as
select s.merchant_id, s.channel_refund_no, s.redirected_from, p.state, p.refund_no, p.payment_no, p.amount
from mixpay.channel_refunds as s
inner join mixpay.channel_refunds as p
    on p.merchant_id = s.merchant_id and p.channel_refund_no = s.redirected_from
where
    p.state not in ('failed', 'succeeded', 'bounced')
    or (p.refund_no, p.payment_no, p.amount) <> (s.refund_no, s.payment_no, s.amount);
