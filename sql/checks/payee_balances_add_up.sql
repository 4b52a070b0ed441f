-- What came in for a payee's orders, less what went back and to others, is held, payable or paid out.
select merchant_id, payee_no, currency, gross, refunds, fees, shares, net, held, payable, paid_out, repaid
from mixpay.payee_balances
where net <> held + payable + paid_out - repaid;
