-- Notes are about something that is on record.
create view mixpay._notes_are_about_what_is_on_record with (security_barrier) as
select n.merchant_id, n.entity, n.number
from mixpay.notes as n
left join (
    select merchant_id, 'order' as entity, order_no as number from mixpay.orders
    union all
    select merchant_id, 'trade', trade_no from mixpay.trades
    union all
    select merchant_id, 'payment', payment_no from mixpay.payments
    union all
    select merchant_id, 'refund', refund_no from mixpay.refunds
    union all
    select merchant_id, 'channel_refund', channel_refund_no from mixpay.channel_refunds
    union all
    select merchant_id, 'return', return_no from mixpay.returns
    union all
    select merchant_id, 'chargeback', chargeback_no from mixpay.chargebacks
    union all
    select merchant_id, 'payee', payee_no from mixpay.payees
    union all
    select merchant_id, 'release', release_no from mixpay.releases
    union all
    select merchant_id, 'dispute', dispute_no from mixpay.disputes
    union all
    select merchant_id, 'split', split_no from mixpay.splits
    union all
    select merchant_id, 'repricing', reprice_no from mixpay.repricings
    union all
    select merchant_id, 'settlement', settlement_no from mixpay.settlements
    union all
    select merchant_id, 'repayment', repayment_no from mixpay.repayments
    union all
    select merchant_id, 'adjustment', adjustment_no from mixpay.adjustments
    union all
    select merchant_id, 'channel_fee', fee_no from mixpay.channel_fees
    union all
    select merchant_id, 'channel_payout', payout_no from mixpay.channel_payouts
) as x on x.merchant_id = n.merchant_id and x.entity = n.entity and x.number = n.number
where x.number is null;
