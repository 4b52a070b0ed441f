-- What the journal leaves on a payment's surplus account is its surplus that is not on its way back.
create view mixpay._surplus_account_holds_what_was_not_sent_back with (security_barrier) as
select
    coalesce(j.merchant_id, p.merchant_id) as merchant_id,
    coalesce(p.payment_no, j.owner) as payment_no,
    j.balance as in_journal,
    p.surplus - p.surplus_refunded as not_sent_back
from mixpay.payments as p
full join (
    select merchant_id, owner, sum(came_in - went_out) as balance
    from mixpay.postings
    where account = 'surplus'
    group by merchant_id, owner
) as j on j.merchant_id = p.merchant_id and j.owner = p.payment_no
where coalesce(j.balance, 0) <> coalesce(p.surplus - p.surplus_refunded, 0);
