-- What a bank has is what channels paid to it and was brought in, less what it paid out, also where it was folded.
create view mixpay._bank_balances_add_up with (security_barrier) as
select merchant_id, bank, currency, payouts, settlements, repayments, adjustments, balance
from mixpay.bank_balances
where balance <> payouts - settlements + repayments + adjustments;
