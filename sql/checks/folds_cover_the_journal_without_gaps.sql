-- Each fold begins where the last one ended, and its movements and moments are those of the journal.
create view mixpay._folds_cover_the_journal_without_gaps with (security_barrier) as
with places as (
    -- Each movement is of the fold after those that end at it or before: all in one order, whoever shares a place.
    select
        x.*,
        count(x.fold) over (
            partition by x.merchant_id order by x.epoch, x.xid
            range between unbounded preceding and current row
        ) + 1 as of_fold
    from (
        select merchant_id, until_epoch as epoch, until_xid as xid, fold, null as created_at from mixpay.balance_folds
        union all
        select merchant_id, epoch, xid, null, created_at from mixpay.journal
    ) as x
), moved as (
    select
        merchant_id, of_fold, count(*) as movements, min(created_at) as earliest_at, max(created_at) as latest_at
    from places
    where fold is null
    group by merchant_id, of_fold
)
select
    f.merchant_id, f.fold, f.movements, f.in_journal, f.earliest_at, f.first_at, f.latest_at, f.last_at
from (
    select
        b.*,
        coalesce(m.movements, 0) as in_journal,
        m.earliest_at as first_at,
        row_number() over merchant as expected_fold,
        lag(b.until_epoch, 1, 0) over merchant as last_until_epoch,
        lag(b.until_xid, 1, '0') over merchant as last_until_xid,
        max(m.latest_at) over merchant as last_at
    from mixpay.balance_folds as b
    left join moved as m on m.merchant_id = b.merchant_id and m.of_fold = b.fold
    window merchant as (partition by b.merchant_id order by b.fold)
) as f
where
    f.fold <> f.expected_fold or (f.from_epoch, f.from_xid) is distinct from (f.last_until_epoch, f.last_until_xid)
    or f.movements <> f.in_journal or f.earliest_at is distinct from f.first_at
    or f.latest_at is distinct from f.last_at;
