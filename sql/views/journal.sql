create view mixpay.journal as
select
    merchant_id,
    log::text as source,
    log_no as number,
    entry,
    from_account::text as from_account,
    from_owner,
    to_account::text as to_account,
    to_owner,
    amount::bigint as amount,
    currency,
    entity::text as cause,
    number as cause_no,
    payment_no,
    order_no,
    refund_no,
    channel_refund_no,
    reason,
    happened_at,
    created_at,
    epoch,
    xid
from mixpay.facts
where amount is not null;

comment on view mixpay.journal is
'Every movement of money, once: from one account to another. Balances, statements and settlements are sums over it.';
comment on column mixpay.journal.source is
'Where it is on record: trade, settlement, repayment, adjustment, channel_fee or channel_payout; number says which.';
comment on column mixpay.journal.from_owner is
'Whose account: a channel, an order, a payment (surplus), a refund, a channel refund (anomaly), a payee, receiver, '
'fee or bank.';
comment on column mixpay.journal.amount is 'In the currency''s smallest unit.';
comment on column mixpay.journal.cause is
'What made it: payment, refund, channel_refund, trade, release, split, settlement and so on.';
comment on column mixpay.journal.happened_at is
'When it happened; created_at is when we wrote it, and books go by that.';
