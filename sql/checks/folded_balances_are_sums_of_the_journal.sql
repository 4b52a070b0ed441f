-- What was folded of an account is what the journal says of it up to there, for each fold that moved it and no other;
-- what is marked as the last is the last.
create view mixpay._folded_balances_are_sums_of_the_journal with (security_barrier) as
with places as (
    -- Each movement is of the fold after those that end at it or before: all in one order, whoever shares a place.
    select
        x.*,
        count(x.fold) over (
            partition by x.merchant_id order by x.epoch, x.xid
            range between unbounded preceding and current row
        ) + 1 as of_fold
    from (
        select
            merchant_id, until_epoch as epoch, until_xid as xid, fold, null as account, null as owner, null as currency,
            0 as came_in, 0 as went_out
        from mixpay.balance_folds
        union all
        select merchant_id, epoch, xid, null, account, owner, currency, came_in, went_out
        from mixpay.postings
    ) as x
), sides as (
    select p.merchant_id, p.account, k.owner, p.currency, p.of_fold, p.came_in, p.went_out
    from places as p
    -- Each account of those that are named, and each kind.
    cross join lateral (
        select '' as owner
        union all
        select p.owner where p.account not in ('order', 'surplus', 'refund', 'anomaly', 'outside')
    ) as k
    where p.fold is null
), sums as (
    select
        m.merchant_id, m.account, m.owner, m.currency, m.of_fold,
        sum(m.came_in) over until_then as came_in,
        sum(m.went_out) over until_then as went_out,
        m.of_fold = max(m.of_fold) over (partition by m.merchant_id, m.account, m.owner, m.currency) as is_last
    from (
        select
            x.merchant_id, x.account, x.owner, x.currency, x.of_fold, sum(x.came_in) as came_in,
            sum(x.went_out) as went_out
        from sides as x
        inner join mixpay.balance_folds as b on b.merchant_id = x.merchant_id and b.fold = x.of_fold
        group by x.merchant_id, x.account, x.owner, x.currency, x.of_fold
    ) as m
    window until_then as (partition by m.merchant_id, m.account, m.owner, m.currency order by m.of_fold)
)
select
    coalesce(s.merchant_id, f.merchant_id) as merchant_id,
    coalesce(f.account, s.account) as account,
    coalesce(f.owner, s.owner) as owner,
    coalesce(f.currency, s.currency) as currency,
    coalesce(f.fold, s.of_fold) as fold,
    f.came_in, f.went_out, f.is_last, s.came_in as came_in_by_journal, s.went_out as went_out_by_journal
from mixpay.folded_balances as f
full join sums as s
    on
        s.merchant_id = f.merchant_id and s.account = f.account and s.owner = f.owner and s.currency = f.currency
        and s.of_fold = f.fold
where (f.came_in, f.went_out, f.is_last) is distinct from (s.came_in, s.went_out, s.is_last);
