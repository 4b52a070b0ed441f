-- The log. A fact is a change of state, a movement of money from one account to another, or both at once; it is
-- written once, under the lock of its trade, and stays. History, allocations and the flow of money are views of it.
create table mixpay.facts (
    merchant_id text collate "C" not null,
    trade_no text collate "C" not null,
    entry bigint not null,
    xid xid8 not null default pg_current_xact_id(),
    entity mixpay.entity not null,
    payment_no text collate "C",
    order_no text collate "C",
    refund_no text collate "C",
    channel_refund_no text collate "C",
    from_state text,
    to_state text,
    from_account mixpay.account,
    to_account mixpay.account,
    amount mixpay.positive_amount,
    reason text,
    happened_at timestamptz not null,
    created_at timestamptz not null default now(),
    to_order_no text collate "C",
    epoch bigint not null default 1,
    from_owner text collate "C",
    to_owner text collate "C",
    cause_no text collate "C",
    primary key (merchant_id, trade_no, entry),
    foreign key (merchant_id, trade_no) references mixpay.trades,
    constraint a_change_has_two_states check ((from_state is null) = (to_state is null)),
    constraint a_movement_has_two_accounts check (
        (from_account is null) = (amount is null) and (to_account is null) = (amount is null)
    ),
    constraint from_one_order_to_another check (
        (from_account = 'order' and to_account = 'order') is true = (to_order_no is not null)
    ),
    constraint owner_of_the_money_is_named check (
        (from_account in ('payee', 'receiver', 'fee')) is true = (from_owner is not null)
        and (to_account in ('payee', 'receiver', 'fee')) is true = (to_owner is not null)
    ),
    constraint says_something check (to_state is not null or amount is not null)
);

-- events and balances: what was written since. A transaction's entries share one key.
create index facts_by_xid on mixpay.facts (merchant_id, epoch, xid);

-- account_balance, account_statement, settlements: what came to somebody, and what went from him.
create index facts_by_to_owner on mixpay.facts (to_owner, merchant_id, to_account, epoch, xid)
where to_owner is not null;
create index facts_by_from_owner on mixpay.facts (from_owner, merchant_id, from_account, epoch, xid)
where from_owner is not null;

comment on table mixpay.facts is
'What happened, once and for all: changes of state and movements of money, in order within their trade.';
comment on column mixpay.facts.entry is 'Its place among the trade''s facts, from 1; grows under the trade''s lock.';
comment on column mixpay.facts.xid is 'The transaction that wrote it.';
comment on column mixpay.facts.entity is 'What the change of state is about, or what made the movement.';
comment on column mixpay.facts.from_state is 'Empty where the thing comes into being.';
comment on column mixpay.facts.from_account is 'Where the money was; with the numbers of the row, whose.';
comment on column mixpay.facts.to_order_no is 'Where it went, if it went from order_no to another order of the trade.';
comment on column mixpay.facts.from_owner is 'Whose it was, of a payee''s, receiver''s or fee account.';
comment on column mixpay.facts.to_owner is 'Whose it is then, of a payee''s, receiver''s or fee account.';
comment on column mixpay.facts.cause_no is 'The number of the release, dispute or split.';
comment on column mixpay.facts.epoch is
'Counts the restores: transaction ids begin anew where a backup ends, so after a restore the default is raised by one.';
comment on column mixpay.facts.amount is 'What moved, in the currency''s smallest unit.';
comment on column mixpay.facts.happened_at is 'When it happened; created_at is when we wrote it.';
