-- When a payment's money arrived, stands in the last fact of its success; the moment of whatever else has one, in a
-- fact about it. A union that stood in the view by itself would be no barrier: PostgreSQL looks through it.
create view mixpay._moment_on_record_is_the_rows with (security_barrier) as
select x.* from (
    select p.merchant_id, 'payment' as entity, p.payment_no::text as number, p.paid_at as moment, f.happened_at
    from mixpay.payments as p
    left join (
        select distinct on (merchant_id, number) merchant_id, number, happened_at
        from mixpay.facts
        where log = 'trade' and entity = 'payment' and to_state = 'succeeded'
        order by merchant_id asc, number asc, entry desc
    ) as f on f.merchant_id = p.merchant_id and f.number = p.payment_no
    where p.paid_at is distinct from f.happened_at
    union all
    select m.merchant_id, m.entity, m.number, m.moment, null
    from (
        select merchant_id, 'channel_refund' as entity, channel_refund_no::text as number, refunded_at as moment
        from mixpay.channel_refunds
        union all
        select merchant_id, 'channel_refund', channel_refund_no, bounced_at from mixpay.channel_refunds
        union all
        select merchant_id, 'channel_refund', channel_refund_no, happened_at from mixpay.anomalies
        union all
        select merchant_id, 'channel_refund', channel_refund_no, recovered_at from mixpay.anomaly_resolutions
        union all
        select merchant_id, 'channel_refund', channel_refund_no, refunded_at from mixpay.bounced_transfers
        union all
        select merchant_id, 'channel_refund', channel_refund_no, bounced_at from mixpay.bounced_transfers
        union all
        select merchant_id, 'return', return_no, returned_at from mixpay.returns
        union all
        select merchant_id, 'chargeback', chargeback_no, charged_at from mixpay.chargebacks
        union all
        select merchant_id, 'chargeback', chargeback_no, reversed_at from mixpay.chargebacks
        union all
        select merchant_id, 'channel_fee', fee_no, charged_at from mixpay.channel_fees
        union all
        select merchant_id, 'channel_payout', payout_no, paid_at from mixpay.channel_payouts
        union all
        select merchant_id, 'repayment', repayment_no, repaid_at from mixpay.repayments
        union all
        select merchant_id, 'settlement', settlement_no, reversed_at from mixpay.settlements
    ) as m
    left join (
        select distinct merchant_id, entity, number, happened_at from mixpay.facts
    ) as f on
        f.merchant_id = m.merchant_id and f.entity = m.entity and f.number = m.number and f.happened_at = m.moment
    where m.moment is not null and f.happened_at is null
) as x;
