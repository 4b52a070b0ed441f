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
)

select x.merchant_id, x.statement_no, x.line_no, x.kind, x.number, x.ours, x.on_record
from (
    select
        m.*,
        -- As the account sees it.
        coalesce(
            p.amount, -r.amount, -f.amount, case m.account when 'channel' then -o.amount else o.amount end,
            case m.kind when 'settlement' then -s.amount else s.amount end
        ) as on_record
    from matched as m
    left join mixpay.payments as p
        on m.kind = 'payment' and p.merchant_id = m.merchant_id and p.payment_no = m.number and p.channel = m.owner
    left join mixpay.channel_refunds as r
        on
            m.kind = 'refund' and r.merchant_id = m.merchant_id and r.channel_refund_no = m.number
            and r.channel = m.owner
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
) as x
where
    x.kind in ('payment', 'refund', 'fee', 'payout', 'payout_reversal', 'settlement', 'settlement_reversal')
    and (x.on_record is null or (x.ours <> 0 and x.ours <> x.on_record));
