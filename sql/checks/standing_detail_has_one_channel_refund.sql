-- Each detail that is not freed has exactly one channel refund that is not failed or bounced; a freed one has none.
create view mixpay._standing_detail_has_one_channel_refund with (security_barrier) as
select d.merchant_id, d.refund_no, d.payment_no, d.freed, count(c.channel_refund_no) as standing
from mixpay.refund_details as d
left join mixpay.channel_refunds as c
    on
        c.merchant_id = d.merchant_id and c.refund_no = d.refund_no and c.payment_no = d.payment_no
        and c.state not in ('failed', 'bounced')
group by d.merchant_id, d.refund_no, d.payment_no
having count(c.channel_refund_no) <> case when d.freed then 0 else 1 end;
