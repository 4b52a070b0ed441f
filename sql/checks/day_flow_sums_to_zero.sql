-- What moved on a day, from channels to banks and payees, sums to zero.
select merchant_id, day, currency, sum(moved) as moved
from mixpay.day_flow
group by merchant_id, day, currency
having sum(moved) <> 0;
