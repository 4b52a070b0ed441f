-- What arrived of a payment was applied or is surplus; nothing arrives of one that did not succeed.
create view mixpay._payment_amount_is_applied_and_surplus with (security_barrier) as
select merchant_id, payment_no, state, amount, applied, surplus
from mixpay.payments
where
    amount <> applied + surplus or applied < 0 or surplus < 0
    or case state when 'succeeded' then amount <= 0 else amount <> 0 end;
