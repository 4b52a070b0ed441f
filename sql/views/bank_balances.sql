create view mixpay.bank_balances as
select
    b.merchant_id,
    b.owner as bank,
    b.currency,
    coalesce(m.payouts, 0)::bigint as payouts,
    coalesce(m.settlements, 0)::bigint as settlements,
    coalesce(m.repayments, 0)::bigint as repayments,
    coalesce(m.adjustments, 0)::bigint as adjustments,
    -b.balance as balance,
    case
        when coalesce(m.times, 0) = 0 then 'no channel payout is recorded: it shows only what was paid out'
    end as remark
from mixpay.account_balances as b
left join lateral (
    select
        sum(x.payouts) as payouts, sum(x.settlements) as settlements, sum(x.repayments) as repayments,
        sum(x.adjustments) as adjustments, count(x.payouts) as times
    from (
        select p.amount::bigint as payouts, 0::bigint as settlements, 0::bigint as repayments, 0::bigint as adjustments
        from mixpay.channel_payouts as p
        where p.merchant_id = b.merchant_id and p.bank = b.owner and p.currency = b.currency
        union all
        select null, s.amount, 0, 0
        from mixpay.settlements as s
        where
            s.merchant_id = b.merchant_id and s.bank = b.owner and s.currency = b.currency and s.state = 'settled'
        union all
        select null, 0, r.amount, 0
        from mixpay.repayments as r
        where r.merchant_id = b.merchant_id and r.bank = b.owner and r.currency = b.currency
        union all
        select null, 0, 0, -a.amount
        from mixpay.adjustments as a
        where
            a.merchant_id = b.merchant_id and a.account = 'bank' and a.owner = b.owner and a.currency = b.currency
        union all
        select null, 0, 0, a.amount
        from mixpay.adjustments as a
        where
            a.merchant_id = b.merchant_id and a.against_account = 'bank' and a.against_owner = b.owner
            and a.currency = b.currency
    ) as x
) as m on true
where b.account = 'bank';

comment on view mixpay.bank_balances is
'What each bank has of ours by the books: payouts - settlements + repayments + adjustments, in the smallest unit.';
comment on column mixpay.bank_balances.bank is 'The bank account, by your name for it.';
comment on column mixpay.bank_balances.payouts is 'What channels paid to it.';
comment on column mixpay.bank_balances.settlements is
'What it paid out to payees and receivers, without reversed settlements.';
comment on column mixpay.bank_balances.repayments is 'What was brought in for accounts that were below zero.';
comment on column mixpay.bank_balances.adjustments is 'What adjust_account moved: above zero, it has more.';
comment on column mixpay.bank_balances.balance is
'What it has; below zero, it paid out more than came in by the books.';
comment on column mixpay.bank_balances.remark is
'What to know of the balance: if nobody calls record_channel_payout, it lacks what channels paid, and differs from '
'the bank''s statement.';
