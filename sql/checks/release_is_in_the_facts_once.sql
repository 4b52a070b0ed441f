-- What the facts move out of escrow because of a release is its amount, and nothing moves so without a release.
create view mixpay._release_is_in_the_facts_once with (security_barrier) as
select
    coalesce(f.merchant_id, r.merchant_id) as merchant_id,
    coalesce(r.release_no, f.number) as release_no,
    coalesce(r.order_no, f.order_no) as order_no,
    r.amount, coalesce(f.amount, 0) as in_facts
from mixpay.releases as r
full join (
    select
        merchant_id, number, order_no, sum(case from_account when 'order' then amount else -amount end) as amount
    from mixpay.facts
    where entity = 'release'
    group by merchant_id, number, order_no
) as f on f.merchant_id = r.merchant_id and f.number = r.release_no and f.order_no = r.order_no
where coalesce(f.amount, 0) <> coalesce(r.amount, 0);
