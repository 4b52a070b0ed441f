-- What is ours is in at most one match of an account, but for what several lines sum to, and for older lines that say
-- that the channel was at it: they count for nothing.
create view mixpay._each_of_ours_is_in_one_match with (security_barrier) as
select m.merchant_id, m.account, m.owner, m.kind, m.number, count(*) as lines, count(distinct m.rule) as rules
from mixpay.line_matches as m
group by m.merchant_id, m.account, m.owner, m.kind, m.number
having
    count(*) filter (where m.rule <> 'batch' or m.theirs <> 0 or m.ours <> 0) > 1 and bool_or(m.rule <> 'batch');
