-- Whose the money is: escrow, releases, disputes, splits, the journal's accounts, settlements, periods.
-- It is one transaction together with its mark, so nothing in it can be concurrent or left to be validated later: writes
-- wait until it is done. On large tables choose a quiet hour.
-- What was paid before stays held: nothing becomes payable by an upgrade. Release it order by order if it should.
-- squawk-ignore-file constraint-missing-not-valid, require-concurrent-index-creation
-- squawk-ignore-file require-concurrent-index-deletion, adding-foreign-key-constraint
-- squawk-ignore-file adding-field-with-default, ban-drop-constraint
set role mixpay_owner;

-- Types.
-- In one statement that ends by writing to the catalog: PostgreSQL 18 lets no savepoint follow a change of a domain.
do $domains$
begin
    alter domain mixpay.entity drop constraint entity_is_known;
    alter domain mixpay.entity add constraint entity_is_known check (
        value in ('trade', 'payment', 'refund', 'channel_refund', 'release', 'dispute', 'split')
    );
    alter domain mixpay.account drop constraint account_is_known;
    alter domain mixpay.account add constraint account_is_known check (
        value in ('channel', 'order', 'surplus', 'refund', 'anomaly', 'outside', 'payee', 'receiver', 'fee')
    );
    comment on domain mixpay.account is
    'channel: clearing with a channel; order: held of an order; surplus: of a payment; refund: on its way back; anomaly: '
    'moved without a place in the books; outside: paid out or borne by the merchant; payee, receiver, fee: whose it is.';
end;
$domains$;

-- What a share of a split is for, and so in which account it stands.
create domain mixpay.share_kind as text collate "C"
constraint share_kind_is_known check (value in ('payee', 'receiver', 'platform_fee', 'channel_fee'));

comment on domain mixpay.share_kind is
'payee: a registered payee''s; receiver: somebody else''s; platform_fee, channel_fee: what the platform or a channel takes.';

-- An account by its name, as account_balance and account_statement understood it.
create type mixpay.account_name as (
    account text,
    owner text
);

comment on type mixpay.account_name is 'An account: what it is, and whose; without an owner, all of its kind.';

-- What an account holds in one currency.
create type mixpay.account_total as (
    account text,
    owner text,
    currency text,
    came_in bigint,
    went_out bigint,
    balance bigint
);

comment on type mixpay.account_total is
'What moved into an account, out of it, and the difference, in the smallest unit; below zero for where money comes from.';

-- A movement as one of its accounts sees it.
create type mixpay.statement_line as (
    account text,
    owner text,
    currency text,
    created_at timestamptz,
    happened_at timestamptz,
    source text,
    number text,
    entry bigint,
    cause text,
    cause_no text,
    other_account text,
    other_owner text,
    amount bigint,
    balance bigint
);

comment on type mixpay.statement_line is
'A movement as one of its accounts sees it: what came (above zero) or went, and what the account held after it.';

-- Where in the log movements of a time may stand.
create type mixpay.journal_range as (
    from_epoch bigint,
    from_xid xid8,
    until_epoch bigint,
    until_xid xid8
);

comment on type mixpay.journal_range is 'A stretch of the log: from one epoch and transaction up to, not with, another.';

-- What a change of a line means to the receivers of its split.
create type mixpay.split_division as (
    accounts text[], -- noqa: LT01
    owners text[], -- noqa: LT01
    moves bigint[], -- noqa: LT01
    cleared bigint
);

comment on type mixpay.split_division is
'What the accounts of a split get, or give back (below zero), and what that is together.';

-- States.
alter table mixpay.state_transitions
drop constraint entity_is_known,
add constraint entity_is_known check (
    entity in ('trade', 'payment', 'refund', 'channel_refund', 'release', 'dispute', 'split', 'settlement', 'repayment')
);

insert into mixpay.state_transitions (entity, from_state, to_state, cause) values
    ('release', '', 'released', 'held money is given to its payee'),
    ('dispute', '', 'open', 'somebody objects to the release'),
    ('dispute', 'open', 'closed', 'it was decided'),
    ('split', '', 'agreed', 'an order''s money is to be divided'),
    ('settlement', '', 'settled', 'what is payable is paid out'),
    ('settlement', 'settled', 'reversed', 'the payout failed'),
    ('repayment', '', 'recorded', 'money was brought in for an account');

-- Lines.
alter table mixpay.trade_orders
add column payee_no text collate "C",
add column split_no text collate "C",
add column cleared mixpay.amount not null default 0,
add column clears_at_once boolean not null generated always as (
    payee_no is not null and not held and split_no is null
) stored,
add column release_at timestamptz generated always as (
    case when paid - refunded > cleared then release_due_at end
) stored,
add constraint cleared_is_never_above_what_is_there check (cleared <= paid - refunded);

update mixpay.trade_orders as l set payee_no = o.payee_no
from mixpay.orders as o
where o.merchant_id = l.merchant_id and o.order_no = l.order_no and o.payee_no is not null;

create index trade_orders_by_release_at on mixpay.trade_orders (merchant_id, release_at) where release_at is not null;

comment on column mixpay.trade_orders.payee_no is 'The order''s payee, to whom its money is cleared.';
comment on column mixpay.trade_orders.split_no is 'The split by which its money is divided.';
comment on column mixpay.trade_orders.cleared is
'What of paid minus refunded is no longer held, but the payee''s, or divided; what is held is the rest.';
comment on column mixpay.trade_orders.clears_at_once is 'What is paid of it becomes the payee''s as it arrives.';
comment on column mixpay.trade_orders.release_at is
'When release_due may release what is held: release_due_at while something is. A column of its own, so that a payment of '
'a line without such a moment changes nothing in an index.';

-- Channel refunds.
alter table mixpay.channel_refunds
add column cleared mixpay.amount not null default 0,
add constraint cleared_is_never_above_amount check (cleared <= amount);

comment on column mixpay.channel_refunds.cleared is
'What of it the payee and receivers gave back, because it was held no longer; if the amount is freed, they get it back.';

-- Facts.
alter table mixpay.facts
add column from_owner text collate "C",
add column to_owner text collate "C",
add column cause_no text collate "C",
add constraint owner_of_the_money_is_named check (
    (from_account in ('payee', 'receiver', 'fee')) is true = (from_owner is not null)
    and (to_account in ('payee', 'receiver', 'fee')) is true = (to_owner is not null)
);

drop index mixpay.facts_by_event;
-- events and balances: what was written since. A transaction's entries share one key.
create index facts_by_xid on mixpay.facts (merchant_id, epoch, xid);
create index facts_by_to_owner on mixpay.facts (to_owner, merchant_id, to_account, epoch, xid)
where to_owner is not null;
create index facts_by_from_owner on mixpay.facts (from_owner, merchant_id, from_account, epoch, xid)
where from_owner is not null;

comment on column mixpay.facts.entity is 'What the change of state is about, or what made the movement.';
comment on column mixpay.facts.from_owner is 'Whose it was, of a payee''s, receiver''s or fee account.';
comment on column mixpay.facts.to_owner is 'Whose it is then, of a payee''s, receiver''s or fee account.';
comment on column mixpay.facts.cause_no is 'The number of the release, dispute or split.';

-- A release gives held money of an order to its payee, by call or because it was due.
create table mixpay.releases (
    merchant_id text collate "C" not null,
    release_no mixpay.number not null,
    order_no text collate "C" not null,
    amount mixpay.positive_amount not null,
    was_due boolean not null,
    created_at timestamptz not null default now(),
    primary key (merchant_id, release_no),
    foreign key (merchant_id, order_no) references mixpay.orders
);

-- The foreign key to orders.
create index releases_by_order on mixpay.releases (order_no, merchant_id);

comment on table mixpay.releases is 'Held money that was given to its payee: whole or in part.';
comment on column mixpay.releases.amount is 'In the currency''s smallest unit.';
comment on column mixpay.releases.was_due is 'Its moment came; else somebody called.';

-- A dispute holds back the release of an order's money until it is decided.
create table mixpay.disputes (
    merchant_id text collate "C" not null,
    dispute_no mixpay.number not null,
    order_no text collate "C" not null,
    state text not null default 'open',
    outcome text,
    reason text,
    closing_reason text,
    refund_no text collate "C",
    created_at timestamptz not null default now(),
    closed_at timestamptz,
    primary key (merchant_id, dispute_no),
    foreign key (merchant_id, order_no) references mixpay.orders,
    foreign key (merchant_id, refund_no) references mixpay.refunds,
    constraint state_is_known check (state in ('open', 'closed')),
    constraint outcome_is_known check (outcome in ('buyer', 'payee')),
    constraint closed_has_its_outcome_and_moment check (
        (outcome is not null) = (state = 'closed') and (closed_at is not null) = (state = 'closed')
    ),
    constraint refund_is_the_buyers check (refund_no is null or outcome = 'buyer')
);

-- The foreign key to orders.
create index disputes_by_order on mixpay.disputes (order_no, merchant_id);

create unique index an_order_has_one_open_dispute on mixpay.disputes (order_no, merchant_id) where state = 'open';

-- The foreign key to refunds.
create index disputes_by_refund on mixpay.disputes (refund_no, merchant_id) where refund_no is not null;

comment on table mixpay.disputes is 'Objections to giving an order''s money to its payee.';
comment on column mixpay.disputes.outcome is 'In whose favour it was closed: buyer or payee.';
comment on column mixpay.disputes.refund_no is 'What the buyer got back by it.';

-- A split says how an order's money is divided among receivers. An order has at most one.
create table mixpay.splits (
    merchant_id text collate "C" not null,
    split_no mixpay.number not null,
    order_no text collate "C" not null,
    takes_place text not null,
    divided mixpay.amount not null default 0,
    created_at timestamptz not null default now(),
    primary key (merchant_id, split_no),
    foreign key (merchant_id, order_no) references mixpay.orders,
    constraint takes_place_is_known check (takes_place in ('payment', 'release'))
);

create unique index an_order_has_one_split on mixpay.splits (order_no, merchant_id);

comment on table mixpay.splits is 'How an order''s money is divided among receivers.';
comment on column mixpay.splits.takes_place is
'payment: as it arrives, and of a held order all but the payee''s share; release: when it is no longer held.';
comment on column mixpay.splits.divided is
'What was divided so far, refunds aside, in the smallest unit. Whoever divides raises it: that update is the lock that '
'keeps apart two trades of the order.';

-- One receiver of a split, as it was agreed: its rate stays what it was then.
create table mixpay.split_receivers (
    merchant_id text collate "C" not null,
    split_no text collate "C" not null,
    position bigint not null,
    kind mixpay.share_kind not null,
    receiver mixpay.number not null,
    fixed mixpay.amount not null,
    rate bigint not null,
    takes_remainder boolean not null,
    kept_on_refund boolean not null,
    primary key (merchant_id, split_no, position),
    foreign key (merchant_id, split_no) references mixpay.splits,
    constraint a_receiver_stands_once_in_a_split unique (merchant_id, split_no, kind, receiver),
    constraint rate_is_0_to_10000 check (rate between 0 and 10000),
    constraint the_remainder_has_no_rate check (not takes_remainder or (fixed = 0 and rate = 0)),
    constraint the_remainder_is_not_kept check (not (takes_remainder and kept_on_refund))
);

create unique index one_takes_the_remainder on mixpay.split_receivers (split_no, merchant_id) where takes_remainder;

-- settle_receiver: whether there is such a receiver.
create index split_receivers_by_receiver on mixpay.split_receivers (receiver, merchant_id, kind);

comment on table mixpay.split_receivers is 'The receivers of each split, with their rates as they were agreed.';
comment on column mixpay.split_receivers.position is 'Its place in the split, from 1: a later one gets what earlier ones leave.';
comment on column mixpay.split_receivers.receiver is 'Whose share it is: a payee''s number if kind is payee, else any.';
comment on column mixpay.split_receivers.fixed is 'Of the order, in the currency''s smallest unit.';
comment on column mixpay.split_receivers.rate is 'In basis points of what is divided: 250 is 2.5 %; rounded down.';
comment on column mixpay.split_receivers.takes_remainder is 'It gets what the others leave, and bears what they keep.';
comment on column mixpay.split_receivers.kept_on_refund is 'A refund takes nothing back from it; who takes the rest bears that.';

-- What a receiver of a split has got of one line. A running total; its facts are in the log.
create table mixpay.split_shares (
    merchant_id text collate "C" not null,
    trade_no text collate "C" not null,
    split_no text collate "C" not null,
    position bigint not null,
    amount mixpay.amount not null,
    taken_back mixpay.amount not null default 0,
    primary key (merchant_id, split_no, position, trade_no),
    foreign key (merchant_id, split_no, position) references mixpay.split_receivers,
    foreign key (merchant_id, trade_no) references mixpay.trades,
    constraint taken_back_is_never_above_amount check (taken_back <= amount)
);

-- The foreign key to trades.
create index split_shares_by_trade on mixpay.split_shares (trade_no, merchant_id);

comment on table mixpay.split_shares is 'What each receiver of a split has got of each of the order''s trades.';
comment on column mixpay.split_shares.amount is 'Its share of what was divided, refunds aside, in the smallest unit.';
comment on column mixpay.split_shares.taken_back is
'Its part of what was refunded since; who keeps his fee has it nevertheless, and who takes the rest bears it.';

-- A settlement pays out what a payee or a receiver has earned until a moment. Its lines are facts of the log: those of
-- its account from one transaction up to another.
create table mixpay.settlements (
    merchant_id text collate "C" not null,
    settlement_no mixpay.number not null,
    payee_no text collate "C",
    receiver text collate "C",
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
    primary key (merchant_id, settlement_no),
    foreign key (merchant_id, payee_no) references mixpay.payees,
    constraint it_is_a_payees_or_a_receivers check ((payee_no is null) <> (receiver is null)),
    constraint range_goes_forward check ((from_epoch, from_xid) <= (until_epoch, until_xid)),
    constraint it_sums_exactly check (carried_in + earned = amount + carried_out),
    constraint only_debts_are_carried check (carried_out <= 0 and (amount = 0 or carried_out = 0)),
    constraint state_is_known check (state in ('settled', 'reversed')),
    constraint reversed_has_its_moment check ((state = 'reversed') = (reversed_at is not null)),
    constraint only_a_payout_is_reversed check (state = 'settled' or amount > 0)
);

-- The foreign key to payees; and one settlement after the other: of two at once, the second waits here.
create unique index a_payees_settlements_are_numbered on mixpay.settlements (payee_no, merchant_id, currency, nth);
create unique index a_receivers_settlements_are_numbered on mixpay.settlements (receiver, merchant_id, currency, nth);

comment on table mixpay.settlements is 'What payees and receivers were paid out, and what that was made of.';
comment on column mixpay.settlements.nth is 'The how-manieth of its account and currency this is, from 1.';
comment on column mixpay.settlements.until_at is 'What was written after it is for a later settlement.';
comment on column mixpay.settlements.from_xid is 'With from_epoch, the first transaction that it may cover.';
comment on column mixpay.settlements.until_xid is 'With until_epoch, the first transaction that it no longer covers.';
comment on column mixpay.settlements.carried_in is
'What stood before, in the smallest unit: a debt is below zero, a payout that failed since above.';
comment on column mixpay.settlements.earned is 'What its lines sum to.';
comment on column mixpay.settlements.amount is 'What is paid out.';
comment on column mixpay.settlements.carried_out is 'The debt that is left for the next one: zero or below.';

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

-- A fold sums up a stretch of the journal, so that a balance need not add it up again. A matter of speed only: every
-- balance is the same with and without.
create table mixpay.balance_folds (
    merchant_id text collate "C" not null,
    fold bigint not null,
    from_epoch bigint not null,
    from_xid xid8 not null,
    until_epoch bigint not null,
    until_xid xid8 not null,
    movements bigint not null,
    earliest_at timestamptz,
    latest_at timestamptz,
    created_at timestamptz not null default now(),
    primary key (merchant_id, fold),
    constraint range_goes_forward check ((from_epoch, from_xid) <= (until_epoch, until_xid)),
    constraint movements_have_their_time check (movements = 0 or (earliest_at is not null and latest_at is not null))
);

comment on table mixpay.balance_folds is 'The stretches of the journal that are summed up.';
comment on column mixpay.balance_folds.fold is 'The merchant''s how-manieth this is, from 1: each begins where the last one ended.';
comment on column mixpay.balance_folds.until_xid is
'With until_epoch, the first transaction that it does not cover: all before had ended.';
comment on column mixpay.balance_folds.earliest_at is 'When the first of its own movements was written.';
comment on column mixpay.balance_folds.latest_at is 'When the last of its movements was written, or of any fold before it.';

-- What an account had got and given at the end of a fold that moved it. Without an owner: all accounts of the kind.
create table mixpay.folded_balances (
    merchant_id text collate "C" not null,
    account mixpay.account not null,
    owner text collate "C" not null,
    currency text collate "C" not null,
    fold bigint not null,
    came_in bigint not null,
    went_out bigint not null,
    is_last boolean not null,
    primary key (merchant_id, account, owner, currency, fold)
) with (fillfactor = 90);

create unique index an_account_has_one_last_balance
on mixpay.folded_balances (merchant_id, account, owner, currency) where is_last;

comment on table mixpay.folded_balances is 'What accounts had got and given at the end of each fold that moved them.';
comment on column mixpay.folded_balances.owner is 'Whose account; empty: all accounts of this kind together.';
comment on column mixpay.folded_balances.came_in is 'All that came in so far, in the currency''s smallest unit.';
comment on column mixpay.folded_balances.went_out is 'All that went out so far.';
comment on column mixpay.folded_balances.is_last is 'No later fold moved it.';

-- A period that is closed: what its figures were then, they stay.
create table mixpay.closed_periods (
    merchant_id text collate "C" not null,
    until_at timestamptz not null,
    epoch bigint not null,
    seen pg_snapshot not null,
    created_at timestamptz not null default now(),
    primary key (merchant_id, until_at),
    constraint a_period_ends_before_it_is_closed check (until_at <= created_at)
);

comment on table mixpay.closed_periods is 'The periods whose figures are final: each from the last one''s end to its own.';
comment on column mixpay.closed_periods.until_at is 'Its last moment: what was written until then is in it, or in one before.';
comment on column mixpay.closed_periods.seen is
'The transactions whose movements are in it, of this epoch: one that comes after all is in the next one, whatever it says.';

-- What the accounts had got and given when a period ended. Written once.
create table mixpay.closed_balances (
    merchant_id text collate "C" not null,
    until_at timestamptz not null,
    account mixpay.account not null,
    owner text collate "C" not null,
    currency text collate "C" not null,
    came_in bigint not null,
    went_out bigint not null,
    primary key (merchant_id, until_at, account, owner, currency),
    foreign key (merchant_id, until_at) references mixpay.closed_periods
);

comment on table mixpay.closed_balances is 'The accounts as they stood when each period ended: since the beginning.';
comment on column mixpay.closed_balances.owner is 'Whose account; empty: all accounts of this kind together.';
comment on column mixpay.closed_balances.came_in is 'All that came in until then, in the currency''s smallest unit.';
comment on column mixpay.closed_balances.went_out is 'All that went out until then.';

reset role;
