-- What payees and receivers gave back for a refund, as the facts say, is what its standing channel refunds bear; where
-- an order is split at payment, the payee's part may be rounded otherwise when it is given anew.
create view mixpay._refund_took_back_what_was_cleared with (security_barrier) as
select
    coalesce(f.merchant_id, r.merchant_id) as merchant_id,
    coalesce(r.refund_no, f.refund_no) as refund_no,
    r.order_no, coalesce(f.amount, 0) as in_facts, coalesce(r.cleared, 0) as cleared
from (
    select x.merchant_id, x.refund_no, x.order_no, sum(c.cleared) as cleared
    from mixpay.refunds as x
    left join mixpay.channel_refunds as c
        on c.merchant_id = x.merchant_id and c.refund_no = x.refund_no and c.state not in ('failed', 'bounced')
    group by x.merchant_id, x.refund_no
) as r
full join (
    select merchant_id, refund_no, sum(came_in - went_out) as amount
    from mixpay.postings
    where account = 'order' and cause = 'refund' and other_account in ('payee', 'receiver', 'fee', 'channel_fee')
    group by merchant_id, refund_no
) as f on f.merchant_id = r.merchant_id and f.refund_no = r.refund_no
where
    coalesce(f.amount, 0) <> coalesce(r.cleared, 0)
    and not exists (
        select from mixpay.splits as x
        where x.merchant_id = r.merchant_id and x.order_no = r.order_no and x.takes_place = 'payment'
    );
