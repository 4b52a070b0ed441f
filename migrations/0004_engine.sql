-- One log that says all of itself: settlement_facts go into facts, and each fact names its log, what it is about, its
-- currency and whose accounts it moves money between. Epochs and repayments are tables, settlements go by account.
-- It is one transaction together with its mark, so nothing in it can be concurrent or left to be validated later: writes
-- wait until it is done. The facts are copied, which takes their space a second time until the end; a million of them
-- take ten to twenty seconds. On large tables choose a quiet hour.
-- No client reads a table, only views and functions, and those are loaded anew; CHANGELOG.md has the new names.
-- squawk-ignore-file renaming-column, renaming-object
-- squawk-ignore-file constraint-missing-not-valid, require-concurrent-index-creation
-- squawk-ignore-file adding-foreign-key-constraint, ban-drop-constraint, ban-drop-table, ban-drop-type
-- squawk-ignore-file ban-set-schema, ban-drop-schema, require-concurrent-index-deletion

-- Where the tables go that are made anew: names of indexes and constraints are of a schema, and are wanted again.
create schema mixpay_0003 authorization mixpay_owner;

set role mixpay_owner;

alter table mixpay.facts set schema mixpay_0003;
alter table mixpay.settlements set schema mixpay_0003;
alter table mixpay.settlement_facts set schema mixpay_0003;

-- Types.
drop type mixpay.line_share;
drop type mixpay.split_division;
drop type mixpay.merge_line;

-- What has a log of its own.
create domain mixpay.log as text collate "C"
constraint log_is_known check (value in ('trade', 'settlement', 'repayment'));

comment on domain mixpay.log is 'What has a life, and so a log, of its own.';

-- In one statement that ends by writing to the catalog: PostgreSQL 18 lets no savepoint follow a change of a domain.
do $domains$
begin
    alter domain mixpay.entity drop constraint entity_is_known;
    alter domain mixpay.entity add constraint entity_is_known check (
        value in (
            'trade', 'payment', 'refund', 'channel_refund', 'release', 'dispute', 'split', 'settlement', 'repayment'
        )
    );
    comment on domain mixpay.account is
    'channel: clearing with a channel; order: in escrow of an order; surplus: of a payment; refund: on its way back; '
    'anomaly: moved without a place in the books; outside: paid out or borne by the merchant; payee, receiver, fee: '
    'whose it is.';
end;
$domains$;

-- One order of a merge, as merge_orders and merge_many understood it.
create type mixpay.merge_line as (
    trade bigint,
    trade_no text,
    expires_at timestamptz,
    position bigint,
    order_no text,
    amount bigint,
    currency text,
    payee_no text,
    pay bigint,
    hold boolean,
    release_due_at timestamptz,
    nth bigint,
    taken bigint,
    split_no text
);

comment on type mixpay.merge_line is
'One order of a merge: of which trade of the call, at which position; null is what the caller left out. Of an order that is '
'known: its nth merge, what its other trades have taken of it, and its split.';

-- The receivers of a split, as they stand in one line of its order.
create type mixpay.split_standing as (
    accounts text[], -- noqa: LT01
    owners text[], -- noqa: LT01
    fixed bigint[], -- noqa: LT01
    rates bigint[], -- noqa: LT01
    kept_on_refund boolean[], -- noqa: LT01
    amounts bigint[], -- noqa: LT01
    taken_back bigint[], -- noqa: LT01
    elsewhere bigint[], -- noqa: LT01
    rest bigint,
    home bigint
);

comment on type mixpay.split_standing is
'The receivers of a split by position: as agreed, what each got of one line and gave back, and what of the order''s other '
'lines; rest is who takes the remainder, home the order''s payee.';

-- What a change of a line moves between what is in escrow of it and those whose money it is.
create type mixpay.clearing as (
    accounts text[], -- noqa: LT01
    owners text[], -- noqa: LT01
    moves bigint[], -- noqa: LT01
    cleared bigint,
    split_no text
);

comment on type mixpay.clearing is
'What accounts get out of escrow, or give back (below zero), and what that is together; split_no if the split makes it.';

-- Words: each has one meaning now. A type's attribute, columns, and the constraints that were named by them.
alter type mixpay.refund_share rename attribute held to refundable;
alter table mixpay.trades rename column kept to keeps_paid;
alter table mixpay.trades rename constraint only_a_closed_trade_is_kept to only_a_closed_trade_keeps_paid;
alter table mixpay.trade_orders rename column held to hold;
alter table mixpay.trade_orders
rename constraint release_is_due_only_of_held_money to a_release_is_due_only_with_a_hold;

-- PostgreSQL 18 has named not-null constraints by their columns; earlier ones have none.
do $names$
declare
    v_old record;
begin
    for v_old in
        select c.conrelid::regclass as of_table, c.conname, n.new_name
        from pg_catalog.pg_constraint as c
        inner join (
            values
            ('trades', 'trades_kept_not_null', 'trades_keeps_paid_not_null'),
            ('trade_orders', 'trade_orders_held_not_null', 'trade_orders_hold_not_null')
        ) as n (of_table, old_name, new_name)
            on c.conrelid = format('mixpay.%s', n.of_table)::regclass and c.conname = n.old_name
        where c.contype = 'n'
    loop
        execute format('alter table %s rename constraint %I to %I', v_old.of_table, v_old.conname, v_old.new_name);
    end loop;
end;
$names$;

comment on type mixpay.refund_share is
'What one payment bears of a refund, in the smallest unit: amount, and before it refundable, what it could still bear.';
comment on type mixpay.statement_line is
'A movement as one of its accounts sees it: what came (above zero) or went, and its balance after it.';
comment on table mixpay.releases is 'Money in escrow that was given to its payee: whole or in part.';
comment on column mixpay.channel_refunds.cleared is
'What of it the payee and receivers gave back, because it was no longer in escrow; if the amount is freed, they get it back.';
comment on column mixpay.splits.takes_place is
'payment: as it arrives, and of an order on hold all but the payee''s share; release: when it leaves escrow.';
comment on column mixpay.trades.keeps_paid is 'It was closed, and what was paid stays on its orders.';
comment on column mixpay.trade_orders.hold is 'Merged with hold: its money stays in escrow until it is released.';
comment on column mixpay.trade_orders.cleared is
'What of paid minus refunded is the payee''s, or divided; the rest is in escrow.';
comment on column mixpay.trade_orders.release_at is
'When release_due may release what is in escrow: release_due_at while something is. A column of its own, so that a '
'payment of a line without such a moment changes nothing in an index.';
update mixpay.state_transitions set cause = 'what stayed on its orders goes back after all'
where entity = 'trade' and from_state = 'closed' and to_state = 'closed';
update mixpay.state_transitions set cause = 'money in escrow is given to its payee'
where entity = 'release' and to_state = 'released';

-- An epoch is the life of the database from one beginning to the next: from its installation, or from a restore.
-- Transaction ids begin anew where a backup ends, so whatever goes by them names its epoch, too.
create table mixpay.epochs (
    epoch bigint not null,
    created_at timestamptz not null default now(),
    primary key (epoch),
    constraint epoch_is_positive check (epoch > 0)
);

comment on table mixpay.epochs is 'How many times the database began anew; the last one is now.';
comment on column mixpay.epochs.epoch is 'Counted from 1. After a restore from a backup the next one begins.';

-- Until now a column's default was the epoch.
insert into mixpay.epochs (epoch)
select generate_series(1, pg_get_expr(d.adbin, d.adrelid)::bigint)
from pg_catalog.pg_attrdef as d
inner join pg_catalog.pg_attribute as a on a.attrelid = d.adrelid and a.attnum = d.adnum
where d.adrelid = 'mixpay_0003.facts'::regclass and a.attname = 'epoch';

-- The log. A fact is a change of state, a movement of money from one account to another, or both at once; it is written
-- once and stays. Whatever has a life of its own (a trade, a settlement, a repayment) has a log of its own, numbered from
-- 1 under its lock, and a row says all that its reader needs.
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
    constraint a_change_has_two_states check ((from_state is null) = (to_state is null)),
    constraint a_movement_has_two_accounts check (
        (from_account is null) = (amount is null) and (to_account is null) = (amount is null)
    ),
    constraint owner_of_the_money_is_named check (
        (from_account is null or from_account = 'outside') = (from_owner is null)
        and (to_account is null or to_account = 'outside') = (to_owner is null)
    ),
    constraint says_something check (to_state is not null or amount is not null)
);

-- What a fact had its reader look up, it says now: of a channel, which; of a trade's money, the currency. They are copied
-- in the order in which they were written, so that what was written since stands together, as before.
insert into mixpay.facts (
    merchant_id, log, log_no, entry, epoch, xid, entity, number, from_state, to_state, from_account, from_owner,
    to_account, to_owner, amount, currency, payment_no, order_no, refund_no, channel_refund_no, reason, happened_at,
    created_at
)
select
    f.merchant_id,
    'trade' as log,
    f.trade_no as log_no,
    f.entry,
    f.epoch,
    f.xid,
    f.entity,
    case f.entity
        when 'trade' then f.trade_no
        when 'payment' then f.payment_no
        when 'refund' then f.refund_no
        when 'channel_refund' then f.channel_refund_no
        else f.cause_no
    end as number,
    f.from_state,
    f.to_state,
    f.from_account,
    case f.from_account
        when 'channel' then coalesce(c.channel, p.channel)
        when 'order' then f.order_no
        when 'surplus' then f.payment_no
        when 'refund' then f.refund_no
        when 'anomaly' then f.channel_refund_no
        else f.from_owner
    end as from_owner,
    f.to_account,
    case f.to_account
        when 'channel' then coalesce(c.channel, p.channel)
        when 'order' then coalesce(f.to_order_no, f.order_no)
        when 'surplus' then f.payment_no
        when 'refund' then f.refund_no
        when 'anomaly' then f.channel_refund_no
        else f.to_owner
    end as to_owner,
    f.amount,
    t.currency,
    f.payment_no,
    f.order_no,
    f.refund_no,
    f.channel_refund_no,
    f.reason,
    f.happened_at,
    f.created_at
from mixpay_0003.facts as f
inner join mixpay.trades as t on t.merchant_id = f.merchant_id and t.trade_no = f.trade_no
left join mixpay.payments as p on p.merchant_id = f.merchant_id and p.payment_no = f.payment_no
left join mixpay.channel_refunds as c
    on c.merchant_id = f.merchant_id and c.channel_refund_no = f.channel_refund_no
union all
select
    s.merchant_id,
    s.entity as log,
    s.number as log_no,
    s.entry,
    s.epoch,
    s.xid,
    s.entity,
    s.number,
    s.from_state,
    s.to_state,
    s.from_account,
    s.from_owner,
    s.to_account,
    s.to_owner,
    s.amount,
    s.currency,
    null as payment_no,
    null as order_no,
    null as refund_no,
    null as channel_refund_no,
    s.reason,
    s.happened_at,
    s.created_at
from mixpay_0003.settlement_facts as s
order by epoch, xid, merchant_id, log, log_no, entry;

alter table mixpay.facts add primary key (merchant_id, log, log_no, entry);

-- events and balances: what was written since. A transaction's entries share one key.
create index facts_by_xid on mixpay.facts (merchant_id, epoch, xid) where epoch > 0;

-- account_balance, account_statement, settlements: what came to somebody, and what went from him.
create index facts_by_to_owner on mixpay.facts (to_owner, merchant_id, to_account, epoch, xid)
where to_account in ('payee', 'receiver', 'fee');
create index facts_by_from_owner on mixpay.facts (from_owner, merchant_id, from_account, epoch, xid)
where from_account in ('payee', 'receiver', 'fee');

comment on table mixpay.facts is
'What happened, once and for all: changes of state and movements of money, in order within their log.';
comment on column mixpay.facts.log is 'What the log is of: a trade, a settlement or a repayment; log_no says which.';
comment on column mixpay.facts.entry is 'Its place in the log, from 1; grows under the lock of what the log is of.';
comment on column mixpay.facts.epoch is 'Counts the restores: with xid, the place of the transaction among all.';
comment on column mixpay.facts.xid is 'The transaction that wrote it.';
comment on column mixpay.facts.entity is 'What the change of state is about, or what made the movement; number says which.';
comment on column mixpay.facts.from_state is 'Empty where the thing comes into being.';
comment on column mixpay.facts.from_account is 'The kind of account where the money was.';
comment on column mixpay.facts.from_owner is
'Whose account: a channel, an order, a payment (surplus), a refund, a channel refund (anomaly), a payee, receiver or fee; '
'the outside has no name.';
comment on column mixpay.facts.to_account is 'The kind of account where the money is then; to_owner says whose.';
comment on column mixpay.facts.amount is 'What moved, in the smallest unit of the currency.';
comment on column mixpay.facts.order_no is 'The order that it is about; from one order to another: the one that it leaves.';
comment on column mixpay.facts.happened_at is 'When it happened; created_at is when we wrote it.';

comment on column mixpay.balance_folds.fold is
'Its place among the merchant''s folds, from 1: each begins where the last one ended.';
comment on column mixpay.trade_orders.nth is
'Its place among the trades of the order, from 1: refunds take from the first trade first.';

-- Lines. An index that begins like the key is as good as the key to the planner, while the table is small.
alter table mixpay.trade_orders drop constraint nth_is_the_orders_own_counter;
create unique index nth_is_the_orders_own_counter on mixpay.trade_orders (order_no, merchant_id, nth)
where order_no is not null;

-- Settlements: of an account. The foreign key to payees looks at a column that is made of it.
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
    primary key (merchant_id, settlement_no),
    foreign key (merchant_id, payee_no) references mixpay.payees,
    constraint it_is_a_payees_or_a_receivers check (account in ('payee', 'receiver')),
    constraint range_goes_forward check ((from_epoch, from_xid) <= (until_epoch, until_xid)),
    constraint it_sums_exactly check (carried_in + earned = amount + carried_out),
    constraint only_debts_are_carried check (carried_out <= 0 and (amount = 0 or carried_out = 0)),
    constraint state_is_known check (state in ('settled', 'reversed')),
    constraint reversed_has_its_moment check ((state = 'reversed') = (reversed_at is not null)),
    constraint only_a_payout_is_reversed check (state = 'settled' or amount > 0)
);

insert into mixpay.settlements (
    merchant_id, settlement_no, account, owner, currency, nth, until_at, from_epoch, from_xid, until_epoch, until_xid,
    carried_in, earned, amount, carried_out, state, reason, created_at, reversed_at, last_entry
)
select
    s.merchant_id,
    s.settlement_no,
    case when s.receiver is null then 'payee' else 'receiver' end as account,
    coalesce(s.payee_no, s.receiver) as owner,
    s.currency,
    s.nth,
    s.until_at,
    s.from_epoch,
    s.from_xid,
    s.until_epoch,
    s.until_xid,
    s.carried_in,
    s.earned,
    s.amount,
    s.carried_out,
    s.state,
    s.reason,
    s.created_at,
    s.reversed_at,
    (
        select max(f.entry) from mixpay.facts as f
        where f.merchant_id = s.merchant_id and f.log = 'settlement' and f.log_no = s.settlement_no
    ) as last_entry
from mixpay_0003.settlements as s
order by s.merchant_id, s.settlement_no;

-- The foreign key to payees.
create index settlements_by_payee on mixpay.settlements (payee_no, merchant_id) where payee_no is not null;

-- One settlement of an account after the other: of two at once, the second waits here.
create unique index an_accounts_settlements_are_numbered
on mixpay.settlements (owner, merchant_id, account, currency, nth) where owner is not null;

comment on table mixpay.settlements is 'What payees and receivers were paid out, and what that was made of.';
comment on column mixpay.settlements.account is 'What is settled: payee or receiver; owner says which.';
comment on column mixpay.settlements.nth is 'Its place among the settlements of its account and currency, from 1.';
comment on column mixpay.settlements.until_at is 'What was written after it is for a later settlement.';
comment on column mixpay.settlements.from_xid is 'With from_epoch, the first transaction that it may cover.';
comment on column mixpay.settlements.until_xid is 'With until_epoch, the first transaction that it no longer covers.';
comment on column mixpay.settlements.carried_in is
'What stood before, in the smallest unit: a debt is below zero, a payout that failed since above.';
comment on column mixpay.settlements.earned is 'What its lines sum to.';
comment on column mixpay.settlements.amount is 'What is paid out.';
comment on column mixpay.settlements.carried_out is 'The debt that is left for the next one: zero or below.';
comment on column mixpay.settlements.last_entry is 'The entry of its last fact.';
comment on column mixpay.settlements.payee_no is 'The owner, if it is a payee: for the foreign key.';

-- A repayment is money that somebody brought in for an account that lacks some. Written once.
create table mixpay.repayments (
    merchant_id text collate "C" not null,
    repayment_no mixpay.number not null,
    account mixpay.account not null,
    owner text collate "C" not null,
    amount mixpay.positive_amount not null,
    currency text collate "C" not null,
    reason text,
    repaid_at timestamptz not null,
    created_at timestamptz not null default now(),
    primary key (merchant_id, repayment_no),
    constraint somebody_owes_it check (account in ('payee', 'receiver', 'fee'))
);

-- Until now its fact was all that was known of it.
insert into mixpay.repayments (
    merchant_id, repayment_no, account, owner, amount, currency, reason, repaid_at, created_at
)
select merchant_id, number, to_account, to_owner, amount, currency, reason, happened_at, created_at
from mixpay_0003.settlement_facts
where entity = 'repayment'
order by merchant_id, number;

-- Settlements: what was brought in for an account.
create index repayments_by_owner on mixpay.repayments (owner, merchant_id, account) where owner is not null;

comment on table mixpay.repayments is 'Money that was brought in for accounts that lacked some.';
comment on column mixpay.repayments.account is 'What it was brought in for: payee, receiver or fee; owner says whose.';
comment on column mixpay.repayments.amount is 'In the currency''s smallest unit.';
comment on column mixpay.repayments.repaid_at is 'When it came.';

-- What is copied may go.
drop table mixpay_0003.settlement_facts;
drop table mixpay_0003.settlements;
drop table mixpay_0003.facts;
drop schema mixpay_0003;

-- An index beside the key says by its predicate who may use it: whoever names its first column. To a planner that takes
-- merchant_id for a key, which it is where there is one row, any other index would be as good as the key.
drop index mixpay.orders_by_payee;
drop index mixpay.payments_by_trade;
drop index mixpay.refunds_by_order;
drop index mixpay.refund_details_by_payment;
drop index mixpay.channel_refunds_by_detail;
drop index mixpay.releases_by_order;
drop index mixpay.disputes_by_order;
drop index mixpay.an_order_has_one_split;
drop index mixpay.split_receivers_by_receiver;
drop index mixpay.split_shares_by_trade;
drop index mixpay.channel_refunds_by_due_at;
drop index mixpay.trades_by_sweep_at;

create index orders_by_payee on mixpay.orders (payee_no, merchant_id) where payee_no is not null;
create index payments_by_trade on mixpay.payments (trade_no, merchant_id, spent, paid_at, seq)
where trade_no is not null;
create index refunds_by_order on mixpay.refunds (order_no, merchant_id) where order_no is not null;
create index refund_details_by_payment on mixpay.refund_details (payment_no, merchant_id) where payment_no is not null;
create index channel_refunds_by_detail on mixpay.channel_refunds (refund_no, payment_no, merchant_id)
where refund_no is not null;
create index releases_by_order on mixpay.releases (order_no, merchant_id) where order_no is not null;
create index disputes_by_order on mixpay.disputes (order_no, merchant_id) where order_no is not null;
create unique index an_order_has_one_split on mixpay.splits (order_no, merchant_id) where order_no is not null;
create index split_receivers_by_receiver on mixpay.split_receivers (receiver, merchant_id, kind)
where receiver is not null;
create index split_shares_by_trade on mixpay.split_shares (trade_no, merchant_id) where trade_no is not null;

-- Of what is due at one moment, the first ones are read by the index, and nothing is sorted.
create index channel_refunds_by_due_at on mixpay.channel_refunds (merchant_id, due_at, channel_refund_no)
where due_at is not null;
create index trades_by_sweep_at on mixpay.trades (merchant_id, sweep_at, trade_no) where sweep_at is not null;

-- A merchant has many rows, also when ANALYZE has seen the first one only. What it said before counts until it runs again;
-- so it runs below, and autovacuum does it later, too.
alter table mixpay.anomalies alter column merchant_id set (n_distinct = -0.01);
alter table mixpay.anomaly_resolutions alter column merchant_id set (n_distinct = -0.01);
alter table mixpay.balance_folds alter column merchant_id set (n_distinct = -0.01);
alter table mixpay.channel_refunds alter column merchant_id set (n_distinct = -0.01);
alter table mixpay.closed_balances alter column merchant_id set (n_distinct = -0.01);
alter table mixpay.closed_periods alter column merchant_id set (n_distinct = -0.01);
alter table mixpay.disputes alter column merchant_id set (n_distinct = -0.01);
alter table mixpay.facts alter column merchant_id set (n_distinct = -0.01);
alter table mixpay.folded_balances alter column merchant_id set (n_distinct = -0.01);
alter table mixpay.orders alter column merchant_id set (n_distinct = -0.01);
alter table mixpay.payees alter column merchant_id set (n_distinct = -0.01);
alter table mixpay.payments alter column merchant_id set (n_distinct = -0.01);
alter table mixpay.refund_details alter column merchant_id set (n_distinct = -0.01);
alter table mixpay.refunds alter column merchant_id set (n_distinct = -0.01);
alter table mixpay.releases alter column merchant_id set (n_distinct = -0.01);
alter table mixpay.repayments alter column merchant_id set (n_distinct = -0.01);
alter table mixpay.routes alter column merchant_id set (n_distinct = -0.01);
alter table mixpay.settlements alter column merchant_id set (n_distinct = -0.01);
alter table mixpay.split_receivers alter column merchant_id set (n_distinct = -0.01);
alter table mixpay.split_shares alter column merchant_id set (n_distinct = -0.01);
alter table mixpay.splits alter column merchant_id set (n_distinct = -0.01);
alter table mixpay.trade_orders alter column merchant_id set (n_distinct = -0.01);
alter table mixpay.trades alter column merchant_id set (n_distinct = -0.01);

-- Whoever asks next should not have to guess.
analyze
    mixpay.anomalies,
    mixpay.anomaly_resolutions,
    mixpay.balance_folds,
    mixpay.channel_refunds,
    mixpay.closed_balances,
    mixpay.closed_periods,
    mixpay.disputes,
    mixpay.facts,
    mixpay.folded_balances,
    mixpay.orders,
    mixpay.payees,
    mixpay.payments,
    mixpay.refund_details,
    mixpay.refunds,
    mixpay.releases,
    mixpay.repayments,
    mixpay.routes,
    mixpay.settlements,
    mixpay.split_receivers,
    mixpay.split_shares,
    mixpay.splits,
    mixpay.trade_orders,
    mixpay.trades;

reset role;
