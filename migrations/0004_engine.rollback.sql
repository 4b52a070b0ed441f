-- Takes back 0004, as long as the tables of 0003 can say all that happened.
create schema mixpay_0004 authorization mixpay_owner;

set role mixpay_owner;

-- They find a fact's number, currency and owners elsewhere: in its other numbers, its trade, payment or channel refund.
do $refuse$
declare
    v_detail text;
begin
    select
        format('Fact %s of %s %s of merchant %s: %s.', w.entry, w.log, w.log_no, w.merchant_id, w.problem)
    into v_detail
    from (
        select
            f.merchant_id, f.log, f.log_no, f.entry,
            case
                when f.log <> 'trade' and f.entity <> f.log
                    or f.log = 'trade' and f.entity in ('settlement', 'repayment')
                    then format('a %s has no place in this log', f.entity)
                when f.log = 'trade' and t.trade_no is null then 'there is no such trade'
                when f.log = 'trade' and f.currency <> t.currency
                    then format('it is in %s, its trade in %s', f.currency, t.currency)
                when f.number is distinct from case
                    when f.entity = 'payment' then f.payment_no
                    when f.entity = 'refund' then f.refund_no
                    when f.entity = 'channel_refund' then f.channel_refund_no
                    when f.entity in ('trade', 'settlement', 'repayment') then f.log_no
                    else f.number
                end then format('it is about %s %s and does not bear this number', f.entity, f.number)
                when f.from_owner is distinct from case f.from_account
                    when 'channel' then coalesce(c.channel, p.channel)
                    when 'order' then f.order_no
                    when 'surplus' then f.payment_no
                    when 'refund' then f.refund_no
                    when 'anomaly' then f.channel_refund_no
                    else f.from_owner
                end then format('it moves money from %s:%s', f.from_account, f.from_owner)
                when f.to_owner is distinct from case
                    when f.to_account = 'channel' then coalesce(c.channel, p.channel)
                    when f.to_account = 'order' and f.from_account <> 'order' then f.order_no
                    when f.to_account = 'surplus' then f.payment_no
                    when f.to_account = 'refund' then f.refund_no
                    when f.to_account = 'anomaly' then f.channel_refund_no
                    else f.to_owner
                end then format('it moves money to %s:%s', f.to_account, f.to_owner)
                when f.log <> 'trade' and f.to_state is null then 'it is no change of state'
                when f.log <> 'trade'
                    and num_nonnulls(f.payment_no, f.order_no, f.refund_no, f.channel_refund_no) > 0
                    then 'it is about an order, payment or refund'
                when f.log <> 'trade' and (f.from_account = 'outside') = (f.to_account = 'outside')
                    then format('it moves money from %s to %s', f.from_account, f.to_account)
            end as problem
        from mixpay.facts as f
        left join mixpay.trades as t
            on f.log = 'trade' and t.merchant_id = f.merchant_id and t.trade_no = f.log_no
        left join mixpay.payments as p on p.merchant_id = f.merchant_id and p.payment_no = f.payment_no
        left join mixpay.channel_refunds as c
            on c.merchant_id = f.merchant_id and c.channel_refund_no = f.channel_refund_no
    ) as w
    where w.problem is not null
    limit 1;
    if v_detail is null then
        select format('Repayment %s of merchant %s is not what its fact says.', r.repayment_no, r.merchant_id)
        into v_detail
        from mixpay.repayments as r
        left join mixpay.facts as f
            on f.merchant_id = r.merchant_id and f.log = 'repayment' and f.log_no = r.repayment_no and f.entry = 1
        where
            (r.account, r.owner, r.amount, r.currency, r.reason, r.repaid_at, r.created_at)
            is distinct from
            (f.to_account, f.to_owner, f.amount, f.currency, f.reason, f.happened_at, f.created_at)
        limit 1;
    end if;
    if v_detail is not null then
        raise exception '0004 cannot be taken back any more' using
            errcode = 'object_not_in_prerequisite_state',
            detail = v_detail,
            hint = 'Restore a backup from before, or stay with this version.';
    end if;
end;
$refuse$;

alter table mixpay.facts set schema mixpay_0004;
alter table mixpay.settlements set schema mixpay_0004;

-- As in 0003, after 0001 and 0002.
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

insert into mixpay.facts (
    merchant_id, trade_no, entry, xid, entity, payment_no, order_no, refund_no, channel_refund_no, from_state, to_state,
    from_account, to_account, amount, reason, happened_at, created_at, to_order_no, epoch, from_owner, to_owner,
    cause_no
)
select
    merchant_id,
    log_no,
    entry,
    xid,
    entity,
    payment_no,
    order_no,
    refund_no,
    channel_refund_no,
    from_state,
    to_state,
    from_account,
    to_account,
    amount,
    reason,
    happened_at,
    created_at,
    case when from_account = 'order' and to_account = 'order' then to_owner end as to_order_no,
    epoch,
    case when from_account in ('payee', 'receiver', 'fee') then from_owner end as from_owner,
    case when to_account in ('payee', 'receiver', 'fee') then to_owner end as to_owner,
    case when entity in ('release', 'dispute', 'split') then number end as cause_no
from mixpay_0004.facts
where log = 'trade'
order by epoch, xid, merchant_id, log_no, entry;

alter table mixpay.facts
add primary key (merchant_id, trade_no, entry),
add foreign key (merchant_id, trade_no) references mixpay.trades;

-- The default is the epoch.
do $epoch$
begin
    execute format(
        'alter table mixpay.facts alter column epoch set default %s', (select max(e.epoch) from mixpay.epochs as e)
    );
end;
$epoch$;

create index facts_by_xid on mixpay.facts (merchant_id, epoch, xid);
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

insert into mixpay.settlements (
    merchant_id, settlement_no, payee_no, receiver, currency, nth, until_at, from_epoch, from_xid, until_epoch,
    until_xid, carried_in, earned, amount, carried_out, state, reason, created_at, reversed_at
)
select
    merchant_id,
    settlement_no,
    case account when 'payee' then owner end as payee_no,
    case account when 'receiver' then owner end as receiver,
    currency,
    nth,
    until_at,
    from_epoch,
    from_xid,
    until_epoch,
    until_xid,
    carried_in,
    earned,
    amount,
    carried_out,
    state,
    reason,
    created_at,
    reversed_at
from mixpay_0004.settlements
order by merchant_id, settlement_no;

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

insert into mixpay.settlement_facts (
    merchant_id, entity, number, entry, xid, epoch, from_state, to_state, from_account, from_owner, to_account,
    to_owner, amount, currency, reason, happened_at, created_at
)
select
    merchant_id,
    log,
    log_no,
    entry,
    xid,
    epoch,
    from_state,
    to_state,
    from_account,
    from_owner,
    to_account,
    to_owner,
    amount,
    currency,
    reason,
    happened_at,
    created_at
from mixpay_0004.facts
where log <> 'trade'
order by epoch, xid, merchant_id, log, log_no, entry;

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

drop table mixpay_0004.facts;
drop table mixpay_0004.settlements;
drop schema mixpay_0004;
drop table mixpay.repayments;
-- Indexes, as they were.
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

create index orders_by_payee on mixpay.orders (payee_no, merchant_id);
create index payments_by_trade on mixpay.payments (trade_no, merchant_id, spent, paid_at, seq);
create index refunds_by_order on mixpay.refunds (order_no, merchant_id);
create index refund_details_by_payment on mixpay.refund_details (payment_no, merchant_id);
create index channel_refunds_by_detail on mixpay.channel_refunds (refund_no, payment_no, merchant_id);
create index releases_by_order on mixpay.releases (order_no, merchant_id);
create index disputes_by_order on mixpay.disputes (order_no, merchant_id);
create unique index an_order_has_one_split on mixpay.splits (order_no, merchant_id);
create index split_receivers_by_receiver on mixpay.split_receivers (receiver, merchant_id, kind);
create index split_shares_by_trade on mixpay.split_shares (trade_no, merchant_id);
create index channel_refunds_by_due_at on mixpay.channel_refunds (merchant_id, due_at) where due_at is not null;
create index trades_by_sweep_at on mixpay.trades (merchant_id, sweep_at) where sweep_at is not null;

alter table mixpay.anomalies alter column merchant_id reset (n_distinct);
alter table mixpay.anomaly_resolutions alter column merchant_id reset (n_distinct);
alter table mixpay.balance_folds alter column merchant_id reset (n_distinct);
alter table mixpay.channel_refunds alter column merchant_id reset (n_distinct);
alter table mixpay.closed_balances alter column merchant_id reset (n_distinct);
alter table mixpay.closed_periods alter column merchant_id reset (n_distinct);
alter table mixpay.disputes alter column merchant_id reset (n_distinct);
alter table mixpay.folded_balances alter column merchant_id reset (n_distinct);
alter table mixpay.orders alter column merchant_id reset (n_distinct);
alter table mixpay.payees alter column merchant_id reset (n_distinct);
alter table mixpay.payments alter column merchant_id reset (n_distinct);
alter table mixpay.refund_details alter column merchant_id reset (n_distinct);
alter table mixpay.refunds alter column merchant_id reset (n_distinct);
alter table mixpay.releases alter column merchant_id reset (n_distinct);
alter table mixpay.routes alter column merchant_id reset (n_distinct);
alter table mixpay.split_receivers alter column merchant_id reset (n_distinct);
alter table mixpay.split_shares alter column merchant_id reset (n_distinct);
alter table mixpay.splits alter column merchant_id reset (n_distinct);
alter table mixpay.trade_orders alter column merchant_id reset (n_distinct);
alter table mixpay.trades alter column merchant_id reset (n_distinct);

comment on column mixpay.balance_folds.fold is
'The merchant''s how-manieth this is, from 1: each begins where the last one ended.';
comment on column mixpay.trade_orders.nth is
'The how-manieth trade of the order this is, from 1: refunds take from the first trade first.';
drop index mixpay.nth_is_the_orders_own_counter;
alter table mixpay.trade_orders
add constraint nth_is_the_orders_own_counter unique (merchant_id, order_no, nth);

drop table mixpay.epochs;

analyze mixpay.facts, mixpay.settlements, mixpay.settlement_facts;

drop type mixpay.clearing;
drop type mixpay.split_standing;
drop type mixpay.merge_line;
drop domain mixpay.log;

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
    held boolean,
    release_due_at timestamptz
);

comment on type mixpay.merge_line is
'One order of a merge: of the call''s how-manieth trade, at which position; null is what the caller left out.';

-- What one line of a trade gets of a payment.
create type mixpay.line_share as (
    position bigint,
    order_no text,
    share bigint
);

comment on type mixpay.line_share is 'What one line of a trade gets of a payment, in the smallest unit.';

-- What a change of a line means to the receivers of its split.
create type mixpay.split_division as (
    accounts text[], -- noqa: LT01
    owners text[], -- noqa: LT01
    moves bigint[], -- noqa: LT01
    cleared bigint
);

comment on type mixpay.split_division is
'What the accounts of a split get, or give back (below zero), and what that is together.';

-- As in 0004.
do $domains$
begin
    alter domain mixpay.entity drop constraint entity_is_known;
    alter domain mixpay.entity add constraint entity_is_known check (
        value in ('trade', 'payment', 'refund', 'channel_refund', 'release', 'dispute', 'split')
    );
    comment on domain mixpay.account is
    'channel: clearing with a channel; order: held of an order; surplus: of a payment; refund: on its way back; '
    'anomaly: moved without a place in the books; outside: paid out or borne by the merchant; payee, receiver, fee: '
    'whose it is.';
end;
$domains$;

-- The words of 0003.
alter type mixpay.refund_share rename attribute refundable to held;
alter table mixpay.trades rename column keeps_paid to kept;
alter table mixpay.trades rename constraint only_a_closed_trade_keeps_paid to only_a_closed_trade_is_kept;
alter table mixpay.trade_orders rename column hold to held;
alter table mixpay.trade_orders
rename constraint a_release_is_due_only_with_a_hold to release_is_due_only_of_held_money;

do $names$
declare
    v_new record;
begin
    for v_new in
        select c.conrelid::regclass as of_table, c.conname, n.old_name
        from pg_catalog.pg_constraint as c
        inner join (
            values
            ('trades', 'trades_kept_not_null', 'trades_keeps_paid_not_null'),
            ('trade_orders', 'trade_orders_held_not_null', 'trade_orders_hold_not_null')
        ) as n (of_table, old_name, new_name)
            on c.conrelid = format('mixpay.%s', n.of_table)::regclass and c.conname = n.new_name
        where c.contype = 'n'
    loop
        execute format('alter table %s rename constraint %I to %I', v_new.of_table, v_new.conname, v_new.old_name);
    end loop;
end;
$names$;

comment on type mixpay.refund_share is
'What one payment bears of a refund, in the smallest unit: amount, of the held that it could still bear before.';
comment on type mixpay.statement_line is
'A movement as one of its accounts sees it: what came (above zero) or went, and what the account held after it.';
comment on table mixpay.releases is 'Held money that was given to its payee: whole or in part.';
comment on column mixpay.channel_refunds.cleared is
'What of it the payee and receivers gave back, because it was held no longer; if the amount is freed, they get it back.';
comment on column mixpay.splits.takes_place is
'payment: as it arrives, and of a held order all but the payee''s share; release: when it is no longer held.';
comment on column mixpay.trades.kept is 'It was closed, and what was paid stays on its orders.';
comment on column mixpay.trade_orders.held is 'Merged with hold: its money is to sit in escrow until it is released.';
comment on column mixpay.trade_orders.cleared is
'What of paid minus refunded is no longer held, but the payee''s, or divided; what is held is the rest.';
comment on column mixpay.trade_orders.release_at is
'When release_due may release what is held: release_due_at while something is. A column of its own, so that a payment of '
'a line without such a moment changes nothing in an index.';
update mixpay.state_transitions set cause = 'what was kept goes back after all'
where entity = 'trade' and from_state = 'closed' and to_state = 'closed';
update mixpay.state_transitions set cause = 'held money is given to its payee'
where entity = 'release' and to_state = 'released';

reset role;
