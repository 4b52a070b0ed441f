-- What was folded, and what came since. Not by way of the journal, which is a union: a join with it would read all of it.
-- Currency and channel are looked up for each movement, because the planner cannot tell how few came since.
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
    select f.merchant_id, f.account, f.owner, f.currency, f.came_in, f.went_out
    from mixpay.folded_balances as f
    where f.is_last and (f.owner <> '' or f.account = 'outside')
    union all
    select
        m.merchant_id::text,
        s.account,
        case s.account
            when 'channel' then coalesce(
                (
                    select c.channel from mixpay.channel_refunds as c
                    where c.merchant_id = m.merchant_id and c.channel_refund_no = j.channel_refund_no
                ),
                (
                    select p.channel from mixpay.payments as p
                    where p.merchant_id = m.merchant_id and p.payment_no = j.payment_no
                )
            )
            else coalesce(s.owner, '')
        end,
        coalesce(
            j.currency,
            (select t.currency from mixpay.trades as t where t.merchant_id = m.merchant_id and t.trade_no = j.trade_no)
        ),
        s.came_in,
        s.went_out
    from mixpay.merchants as m
    left join lateral (
        select x.until_epoch, x.until_xid from mixpay.balance_folds as x
        where x.merchant_id = m.merchant_id
        order by x.fold desc
        limit 1
    ) as l on true
    cross join lateral (
        (
            select
                f.trade_no, f.payment_no, f.channel_refund_no, null as currency, f.from_account, f.from_owner,
                f.to_account, f.to_owner, f.amount
            from mixpay.facts as f
            where
                f.merchant_id = m.merchant_id and f.amount is not null
                and (f.epoch, f.xid) >= (coalesce(l.until_epoch, 0), coalesce(l.until_xid, '0'))
            -- So that it goes by their index.
            order by f.epoch, f.xid
        )
        union all
        select
            null, null, null, f.currency, f.from_account, f.from_owner, f.to_account, f.to_owner, f.amount
        from mixpay.settlement_facts as f
        where
            f.merchant_id = m.merchant_id and f.amount is not null
            and (f.epoch, f.xid) >= (coalesce(l.until_epoch, 0), coalesce(l.until_xid, '0'))
    ) as j
    cross join lateral (values
        (j.to_account, j.to_owner, j.amount, 0), (j.from_account, j.from_owner, 0, j.amount)
    ) as s (account, owner, came_in, went_out)
    where s.account in ('channel', 'payee', 'receiver', 'fee', 'outside')
) as b
group by b.merchant_id, b.account, b.owner, b.currency;

comment on view mixpay.account_balances is
'What each channel, payee, receiver and fee account holds now, and the outside; in the currency''s smallest unit.';
comment on column mixpay.account_balances.balance is
'came_in minus went_out. Below zero for a channel: it gave us that much more than it got back, which it holds for us.';
