-- What the journal leaves on a refund's account is what is neither sent nor freed of it.
create view mixpay._refund_account_holds_what_is_under_way with (security_barrier) as
select
    coalesce(j.merchant_id, r.merchant_id) as merchant_id,
    coalesce(r.refund_no, j.owner) as refund_no,
    j.balance as in_journal,
    r.amount - r.succeeded - r.freed as under_way
from mixpay.refunds as r
full join (
    select merchant_id, owner, sum(came_in - went_out) as balance
    from mixpay.postings
    where account = 'refund'
    group by merchant_id, owner
) as j on j.merchant_id = r.merchant_id and j.owner = r.refund_no
where coalesce(j.balance, 0) <> coalesce(r.amount - r.succeeded - r.freed, 0);
