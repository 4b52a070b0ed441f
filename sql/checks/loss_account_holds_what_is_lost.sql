-- What the journal leaves on the loss account of each channel is what returns and chargebacks of its payments lost,
-- adjustments aside.
create view mixpay._loss_account_holds_what_is_lost with (security_barrier) as
select
    coalesce(j.merchant_id, b.merchant_id) as merchant_id,
    coalesce(b.channel, j.owner) as channel,
    coalesce(j.lost, 0) as in_journal,
    coalesce(b.lost, 0) as lost
from (
    select p.merchant_id, p.channel, sum(x.lost) as lost
    from (
        select merchant_id, payment_no, lost from mixpay.returns
        union all
        select merchant_id, payment_no, lost from mixpay.chargebacks
    ) as x
    inner join mixpay.payments as p on p.merchant_id = x.merchant_id and p.payment_no = x.payment_no
    group by p.merchant_id, p.channel
) as b
full join (
    select merchant_id, owner, sum(went_out - came_in) as lost
    from mixpay.postings
    where account = 'loss' and source <> 'adjustment'
    group by merchant_id, owner
) as j on j.merchant_id = b.merchant_id and j.owner = b.channel
where coalesce(j.lost, 0) <> coalesce(b.lost, 0);
