-- A settlement pays out what a payee or a receiver has earned until a moment. Its lines are facts of the log: those of
-- its account from one transaction up to another.
create table mixpay.settlements (
    merchant_id text collate "C" not null,
    settlement_no mixpay.number not null,
    account mixpay.account not null,
    owner text collate "C" not null,
    currency text collate "C" not null,
    nth bigint not null,
    until_at timestamptz not null,
    from_epoch bigint not null,
    from_xid xid8 not null,
    until_epoch bigint not null,
    until_xid xid8 not null,
    carried_in bigint not null,
    earned bigint not null,
    amount mixpay.amount not null,
    carried_out bigint not null,
    state text not null default 'settled',
    reason text,
    created_at timestamptz not null default now(),
    reversed_at timestamptz,
    last_entry bigint not null default 0,
    payee_no text collate "C" generated always as (case when account = 'payee' then owner end) stored,
    bank mixpay.number,
    left_out bigint not null default 0,
    waits_for text,
    primary key (merchant_id, settlement_no),
    foreign key (merchant_id, payee_no) references mixpay.payees,
    constraint it_is_a_payees_or_a_receivers check (account in ('payee', 'receiver')),
    constraint range_goes_forward check ((from_epoch, from_xid) <= (until_epoch, until_xid)),
    constraint it_sums_exactly check (carried_in + earned = amount + carried_out),
    constraint what_can_be_paid_is_paid check (
        (carried_out >= 0 or amount = 0) and (carried_out <= 0 or amount = 1000000000000000)
    ),
    constraint state_is_known check (state in ('settled', 'reversed')),
    constraint reversed_has_its_moment check ((state = 'reversed') = (reversed_at is not null)),
    constraint only_a_payout_is_reversed check (state = 'settled' or amount > 0),
    constraint reason_has_no_control_characters check (
        reason !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    ),
    constraint waits_for_has_no_control_characters check (
        waits_for !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
    )
);

alter table mixpay.settlements alter column merchant_id set (n_distinct = -0.01);

-- The foreign key to payees.
create index settlements_by_payee on mixpay.settlements (payee_no, merchant_id) where payee_no is not null;

-- One settlement of an account after the other: of two at once, the second waits here.
create unique index an_accounts_settlements_are_numbered
on mixpay.settlements (owner, merchant_id, account, currency, nth) where owner is not null;

-- reconcile: what happened in a time.
create index settlements_by_moment on mixpay.settlements (merchant_id, created_at) where created_at is not null;
create index settlements_by_reversed_at on mixpay.settlements (merchant_id, reversed_at)
where reversed_at is not null;

comment on table mixpay.settlements is 'What payees and receivers were paid out, and what that was made of.';
comment on column mixpay.settlements.account is 'What is settled: payee or receiver; owner says which.';
comment on column mixpay.settlements.nth is 'Its place among the settlements of its account and currency, from 1.';
comment on column mixpay.settlements.until_at is 'What was written after it is for a later settlement.';
comment on column mixpay.settlements.from_xid is 'With from_epoch, the first transaction that it may cover.';
comment on column mixpay.settlements.until_xid is 'With until_epoch, the first transaction that it no longer covers.';
comment on column mixpay.settlements.carried_in is
'What the account had from before its lines, in the smallest unit. Below zero: a debt. Above zero: a payout that '
'failed, a repayment, or what was beyond the largest payout.';
comment on column mixpay.settlements.earned is 'What its lines sum to.';
comment on column mixpay.settlements.amount is 'What is paid out.';
comment on column mixpay.settlements.carried_out is
'What is left for the next one: a debt, below zero; or above it what was beyond the largest payout.';
comment on column mixpay.settlements.last_entry is 'The entry of its last fact.';
comment on column mixpay.settlements.bank is
'The bank account that pays it out, by our name for it. Empty: it was paid out before 0.5.0, which had no banks.';
comment on column mixpay.settlements.payee_no is 'The owner, if it is a payee: for the foreign key.';
comment on column mixpay.settlements.left_out is
'What had been written to the account by then and is left for the next settlement, because older transactions still '
'ran.';
comment on column mixpay.settlements.waits_for is
'If something is left out: the oldest of those transactions, its session, application, login, database and age.';
