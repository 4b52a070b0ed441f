-- Each settlement of an account begins where the last one ended, and carries in what earlier ones earned and did not
-- pay out, and what failed payouts and repayments had brought back by its end, less what had arrived after all.
create view mixpay._settlements_follow_one_another with (security_barrier) as
select
    s.merchant_id, s.settlement_no, s.nth, s.expected_nth, s.from_xid, s.last_until_xid, s.until_at, s.last_until_at,
    s.carried_in, s.brought_back, b.by_its_end, a.by_its_end as left_again
from (
    select
        *,
        row_number() over account as expected_nth,
        lag(until_epoch, 1, 0) over account as last_until_epoch,
        lag(until_xid, 1, '0') over account as last_until_xid,
        lag(until_at) over account as last_until_at,
        carried_in - coalesce(sum(earned - amount) over (
            account rows between unbounded preceding and 1 preceding
        ), 0) as brought_back
    from mixpay.settlements
    window account as (partition by merchant_id, account, owner, currency order by nth)
) as s
cross join lateral (
    select coalesce(sum(f.amount), 0) as by_its_end
    from mixpay.facts as f
    where
        f.log in ('settlement', 'repayment') and f.merchant_id = s.merchant_id and f.to_owner = s.owner
        and f.to_account = s.account and f.currency = s.currency
        and (f.epoch, f.xid) < (s.until_epoch, s.until_xid) and f.created_at <= s.until_at
) as b
cross join lateral (
    select coalesce(sum(f.amount), 0) as by_its_end
    from mixpay.facts as f
    where
        f.log = 'settlement' and f.from_state = 'reversed' and f.merchant_id = s.merchant_id and f.from_owner = s.owner
        and f.from_account = s.account and f.currency = s.currency
        and (f.epoch, f.xid) < (s.until_epoch, s.until_xid) and f.created_at <= s.until_at
) as a
where
    s.nth <> s.expected_nth or (s.from_epoch, s.from_xid) is distinct from (s.last_until_epoch, s.last_until_xid)
    or s.until_at < s.last_until_at or s.brought_back <> b.by_its_end - a.by_its_end;
