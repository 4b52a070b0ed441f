-- Each settlement of an account begins where the last one ended, and carries in what earlier ones earned and did not
-- pay out, and what failed payouts and repayments had brought back by its end, less what had arrived after all.
create view mixpay._settlements_follow_one_another with (security_barrier) as
with moved as (
    -- What came back to an account, and what left it again.
    select
        merchant_id, to_account as account, to_owner as owner, currency, epoch, xid, created_at, amount as back,
        0::bigint as again
    from mixpay.facts
    where log in ('settlement', 'repayment')
    union all
    select merchant_id, from_account, from_owner, currency, epoch, xid, created_at, 0, amount
    from mixpay.facts
    where log = 'settlement' and from_state = 'reversed'
), by_its_end as (
    select s.merchant_id, s.settlement_no, sum(m.back) as back, sum(m.again) as again
    from mixpay.settlements as s
    inner join moved as m
        on m.merchant_id = s.merchant_id and m.account = s.account and m.owner = s.owner and m.currency = s.currency
    where (m.epoch, m.xid) < (s.until_epoch, s.until_xid) and m.created_at <= s.until_at
    group by s.merchant_id, s.settlement_no
)
select
    s.merchant_id, s.settlement_no, s.nth, s.expected_nth, s.from_xid, s.last_until_xid, s.until_at, s.last_until_at,
    s.carried_in, s.brought_back, coalesce(b.back, 0) as by_its_end, coalesce(b.again, 0) as left_again
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
left join by_its_end as b on b.merchant_id = s.merchant_id and b.settlement_no = s.settlement_no
where
    s.nth <> s.expected_nth or (s.from_epoch, s.from_xid) is distinct from (s.last_until_epoch, s.last_until_xid)
    or s.until_at < s.last_until_at or s.brought_back <> coalesce(b.back, 0) - coalesce(b.again, 0);
