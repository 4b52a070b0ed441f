-- What a channel owes is what came in by it, less what it sent and took back, its fees and what it paid out: nothing
-- else moves its money.
create view mixpay._channel_balances_add_up with (security_barrier) as
select merchant_id, channel, currency, payments, refunds, returns, chargebacks, fees, payouts, adjustments, balance
from mixpay.channel_balances
where balance <> payments - refunds - returns - chargebacks - fees - payouts + adjustments;
