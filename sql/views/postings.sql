-- Who asks for one payee, receiver or fee by parameters adds that it is one of these three kinds: a plan that is made
-- for all accounts can use their indexes only then.
create view mixpay.postings as
select
    merchant_id,
    source,
    number,
    entry,
    'in' as side,
    to_account as account,
    to_owner as owner,
    currency,
    amount as came_in,
    0::bigint as went_out,
    from_account as other_account,
    from_owner as other_owner,
    cause,
    cause_no,
    payment_no,
    order_no,
    refund_no,
    channel_refund_no,
    reason,
    happened_at,
    created_at,
    epoch,
    xid
from mixpay.journal
union all
select
    merchant_id,
    source,
    number,
    entry,
    'out',
    from_account,
    from_owner,
    currency,
    0::bigint,
    amount,
    to_account,
    to_owner,
    cause,
    cause_no,
    payment_no,
    order_no,
    refund_no,
    channel_refund_no,
    reason,
    happened_at,
    created_at,
    epoch,
    xid
from mixpay.journal;

comment on view mixpay.postings is
'Every movement of money twice, as each of its two accounts sees it; in the currency''s smallest unit.';
comment on column mixpay.postings.side is 'in: money came into the account; out: it went out of it.';
comment on column mixpay.postings.account is 'Which kind of account it is; owner says whose.';
comment on column mixpay.postings.came_in is 'What came into the account; zero if the money went out of it.';
comment on column mixpay.postings.other_account is 'Where the money came from, or went to; other_owner says whose.';
comment on column mixpay.postings.source is
'Where it is on record: trade, settlement, repayment, adjustment, channel_fee or channel_payout; number says which.';
comment on column mixpay.postings.happened_at is
'When it happened; created_at is when we wrote it, and books go by that.';
