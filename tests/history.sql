-- Years of what an account's statements told: all of it is matched. For tests/test_plans.py.
set local session_replication_role = replica;
create temporary table n on commit drop as
select n, '2020-01-01Z'::timestamptz + n * interval '1 hour' as at, 'H' || n as no, 'HS' || n / 100 as statement_no
from generate_series(1, 2000) as n;
insert into mixpay.trades (merchant_id, trade_no, currency, amount, paid, allocation, state, last_seq)
select 'm', no, 'CNY', 10, 10, 'fifo', 'paid', 1 from n;
insert into mixpay.payments (
    merchant_id, payment_no, trade_no, channel, recorded, asked, amount, applied, state, channel_txn_no, paid_at,
    seq, txn_day
)
select
    'm', no, no, 'card', true, 10, 10, 10, 'succeeded', 'HX' || n, at, 1,
    -- Some were written when the channel's numbers were no key.
    case when n % 2 = 0 then '0001-01-01'::date end
from n;
insert into mixpay.refunds (merchant_id, refund_no, kind, order_no, amount, succeeded, state)
select 'm', no, 'order', no, 1, 1, 'succeeded' from n;
insert into mixpay.refund_details (merchant_id, refund_no, payment_no, amount)
select 'm', no, no, 1 from n;
insert into mixpay.channel_refunds (
    merchant_id, channel_refund_no, refund_no, payment_no, channel, amount, state, channel_txn_no, refunded_at,
    bounced_at
)
select
    'm', no, no, no, 'card', 1, case when n % 5 = 0 then 'bounced' else 'succeeded' end, 'HY' || n, at,
    case when n % 5 = 0 then at end
from n;
insert into mixpay.channel_fees (merchant_id, fee_no, channel, amount, currency, payment_no, charged_at)
select 'm', no, 'card', 1, 'CNY', no, at from n;
insert into mixpay.channel_payouts (merchant_id, payout_no, channel, amount, currency, bank, paid_at)
select 'm', no, 'card', 5, 'CNY', 'main', at from n;
insert into mixpay.chargebacks (
    merchant_id, chargeback_no, payment_no, amount, reversed, state, charged_at, reversed_at
)
select 'm', no, no, 1, 1, 'reversed', at, at from n;
insert into mixpay.returns (merchant_id, return_no, payment_no, amount, unapplied, returned_at)
select 'm', no, no, 1, 1, at from n;
insert into mixpay.settlements (
    merchant_id, settlement_no, account, owner, currency, nth, until_at, from_epoch, from_xid, until_epoch, until_xid,
    carried_in, earned, amount, carried_out, bank, created_at, state, reversed_at
)
select
    'm', no, 'payee', 'S', 'CNY', 100 + n, at, 1, '1', 1, '1', 0, 5, 5, 0, 'main', at,
    case when n % 5 = 0 then 'reversed' else 'settled' end, case when n % 5 = 0 then at end
from n;
insert into mixpay.repayments (merchant_id, repayment_no, account, owner, amount, currency, repaid_at, bank)
select 'm', no, 'payee', 'S', 5, 'CNY', at, 'main' from n;
insert into mixpay.statements (
    merchant_id, statement_no, account, owner, format, from_at, until_at, line_count, sealed_at, reconciled_at
)
select
    'm', a.prefix || statement_no, a.account, a.owner, 'x', min(at), max(at) + interval '1 hour', 100, max(at), max(at)
from n, (values ('C', 'channel', 'card'), ('B', 'bank', 'main')) as a (prefix, account, owner)
group by a.prefix, statement_no, a.account, a.owner;
insert into mixpay.statement_lines (
    merchant_id, statement_no, line_no, kind, amount, currency, happened_at, our_no, batch_no
)
select 'm', k.prefix || statement_no, n * 4 + k.nth, k.kind, 5, 'CNY', at, no, no
from n, (values
    ('C', 1, 'payment'), ('C', 2, 'refund'), ('B', 1, 'payout'), ('B', 2, 'other')
) as k (prefix, nth, kind);
insert into mixpay.line_matches (
    merchant_id, statement_no, line_no, part, account, owner, kind, number, rule, result, currency, theirs, ours,
    happened_at, run
)
select
    'm', k.prefix || statement_no, n * 4 + k.nth, '', k.account, k.owner, k.kind, no, 'our_no', 'matched', 'CNY', 5, 5,
    at, 1
from n, (values
    ('C', 1, 'payment', 'channel', 'card'), ('C', 2, 'refund', 'channel', 'card'), ('B', 1, 'payout', 'bank', 'main'),
    ('B', 2, 'repayment', 'bank', 'main')
) as k (prefix, nth, kind, account, owner);
insert into mixpay.unmatched_lines (
    merchant_id, statement_no, line_no, part, account, owner, result, currency, theirs, happened_at, run
)
select 'm', k.prefix || statement_no, n * 4 + k.nth, '', k.account, k.owner, 'matched', 'CNY', 5, at, 1
from n, (values ('C', 1, 'channel', 'card'), ('B', 1, 'bank', 'main')) as k (prefix, nth, account, owner);
-- One line of the bank paid many settlements; on the channel's statement some came later, and batches were paid out.
insert into mixpay.unmatched_items (
    merchant_id, account, owner, kind, number, result, currency, ours, theirs, happened_at, statement_no, run, line_no,
    part, batch_no
)
select 'm', 'bank', 'main', 'settlement', no, 'matched', 'CNY', -5, -5, at, 'B' || statement_no, 1, n * 4 + 2, '', null
from n
union all
select 'm', 'channel', 'card', 'fee', no, 'matched', 'CNY', -1, 0, at, 'C' || statement_no, 1, null, null, null from n
union all
select 'm', 'channel', 'card', 'payout', no, 'matched', 'CNY', -5, -5, at, 'C' || statement_no, 1, null, null, no
from n;
-- Another merchant has much on the day that is compared.
insert into mixpay.payments (
    merchant_id, payment_no, trade_no, channel, recorded, asked, amount, applied, state, channel_txn_no, paid_at,
    seq, txn_day
)
select 'big', no, no, 'card', true, 10, 10, 10, 'succeeded', 'HX' || n, day.at, 1, '0001-01-01'
from n, (select paid_at as at from mixpay.payments where merchant_id = 'm' and payment_no = 'PP1') as day;
insert into mixpay.channel_refunds (
    merchant_id, channel_refund_no, refund_no, payment_no, channel, amount, state, channel_txn_no, refunded_at
)
select 'big', no, no, no, 'card', 1, 'succeeded', 'HY' || n, day.at
from n, (select paid_at as at from mixpay.payments where merchant_id = 'm' and payment_no = 'PP1') as day;
insert into mixpay.channel_fees (merchant_id, fee_no, channel, amount, currency, payment_no, charged_at)
select 'big', no, 'card', 1, 'CNY', no, day.at
from n, (select paid_at as at from mixpay.payments where merchant_id = 'm' and payment_no = 'PP1') as day;
set local session_replication_role = origin;
