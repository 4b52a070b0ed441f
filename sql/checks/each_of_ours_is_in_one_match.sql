-- What is ours is in at most one match of an account, but for what several lines sum to.
create view mixpay._each_of_ours_is_in_one_match with (security_barrier) as
select m.merchant_id, m.account, m.owner, m.kind, m.number, count(*) as lines, count(distinct m.rule) as rules
from mixpay.line_matches as m
group by m.merchant_id, m.account, m.owner, m.kind, m.number
having count(*) > 1 and bool_or(m.rule <> 'batch');
