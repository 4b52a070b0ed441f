-- What of ours a line is matched with is on record, with the amount that the match says; or nothing of it has moved.
-- What several lines are matched with is what they say together.
create view mixpay._what_is_matched_is_on_record with (security_barrier) as
with matched as (
    select m.merchant_id, m.account, m.owner, m.kind, m.number, m.ours, m.statement_no, m.line_no
    from mixpay.line_matches as m
    where m.rule <> 'batch'
    union all
    select
        m.merchant_id, m.account, m.owner, m.kind, m.number, sum(m.ours)::bigint, min(m.statement_no), min(m.line_no)
    from mixpay.line_matches as m
    where m.rule = 'batch'
    group by m.merchant_id, m.account, m.owner, m.kind, m.number
    union all
    select u.merchant_id, u.account, u.owner, u.kind, u.number, u.ours, u.statement_no, null
    from mixpay.unmatched_items as u
), taken as (
    select k.merchant_id, k.kind, k.number, k.amount, p.channel
    from (
        select merchant_id, payment_no, 'return' as kind, return_no::text as number, -amount as amount
        from mixpay.returns
        union all
        select merchant_id, payment_no, 'chargeback', chargeback_no, -amount from mixpay.chargebacks
        union all
        select merchant_id, payment_no, 'chargeback_fee', chargeback_no, -fee from mixpay.chargebacks where fee > 0
        union all
        select merchant_id, payment_no, 'chargeback_reversal', chargeback_no, reversed from mixpay.chargebacks
        where reversed > 0
    ) as k
    inner join mixpay.payments as p on p.merchant_id = k.merchant_id and p.payment_no = k.payment_no
)

select x.merchant_id, x.statement_no, x.line_no, x.kind, x.number, x.ours, x.on_record
from (
    select
        m.*,
        -- As the account sees it.
        coalesce(
            p.amount, case m.kind when 'refund' then -r.amount else r.amount end, -f.amount, t.amount,
            case m.account when 'channel' then -o.amount else o.amount end,
            case m.kind when 'settlement' then -s.amount else s.amount end, b.amount, -a.amount
        ) as on_record
    from matched as m
    left join mixpay.payments as p
        on m.kind = 'payment' and p.merchant_id = m.merchant_id and p.payment_no = m.number and p.channel = m.owner
    left join mixpay.channel_refunds as r
        on
            m.kind in ('refund', 'refund_reversal') and r.merchant_id = m.merchant_id
            and r.channel_refund_no = split_part(m.number, '#', 1) and r.channel = m.owner
    left join mixpay.channel_fees as f
        on m.kind = 'fee' and f.merchant_id = m.merchant_id and f.fee_no = m.number and f.channel = m.owner
    left join mixpay.channel_payouts as o
        on
            m.kind in ('payout', 'payout_reversal') and o.merchant_id = m.merchant_id and o.payout_no = m.number
            and m.owner in (o.channel, o.bank)
    left join mixpay.settlements as s
        on
            m.kind in ('settlement', 'settlement_reversal') and s.merchant_id = m.merchant_id
            and s.settlement_no = m.number and s.bank = m.owner
    left join mixpay.repayments as b
        on m.kind = 'repayment' and b.merchant_id = m.merchant_id and b.repayment_no = m.number and b.bank = m.owner
    left join mixpay.adjustments as a
        on
            m.kind = 'adjustment' and a.merchant_id = m.merchant_id and a.adjustment_no = m.number
            and a.account = m.account and a.owner = m.owner
    left join taken as t
        on t.kind = m.kind and t.merchant_id = m.merchant_id and t.number = m.number and t.channel = m.owner
) as x
-- More of a chargeback may have come back since.
where x.on_record is null or (x.ours <> 0 and x.ours <> x.on_record and x.kind <> 'chargeback_reversal');
