-- For each merchant and channel, in minus out by the facts is payments minus channel refunds that were sent, losses,
-- fees and payouts, and what was adjusted.
create view mixpay._channel_holds_what_came_in_and_did_not_go_back with (security_barrier) as
with facts as (
    select merchant_id, owner as channel, sum(went_out - came_in) as in_minus_out
    from mixpay.postings
    where account = 'channel'
    group by merchant_id, owner
), books as (
    select merchant_id, channel, sum(amount) as not_sent_back
    from (
        select merchant_id, channel, amount from mixpay.payments
        union all
        select merchant_id, channel, -amount from mixpay.transfer_list
        where state in ('succeeded', 'anomaly', 'written_off')
        union all
        select p.merchant_id, p.channel, -x.amount
        from (
            select merchant_id, payment_no, lost as amount from mixpay.returns
            union all
            select merchant_id, payment_no, lost + fee from mixpay.chargebacks
        ) as x
        inner join mixpay.payments as p on p.merchant_id = x.merchant_id and p.payment_no = x.payment_no
        union all
        select merchant_id, channel, -amount from mixpay.channel_fees
        union all
        select merchant_id, channel, -amount from mixpay.channel_payouts
        union all
        select merchant_id, owner, -amount from mixpay.adjustments where account = 'channel'
        union all
        select merchant_id, against_owner, amount from mixpay.adjustments where against_account = 'channel'
    ) as b
    group by merchant_id, channel
)
select
    coalesce(b.merchant_id, f.merchant_id) as merchant_id,
    coalesce(f.channel, b.channel) as channel,
    f.in_minus_out,
    b.not_sent_back
from facts as f
full join books as b on b.merchant_id = f.merchant_id and b.channel = f.channel
where coalesce(f.in_minus_out, 0) <> coalesce(b.not_sent_back, 0);
