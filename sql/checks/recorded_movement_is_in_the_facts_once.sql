-- What is on record of an adjustment, a channel's fee or payout, or a repayment is its row: once, from the account that
-- gives (before there were banks, a repayment came from outside) to the one that gets; below zero, the other way.
create view mixpay._recorded_movement_is_in_the_facts_once with (security_barrier) as
select
    coalesce(f.merchant_id, r.merchant_id) as merchant_id,
    coalesce(r.log, f.log) as log,
    coalesce(r.log_no, f.log_no) as log_no,
    r.accounts, r.amount, r.payment_no, f.times, f.accounts as accounts_in_facts, f.amount as in_facts,
    f.payment_no as payment_no_in_facts
from (
    select
        x.merchant_id, x.log, x.log_no, x.currency, x.amount, x.payment_no,
        case when x.amount > 0 then x.gives || ' ' || x.gets else x.gets || ' ' || x.gives end as accounts
    from (
        select
            merchant_id, 'adjustment' as log, adjustment_no as log_no, currency, amount, null as payment_no,
            against_account || ':' || against_owner as gives, account || ':' || owner as gets
        from mixpay.adjustments
        union all
        select
            merchant_id, 'channel_fee', fee_no, currency, amount, payment_no, 'channel_fee:' || channel,
            'channel:' || channel
        from mixpay.channel_fees
        union all
        select merchant_id, 'channel_payout', payout_no, currency, amount, null, 'bank:' || bank, 'channel:' || channel
        from mixpay.channel_payouts
        union all
        select
            merchant_id, 'repayment', repayment_no, currency, amount, null, coalesce('bank:' || bank, 'outside'),
            account || ':' || owner
        from mixpay.repayments
    ) as x
) as r
full join (
    select
        merchant_id, log, log_no, currency, count(*) as times, sum(amount) as amount, min(payment_no) as payment_no,
        min(concat_ws(':', from_account, from_owner) || ' ' || concat_ws(':', to_account, to_owner)) as accounts
    from mixpay.facts
    where
        log in ('adjustment', 'channel_fee', 'channel_payout', 'repayment')
        -- A moment may come later, in a fact that moves nothing; an adjustment has none.
        and (amount is not null or log = 'adjustment')
    group by merchant_id, log, log_no, currency
) as f on f.merchant_id = r.merchant_id and f.log = r.log and f.log_no = r.log_no and f.currency = r.currency
where
    (f.times, f.accounts, f.amount, f.payment_no)
    is distinct from (1::bigint, r.accounts, abs(r.amount)::numeric, r.payment_no);
