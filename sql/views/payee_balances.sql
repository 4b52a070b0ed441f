create view mixpay.payee_balances as
select
    x.merchant_id,
    x.payee_no,
    x.currency,
    p.title,
    sum(x.orders)::bigint as orders,
    sum(x.gross)::bigint as gross,
    sum(x.refunds)::bigint as refunds,
    sum(x.fees)::bigint as fees,
    sum(x.receivers)::bigint as receivers,
    sum(x.shares)::bigint as shares,
    sum(x.gross - x.refunds - x.fees - x.receivers + x.shares)::bigint as net,
    sum(x.in_escrow)::bigint as in_escrow,
    sum(x.payable)::bigint as payable,
    sum(x.paid_out)::bigint as paid_out,
    sum(x.repaid)::bigint as repaid,
    sum(x.adjusted)::bigint as adjusted
from (
    -- Its orders, each with the lines of all its trades; every order has a first one.
    select
        o.merchant_id, o.payee_no, o.currency, case l.nth when 1 then 1 else 0 end as orders, l.paid::bigint as gross,
        l.refunded::bigint as refunds, 0::bigint as fees, 0::bigint as receivers, 0::bigint as shares,
        l.paid - l.refunded - l.cleared as in_escrow, 0::bigint as payable, 0::bigint as paid_out, 0::bigint as repaid,
        0::bigint as adjusted
    from mixpay.orders as o
    inner join mixpay.trade_orders as l on l.merchant_id = o.merchant_id and l.order_no = o.order_no
    where o.payee_no is not null
    union all
    -- What others have of them, by their splits.
    select
        o.merchant_id, o.payee_no, o.currency, 0, 0, 0,
        case when s.kind in ('platform_fee', 'channel_fee') then s.balance else 0 end,
        case when s.kind in ('platform_fee', 'channel_fee') then 0 else s.balance end, 0, 0, 0, 0, 0, 0
    from mixpay.orders as o
    inner join mixpay.split_list as s on s.merchant_id = o.merchant_id and s.order_no = o.order_no
    where o.payee_no is not null and (s.kind <> 'payee' or s.receiver <> o.payee_no)
    union all
    -- What it has of others' orders.
    select o.merchant_id, s.receiver, o.currency, 0, 0, 0, 0, 0, s.balance, 0, 0, 0, 0, 0
    from mixpay.split_list as s
    inner join mixpay.orders as o on o.merchant_id = s.merchant_id and o.order_no = s.order_no
    where s.kind = 'payee' and s.receiver is distinct from o.payee_no
    union all
    -- Its account.
    select b.merchant_id, b.owner, b.currency, 0, 0, 0, 0, 0, 0, 0, b.balance, 0, 0, 0
    from mixpay.account_balances as b
    where b.account = 'payee'
    union all
    -- What moved between it and the bank.
    select s.merchant_id, s.owner, s.currency, 0, 0, 0, 0, 0, 0, 0, 0, s.amount, 0, 0
    from mixpay.settlements as s
    where s.account = 'payee' and s.state = 'settled'
    union all
    select r.merchant_id, r.owner, r.currency, 0, 0, 0, 0, 0, 0, 0, 0, 0, r.amount, 0
    from mixpay.repayments as r
    where r.account = 'payee'
    union all
    -- What somebody said, from either side.
    select a.merchant_id, a.owner, a.currency, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a.amount
    from mixpay.adjustments as a
    where a.account = 'payee'
    union all
    select a.merchant_id, a.against_owner, a.currency, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -a.amount
    from mixpay.adjustments as a
    where a.against_account = 'payee'
) as x
inner join mixpay.payees as p on p.merchant_id = x.merchant_id and p.payee_no = x.payee_no
group by x.merchant_id, x.payee_no, x.currency, p.title;

comment on view mixpay.payee_balances is
'Each payee, in the smallest unit: what came in for its orders, what went back and to others, what is in escrow and '
'payable.';
comment on column mixpay.payee_balances.gross is 'What was paid of its orders.';
comment on column mixpay.payee_balances.refunds is 'What of that was refunded, or is on its way back.';
comment on column mixpay.payee_balances.fees is 'What the platform and channels have of its orders, by their splits.';
comment on column mixpay.payee_balances.receivers is
'What other receivers and payees have of its orders, by their splits.';
comment on column mixpay.payee_balances.shares is 'What it has, as a receiver, of other payees'' orders.';
comment on column mixpay.payee_balances.net is
'gross - refunds - fees - receivers + shares, which is in_escrow + payable + paid_out - repaid - adjusted.';
comment on column mixpay.payee_balances.payable is
'What its account has now; below zero it owes that, and the next settlement nets it.';
comment on column mixpay.payee_balances.paid_out is 'What settlements paid out, without reversed ones.';
comment on column mixpay.payee_balances.adjusted is
'What adjustments gave it, less what they took; mixpay.adjustment_list says why.';
