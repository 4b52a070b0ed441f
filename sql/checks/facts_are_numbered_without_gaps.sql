-- The facts of each log are numbered from 1 to its last entry without a gap; what is written once, as a repayment, has
-- one, and a second one if its moment came later.
create view mixpay._facts_are_numbered_without_gaps with (security_barrier) as
select l.merchant_id, l.log, l.log_no, l.last_entry, l.facts, l.last_fact
from (
    select
        n.merchant_id, n.log, n.log_no, count(f.entry) as facts, max(f.entry) as last_fact,
        coalesce(n.last_entry, 1 + count(*) filter (where f.entry = 1 and f.happened_at <> n.moment)) as last_entry
    from (
        select merchant_id, 'trade' as log, trade_no as log_no, last_entry, null::timestamptz as moment
        from mixpay.trades
        union all
        select merchant_id, 'settlement', settlement_no, last_entry, null from mixpay.settlements
        union all
        select merchant_id, 'repayment', repayment_no, null, repaid_at from mixpay.repayments
        union all
        select merchant_id, 'adjustment', adjustment_no, 1, null from mixpay.adjustments
        union all
        select merchant_id, 'channel_fee', fee_no, null, charged_at from mixpay.channel_fees
        union all
        select merchant_id, 'channel_payout', payout_no, null, paid_at from mixpay.channel_payouts
    ) as n
    left join mixpay.facts as f on f.merchant_id = n.merchant_id and f.log = n.log and f.log_no = n.log_no
    group by n.merchant_id, n.log, n.log_no, n.last_entry, n.moment
) as l
where l.last_entry <> l.facts or l.last_entry <> coalesce(l.last_fact, 0);
