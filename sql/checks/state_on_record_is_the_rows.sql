-- The changes of state on record lead from nothing to the state of the row, and nowhere else.
create view mixpay._state_on_record_is_the_rows with (security_barrier) as
with rows_now as (
    select merchant_id, 'trade' as entity, trade_no as number, state from mixpay.trades
    union all
    select merchant_id, 'payment', payment_no, state from mixpay.payments
    union all
    select merchant_id, 'refund', refund_no, state from mixpay.refunds
    union all
    select merchant_id, 'channel_refund', channel_refund_no, state from mixpay.channel_refunds
    union all
    select merchant_id, 'dispute', dispute_no, state from mixpay.disputes
    union all
    select merchant_id, 'release', release_no, 'released' from mixpay.releases
    union all
    select merchant_id, 'split', split_no, 'agreed' from mixpay.splits
    union all
    select merchant_id, 'repricing', reprice_no, 'repriced' from mixpay.repricings
    union all
    select merchant_id, 'settlement', settlement_no, state from mixpay.settlements
    union all
    select merchant_id, 'repayment', repayment_no, 'recorded' from mixpay.repayments
    union all
    select merchant_id, 'return', return_no, 'returned' from mixpay.returns
    union all
    select merchant_id, 'chargeback', chargeback_no, state from mixpay.chargebacks
    union all
    select merchant_id, 'adjustment', adjustment_no, 'recorded' from mixpay.adjustments
    union all
    select merchant_id, 'channel_fee', fee_no, 'recorded' from mixpay.channel_fees
    union all
    select merchant_id, 'channel_payout', payout_no, 'recorded' from mixpay.channel_payouts
), steps as (
    -- Where as many changes lead into a state as out of it, the thing is not there; it is where one more leads in.
    select merchant_id, entity, number, state, sum(step) as standing
    from (
        select merchant_id, entity, number, to_state as state, 1 as step from mixpay.facts
        union all
        select merchant_id, entity, number, from_state, -1 from mixpay.facts
    ) as s
    group by merchant_id, entity, number, state
)
select
    coalesce(s.merchant_id, r.merchant_id) as merchant_id,
    coalesce(r.entity, s.entity) as entity,
    coalesce(r.number, s.number) as number,
    r.state,
    s.state as on_record,
    s.standing
from rows_now as r
full join (select * from steps where state <> '' and standing <> 0) as s
    on s.merchant_id = r.merchant_id and s.entity = r.entity and s.number = r.number
where r.state is distinct from s.state or s.standing <> 1;
