-- The log of what concerns no trade: payouts, and money that came in from outside. Written once, as facts are.
create table mixpay.settlement_facts (
    merchant_id text collate "C" not null,
    entity text collate "C" not null,
    number mixpay.number not null,
    entry bigint not null,
    xid xid8 not null default pg_current_xact_id(),
    epoch bigint not null,
    from_state text not null,
    to_state text not null,
    from_account mixpay.account,
    from_owner text collate "C",
    to_account mixpay.account,
    to_owner text collate "C",
    amount mixpay.positive_amount,
    currency text collate "C" not null,
    reason text,
    happened_at timestamptz not null,
    created_at timestamptz not null default now(),
    primary key (merchant_id, entity, number, entry),
    constraint entity_is_known check (entity in ('settlement', 'repayment')),
    constraint a_movement_has_two_accounts check (
        (from_account is null) = (amount is null) and (to_account is null) = (amount is null)
    ),
    constraint owner_of_the_money_is_named check (
        (from_account in ('payee', 'receiver', 'fee')) is true = (from_owner is not null)
        and (to_account in ('payee', 'receiver', 'fee')) is true = (to_owner is not null)
    ),
    constraint one_side_is_outside check (amount is null or (from_account = 'outside') <> (to_account = 'outside'))
);

-- As of the facts: what was written since, and what came to somebody and went from him.
create index settlement_facts_by_xid on mixpay.settlement_facts (merchant_id, epoch, xid);
create index settlement_facts_by_to_owner on mixpay.settlement_facts (to_owner, merchant_id, to_account, epoch, xid)
where to_owner is not null;
create index settlement_facts_by_from_owner
on mixpay.settlement_facts (from_owner, merchant_id, from_account, epoch, xid) where from_owner is not null;

comment on table mixpay.settlement_facts is
'What happened to settlements, and the money that left or came in from outside; once and for all.';
comment on column mixpay.settlement_facts.entity is 'settlement: a payout or its reversal; repayment: money brought in for an account.';
comment on column mixpay.settlement_facts.number is 'The settlement''s or the repayment''s.';
comment on column mixpay.settlement_facts.xid is 'The transaction that wrote it.';
comment on column mixpay.settlement_facts.epoch is 'Counts the restores, as that of the facts.';
comment on column mixpay.settlement_facts.amount is 'What moved, in the currency''s smallest unit.';
