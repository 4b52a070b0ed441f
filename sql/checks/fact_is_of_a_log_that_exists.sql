-- Each fact is of a trade, settlement, repayment, adjustment, channel fee or channel payout that exists, and in its
-- currency.
create view mixpay._fact_is_of_a_log_that_exists with (security_barrier) as
select f.merchant_id, f.log, f.log_no, f.entry, f.currency, l.currency as currency_of_the_log
from mixpay.facts as f
left join (
    select merchant_id, 'trade' as log, trade_no as log_no, currency from mixpay.trades
    union all
    select merchant_id, 'settlement', settlement_no, currency from mixpay.settlements
    union all
    select merchant_id, 'repayment', repayment_no, currency from mixpay.repayments
    union all
    select merchant_id, 'adjustment', adjustment_no, currency from mixpay.adjustments
    union all
    select merchant_id, 'channel_fee', fee_no, currency from mixpay.channel_fees
    union all
    select merchant_id, 'channel_payout', payout_no, currency from mixpay.channel_payouts
) as l on l.merchant_id = f.merchant_id and l.log = f.log and l.log_no = f.log_no
where l.currency is distinct from f.currency;
