-- What moved on a day, from channels to banks and payees, sums to zero.
create view mixpay._day_flow_sums_to_zero with (security_barrier) as
select merchant_id, day, currency, sum(moved) as moved
from mixpay.day_flow
group by merchant_id, day, currency
having sum(moved) <> 0;
