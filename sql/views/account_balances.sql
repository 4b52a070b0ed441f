-- What was folded, and what came since.
create view mixpay.account_balances as
select
    b.merchant_id,
    b.account,
    b.owner,
    b.currency,
    sum(b.came_in)::bigint as came_in,
    sum(b.went_out)::bigint as went_out,
    sum(b.came_in - b.went_out)::bigint as balance
from (
    select f.merchant_id, f.account::text as account, f.owner, f.currency, f.came_in, f.went_out
    from mixpay.folded_balances as f
    where f.is_last and (f.owner <> '' or f.account = 'outside')
    union all
    select p.merchant_id, p.account, p.owner, p.currency, p.came_in, p.went_out
    from mixpay.merchants as m
    left join lateral (
        select x.until_epoch, x.until_xid from mixpay.balance_folds as x
        where x.merchant_id = m.merchant_id
        order by x.fold desc
        limit 1
    ) as l on true
    cross join lateral (
        select j.merchant_id, j.account, j.owner, j.currency, j.came_in, j.went_out
        from mixpay.postings as j
        where
            j.account not in ('order', 'surplus', 'refund', 'anomaly', 'outside') and j.merchant_id = m.merchant_id
            and j.epoch > 0 and (j.epoch, j.xid) >= (coalesce(l.until_epoch, 0), coalesce(l.until_xid, '0'))
        union all
        -- The outside has no name. A part of its own, so that a name asked for is looked up in the index.
        select j.merchant_id, j.account, '', j.currency, j.came_in, j.went_out
        from mixpay.postings as j
        where
            j.account = 'outside' and j.merchant_id = m.merchant_id
            and j.epoch > 0 and (j.epoch, j.xid) >= (coalesce(l.until_epoch, 0), coalesce(l.until_xid, '0'))
    ) as p
) as b
group by b.merchant_id, b.account, b.owner, b.currency;

comment on view mixpay.account_balances is
'What each account has now, except those of orders, payments and refunds; in the currency''s smallest unit.';
comment on column mixpay.account_balances.balance is
'came_in minus went_out. Below zero for a channel or a bank: it has that much of ours.';
