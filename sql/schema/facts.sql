-- The log. A fact is a change of state, a movement of money from one account to another, or both at once; it is written
-- once and stays. Whatever has a life of its own (a trade, a settlement, a repayment) has a log of its own, numbered
-- from 1 under its lock, and a row says all that its reader needs. History, events, the journal, statements and
-- allocations are projections of this one table.
--
-- No foreign key leads from a fact to its log, for the logs are of several kinds: _write_facts alone writes here, what
-- has a log is never deleted, and a check looks for facts of nothing.
create table mixpay.facts (
    merchant_id text collate "C" not null,
    log mixpay.log not null,
    log_no text collate "C" not null,
    entry bigint not null,
    epoch bigint not null,
    xid xid8 not null default pg_current_xact_id(),
    entity mixpay.entity not null,
    number text collate "C" not null,
    from_state text,
    to_state text,
    from_account mixpay.account,
    from_owner text collate "C",
    to_account mixpay.account,
    to_owner text collate "C",
    amount mixpay.positive_amount,
    currency text collate "C" not null,
    payment_no text collate "C",
    order_no text collate "C",
    refund_no text collate "C",
    channel_refund_no text collate "C",
    reason text,
    happened_at timestamptz not null,
    created_at timestamptz not null default now(),
    order_from_state mixpay.order_state,
    order_to_state mixpay.order_state,
    primary key (merchant_id, log, log_no, entry)
);

-- What is true of every row: a domain, as in trades.sql.
create domain mixpay.fact_rules as mixpay.facts
constraint a_change_has_two_states check (
    case when (value).from_state is null then (value).to_state is null else (value).to_state is not null end
    and case
        when (value).order_from_state is null then (value).order_to_state is null
        else (value).order_to_state is not null
    end
)
constraint a_movement_has_two_accounts check (
    case
        when (value).amount is null then (value).from_account is null and (value).to_account is null
        else (value).from_account is not null and (value).to_account is not null
    end
)
constraint owner_of_the_money_is_named check (
    case
        when (value).from_account <> 'outside' then (value).from_owner is not null else (value).from_owner is null
    end
    and case
        when (value).to_account <> 'outside' then (value).to_owner is not null else (value).to_owner is null
    end
)
constraint says_something check ((value).to_state is not null or (value).amount is not null);

alter table mixpay.facts
add constraint rules_hold check (not (cast(facts as mixpay.fact_rules) is null));

comment on domain mixpay.fact_rules is 'What is true of every row of facts.';

alter table mixpay.facts alter column merchant_id set (n_distinct = -0.01);

-- events and balances: what was written since. A transaction's entries share one key. Only who says that the epoch is
-- above zero, which it always is, asks for this index: nobody is to read a merchant's stretch of the log by mistake.
create index facts_by_xid on mixpay.facts (merchant_id, epoch, xid) where epoch > 0;

-- account_balance, account_statement, settlements: what came to somebody, and what went from him.
create index facts_by_to_owner on mixpay.facts (to_owner, merchant_id, to_account, epoch, xid)
where to_account in ('payee', 'receiver', 'fee');
create index facts_by_from_owner on mixpay.facts (from_owner, merchant_id, from_account, epoch, xid)
where from_account in ('payee', 'receiver', 'fee');

-- Pages tell of a period what went into refunds, and why: few of all facts. By what costs a payment least to ask; and
-- only for who says that the entry is above zero, which it always is: nobody is to look for one refund here by mistake.
create index facts_of_refunds on mixpay.facts (merchant_id, epoch, xid)
where entry > 0 and refund_no is not null and amount is not null;

comment on table mixpay.facts is
'What happened, once and for all: changes of state and movements of money, in order within their log.';
comment on column mixpay.facts.log is
'What the log is of: a trade, settlement, repayment, adjustment, channel fee or channel payout; log_no says which.';
comment on column mixpay.facts.entry is 'Its place in the log, from 1; grows under the lock of what the log is of.';
comment on column mixpay.facts.epoch is
'The epoch of the transaction. Transaction ids begin anew in each epoch, so epoch and xid together give its place.';
comment on column mixpay.facts.xid is 'The transaction that wrote it.';
comment on column mixpay.facts.entity is
'What the change of state is about, or what made the movement; number says which.';
comment on column mixpay.facts.from_state is 'Empty where the thing comes into being.';
comment on column mixpay.facts.from_account is 'The kind of account where the money was.';
comment on column mixpay.facts.from_owner is
'Whose account: a channel, an order, a payment (surplus), a refund, a channel refund (anomaly), a payee, receiver or '
'fee, a bank; the outside has no name.';
comment on column mixpay.facts.to_account is 'The kind of account where the money is then; to_owner says whose.';
comment on column mixpay.facts.amount is 'What moved, in the smallest unit of the currency.';
comment on column mixpay.facts.order_no is
'The order that it is about; if money moves from one order to another, the one that it leaves.';
comment on column mixpay.facts.happened_at is 'When it happened; created_at is when we wrote it.';
comment on column mixpay.facts.order_from_state is
'If this changes the state of an order, the state before; else empty. It is the order that gets the money, or else '
'order_no.';
comment on column mixpay.facts.order_to_state is
'If this changes the state of an order, the state after it, over all its trades; else empty.';
