create view mixpay.channel_balances as
select
    m.merchant_id,
    m.owner as channel,
    m.currency,
    coalesce(sum(m.amount) filter (where m.kind = 'payment'), 0)::bigint as payments,
    coalesce(-sum(m.amount) filter (where m.kind = 'refund'), 0)::bigint as refunds,
    coalesce(-sum(m.amount) filter (where m.kind = 'return'), 0)::bigint as returns,
    coalesce(-sum(m.amount) filter (where m.kind = 'chargeback'), 0)::bigint as chargebacks,
    coalesce(-sum(m.amount) filter (where m.kind = 'fee'), 0)::bigint as fees,
    coalesce(-sum(m.amount) filter (where m.kind = 'payout'), 0)::bigint as payouts,
    coalesce(sum(m.amount) filter (where m.kind = 'adjustment'), 0)::bigint as adjustments,
    sum(m.amount)::bigint as balance
from (
    select
        p.merchant_id, p.owner, p.currency, p.went_out - p.came_in as amount,
        case
            when p.cause <> 'adjustment' and p.other_account = 'channel_fee' then 'fee'
            when p.cause = 'channel_payout' then 'payout'
            when p.cause <> 'channel_refund' then p.cause
            -- What the channel took back by itself has a refund, too, which it was never sent.
            else coalesce((
                select r.kind from mixpay.refunds as r
                where
                    r.merchant_id = p.merchant_id and r.refund_no = p.refund_no and r.kind in ('return', 'chargeback')
            ), 'refund')
        end as kind
    from mixpay.postings as p
    where p.account = 'channel'
) as m
group by m.merchant_id, m.owner, m.currency;

comment on view mixpay.channel_balances is
'What each channel owes: payments - refunds - returns - chargebacks - fees - payouts + adjustments, in the smallest '
'unit.';
comment on column mixpay.channel_balances.payments is 'What came in by it.';
comment on column mixpay.channel_balances.refunds is 'What it sent back, less what came back of that.';
comment on column mixpay.channel_balances.returns is
'What it took back because a debit, a cheque or a transfer came back.';
comment on column mixpay.channel_balances.chargebacks is
'What it took back because the buyer objected, less what it gave back of that.';
comment on column mixpay.channel_balances.fees is 'What it took for its service, less what it gave back of that.';
comment on column mixpay.channel_balances.payouts is 'What it paid to our banks.';
comment on column mixpay.channel_balances.adjustments is 'What adjust_account moved: above zero, it owes us more.';
comment on column mixpay.channel_balances.balance is
'What it has of ours now; below zero, it paid us more than it owed.';
