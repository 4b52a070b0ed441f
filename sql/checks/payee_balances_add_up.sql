-- What came in for a payee's orders, less what went back and to others, is in escrow, payable or paid out.
create view mixpay._payee_balances_add_up with (security_barrier) as
select
    merchant_id, payee_no, currency, gross, refunds, fees, receivers, shares, net, in_escrow, payable, paid_out, repaid,
    adjusted
from mixpay.payee_balances
where net <> in_escrow + payable + paid_out - repaid - adjusted;
