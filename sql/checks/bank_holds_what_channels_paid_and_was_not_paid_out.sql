-- What the journal leaves at each bank is what channels paid to it and was brought in, less what settlements paid out,
-- and what was adjusted.
create view mixpay._bank_holds_what_channels_paid_and_was_not_paid_out with (security_barrier) as
with booked as (
    select merchant_id, owner as bank, currency, sum(went_out - came_in) as has
    from mixpay.postings
    where account = 'bank'
    group by merchant_id, owner, currency
), due as (
    select merchant_id, bank, currency, sum(amount) as has
    from (
        select merchant_id, bank, currency, amount from mixpay.channel_payouts
        union all
        select merchant_id, bank, currency, -amount from mixpay.settlements where state = 'settled'
        union all
        select merchant_id, bank, currency, amount from mixpay.repayments
        union all
        select merchant_id, owner, currency, -amount from mixpay.adjustments where account = 'bank'
        union all
        select merchant_id, against_owner, currency, amount from mixpay.adjustments where against_account = 'bank'
    ) as x
    where bank is not null
    group by merchant_id, bank, currency
)
select
    coalesce(b.merchant_id, d.merchant_id) as merchant_id,
    coalesce(d.bank, b.bank) as bank,
    coalesce(d.currency, b.currency) as currency,
    b.has as in_journal,
    d.has as due
from due as d
full join booked as b on b.merchant_id = d.merchant_id and b.bank = d.bank and b.currency = d.currency
where coalesce(b.has, 0) <> coalesce(d.has, 0);
