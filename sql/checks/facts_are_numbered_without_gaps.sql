-- The facts of each log are numbered from 1 to its last entry without a gap; what is
-- written once, as a repayment, has one.
create view mixpay._facts_are_numbered_without_gaps with (security_barrier) as
select l.merchant_id, l.log, l.log_no, l.last_entry, count(f.entry) as facts, max(f.entry) as last_fact
from (
    select merchant_id, 'trade' as log, trade_no as log_no, last_entry from mixpay.trades
    union all
    select merchant_id, 'settlement', settlement_no, last_entry from mixpay.settlements
    union all
    select merchant_id, 'repayment', repayment_no, 1 from mixpay.repayments
    union all
    select merchant_id, 'adjustment', adjustment_no, 1 from mixpay.adjustments
    union all
    select merchant_id, 'channel_fee', fee_no, 1 from mixpay.channel_fees
    union all
    select merchant_id, 'channel_payout', payout_no, 1 from mixpay.channel_payouts
) as l
left join mixpay.facts as f on f.merchant_id = l.merchant_id and f.log = l.log and f.log_no = l.log_no
group by l.merchant_id, l.log, l.log_no, l.last_entry
having l.last_entry <> count(f.entry) or l.last_entry <> coalesce(max(f.entry), 0);
