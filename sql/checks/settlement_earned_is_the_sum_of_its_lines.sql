-- A settlement's lines sum to what it paid out, and its orders' and adjustments' lines to what it earned.
create view mixpay._settlement_earned_is_the_sum_of_its_lines with (security_barrier) as
select s.merchant_id, s.settlement_no, s.earned, s.amount, l.earned as of_orders, l.amount as of_lines
from mixpay.settlements as s
cross join lateral (
    select
        coalesce(sum(x.amount), 0) as amount,
        coalesce(sum(x.amount) filter (where x.kind in ('order', 'adjustment')), 0) as earned
    from mixpay.settlement_lines as x
    where x.merchant_id = s.merchant_id and x.settlement_no = s.settlement_no
) as l
where s.earned <> l.earned or s.amount <> l.amount;
