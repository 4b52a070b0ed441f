"""Every query in sql/checks fires when the truth of its name is broken by hand, and not when
something is only unusual."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from books import let_folds_be_small
from conftest import all_hold
from psycopg import Connection
from psycopg.rows import dict_row
from shop import (
    Shop,
    open_for_a_fourth_week,
    open_for_a_third_week,
    open_for_a_week,
    open_for_a_week_of_returns,
    open_for_a_week_of_statements,
    open_for_another_week,
)

from mixpay_db import database, resources

# Nothing that refuses is left: triggers, foreign keys, checks, unique indexes.
UNGUARD = """
set session_replication_role = replica;
do $unguard$
declare
    v_drop text;
begin
    for v_drop in
        select case when contypid = 0
            then format('alter table %s drop constraint %I', conrelid::regclass, conname)
            else format('alter domain %s drop constraint %I', contypid::regtype, conname)
        end
        from pg_constraint
        where connamespace = 'mixpay'::regnamespace and contype in ('c', 'u')
        union all
        select format('drop index %s', i.indexrelid::regclass)
        from pg_index as i
        where
            i.indisunique
            and not exists (select from pg_constraint as c where c.conindid = i.indexrelid)
            and i.indrelid in (
                select oid from pg_class where relnamespace = 'mixpay'::regnamespace
            )
    loop
        execute v_drop;
    end loop;
end;
$unguard$;
"""

# Another merchant's books are the first one's before anything is broken, number for number.
COPY = """
do $copy$
declare
    v_copy text;
begin
    for v_copy in
        select format({})
        from pg_class as t
        inner join pg_attribute as a on a.attrelid = t.oid
        where
            t.relnamespace = 'mixpay'::regnamespace and t.relkind in ('r', 'p')
            and not t.relispartition
            and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
        group by t.oid
        having bool_or(a.attname = 'merchant_id')
    loop
        execute v_copy;
    end loop;
end;
$copy$;
"""
KEEP = COPY.format("'create temp table %I as table mixpay.%1$I', t.relname")
PREPARE_ANOTHER = COPY.format("""
    'prepare %I as insert into mixpay.%1$I (%s) overriding system value '
    'select %s from pg_temp.%1$I', t.relname,
    string_agg(quote_ident(a.attname), ', '),
    string_agg(
        case a.attname when 'merchant_id' then '''whole''' else quote_ident(a.attname) end, ', '
    )
""")
# By check, what it reads of another merchant's books is added.
ADD_ANOTHER = """
with recursive reads (name, relation) as (
    select substr(relname, 2), oid from pg_class where relname = any(%s)
    union
    select r.name, d.refobjid
    from reads as r
    inner join pg_rewrite as w on w.ev_class = r.relation
    inner join pg_depend as d
        on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
        and d.refclassid = 'pg_class'::regclass
)
select r.name, string_agg('execute ' || p.name, '; ')
from reads as r
inner join pg_class as t on t.oid = r.relation
inner join pg_prepared_statements as p on p.name = t.relname
group by r.name
"""

NOTES = """
insert into mixpay.notes (merchant_id, entity, number, notes)
select distinct on (x.entity) x.merchant_id, x.entity, x.number, '{}'::jsonb
from (
    select merchant_id, entity, number from mixpay.facts
    union all
    select merchant_id, 'order', order_no from mixpay.orders
    union all
    select merchant_id, 'payee', payee_no from mixpay.payees
) as x
order by x.entity, x.number
on conflict do nothing
"""

# Facts that name what they are about, and their accounts, as they should.
FACT = """
insert into mixpay.facts (
    merchant_id, log, log_no, entry, epoch, entity, number, payment_no, order_no, refund_no,
    from_state, to_state, from_account, from_owner, to_account, to_owner, amount, currency,
    happened_at
)
select
    'm', 'trade', v.trade_no, v.entry, 1, v.entity,
    case v.entity when 'payment' then v.payment_no when 'refund' then v.refund_no else 'N' end,
    v.payment_no, v.order_no, v.refund_no, v.from_state, v.to_state, v.from_account,
    case v.from_account when 'order' then v.order_no when 'refund' then v.refund_no else 'card' end,
    v.to_account,
    case v.to_account when 'order' then v.order_no when 'refund' then v.refund_no
        else v.payment_no end,
    v.amount::bigint, 'CNY', now()
from (values ({})) as v (
    trade_no, entry, entity, payment_no, order_no, refund_no, from_state, to_state,
    from_account, to_account, amount
)
"""
REPRICINGS = (
    "insert into mixpay.repricings (reprice_no, order_no, nth, merge_count, from_amount, amount, "
    "merchant_id) values {}"
)


def repricings(*rows: tuple[str, str, int, int, int, int]) -> str:
    return REPRICINGS.format(", ".join(str((*row, "m")) for row in rows))


MOVE = """
insert into mixpay.facts (
    merchant_id, log, log_no, entry, epoch, entity, number, order_no, refund_no,
    from_account, from_owner, to_account, to_owner, amount, currency, happened_at
)
select
    'm', 'trade', v.trade_no, v.entry, 1, v.entity, coalesce(v.number, v.refund_no, 'N'),
    v.order_no, v.refund_no, v.from_account,
    coalesce(v.from_owner, case v.from_account when 'order' then v.order_no else 'card' end),
    v.to_account,
    coalesce(v.to_owner, case v.to_account when 'order' then v.order_no else v.refund_no end),
    v.amount, 'CNY', now()
from (values ({})) as v (
    trade_no, entry, entity, order_no, refund_no, number, from_account, from_owner,
    to_account, to_owner, amount
)
"""
SETTLEMENT_FACT = """
insert into mixpay.facts (
    merchant_id, log, log_no, entry, epoch, entity, number, from_state, to_state,
    from_account, from_owner, to_account, to_owner, amount, currency, happened_at
)
select
    'm', v.entity, v.number, v.entry, v.epoch, v.entity, v.number, v.from_state, v.to_state,
    v.from_account, v.from_owner, v.to_account, v.to_owner, v.amount::bigint, v.currency, now()
from (values ({})) as v (
    entity, number, entry, epoch, from_state, to_state, from_account, from_owner, to_account,
    to_owner, amount, currency
)
"""
RESOLVED = (
    "insert into mixpay.resolutions (merchant_id, account, owner, resolved_by, resolution_no, "
    "action, takes_back) values ('m', 'channel', 'bank', 'Zoe', {})"
)
# As another one, with a number and a place of its own.
SETTLEMENT = """
insert into mixpay.settlements (
    merchant_id, settlement_no, nth, account, owner, currency, until_at, from_epoch, from_xid,
    until_epoch, until_xid, carried_in, earned, amount, carried_out
)
select
    merchant_id, {}, account, owner, currency, until_at, from_epoch, from_xid,
    until_epoch, until_xid, carried_in, earned, amount, carried_out
from mixpay.settlements
where settlement_no = {}
"""

# The only fact of what is written once.
RECORDED = """
insert into mixpay.facts (
    merchant_id, log, log_no, entry, epoch, entity, number, from_state, to_state,
    from_account, from_owner, to_account, to_owner, amount, currency, happened_at
)
values (
    'm', {0}, {1}, 9, 1, {0}, {1}, 'recorded', 'recorded', {2}, {3}, {4}, {5}, {6}, 'CNY', now()
)
"""

# R3's money becomes R1's, of another payment.
OF_TWO = (
    "update mixpay.refund_details set refund_no = 'R1', payment_no = 'P2' where refund_no = 'R3'; "
    "update mixpay.channel_refunds set refund_no = 'R1', payment_no = 'P2' where refund_no = 'R3'; "
    "update mixpay.refunds set state = 'processing' where refund_no = 'R1'; "
    "delete from mixpay.refunds where refund_no = 'R3'"
)
# S2 was paid out before there were banks.
BEFORE_BANKS = (
    "update mixpay.settlements set bank = null where settlement_no = 'S2'; "
    "update mixpay.facts set to_account = 'outside', to_owner = null where number = 'S2'"
)
OF_R1 = "select channel_refund_no from mixpay.channel_refunds where refund_no = 'R1'"
# By check: what breaks it, and what its rows then show of the broken thing.
BREAKS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "anomaly_account_holds_the_open_anomalies": [
        ("delete from mixpay.anomaly_resolutions", {"missing": 20, "open": 40}),
        ("delete from mixpay.anomalies", {"missing": 20, "open": 0}),
        (
            "delete from mixpay.facts where from_account in ('channel', 'outside') "
            "and to_account = 'anomaly'",
            {"missing": 40, "open": 20},
        ),
        (
            "insert into mixpay.anomaly_resolutions (merchant_id, channel_refund_no, resolution) "
            "select merchant_id, channel_refund_no, 'booked' from mixpay.anomaly_list",
            {"missing": 20, "open": 0},
        ),
        (
            "delete from mixpay.facts where 'anomaly' in (from_account, to_account)",
            {"missing": 0, "open": 20},
        ),
    ],
    "changes_of_state_are_legal": [
        (
            FACT.format(
                "'T1', 999, 'payment', 'P1', null, null, 'succeeded', 'pending', null, null, null"
            ),
            {"log_no": "T1", "entry": 999, "to_state": "pending"},
        ),
        (
            SETTLEMENT_FACT.format(
                "'settlement', 'S1', 9, 1, 'settled', 'settled', "
                "null, null, null, null, null, 'CNY'"
            ),
            {"number": "S1", "entry": 9, "to_state": "settled"},
        ),
        (
            "update mixpay.facts set order_to_state = order_from_state "
            "where order_to_state = 'paid' and to_owner = 'B'",
            {"entity": "order", "number": "B", "from_state": "payable", "to_state": "payable"},
        ),
        # A settlement may change so, a payment may not.
        (
            FACT.format(
                "'T1', 999, 'payment', 'P1', null, null, 'settled', 'reversed', null, null, null"
            ),
            {"entity": "payment", "to_state": "reversed"},
        ),
    ],
    "changes_of_state_follow_one_another": [
        (
            FACT.format(
                "'T1', 999, 'payment', 'P1', null, null, 'pending', 'failed', null, null, null"
            ),
            {"number": "P1", "from_state": "pending", "was": "succeeded"},
        ),
        (
            SETTLEMENT_FACT.format(
                "'settlement', 'S2', 9, 1, '', 'settled', null, null, null, null, null, 'CNY'"
            ),
            {"number": "S2", "from_state": "", "was": "settled"},
        ),
        (
            FACT.format(
                "'T2', 999, 'payment', 'P4', null, null, 'succeeded', 'failed', null, null, null"
            ),
            {"number": "P4", "from_state": "succeeded", "was": "pending"},
        ),
        # Something else of this log, and the same of another one, are where it begins.
        (
            FACT.format(
                "'T1', 998, 'dispute', null, null, null, '', 'open', null, null, null), "
                "('T2', 998, 'trade', null, null, null, '', 'open', null, null, null), "
                "('T2', 999, 'dispute', null, null, null, 'open', 'closed', null, null, null"
            ),
            {"log_no": "T2", "entry": 999, "was": ""},
        ),
        (
            FACT.format(
                "'T2', 998, 'dispute', null, null, null, '', 'open', null, null, null), "
                "('T1', 999, 'dispute', null, null, null, 'open', 'closed', null, null, null"
            )
            + "; update mixpay.facts set log = 'settlement', log_no = 'T1' where entry = 998",
            {"log_no": "T1", "entry": 999, "was": ""},
        ),
    ],
    "channel_holds_what_came_in_and_did_not_go_back": [
        (
            "update mixpay.payments set amount = amount + 1 where payment_no = 'P3'",
            {"channel": "wallet", "in_minus_out": 40, "not_sent_back": 41},
        ),
        ("delete from mixpay.anomalies", {"channel": "card"}),
        (
            "update mixpay.anomaly_resolutions set resolution = 'written_off'",
            {"channel": "card"},
        ),
        ("update mixpay.anomaly_resolutions set resolution = 'recovered'", {"channel": "card"}),
        (
            "update mixpay.facts set from_owner = 'x' where from_owner = 'wallet'",
            {"channel": "x", "in_minus_out": 40, "not_sent_back": None},
        ),
        ("update mixpay.chargebacks set fee = 14", {"channel": "wechat"}),
        ("update mixpay.returns set lost = 29", {"channel": "wechat"}),
        (
            "update mixpay.channel_fees set amount = 3 where fee_no = 'F1'",
            {"channel": "transfer", "in_minus_out": -58, "not_sent_back": -59},
        ),
        (
            "update mixpay.channel_payouts set amount = 61 where payout_no = 'O1'",
            {"channel": "transfer", "in_minus_out": -58, "not_sent_back": -59},
        ),
        (
            "update mixpay.adjustments set amount = -31 where adjustment_no = 'J1'",
            {"channel": "cash"},
        ),
        (
            "update mixpay.adjustments set account = 'channel' where adjustment_no = 'J2'",
            {"channel": "main", "in_minus_out": None, "not_sent_back": 5},
        ),
    ],
    "channel_refund_amount_is_its_details": [
        (
            "update mixpay.channel_refunds set amount = 61 where refund_no = 'R3'",
            {"amount": 61, "detail": 60},
        ),
        (
            "update mixpay.channel_refunds set amount = 59 where refund_no = 'R3'",
            {"amount": 59, "detail": 60},
        ),
    ],
    "detail_is_in_the_facts_once": [
        (
            FACT.format(
                "'T1', 999, 'channel_refund', 'P1', 'A', 'R3', null, null, 'order', 'refund', 60"
            ),
            {"refund_no": "R3", "reserved": 120},
        ),
        (
            "update mixpay.refund_details set freed = false where refund_no = 'R2'",
            {"refund_no": "R2", "reserved": 0},
        ),
        (
            "update mixpay.facts set payment_no = 'P2' where refund_no = 'R1'",
            {"refund_no": "R1", "reserved": 0},
        ),
        (
            FACT.format(
                "'T1', 999, 'channel_refund', 'P1', 'A', 'R3', null, null, 'refund', 'order', 60"
            ),
            {"refund_no": "R3", "reserved": 0},
        ),
        (
            "update mixpay.facts set log_no = 'T2', entry = entry + 900 where refund_no = 'R1'",
            {"refund_no": "R1", "reserved": 0},
        ),
    ],
    "facts_are_numbered_without_gaps": [
        # A second fact of what is written once is there if its moment came later, and only then.
        (
            "update mixpay.repayments set repaid_at = '2025-01-01'",
            {"log": "repayment", "last_entry": 2, "facts": 1},
        ),
        (
            "update mixpay.facts set happened_at = '2025-01-01' where log = 'channel_fee'",
            {"log": "channel_fee", "last_entry": 2, "facts": 1},
        ),
        (
            "update mixpay.channel_payouts set paid_at = '2025-01-01'",
            {"log": "channel_payout", "last_entry": 2, "facts": 1},
        ),
        ("delete from mixpay.facts where log_no = 'T1' and entry = 2", {"log_no": "T1"}),
        (
            "update mixpay.facts set log = 'repayment' where log_no = 'T4'",
            {"log_no": "T4", "facts": 0},
        ),
        ("update mixpay.trades set last_entry = 99 where trade_no = 'T2'", {"log_no": "T2"}),
        (
            "update mixpay.facts set entry = 3 "
            "where log = 'settlement' and log_no = 'S1' and entry = 2",
            {"log": "settlement", "log_no": "S1", "last_entry": 2, "last_fact": 3},
        ),
        (
            "update mixpay.settlements set last_entry = 2 where settlement_no = 'S2'",
            {"log": "settlement", "log_no": "S2", "facts": 1},
        ),
        (
            "update mixpay.facts set entry = 2 where log = 'repayment'",
            {"log": "repayment", "log_no": "B1", "last_entry": 1, "last_fact": 2},
        ),
        ("delete from mixpay.facts where log = 'repayment'", {"log_no": "B1", "facts": 0}),
        ("delete from mixpay.facts where log = 'adjustment'", {"log_no": "J1", "facts": 0}),
        (
            "update mixpay.facts set entry = 2 where log = 'channel_fee'",
            {"log": "channel_fee", "log_no": "F1", "last_entry": 1, "last_fact": 2},
        ),
        ("delete from mixpay.facts where log = 'channel_payout'", {"log_no": "O1", "facts": 0}),
    ],
    "fact_is_of_a_log_that_exists": [
        (
            FACT.format("'T99', 1, 'trade', null, null, null, '', 'open', null, null, null"),
            {"log": "trade", "log_no": "T99", "currency_of_the_log": None},
        ),
        (
            "update mixpay.facts set log = 'repayment' where log_no = 'T4'",
            {"log_no": "T4", "currency_of_the_log": None},
        ),
        (
            "delete from mixpay.settlements where settlement_no = 'S1'",
            {"log": "settlement", "log_no": "S1", "entry": 2},
        ),
        ("delete from mixpay.repayments", {"log": "repayment", "log_no": "B1"}),
        ("delete from mixpay.adjustments", {"log": "adjustment", "log_no": "J1"}),
        ("delete from mixpay.channel_fees", {"log": "channel_fee", "log_no": "F1"}),
        (
            "update mixpay.channel_payouts set currency = 'JPY'",
            {"log": "channel_payout", "log_no": "O1", "currency_of_the_log": "JPY"},
        ),
        (
            "update mixpay.facts set currency = 'JPY' where log_no = 'T2' and entry = 1",
            {"log_no": "T2", "currency": "JPY", "currency_of_the_log": "CNY"},
        ),
    ],
    "fact_names_what_it_is_about": [
        (
            "update mixpay.facts set number = 'P9' where number = 'P3'",
            {"entity": "payment", "number": "P9", "payment_no": "P3"},
        ),
        ("update mixpay.facts set number = 'T9' where number = 'T4'", {"entity": "trade"}),
        ("update mixpay.facts set number = 'R9' where number = 'R1'", {"entity": "refund"}),
        (
            "update mixpay.facts set number = refund_no where entity = 'channel_refund'",
            {"entity": "channel_refund", "number": "R1"},
        ),
        ("update mixpay.facts set number = 'S9' where number = 'S5'", {"entity": "settlement"}),
        ("update mixpay.facts set number = 'B9' where number = 'B1'", {"entity": "repayment"}),
        ("update mixpay.facts set number = 'J9' where number = 'J1'", {"entity": "adjustment"}),
        ("update mixpay.facts set number = 'F9' where number = 'F1'", {"entity": "channel_fee"}),
        ("update mixpay.facts set number = 'O9' where number = 'O1'", {"entity": "channel_payout"}),
        (
            "update mixpay.facts set to_owner = 'B' where payment_no = 'P3' and to_owner = 'C'",
            {"to_account": "order", "to_owner": "B", "order_no": "C"},
        ),
        (
            "update mixpay.facts set from_owner = null where from_owner = 'F'",
            {"from_account": "order", "from_owner": None, "order_no": "F"},
        ),
        (
            "update mixpay.facts set payment_no = 'P3' where from_account = 'surplus' "
            "and payment_no = 'P2'",
            {"from_account": "surplus", "from_owner": "P2", "payment_no": "P3"},
        ),
        (
            "update mixpay.facts set to_owner = 'R9' where to_owner = 'R1'",
            {"to_account": "refund", "to_owner": "R9", "refund_no": "R1"},
        ),
        (
            "update mixpay.facts set from_owner = 'N' where from_account = 'anomaly'",
            {"from_account": "anomaly", "from_owner": "N"},
        ),
        (
            "update mixpay.facts set to_owner = null where to_account = 'surplus'",
            {"to_account": "surplus", "to_owner": None},
        ),
        (
            "update mixpay.facts set to_owner = 'N' where to_account = 'anomaly'",
            {"to_account": "anomaly", "to_owner": "N"},
        ),
        (
            "update mixpay.facts set to_owner = 'B' "
            "where from_account = 'payee' and to_account = 'order'",
            {"from_account": "payee", "to_account": "order", "to_owner": "B"},
        ),
        (
            "update mixpay.facts set payment_no = null where number = 'P4'",
            {"entity": "payment", "number": "P4", "payment_no": None},
        ),
        ("update mixpay.facts set number = 'P0' where number = 'P4'", {"number": "P0"}),
    ],
    "cause_stands_before_effect": [
        (
            "update mixpay.facts set entry = 999 where number = 'R1' and from_state = ''",
            {"log_no": "T1", "refund_no": "R1", "begins_at": 999},
        ),
        (
            "update mixpay.facts set entry = 3 where number = 'S1' and from_state = ''",
            {"log": "settlement", "log_no": "S1", "entry": 3},
        ),
        (
            "update mixpay.facts set from_state = 'recorded' where log = 'repayment'",
            {"log": "repayment", "log_no": "B1", "entry": 1},
        ),
        # Its epoch is on record since this very moment.
        (
            "update mixpay.facts set entry = 999 where number = 'R1' and from_state = ''; "
            "update mixpay.epochs set created_at = (select created_at from mixpay.facts "
            "where number = 'R1' and from_state = '')",
            {"refund_no": "R1", "begins_at": 999},
        ),
    ],
    "epoch_of_a_fact_has_begun": [
        (
            "update mixpay.facts set epoch = 2 where log_no = 'T1' and entry = 1",
            {"log_no": "T1", "entry": 1, "epoch": 2, "last_epoch": 1},
        ),
        ("delete from mixpay.epochs", {"log_no": "T1", "last_epoch": None}),
    ],
    "return_is_what_it_took_and_lost": [
        ("update mixpay.returns set amount = 101", {"return_no": "V1", "amount": 101, "taken": 70}),
        ("update mixpay.returns set unapplied = 69", {"unapplied": 69, "unapplied_in_facts": 70}),
        (
            "update mixpay.returns set lost = 31, amount = 101",
            {"return_no": "V1", "lost": 31, "lost_in_facts": 30},
        ),
        (
            "update mixpay.returns set return_no = 'V9'",
            {"taken": 0, "unapplied_in_facts": 0, "lost_in_facts": 0},
        ),
        ("update mixpay.returns set payment_no = 'P10'", {"taken": 0, "lost_in_facts": 0}),
        ("update mixpay.returns set amount = 1", {"return_no": "V1", "amount": 1, "taken": 70}),
        ("update mixpay.returns set unapplied = 71", {"unapplied": 71, "unapplied_in_facts": 70}),
        ("update mixpay.returns set lost = 29, amount = 99", {"lost": 29, "lost_in_facts": 30}),
        (
            "delete from mixpay.facts where entity = 'return' and from_account = 'loss'",
            {"return_no": "V1", "lost": 30, "lost_in_facts": 0},
        ),
        (
            "delete from mixpay.facts where from_account = 'order' and to_account = 'surplus'",
            {"return_no": "V1", "unapplied": 70, "unapplied_in_facts": 0},
        ),
        (
            MOVE.format("'T11', 999, 'return', null, null, 'V1', 'channel', null, 'loss', 'x', 5")
            + "; update mixpay.facts set payment_no = 'P11' where entry = 999",
            {"return_no": "V1", "lost": 30, "lost_in_facts": 25},
        ),
        (
            "update mixpay.refunds set kind = 'surplus' where return_no = 'V1'",
            {"return_no": "V1", "taken": 0},
        ),
    ],
    "chargeback_is_what_it_took_and_lost": [
        (
            "update mixpay.chargebacks set amount = 1001",
            {"chargeback_no": "C1", "amount": 1001, "reversed": 300, "taken": 600, "lost": 100},
        ),
        ("update mixpay.chargebacks set reversed = 299", {"reversed": 299, "taken": 600}),
        (
            "update mixpay.chargebacks set lost = 101, amount = 1001",
            {"lost": 101, "lost_in_facts": 100},
        ),
        ("update mixpay.chargebacks set fee = 14", {"fee": 14, "fee_in_facts": 15}),
        (
            "update mixpay.chargebacks set chargeback_no = 'C9'",
            {"taken": 0, "lost_in_facts": 0, "fee_in_facts": 0},
        ),
        ("update mixpay.chargebacks set payment_no = 'P11'", {"taken": 0, "lost_in_facts": 0}),
        ("update mixpay.chargebacks set amount = 999", {"amount": 999, "taken": 600}),
        (
            "update mixpay.chargebacks set lost = 99, amount = 999",
            {"lost": 99, "lost_in_facts": 100},
        ),
        (
            "delete from mixpay.facts "
            "where entity = 'chargeback' and 'loss' in (from_account, to_account)",
            {"lost": 100, "lost_in_facts": 0},
        ),
        (
            "delete from mixpay.facts where entity = 'chargeback' and from_account = 'channel_fee'",
            {"fee": 15, "fee_in_facts": 0},
        ),
        (
            "update mixpay.refunds set kind = 'surplus' where chargeback_no = 'C1'",
            {"chargeback_no": "C1", "taken": 0},
        ),
    ],
    "loss_account_holds_what_is_lost": [
        ("update mixpay.returns set lost = 31", {"channel": "wechat", "lost": 131}),
        ("update mixpay.chargebacks set lost = 99", {"in_journal": 130, "lost": 129}),
        (
            "delete from mixpay.facts where to_account = 'loss'",
            {"channel": "wechat", "in_journal": 430, "lost": 130},
        ),
        (
            "update mixpay.facts set from_owner = 'x' "
            "where from_account = 'loss' and number = 'V1'",
            {"channel": "x", "in_journal": 30, "lost": 0},
        ),
        (
            "update mixpay.payments set channel = 'x' where payment_no = 'P11'",
            {"channel": "x", "in_journal": 0, "lost": 30},
        ),
    ],
    "free_money_covers_what_is_lost": [
        (
            "update mixpay.payments set refunded = 999 where payment_no = 'P10'",
            {"payment_no": "P10", "lost": 100},
        ),
        (
            "update mixpay.payments set refunded = 99 where payment_no = 'P11'",
            {"payment_no": "P11", "lost": 30},
        ),
    ],
    "line_paid_is_what_was_allocated_to_it": [
        (
            "update mixpay.facts set log_no = 'T1', entry = entry + 900 where payment_no = 'P3'",
            {"trade_no": "T2", "order_no": "C", "paid": 40, "allocated": 0},
        ),
        (
            "delete from mixpay.facts where from_account = 'order' and to_owner = 'G'",
            {"order_no": "G", "paid": 20, "allocated": 0},
        ),
        (
            "delete from mixpay.facts where from_account = 'order' and to_owner = 'G'",
            {"order_no": "F", "paid": 0, "allocated": 20},
        ),
        (
            "delete from mixpay.facts where from_account = 'order' and to_account = 'surplus'",
            {"order_no": "F", "paid": 0, "allocated": 5},
        ),
    ],
    "line_refunded_is_never_above_paid_nor_paid_above_amount": [
        ("update mixpay.trade_orders set refunded = 51 where order_no = 'B'", {"order_no": "B"}),
        ("update mixpay.trade_orders set refunded = -1 where order_no = 'B'", {"order_no": "B"}),
        ("update mixpay.trade_orders set paid = 51 where order_no = 'B'", {"order_no": "B"}),
    ],
    "line_refunded_is_the_sum_of_its_details": [
        ("update mixpay.trade_orders set refunded = 91 where order_no = 'A'", {"details": 90}),
        (
            "update mixpay.refund_details set payment_no = 'P3' where refund_no = 'R1'",
            {"trade_no": "T1", "order_no": "A", "details": 60},
        ),
        (
            "update mixpay.trade_orders set refunded = refunded - 1 "
            "where trade_no = 'T1' and order_no = 'A'",
            {"trade_no": "T1"},
        ),
        (
            "update mixpay.trade_orders set refunded = 1 where order_no = 'B'",
            {"order_no": "B", "refunded": 1, "details": 0},
        ),
    ],
    "live_lines_belong_to_open_trades": [
        (
            "update mixpay.trade_orders set live = true where trade_no = 'T3'",
            {"trade_no": "T3", "live_lines": 1},
        ),
        (
            "update mixpay.trade_orders set live = false where trade_no = 'T4'",
            {"trade_no": "T4", "live_lines": 0},
        ),
        (
            "delete from mixpay.trade_orders where trade_no = 'T4'",
            {"trade_no": "T4", "live_lines": 0},
        ),
    ],
    "money_sent_back_is_never_above_what_arrived": [
        (
            "update mixpay.channel_refunds set amount = 71 where refund_no = 'R3'",
            {"payment_no": "P1", "sent": 101},
        ),
    ],
    "order_counts_its_merges": [
        ("update mixpay.orders set merge_count = 9 where order_no = 'A'", {"order_no": "A"}),
        ("update mixpay.trade_orders set nth = 2 where trade_no = 'T1'", {"order_no": "B"}),
        ("delete from mixpay.trade_orders where order_no = 'B'", {"order_no": "B"}),
        ("update mixpay.trade_orders set nth = 3 where nth = 2", {"merge_count": 2}),
        (
            "update mixpay.trade_orders set nth = 2 "
            "where nth = 1 and order_no in (select order_no from mixpay.orders where "
            "merge_count = 2)",
            {"merge_count": 2},
        ),
    ],
    "order_details_are_never_above_applied": [
        (
            "update mixpay.refund_details set amount = 71 where refund_no = 'R3'",
            {"payment_no": "P1", "order_details": 101},
        ),
    ],
    "order_has_at_most_one_live_line": [
        ("update mixpay.trade_orders set live = true where trade_no = 'T3'", {"order_no": "E"}),
    ],
    "order_is_never_taken_above_its_amount": [
        (
            "update mixpay.orders set amount = 79 where order_no = 'C'",
            {"order_no": "C", "taken": 80},
        ),
        (
            "update mixpay.trade_orders set paid = 1 where trade_no = 'T3'",
            {"order_no": "E", "taken": 6},
        ),
    ],
    "order_refunded_is_never_above_its_paid": [
        (
            "update mixpay.refund_details set amount = 71 where refund_no = 'R3'",
            {"order_no": "A", "paid": 100, "refunded": 101},
        ),
    ],
    "order_state_on_record_is_what_its_lines_say": [
        (
            "update mixpay.facts set order_from_state = null, order_to_state = null "
            "where order_to_state = 'paid' and to_owner = 'B'",
            {"order_no": "B", "state": "paid", "on_record": "payable"},
        ),
        (
            "update mixpay.facts set order_to_state = 'refunded' "
            "where order_to_state = 'paid' and to_owner = 'B'",
            {"order_no": "B", "on_record": "refunded"},
        ),
        # Told of another order.
        (
            "update mixpay.facts set to_owner = 'C' where order_to_state = 'paid' "
            "and to_owner = 'B'",
            {"order_no": "C", "state": "payable", "on_record": "paid"},
        ),
        ("update mixpay.trade_orders set refunded = paid where order_no = 'B'", {"order_no": "B"}),
        (
            "update mixpay.orders set changes_on_record = false; "
            "update mixpay.trade_orders set refunded = paid where order_no = 'B'",
            {"order_no": "B", "state": "refunded", "on_record": "paid"},
        ),
        (
            "update mixpay.orders set order_no = 'X' where order_no = 'B'",
            {"order_no": "B", "state": None, "on_record": "paid"},
        ),
        # Told twice.
        *(
            (
                f"update mixpay.orders set changes_on_record = {on_record}; "
                "update mixpay.facts set order_from_state = 'payable', order_to_state = 'paid', "
                "order_no = 'B' where number = 'T4'",
                {"order_no": "B", "state": "paid", "on_record": "paid", "standing": 2},
            )
            for on_record in (True, False)
        ),
    ],
    "order_totals_are_the_sums_of_its_lines": [
        ("update mixpay.order_totals set paid = 1 where order_no = 'E'", {"order_no": "E"}),
        ("update mixpay.order_totals set refunded = 1 where order_no = 'E'", {"order_no": "E"}),
        ("update mixpay.order_totals set amount = 6 where order_no = 'E'", {"order_no": "E"}),
        ("delete from mixpay.order_totals where order_no = 'E'", {"order_no": "E", "number": 2}),
        ("update mixpay.trade_orders set alone = true where trade_no = 'T3'", {"order_no": "E"}),
        ("update mixpay.trade_orders set alone = false where order_no = 'A'", {"order_no": "A"}),
        (
            "insert into mixpay.order_totals values ('m', 'A', 100, 100, 90)",
            {"order_no": "A", "alone": 1},
        ),
        ("update mixpay.trade_orders set asked = 101 where order_no = 'A'", {"order_no": "A"}),
        ("update mixpay.trade_orders set live = false where order_no = 'C'", {"order_no": "C"}),
        ("update mixpay.trade_orders set asked = 99 where order_no = 'A'", {"order_no": "A"}),
        (
            "update mixpay.trade_orders set alone = true where trade_no = 'T3'; "
            "delete from mixpay.order_totals where order_no = 'E'",
            {"order_no": "E", "number": 2, "alone": 1},
        ),
    ],
    "order_stands_once_in_a_trade_of_its_currency": [
        (
            "update mixpay.trade_orders set order_no = 'A' where order_no = 'B'",
            {"trade_no": "T1", "order_no": "A", "lines": 2},
        ),
        *(
            (
                f"update mixpay.orders set currency = '{currency}' where order_no = 'C'",
                {"order_no": "C"},
            )
            for currency in ("AUD", "JPY")
        ),
    ],
    "payment_amount_is_applied_and_surplus": [
        ("update mixpay.payments set surplus = 1 where payment_no = 'P3'", {"payment_no": "P3"}),
        (
            "update mixpay.payments set applied = 101, surplus = -1 where payment_no = 'P1'",
            {"payment_no": "P1"},
        ),
        (
            "update mixpay.payments set amount = 10, applied = 10 where payment_no = 'P4'",
            {"payment_no": "P4", "state": "pending"},
        ),
        (
            "update mixpay.payments set applied = -1, surplus = amount + 1 where payment_no = 'P1'",
            {"payment_no": "P1", "applied": -1},
        ),
        ("update mixpay.payments set applied = 39 where payment_no = 'P3'", {"payment_no": "P3"}),
        (
            "update mixpay.payments set (amount, applied, surplus) = (0, 0, 0) "
            "where payment_no = 'P1'",
            {"payment_no": "P1", "state": "succeeded", "amount": 0},
        ),
    ],
    "payment_is_in_the_facts_once": [
        ("update mixpay.payments set applied = 41 where payment_no = 'P3'", {"payment_no": "P3"}),
        (
            FACT.format(
                "'T2', 999, 'payment', 'P3', 'C', null, null, null, 'channel', 'order', 40"
            ),
            {"payment_no": "P3", "applied_in_facts": 80},
        ),
        ("delete from mixpay.facts where payment_no = 'P2'", {"payment_no": "P2", "surplus": 10}),
        ("update mixpay.payments set amount = 39 where payment_no = 'P3'", {"payment_no": "P3"}),
        ("update mixpay.payments set amount = 41 where payment_no = 'P3'", {"payment_no": "P3"}),
        (
            "update mixpay.payments set applied = 25, surplus = 0 where payment_no = 'P5'",
            {"applied_in_facts": 20, "surplus_in_facts": 5},
        ),
        (
            "delete from mixpay.facts where from_account = 'order' and to_account = 'surplus'",
            {"payment_no": "P5", "applied_in_facts": 25, "surplus_in_facts": None},
        ),
        (
            "update mixpay.payments set surplus = surplus + 1 where payment_no = 'P2'",
            {"payment_no": "P2"},
        ),
        (
            "update mixpay.payments set surplus = surplus - 1 where payment_no = 'P2'",
            {"payment_no": "P2"},
        ),
        ("update mixpay.payments set applied = 39 where payment_no = 'P3'", {"payment_no": "P3"}),
        (
            "update mixpay.facts set log_no = 'T1', entry = entry + 900 where payment_no = 'P3'",
            {"payment_no": "P3", "amount_in_facts": None},
        ),
    ],
    "payment_refunded_is_never_above_amount": [
        ("update mixpay.payments set refunded = 41 where payment_no = 'P3'", {"payment_no": "P3"}),
        ("update mixpay.payments set refunded = -1 where payment_no = 'P3'", {"payment_no": "P3"}),
    ],
    "payment_refunded_is_the_sum_of_its_details": [
        ("update mixpay.payments set refunded = 1 where payment_no = 'P3'", {"payment_no": "P3"}),
        ("update mixpay.refund_details set freed = true where refund_no = 'R3'", {"details": 30}),
        ("update mixpay.payments set refunded = 0 where refunded > 0", {"refunded": 0}),
        (
            "delete from mixpay.refund_details where payment_no = 'P1'",
            {"payment_no": "P1", "details": 0},
        ),
    ],
    "payment_surplus_refunded_is_the_sum_of_its_details": [
        (
            "update mixpay.payments set surplus_refunded = 1 where payment_no = 'P3'",
            {"payment_no": "P3"},
        ),
        (
            "update mixpay.refund_details set freed = true where payment_no = 'P2'",
            {"payment_no": "P2", "details": 0},
        ),
        (
            "update mixpay.payments set surplus_refunded = 9 where payment_no = 'P2'",
            {"payment_no": "P2", "details": 10},
        ),
    ],
    "fifo_starts_at_the_oldest_money": [
        (
            "update mixpay.trades set fifo_paid_at = now() + '1 year', fifo_seq = 1 "
            "where trade_no = 'T2'",
            {"trade_no": "T2"},
        ),
        (
            "update mixpay.trades as t set fifo_paid_at = p.paid_at, fifo_seq = 9 from "
            "mixpay.payments as p where t.trade_no = 'T2' and p.payment_no = 'P3'",
            {"trade_no": "T2", "payment_no": "P3"},
        ),
    ],
    "payments_are_numbered_without_gaps": [
        ("update mixpay.payments set seq = 9 where payment_no = 'P3'", {"trade_no": "T2"}),
        ("update mixpay.payments set seq = 1 where payment_no = 'P2'", {"trade_no": "T1"}),
        ("update mixpay.trades set last_seq = 9 where trade_no = 'T3'", {"trade_no": "T3"}),
        (
            "update mixpay.payments set seq = 1 where trade_no = 'T1'; "
            "update mixpay.trades set last_seq = 1 where trade_no = 'T1'",
            {"trade_no": "T1", "last_seq": 1, "last_payment": 1},
        ),
        (
            "update mixpay.payments set seq = 9 where payment_no = 'P3'; "
            "update mixpay.trades set last_seq = 9 where trade_no = 'T2'",
            {"trade_no": "T2", "last_seq": 9, "payments": 1, "last_payment": 9},
        ),
    ],
    "pending_payments_belong_to_trades_that_are_not_closed": [
        (
            "update mixpay.payments set trade_no = 'T3' where payment_no = 'P4'",
            {"payment_no": "P4", "trade_no": "T3"},
        ),
        (
            "update mixpay.payments set trade_no = 'T3', state = 'authorized' "
            "where payment_no = 'P4'",
            {"payment_no": "P4", "trade_no": "T3"},
        ),
    ],
    "refund_amount_is_the_sum_of_its_details": [
        ("update mixpay.refunds set amount = 31 where refund_no = 'R1'", {"details": 30}),
        ("delete from mixpay.refund_details where refund_no = 'R1'", {"details": 0}),
        (
            "update mixpay.refunds set amount = amount - 1 where refund_no = 'R1'",
            {"refund_no": "R1"},
        ),
    ],
    "refund_details_are_first_in_first_out": [
        (
            "update mixpay.refund_details set payment_no = 'P2' where refund_no = 'R1'",
            {"refund_no": "R1", "payment_no": "P2", "stored": 30, "replayed": None},
        ),
        (
            "update mixpay.facts set happened_at = '2025-01-01' "
            "where entity = 'payment' and number = 'P2' and to_state = 'succeeded'",
            {"refund_no": "R1", "payment_no": "P2", "stored": None, "replayed": 30},
        ),
    ],
    "refund_state_follows_from_its_channel_refunds": [
        (
            "update mixpay.refunds set state = 'succeeded' where refund_no = 'R3'; "
            "update mixpay.channel_refunds set state = 'doubt' where refund_no = 'R3'",
            {"refund_no": "R3", "state": "succeeded"},
        ),
        ("update mixpay.refunds set succeeded = 31 where refund_no = 'R1'", {"refund_no": "R1"}),
        ("update mixpay.refunds set freed = 1 where refund_no = 'R1'", {"refund_no": "R1"}),
        (
            "update mixpay.channel_refunds set state = 'succeeded' where refund_no = 'R3'",
            {"refund_no": "R3", "state": "processing"},
        ),
        (
            "update mixpay.refunds set succeeded = succeeded - 1 where refund_no = 'R1'",
            {"refund_no": "R1"},
        ),
        ("update mixpay.refunds set freed = freed - 1 where refund_no = 'R1'", {"refund_no": "R1"}),
        # A part was sent after all.
        (
            "update mixpay.channel_refunds set state = 'succeeded' where refund_no = 'R2'; "
            "update mixpay.refunds set succeeded = 20 where refund_no = 'R2'",
            {"refund_no": "R2", "state": "failed", "sent": 20, "not_sent": 20},
        ),
    ],
    "standing_detail_has_one_channel_refund": [
        (
            "update mixpay.channel_refunds set state = 'bounced' where refund_no = 'R3'",
            {"refund_no": "R3", "standing": 0},
        ),
        (
            "update mixpay.channel_refunds set state = 'doubt' where refund_no = 'R2'",
            {"refund_no": "R2", "freed": True, "standing": 1},
        ),
        (
            "insert into mixpay.channel_refunds (merchant_id, channel_refund_no, refund_no, "
            "payment_no, channel, amount, state) values ('m', 'N', 'R3', 'P1', 'card', 60, 'sent')",
            {"refund_no": "R3", "standing": 2},
        ),
        (
            "update mixpay.channel_refunds set payment_no = 'P2' where refund_no = 'R3'",
            {"refund_no": "R3", "payment_no": "P1", "standing": 0},
        ),
    ],
    "state_on_record_is_the_rows": [
        # It came twice to where it is, left twice from there, or from where it never was.
        (
            FACT.format(
                "'T1', 999, 'payment', 'P1', null, null, '', 'succeeded', null, null, null"
            ),
            {"number": "P1", "on_record": "succeeded", "standing": 2},
        ),
        (
            FACT.format(
                "'T1', 998, 'payment', 'P1', null, null, 'succeeded', 'failed', null, null, null), "
                "('T1', 999, 'payment', 'P1', null, null, 'succeeded', 'failed', null, null, null"
            ),
            {"number": "P1", "on_record": "succeeded", "standing": -1},
        ),
        (
            "update mixpay.payments set state = 'failed' where payment_no = 'P4'",
            {"number": "P4", "state": "failed", "on_record": "pending"},
        ),
        (
            "update mixpay.trades set state = 'closed' where trade_no = 'T4'",
            {"number": "T4", "state": "closed"},
        ),
        (
            "update mixpay.refunds set state = 'failed' where refund_no = 'R1'",
            {"number": "R1", "on_record": "succeeded"},
        ),
        (
            "update mixpay.channel_refunds set state = 'doubt' where refund_no = 'R3'",
            {"entity": "channel_refund", "state": "doubt", "on_record": "sent"},
        ),
        ("delete from mixpay.payments where payment_no = 'P4'", {"number": "P4", "state": None}),
        ("delete from mixpay.returns", {"entity": "return", "number": "V1", "state": None}),
        (
            "update mixpay.chargebacks set state = 'charged'",
            {"number": "C1", "state": "charged", "on_record": "partly_reversed"},
        ),
        (
            "delete from mixpay.facts where log_no = 'T4'",
            {"entity": "trade", "number": "T4", "on_record": None},
        ),
        (
            "update mixpay.disputes set state = 'open' where dispute_no = 'D1'",
            {"entity": "dispute", "number": "D1", "on_record": "closed"},
        ),
        (
            "delete from mixpay.releases where release_no = 'L1'",
            {"entity": "release", "number": "L1", "state": None},
        ),
        (
            "delete from mixpay.facts where number = 'X1' and to_state is not null",
            {"entity": "split", "number": "X1", "on_record": None},
        ),
        (
            "update mixpay.settlements set state = 'reversed' where settlement_no = 'S2'",
            {"entity": "settlement", "number": "S2", "on_record": "settled"},
        ),
        (
            "delete from mixpay.repayments",
            {"entity": "repayment", "number": "B1", "state": None, "on_record": "recorded"},
        ),
        (
            "delete from mixpay.adjustments",
            {"entity": "adjustment", "number": "J1", "state": None, "on_record": "recorded"},
        ),
        (
            "delete from mixpay.facts where log = 'channel_fee'",
            {"entity": "channel_fee", "number": "F1", "state": "recorded", "on_record": None},
        ),
        (
            "delete from mixpay.channel_payouts",
            {"entity": "channel_payout", "number": "O1", "state": None},
        ),
    ],
    "successor_stands_for_its_predecessor": [
        (
            "update mixpay.channel_refunds set state = 'pending' where channel_refund_no in "
            "(select redirected_from from mixpay.channel_refunds)",
            {"payment_no": "P5", "state": "pending"},
        ),
        (
            "update mixpay.channel_refunds set amount = 4 where redirected_from is not null",
            {"payment_no": "P5", "amount": 5},
        ),
        (
            "update mixpay.channel_refunds set refund_no = 'R1' where redirected_from is not null",
            {"payment_no": "P5"},
        ),
        (
            "update mixpay.channel_refunds set payment_no = 'P1' where redirected_from is not null",
            {"payment_no": "P5"},
        ),
    ],
    "surplus_is_sent_back": [
        ("update mixpay.payments set surplus = 9 where payment_no = 'P2'", {"details": 10}),
        ("delete from mixpay.refund_details where payment_no = 'P5'", {"details": 0}),
        (
            "update mixpay.refunds set kind = 'order' where kind = 'reversal'",
            {"payment_no": "P5", "surplus": 5, "details": 0},
        ),
        (
            "update mixpay.returns set unapplied = 0",
            {"payment_no": "P11", "surplus": 70, "details": 0},
        ),
    ],
    "surplus_details_are_never_above_surplus": [
        (
            "update mixpay.refund_details set amount = 11 where payment_no = 'P2'",
            {"payment_no": "P2", "surplus_details": 11},
        ),
    ],
    "trade_holds_what_came_in_and_did_not_go_back": [
        ("update mixpay.payments set amount = 41 where payment_no = 'P3'", {"trade_no": "T2"}),
        ("delete from mixpay.anomalies", {"trade_no": "T1"}),
        ("delete from mixpay.anomaly_resolutions", {"trade_no": "T6"}),
        (
            "update mixpay.anomaly_resolutions set resolution = 'recovered'",
            {"trade_no": "T6", "in_minus_out": 10, "not_sent_back": 20},
        ),
        (
            "delete from mixpay.facts where payment_no = 'P3'",
            {"trade_no": "T2", "in_minus_out": 0, "not_sent_back": 40},
        ),
        ("update mixpay.chargebacks set fee = 14", {"trade_no": "T10"}),
        ("update mixpay.returns set lost = 29", {"trade_no": "T11", "not_sent_back": -29}),
        (
            "delete from mixpay.payments where trade_no = 'T2'",
            {"trade_no": "T2", "in_minus_out": 40, "not_sent_back": 0},
        ),
    ],
    "trade_paid_is_what_its_payments_applied": [
        (
            "update mixpay.trades set paid = 1 where trade_no = 'T3'",
            {"trade_no": "T3", "applied": 0},
        ),
        ("update mixpay.payments set applied = 41 where payment_no = 'P3'", {"applied": 41}),
    ],
    "recorded_movement_is_in_the_facts_once": [
        (
            "update mixpay.facts set log = 'channel_fee' where number = 'J1'",
            {"log": "adjustment", "log_no": "J1", "times": None},
        ),
        ("delete from mixpay.adjustments", {"log": "adjustment", "log_no": "J1", "amount": None}),
        (
            "update mixpay.adjustments set amount = 30",
            {"amount": 30, "accounts_in_facts": "payee:W channel:cash"},
        ),
        ("update mixpay.adjustments set amount = -31", {"amount": -31, "in_facts": 30}),
        ("update mixpay.adjustments set currency = 'JPY'", {"amount": -30, "times": None}),
        ("update mixpay.adjustments set owner = 'V'", {"accounts": "payee:V channel:cash"}),
        ("update mixpay.adjustments set against_owner = 'x'", {"accounts": "payee:W channel:x"}),
        (
            "update mixpay.adjustments set against_account = 'bank'",
            {"accounts": "payee:W bank:cash"},
        ),
        (
            "update mixpay.adjustments set account = 'receiver'",
            {"accounts": "receiver:W channel:cash"},
        ),
        (
            # In two parts.
            "update mixpay.facts set amount = 15 where number = 'J1' and amount > 0; "
            + RECORDED.format("'adjustment'", "'J1'", "'payee'", "'W'", "'channel'", "'cash'", 15),
            {"log_no": "J1", "times": 2, "in_facts": 30},
        ),
        (
            RECORDED.format("'adjustment'", "'J1'", *["null"] * 5),
            {"log_no": "J1", "times": 2, "in_facts": 30},
        ),
        ("delete from mixpay.facts where number = 'F1'", {"log_no": "F1", "times": None}),
        ("delete from mixpay.channel_fees", {"log_no": "F1", "amount": None, "times": 1}),
        ("update mixpay.channel_fees set amount = -2", {"log_no": "F1", "amount": -2}),
        ("update mixpay.channel_fees set amount = 3", {"amount": 3, "in_facts": 2}),
        (
            "update mixpay.channel_fees set channel = 'card'",
            {"accounts": "channel_fee:card channel:card", "amount": 2},
        ),
        ("update mixpay.channel_fees set currency = 'JPY'", {"log_no": "F1", "times": None}),
        ("update mixpay.channel_fees set payment_no = 'P1'", {"payment_no_in_facts": "PW"}),
        ("update mixpay.channel_fees set payment_no = null", {"payment_no_in_facts": "PW"}),
        (
            "update mixpay.facts set to_account = 'bank' where number = 'F1'",
            {"accounts_in_facts": "channel_fee:transfer bank:transfer"},
        ),
        (
            "update mixpay.facts set to_account = 'order' where number = 'F1'",
            {"accounts_in_facts": "channel_fee:transfer order:transfer"},
        ),
        (
            "update mixpay.facts set from_account = 'bank' where number = 'F1'",
            {"accounts_in_facts": "bank:transfer channel:transfer"},
        ),
        (
            "update mixpay.facts set from_account = 'order' where number = 'F1'",
            {"accounts_in_facts": "order:transfer channel:transfer"},
        ),
        (
            RECORDED.format(
                "'channel_fee'", "'F1'", "'channel_fee'", "'transfer'", "'channel'", "'transfer'", 2
            ),
            {"log_no": "F1", "times": 2, "in_facts": 4},
        ),
        ("delete from mixpay.facts where number = 'O1'", {"log_no": "O1", "times": None}),
        ("delete from mixpay.channel_payouts", {"log_no": "O1", "amount": None, "times": 1}),
        ("update mixpay.channel_payouts set amount = -60", {"log_no": "O1", "amount": -60}),
        ("update mixpay.channel_payouts set amount = 61", {"amount": 61, "in_facts": 60}),
        (
            "update mixpay.channel_payouts set channel = 'card'",
            {"accounts": "bank:main channel:card", "amount": 60},
        ),
        ("update mixpay.channel_payouts set bank = 'x'", {"accounts": "bank:x channel:transfer"}),
        ("update mixpay.channel_payouts set currency = 'JPY'", {"log_no": "O1", "times": None}),
        (
            "update mixpay.facts set to_account = 'payee' where number = 'O1'",
            {"accounts_in_facts": "bank:main payee:transfer"},
        ),
        (
            RECORDED.format(
                "'channel_payout'", "'O1'", "'bank'", "'main'", "'channel'", "'transfer'", 60
            ),
            {"log_no": "O1", "times": 2, "in_facts": 120},
        ),
        ("delete from mixpay.facts where log = 'repayment'", {"log_no": "B1", "times": None}),
        (
            SETTLEMENT_FACT.format(
                "'repayment', 'B1', 2, 1, 'recorded', 'recorded', "
                "'bank', 'main', 'payee', 'S', 5, 'CNY'"
            ),
            {"log_no": "B1", "times": 2, "in_facts": 10},
        ),
        ("update mixpay.repayments set amount = 6", {"amount": 6, "in_facts": 5}),
        ("update mixpay.repayments set bank = 'x'", {"accounts": "bank:x payee:S"}),
        ("update mixpay.repayments set bank = null", {"accounts": "outside payee:S"}),
        (
            "update mixpay.facts set from_account = 'channel' where log = 'repayment'",
            {"accounts_in_facts": "channel:main payee:S"},
        ),
        ("update mixpay.repayments set owner = 'V'", {"accounts": "bank:main payee:V"}),
        ("update mixpay.repayments set account = 'fee'", {"accounts": "bank:main fee:S"}),
        ("update mixpay.repayments set currency = 'JPY'", {"amount": 5, "times": None}),
        ("delete from mixpay.repayments", {"log_no": "B1", "amount": None, "times": 1}),
    ],
    "trade_totals_are_the_sums_of_its_lines": [
        ("update mixpay.trades set amount = 81 where trade_no = 'T2'", {"trade_no": "T2"}),
        (
            "delete from mixpay.trade_orders where trade_no = 'T4'",
            {"trade_no": "T4", "amount_of_lines": None},
        ),
        ("update mixpay.trades set amount = amount - 1 where trade_no = 'T1'", {"trade_no": "T1"}),
        ("update mixpay.trades set paid = 41 where trade_no = 'T2'", {"trade_no": "T2"}),
        ("update mixpay.trades set paid = paid - 1 where trade_no = 'T1'", {"trade_no": "T1"}),
        ("update mixpay.trades set refunded = 91 where trade_no = 'T1'", {"trade_no": "T1"}),
        (
            "update mixpay.trades set refunded = refunded - 1 where trade_no = 'T1'",
            {"trade_no": "T1"},
        ),
    ],
    "cleared_of_a_split_line_is_its_shares": [
        (
            "update mixpay.split_shares set amount = 9 where split_no = 'X1' and position = 1",
            {"order_no": "M", "cleared": 40, "shares": 41},
        ),
        (
            "update mixpay.trade_orders set cleared = 41 where order_no = 'M'",
            {"order_no": "M", "cleared": 41, "shares": 40},
        ),
        (
            "update mixpay.trade_orders set paid = 199 where order_no = 'N'",
            {"order_no": "N", "paid": 199, "shares": 150},
        ),
        *(
            (
                f"update mixpay.split_shares set {column} = 'X9' where split_no = 'X2'",
                {"order_no": "N", "shares": 0},
            )
            for column in ("split_no", "trade_no")
        ),
    ],
    "no_fact_is_of_a_transaction_to_come": [
        (
            "update mixpay.facts set xid = '4000000000' where log_no = 'T1' and entry = 1",
            {"merchant_id": "m", "xid": 4000000000},
        ),
    ],
    "closed_balances_are_sums_of_the_journal": [
        # Written after the period was closed, two of five say otherwise.
        (
            MOVE.format(
                "), (".join(
                    f"'T7', {entry}, 'release', 'L', null, 'L9', 'order', null, 'payee', 'V', 5"
                    for entry in range(995, 1000)
                )
            )
            + "; update mixpay.facts set "
            "epoch = case entry when 995 then 2 when 996 then 0 else 1 end, "
            "created_at = case entry when 997 then created_at "
            "else (select until_at from mixpay.closed_periods) end, "
            "xid = case when entry in (996, 998) then xid else '3' end, amount = entry - 990 "
            "where entry >= 995",
            {"account": "payee", "owner": "V", "came_in": 200, "came_in_by_journal": 215},
        ),
        (
            "update mixpay.closed_balances set went_out = 0 where owner = 'V'",
            {"owner": "V", "went_out": 0, "went_out_by_journal": 200},
        ),
        (
            "delete from mixpay.closed_balances where account = 'order'",
            {"account": "order", "owner": "", "currency": "CNY", "came_in": None},
        ),
        (
            "update mixpay.closed_balances set owner = 'X' where owner = 'V'",
            {"account": "payee", "owner": "X", "came_in_by_journal": None},
        ),
        (
            "insert into mixpay.closed_periods "
            "select merchant_id, now(), 1, pg_current_snapshot(), now() "
            "from mixpay.closed_periods",
            {"account": "payee", "owner": "V", "came_in": None},
        ),
        (
            "update mixpay.closed_balances set came_in = 201 where owner = 'V'",
            {"owner": "V", "came_in": 201, "came_in_by_journal": 200},
        ),
        (
            "update mixpay.closed_balances set went_out = 201 where owner = 'V'",
            {"owner": "V", "went_out": 201, "went_out_by_journal": 200},
        ),
        (
            "update mixpay.closed_balances set currency = 'JPY' where owner = 'V'",
            {"owner": "V", "currency": "JPY", "came_in_by_journal": None},
        ),
    ],
    "folded_balances_are_sums_of_the_journal": [
        (
            "update mixpay.folded_balances set went_out = 7 where owner = 'V' and fold = 1",
            {"owner": "V", "fold": 1, "went_out": 7, "came_in_by_journal": 100},
        ),
        # The only one of its account, and the last one of another.
        (
            "delete from mixpay.folded_balances where account = 'surplus'",
            {"account": "surplus", "fold": 1, "came_in": None, "came_in_by_journal": 15},
        ),
        (
            "delete from mixpay.folded_balances where owner = 'V' and fold = 2",
            {"owner": "V", "fold": 2, "came_in": None},
        ),
        (
            "update mixpay.folded_balances set is_last = true where account = 'payee'",
            {"account": "payee", "fold": 1, "is_last": True},
        ),
        (
            "update mixpay.folded_balances set is_last = false where account = 'bank'",
            {"account": "bank", "fold": 2, "is_last": False},
        ),
        (
            "update mixpay.folded_balances set owner = 'X' where owner = 'V'",
            {"account": "payee", "owner": "X", "fold": 1, "came_in_by_journal": None},
        ),
        # It committed late, into what had been folded.
        (
            MOVE.format("'T7', 999, 'release', 'L', null, 'L9', 'order', null, 'payee', 'V', 5")
            + "; update mixpay.facts set xid = '1' where entry = 999",
            {"owner": "V", "fold": 1, "came_in": 100, "came_in_by_journal": 105},
        ),
        (
            "update mixpay.folded_balances set currency = 'JPY' where owner = 'V'",
            {"owner": "V", "currency": "JPY", "came_in_by_journal": None},
        ),
        # Its account has moved since, but another owner's, or other money.
        (
            "update mixpay.facts set from_owner = 'x' "
            "where from_account = 'channel_fee' and number = 'RN'",
            {"account": "channel_fee", "owner": "bank", "fold": 1, "is_last": False},
        ),
        (
            "update mixpay.facts set currency = 'JPY' "
            "where from_account = 'channel_fee' and number = 'RN'",
            {"owner": "bank", "currency": "CNY", "fold": 1, "is_last": False},
        ),
        (
            "update mixpay.facts set currency = 'JPY' "
            "where from_account = 'channel_fee' and number = 'RN'",
            {"owner": "bank", "currency": "JPY", "fold": 2, "came_in_by_journal": 0},
        ),
        (
            "delete from mixpay.balance_folds where fold = 2",
            {"owner": "V", "fold": 1, "is_last": False},
        ),
    ],
    "folds_cover_the_journal_without_gaps": [
        ("update mixpay.balance_folds set fold = 3 where fold = 2", {"fold": 3}),
        (
            "update mixpay.balance_folds set from_xid = (from_xid::text::bigint + 1)::text::xid8 "
            "where fold = 2",
            {"fold": 2},
        ),
        (
            "update mixpay.balance_folds set from_epoch = 0 where fold = 2",
            {"fold": 2},
        ),
        ("update mixpay.balance_folds set movements = 1 where fold = 1", {"movements": 1}),
        ("update mixpay.balance_folds set movements = 999 where fold = 1", {"movements": 999}),
        ("update mixpay.balance_folds set earliest_at = now() where fold = 1", {"fold": 1}),
        ("update mixpay.balance_folds set earliest_at = '2000-01-01Z' where fold = 1", {"fold": 1}),
        ("update mixpay.balance_folds set latest_at = '2100-01-01Z' where fold = 2", {"fold": 2}),
        ("update mixpay.balance_folds set latest_at = earliest_at where fold = 2", {"fold": 2}),
        ("update mixpay.balance_folds set latest_at = earliest_at where fold = 1", {"fold": 1}),
        (
            MOVE.format("'T7', 999, 'release', 'L', null, 'L9', 'order', null, 'payee', 'V', 5")
            + "; update mixpay.facts set xid = '1' where entry = 999",
            {"fold": 1},
        ),
        (
            "update mixpay.balance_folds set until_xid = from_xid where fold = 2",
            {"fold": 2, "in_journal": 0},
        ),
        (
            "update mixpay.balance_folds set fold = fold + 5; "
            "update mixpay.folded_balances set fold = fold + 5",
            {"fold": 6},
        ),
        (
            "update mixpay.balance_folds set fold = fold - 5; "
            "update mixpay.folded_balances set fold = fold - 5",
            {"fold": -4},
        ),
    ],
    "dispute_refund_is_of_its_order": [
        (
            "update mixpay.disputes set refund_no = 'RM' where dispute_no = 'D1'",
            {"dispute_no": "D1", "order_no": "K", "refunded_order_no": "M"},
        ),
        ("update mixpay.disputes set refund_no = 'X' where dispute_no = 'D1'", {"refund_no": "X"}),
    ],
    "money_in_escrow_is_never_below_zero": [
        (
            # There are 50, but in another trade.
            MOVE.format("'T1', 999, 'release', 'L', null, 'L9', 'order', null, 'payee', 'V', 50"),
            {"trade_no": "T1", "account": "order", "owner": "L", "balance": -50},
        ),
        # It comes right in the end, but it was not there then.
        (
            "update mixpay.facts set entry = 999 where payment_no = 'P9' and to_account = 'order'",
            {"account": "order", "owner": "N"},
        ),
        (
            "delete from mixpay.facts where payment_no = 'P2' and to_account = 'surplus'",
            {"account": "surplus", "owner": "P2", "balance": -10},
        ),
        (
            # An order of this name has it.
            MOVE.format("'T7', 999, 'refund', null, 'L', null, 'refund', 'L', 'payee', 'V', 5"),
            {"account": "refund", "owner": "L", "balance": -5},
        ),
    ],
    "line_bears_its_orders_payee": [
        (
            "update mixpay.orders set payee_no = 'V' where order_no = 'A'",
            {"order_no": "A", "payee_no": "S", "orders_payee_no": "V"},
        ),
        ("update mixpay.trade_orders set payee_no = null where order_no = 'K'", {"order_no": "K"}),
        ("update mixpay.trade_orders set payee_no = 'S' where order_no = 'B'", {"order_no": "B"}),
    ],
    "moment_on_record_is_the_rows": [
        (
            "update mixpay.payments set paid_at = '2025-01-01' where payment_no = 'P2'",
            {"entity": "payment", "number": "P2"},
        ),
        (
            "update mixpay.facts set happened_at = '2025-01-01' where entity = 'payment' "
            "and number = 'P2' and to_state = 'succeeded'",
            {"entity": "payment", "number": "P2"},
        ),
        *(
            (
                f"update mixpay.{table} set {moment} = '2025-01-01'",
                {"entity": entity, "happened_at": None},
            )
            for table, moment, entity in [
                ("channel_refunds", "refunded_at", "channel_refund"),
                ("channel_refunds", "bounced_at", "channel_refund"),
                ("anomalies", "happened_at", "channel_refund"),
                ("anomaly_resolutions", "recovered_at", "channel_refund"),
                ("bounced_transfers", "refunded_at", "channel_refund"),
                ("bounced_transfers", "bounced_at", "channel_refund"),
                ("returns", "returned_at", "return"),
                ("chargebacks", "charged_at", "chargeback"),
                ("chargebacks", "reversed_at", "chargeback"),
                ("channel_fees", "charged_at", "channel_fee"),
                ("channel_payouts", "paid_at", "channel_payout"),
                ("repayments", "repaid_at", "repayment"),
                ("settlements", "reversed_at", "settlement"),
            ]
        ),
        (
            "delete from mixpay.facts where number = 'P2' and to_state = 'succeeded'",
            {"entity": "payment", "number": "P2", "happened_at": None},
        ),
        # It is another one's moment, or that of something else with this number.
        (
            "update mixpay.channel_fees set charged_at = (select charged_at from "
            "mixpay.channel_fees where fee_no = 'F2')",
            {"entity": "channel_fee", "number": "F1"},
        ),
        (
            "update mixpay.facts set entity = 'channel_payout' where number = 'F1'",
            {"entity": "channel_fee", "number": "F1"},
        ),
    ],
    "movement_is_in_at_most_one_settlement": [
        (
            "update mixpay.settlements set from_xid = '0', from_epoch = 0 "
            "where settlement_no = 'S2'",
            {"settlement_no": "S1", "other_settlement_no": "S2", "owner": "V"},
        ),
        (
            SETTLEMENT.format("'S9', 3", "'S2'"),
            {"settlement_no": "S2", "other_settlement_no": "S9"},
        ),
        (
            "update mixpay.settlements set until_epoch = 2, until_xid = '1' "
            "where settlement_no = 'S2'; "
            "" + SETTLEMENT.format("'S9', 3", "'S2'"),
            {"settlement_no": "S2", "other_settlement_no": "S9"},
        ),
    ],
    "nothing_is_released_in_dispute": [
        # What was closed is another dispute, or not this one: in another trade, in another log, or
        # something else of its number.
        *(
            (
                FACT.format(
                    "'T7', 999, 'release', null, 'L', null, '', 'released', null, null, null"
                )
                + f"; update mixpay.facts set entry = 998, {closed} "
                "where number = 'D1' and to_state = 'closed'",
                {"order_no": "L", "dispute_no": "D2", "entry": 999},
            )
            for closed in [
                "number = 'D1'",
                "number = 'D2', log_no = 'T1'",
                "number = 'D2', log = 'settlement'",
                "number = 'D2', entity = 'trade'",
            ]
        ),
        # Between its beginning and its end.
        (
            "update mixpay.facts set entry = 999 where number = 'D1' and to_state = 'closed'; "
            "update mixpay.facts set entry = 998 where number = 'L1' and to_state <> ''",
            {"order_no": "K", "release_no": "L1", "dispute_no": "D1"},
        ),
        (
            "delete from mixpay.facts where number = 'D1' and to_state = 'closed'; "
            "update mixpay.facts set entry = 999 where number = 'L1' and to_state <> ''",
            {"release_no": "L1", "dispute_no": "D1", "entry": 999},
        ),
    ],
    "order_account_holds_what_its_lines_hold": [
        ("update mixpay.trade_orders set paid = 101 where order_no = 'A'", {"order_no": "A"}),
        ("update mixpay.trade_orders set refunded = 1 where order_no = 'B'", {"order_no": "B"}),
        (
            "update mixpay.trade_orders set cleared = 39 where order_no = 'M'",
            {"order_no": "M", "in_journal": 0, "in_lines": 1},
        ),
        # Cancelled money that went to another order than it says.
        (
            "update mixpay.facts set to_owner = 'F' where from_account = 'order' "
            "and to_owner = 'G'",
            {"order_no": "G"},
        ),
        (
            MOVE.format("'T7', 999, 'payment', 'X', null, null, 'channel', null, 'order', null, 5"),
            {"order_no": "X", "in_journal": 5, "in_lines": None},
        ),
    ],
    "outside_got_what_was_paid_out": [
        # As if it had been paid out before there were banks.
        (
            "update mixpay.settlements set bank = null where settlement_no in ('S1', 'S2')",
            {"in_journal": -10, "due": 90},
        ),
        ("update mixpay.repayments set bank = null", {"in_journal": -10, "due": -15}),
        (
            SETTLEMENT_FACT.format(
                "'settlement', 'S2', 9, 1, '', 'settled', 'payee', 'V', 'outside', null, 100, 'CNY'"
            ),
            {"in_journal": 90, "due": -10},
        ),
        (
            "update mixpay.anomaly_resolutions set resolution = 'booked'",
            {"currency": "CNY", "due": None},
        ),
        (
            "update mixpay.settlements set currency = 'JPY', bank = null "
            "where settlement_no = 'S2'",
            {"currency": "JPY", "in_journal": None, "due": 100},
        ),
    ],
    "bank_holds_what_channels_paid_and_was_not_paid_out": [
        (
            "update mixpay.settlements set amount = 101 where settlement_no = 'S2'",
            {"bank": "main", "in_journal": -193, "due": -194},
        ),
        ("update mixpay.settlements set state = 'settled' where amount > 0", {"due": -293}),
        ("update mixpay.settlements set bank = null where settlement_no = 'S2'", {"due": -93}),
        (
            "update mixpay.facts set to_owner = 'x' where number = 'S2'",
            {"bank": "x", "currency": "CNY", "in_journal": -100, "due": None},
        ),
        ("update mixpay.repayments set amount = 6", {"due": -192}),
        ("update mixpay.channel_payouts set amount = 61 where payout_no = 'O1'", {"due": -192}),
        ("update mixpay.channel_payouts set bank = 'x' where payout_no = 'O1'", {"due": -253}),
        ("update mixpay.adjustments set amount = -6 where adjustment_no = 'J2'", {"due": -192}),
        (
            "update mixpay.adjustments set against_account = 'bank', against_owner = 'x' "
            "where adjustment_no = 'J2'",
            {"bank": "x", "in_journal": None, "due": -5},
        ),
        (
            "update mixpay.channel_payouts set currency = 'JPY' where payout_no = 'O1'",
            {"currency": "JPY", "in_journal": None, "due": 60},
        ),
    ],
    "channel_balances_add_up": [
        (
            "update mixpay.facts set entity = 'split', number = 'X1' where number = 'O1'",
            {"channel": "transfer", "payouts": -3, "balance": -58},
        ),
        (
            "update mixpay.facts set entity = 'trade' where number = 'PW' and amount is not null",
            {"channel": "alipay", "payments": 0, "balance": 100},
        ),
    ],
    "bank_balances_add_up": [
        (
            "update mixpay.settlements set amount = 101 where settlement_no = 'S2'",
            {"bank": "main", "settlements": 261, "balance": -193},
        ),
        ("update mixpay.repayments set amount = 6", {"repayments": 6, "balance": -193}),
        ("update mixpay.channel_payouts set amount = 61 where payout_no = 'O1'", {"payouts": 58}),
        (
            "update mixpay.adjustments set amount = -6 where adjustment_no = 'J2'",
            {"adjustments": 6},
        ),
        ("delete from mixpay.folded_balances where owner = 'main'", {"bank": "main"}),
    ],
    "day_flow_sums_to_zero": [
        (
            "update mixpay.facts set from_account = null where number = 'O1'",
            {"currency": "CNY", "moved": 60},
        ),
        (
            "update mixpay.facts set to_account = null where number = 'O1'",
            {"currency": "CNY", "moved": -60},
        ),
    ],
    "owners_have_what_was_cleared_to_them_and_not_paid_out": [
        (
            "update mixpay.trade_orders set cleared = 1 where order_no = 'K'",
            {"account": "payee", "owner": "S"},
        ),
        # What is the one payee's went to the other.
        (
            "update mixpay.facts set to_owner = 'S' where number = 'L3' and amount is not null",
            {"account": "payee", "owner": "V", "in_journal": -100, "due": 0},
        ),
        (
            "update mixpay.facts set to_account = 'receiver' where to_owner = 'us'",
            {
                "account": "receiver",
                "owner": "us",
                "currency": "CNY",
                "in_journal": 5,
                "due": None,
            },
        ),
        (
            "update mixpay.split_shares set amount = 9 where split_no = 'X1' and position = 1",
            {"account": "receiver", "owner": "agent", "in_journal": 0, "due": 1},
        ),
        # What the fee keeps, the payee bears.
        (
            "update mixpay.split_receivers set kept_on_refund = false where receiver = 'us'",
            {"account": "fee", "owner": "us", "in_journal": 5, "due": 2},
        ),
        (
            "update mixpay.split_receivers set kept_on_refund = false where receiver = 'us'",
            {"account": "payee", "owner": "S", "in_journal": -25, "due": -22},
        ),
        # Of the payee's share, some is in escrow.
        (
            "update mixpay.splits set takes_place = 'release' where split_no = 'X2'",
            {"account": "payee", "owner": "V", "in_journal": 0, "due": 34},
        ),
        (
            "update mixpay.settlements set state = 'settled' where amount > 0",
            {"account": "payee", "owner": "V", "due": -100},
        ),
        (
            "delete from mixpay.facts where number = 'S3'",
            {"account": "receiver", "owner": "agent", "in_journal": 11, "due": 0},
        ),
        (
            "update mixpay.settlements set currency = 'JPY' where settlement_no = 'S2'",
            {"owner": "V", "currency": "JPY", "in_journal": None, "due": -100},
        ),
        (
            "update mixpay.split_receivers set account = 'fee' where kind = 'channel_fee'",
            {"account": "fee", "owner": "bank", "in_journal": None, "due": 1},
        ),
        (
            "update mixpay.channel_fees set amount = 3 where fee_no = 'F1'",
            {"account": "channel_fee", "owner": "transfer", "in_journal": -1, "due": -2},
        ),
        (
            "update mixpay.adjustments set amount = -29 where adjustment_no = 'J1'",
            {"account": "payee", "owner": "W", "in_journal": 0, "due": 1},
        ),
        (
            "update mixpay.adjustments set amount = -6 where adjustment_no = 'J2'",
            {"account": "fee", "owner": "adjustment", "in_journal": 5, "due": 6},
        ),
        (
            "update mixpay.split_shares set trade_no = 'T1' where split_no = 'X1' and position = 1",
            {"account": "receiver", "owner": "agent", "in_journal": 0},
        ),
    ],
    "payee_balances_add_up": [
        ("update mixpay.trade_orders set cleared = 39 where order_no = 'M'", {"payee_no": "S"}),
        (
            "update mixpay.split_shares set amount = 9 where split_no = 'X1' and position = 1",
            {"payee_no": "S"},
        ),
        ("delete from mixpay.folded_balances where owner = 'S'", {"payee_no": "S"}),
        (
            "update mixpay.adjustments set amount = -29 where adjustment_no = 'J1'",
            {"payee_no": "W", "net": 100, "paid_out": 70, "adjusted": -29},
        ),
        (
            MOVE.format("'T7', 999, 'release', 'K', null, 'L1', 'payee', 'S', 'payee', 'V', 5"),
            {"payee_no": "V", "net": 184, "payable": 5},
        ),
    ],
    "payouts_are_never_above_what_came_in": [
        (
            "update mixpay.settlements set amount = 19 where owner = 'agent'",
            {"owner": "agent", "paid_out": 19, "came_in": 18},
        ),
        (
            "update mixpay.settlements set state = 'settled' where amount > 0",
            {"account": "payee", "owner": "V", "paid_out": 200, "came_in": 100},
        ),
        # Others have it, another account of this name, or it is other money.
        *(
            (
                f"update mixpay.settlements set {column} = '{value}' where owner = 'agent'",
                {column: value, "paid_out": 11, "came_in": 0},
            )
            for column, value in [("owner", "x"), ("account", "payee"), ("currency", "JPY")]
        ),
        (
            "update mixpay.settlements set amount = 101 where settlement_no = 'S6'; "
            "update mixpay.facts set log = 'repayment' "
            "where number = 'S6' and from_state = 'reversed'",
            {"owner": "W", "paid_out": 101, "came_in": 100},
        ),
    ],
    "receiver_never_gets_more_than_was_agreed": [
        (
            "update mixpay.split_shares set amount = 11 where split_no = 'X1' and position = 1",
            {"receiver": "agent", "amount": 11, "at_most": 10},
        ),
        (
            "update mixpay.split_shares set amount = 11 where split_no = 'X2' and position = 3",
            {"receiver": "S", "amount": 11, "at_most": 10},
        ),
        (
            "update mixpay.splits set divided = 101 where split_no = 'X1'; "
            "delete from mixpay.split_shares",
            {"split_no": "X1", "divided": 101, "amount": None, "of_order": 100},
        ),
    ],
    "notes_are_about_what_is_on_record": [
        (
            "insert into mixpay.notes (merchant_id, entity, number, notes) "
            "values ('m', 'payment', 'T1', '{}')",
            {"entity": "payment", "number": "T1"},
        ),
        (
            "delete from mixpay.disputes where dispute_no = 'D1'",
            {"entity": "dispute", "number": "D1"},
        ),
    ],
    "repricings_follow_one_another": [
        (
            repricings(("N1", "A", 1, 1, 90, 100), ("N2", "A", 2, 1, 100, 95)),
            {"order_no": "A", "reprice_no": "N2", "amount": 95, "costs_then": 100},
        ),
        (
            repricings(("N1", "A", 1, 1, 90, 100), ("N2", "A", 2, 1, 85, 100)),
            {"order_no": "A", "reprice_no": "N1", "amount": 100, "costs_then": 85},
        ),
        (
            repricings(("N1", "A", 1, 1, 90, 80), ("N2", "A", 3, 1, 80, 100)),
            {"reprice_no": "N1", "nth": 1, "next_nth": 3},
        ),
        (
            "update mixpay.repricings set nth = 2; " + repricings(("N1", "A", 1, 1, 90, 100)),
            {"order_no": "Y", "nth": 2},
        ),
        (repricings(("N1", "A", 1, 2, 90, 100)), {"reprice_no": "N1", "nth": 1}),
        (
            repricings(("N1", "E", 1, 2, 9, 8), ("N2", "E", 2, 1, 8, 5)),
            {"reprice_no": "N1", "next_nth": 2},
        ),
    ],
    "rounding_account_holds_what_was_written_off": [
        (
            "update mixpay.channel_refunds set state = 'written_off' where channel = 'alipay'; "
            # Neither another channel's nor other money.
            + MOVE.format(
                "'T7', 998, 'refund', 'L', 'X', null, 'rounding', 'card', 'refund', null, 5), "
                "('T7', 999, 'refund', 'L', 'X', null, 'rounding', 'alipay', 'refund', null, 5"
            )
            + "; update mixpay.facts set currency = 'JPY' where entry = 999",
            {"channel": "alipay", "currency": "CNY", "in_journal": None, "written_off": 70},
        ),
        (
            MOVE.format(
                "'T7', 999, 'refund', 'L', 'X', null, 'refund', 'X', 'rounding', 'card', 5"
            ),
            {"channel": "card", "currency": "CNY", "in_journal": 5, "written_off": None},
        ),
    ],
    "refund_account_holds_what_is_under_way": [
        (
            "update mixpay.refunds set succeeded = 1 where refund_no = 'RK'",
            {"refund_no": "RK", "in_journal": 30, "under_way": 29},
        ),
        (
            "delete from mixpay.facts where refund_no = 'RM' and to_account = 'refund'",
            {"refund_no": "RM", "in_journal": None, "under_way": 60},
        ),
        (
            MOVE.format("'T7', 999, 'refund', 'L', 'X', null, 'order', null, 'refund', null, 5"),
            {"refund_no": "X", "in_journal": 5, "under_way": None},
        ),
        (
            "update mixpay.refunds set freed = 19 where refund_no = 'R2'",
            {"refund_no": "R2", "in_journal": 0, "under_way": 1},
        ),
    ],
    "refund_took_back_what_was_cleared": [
        (
            "update mixpay.channel_refunds set state = 'bounced' where refund_no = 'RK'",
            {"refund_no": "RK", "order_no": "K", "in_facts": 30, "cleared": 0},
        ),
        (
            "delete from mixpay.facts where refund_no = 'RM' and entity = 'refund'",
            {"refund_no": "RM", "in_facts": 0, "cleared": 40},
        ),
        (
            MOVE.format("'T7', 999, 'refund', 'K', 'RK', null, 'payee', 'S', 'order', null, 5"),
            {"refund_no": "RK", "in_facts": 35},
        ),
        (
            MOVE.format("'T7', 999, 'refund', 'K', 'X', null, 'payee', 'S', 'order', null, 5"),
            {"refund_no": "X", "in_facts": 5},
        ),
        (
            "update mixpay.channel_refunds set cleared = 1 "
            "where payment_no = 'P5' and redirected_from is not null",
            {"order_no": None, "in_facts": 0, "cleared": 1},
        ),
        *(
            (
                MOVE.format(
                    f"'T7', 999, 'refund', 'K', 'RK', null, '{kind}', 'x', 'order', null, 5"
                ),
                {"refund_no": "RK", "in_facts": 35},
            )
            for kind in ("receiver", "fee", "channel_fee")
        ),
        # Another merchant's order of this number is split at payment.
        (
            "update mixpay.splits set takes_place = 'release' where split_no = 'X2'; "
            "update mixpay.channel_refunds set cleared = 1 where refund_no = 'RN'",
            {"refund_no": "RN", "order_no": "N", "cleared": 1},
        ),
    ],
    "release_is_in_the_facts_once": [
        (
            "update mixpay.releases set amount = 61 where release_no = 'L1'",
            {"release_no": "L1", "amount": 61, "in_facts": 60},
        ),
        (
            MOVE.format("'T7', 999, 'release', 'K', null, 'L1', 'order', null, 'payee', 'S', 60"),
            {"release_no": "L1", "in_facts": 120},
        ),
        (
            MOVE.format("'T7', 999, 'release', 'L', null, 'L9', 'order', null, 'payee', 'V', 5"),
            {"release_no": "L9", "order_no": "L", "amount": None, "in_facts": 5},
        ),
        ("delete from mixpay.facts where number = 'L2'", {"release_no": "L2", "in_facts": 0}),
        (
            "update mixpay.releases set order_no = 'L' where release_no = 'L1'",
            {"release_no": "L1", "order_no": "L", "amount": 60, "in_facts": 0},
        ),
        (
            MOVE.format("'T7', 999, 'release', 'K', null, 'L1', 'payee', 'S', 'order', null, 5"),
            {"release_no": "L1", "amount": 60, "in_facts": 55},
        ),
    ],
    "settlement_earned_is_the_sum_of_its_lines": [
        (
            "update mixpay.settlements set earned = 12 where settlement_no = 'S3'",
            {"settlement_no": "S3", "earned": 12, "of_orders": 11},
        ),
        (
            "delete from mixpay.facts where number = 'J1'",
            {"settlement_no": "S6", "earned": 70, "of_orders": 100},
        ),
        (
            "update mixpay.settlements set carried_in = 6 where settlement_no = 'S5'",
            {"settlement_no": "S5", "amount": 0, "of_lines": 1},
        ),
        # It committed late, into what had been settled.
        (
            MOVE.format("'T7', 999, 'release', 'K', null, 'L9', 'order', null, 'payee', 'S', 5")
            + "; update mixpay.facts set xid = '1' where entry = 999",
            {"settlement_no": "S4", "earned": 79, "of_orders": 84},
        ),
        (
            "update mixpay.settlements set earned = earned - 1 where settlement_no = 'S2'",
            {"settlement_no": "S2"},
        ),
        (
            "update mixpay.settlements set amount = 101 where settlement_no = 'S2'",
            {"settlement_no": "S2", "amount": 101, "of_lines": 100},
        ),
    ],
    "settlement_is_in_the_facts_once": [
        (
            SETTLEMENT_FACT.format(
                "'settlement', 'S2', 9, 1, '', 'settled', 'payee', 'V', 'bank', 'main', 100, 'CNY'"
            ),
            {"settlement_no": "S2", "steps": ">settled >settled", "paid_out": 200},
        ),
        (
            "delete from mixpay.facts where number = 'S5'",
            {"settlement_no": "S5", "steps": None},
        ),
        (
            "update mixpay.settlements set state = 'settled' where settlement_no = 'S1'",
            {"settlement_no": "S1", "came_back": 100},
        ),
        (
            "update mixpay.settlements set amount = 12 where settlement_no = 'S3'",
            {"settlement_no": "S3", "amount": 12, "paid_out": 11},
        ),
        (
            "update mixpay.settlements set bank = 'x' where settlement_no = 'S2'",
            {"settlement_no": "S2", "bank": "x", "accounts": "payee:V bank:main"},
        ),
        (
            "update mixpay.settlements set bank = null where settlement_no = 'S2'",
            {"settlement_no": "S2", "bank": None, "accounts": "payee:V bank:main"},
        ),
        # It failed, and came back from elsewhere.
        (
            "update mixpay.facts set from_owner = 'x' where number = 'S1' and entry = 2",
            {"settlement_no": "S1", "bank": "main"},
        ),
        (
            "delete from mixpay.facts where number = 'S6' and from_state = 'reversed'",
            {"settlement_no": "S6", "state": "settled", "came_back": 70},
        ),
        (
            "update mixpay.facts set from_owner = 'S' where number = 'S2'",
            {"settlement_no": "S2"},
        ),
        (
            "update mixpay.facts set currency = 'JPY' where number = 'S2'",
            {"settlement_no": "S2", "amount": 100, "paid_out": None},
        ),
        (
            "delete from mixpay.settlements where settlement_no = 'S4'",
            {"settlement_no": "S4", "state": None, "paid_out": 79},
        ),
        (
            "update mixpay.facts set amount = 99 where number = 'S1' and entry = 2",
            {"settlement_no": "S1", "came_back": 99},
        ),
    ],
    "settlements_follow_one_another": [
        ("update mixpay.settlements set nth = 3 where settlement_no = 'S2'", {"expected_nth": 2}),
        (
            "update mixpay.settlements set nth = 0 where settlement_no = 'S1'",
            {"nth": 0, "expected_nth": 1},
        ),
        (
            "update mixpay.settlements set from_xid = until_xid where settlement_no = 'S2'",
            {"settlement_no": "S2", "nth": 2},
        ),
        # The one before ended later.
        (
            "update mixpay.settlements set until_at = '2100-01-01Z' where settlement_no = 'S1'",
            {"settlement_no": "S2", "nth": 2},
        ),
        (
            "update mixpay.settlements set from_epoch = 0 where settlement_no = 'S2'",
            {"settlement_no": "S2"},
        ),
        (
            "update mixpay.settlements set until_at = '2026-01-01Z' where settlement_no = 'S2'",
            {"settlement_no": "S2"},
        ),
        # A debt is forgotten, a repayment is not carried in, or twice.
        (
            "update mixpay.settlements set carried_out = 0, amount = 25 "
            "where settlement_no = 'S5'; " + SETTLEMENT.format("'S8', 3", "'S5'"),
            {"settlement_no": "S8"},
        ),
        (SETTLEMENT.format("'S8', 3", "'S5'"), {"settlement_no": "S8", "brought_back": 35}),
        (
            "update mixpay.settlements set carried_in = 0 where settlement_no = 'S5'",
            {"settlement_no": "S5", "brought_back": 0, "by_its_end": 5},
        ),
        (
            "update mixpay.settlements set carried_in = 10 where settlement_no = 'S5'",
            {"settlement_no": "S5", "brought_back": 10, "by_its_end": 5},
        ),
        (
            "delete from mixpay.facts where number = 'S1' and to_state = 'reversed'",
            {"settlement_no": "S2", "brought_back": 100, "by_its_end": 0},
        ),
        # What it had paid out after all is paid out once more.
        (
            "update mixpay.facts set from_state = 'reversed', from_account = 'payee', "
            "from_owner = 'V', to_account = 'bank', to_owner = 'main' "
            "where number = 'S1' and to_state = 'reversed'",
            {"settlement_no": "S2", "brought_back": 100, "left_again": 100},
        ),
        # Of a payee and a receiver of one name, and of two currencies, each begins anew.
        *(
            (
                f"update mixpay.settlements set {column} = '{value}' where settlement_no = 'S2'",
                {"settlement_no": "S2", "nth": 2, "expected_nth": 1},
            )
            for column, value in [("account", "receiver"), ("currency", "JPY")]
        ),
        # It came to the receiver of this name, in other money, or too late.
        *(
            (
                f"update mixpay.facts set {column} = {value} where log = 'repayment'",
                {"settlement_no": "S5", "brought_back": 5, "by_its_end": 0},
            )
            for column, value in [
                ("to_account", "'receiver'"),
                ("currency", "'JPY'"),
                ("epoch", "2"),
                ("xid", "(select until_xid from mixpay.settlements where settlement_no = 'S5')"),
                ("created_at", "now()"),
            ]
        ),
        (
            "update mixpay.settlements set carried_in = 1 where settlement_no = 'S1'",
            {"settlement_no": "S1", "brought_back": 1, "left_again": 0},
        ),
    ],
    "split_divided_is_the_sum_of_its_shares": [
        (
            "update mixpay.splits set divided = 79 where split_no = 'X1'",
            {"split_no": "X1", "divided": 79, "shares": 80},
        ),
        (
            "update mixpay.trade_orders set split_no = null where order_no = 'M'",
            {"split_no": "X1", "strange_line": "M"},
        ),
        (
            "update mixpay.trade_orders set split_no = 'X1' where order_no = 'A'",
            {"split_no": "X1", "strange_line": "A"},
        ),
        (
            "update mixpay.trade_orders set split_no = 'X9' where order_no = 'B'",
            {"split_no": "X9", "divided": None, "strange_line": "B"},
        ),
        (
            "update mixpay.split_shares set trade_no = 'T1' where split_no = 'X1' and position = 1",
            {"split_no": "X1", "strange_shares": 1},
        ),
        ("delete from mixpay.split_shares where split_no = 'X1'", {"divided": 80, "shares": 0}),
    ],
    "surplus_account_holds_what_was_not_sent_back": [
        (
            "update mixpay.payments set surplus = 1 where payment_no = 'P3'",
            {"payment_no": "P3", "in_journal": None, "not_sent_back": 1},
        ),
        (
            "delete from mixpay.facts where payment_no = 'P2' and from_account = 'surplus'",
            {"payment_no": "P2", "in_journal": 10, "not_sent_back": 0},
        ),
        (
            FACT.format(
                "'T1', 999, 'payment', 'PX', 'A', null, null, null, 'channel', 'surplus', 5"
            ),
            {"payment_no": "PX", "in_journal": 5, "not_sent_back": None},
        ),
    ],
    "each_bounce_is_of_one_transfer": [
        (
            "update mixpay.channel_refunds set state = 'bounced' where refund_no = 'RAG'",
            {"bounces": 1, "transfers": 2},
        ),
        ("delete from mixpay.bounced_transfers", {"bounces": 1, "transfers": 0}),
        (
            "update mixpay.facts set to_state = 'failed' where to_state = 'bounced'",
            {"bounces": 0, "transfers": 1},
        ),
    ],
    "transfers_are_numbered_without_gaps": [
        (
            "update mixpay.channel_refunds set nth = 3 where refund_no = 'RAG'",
            {"transfers": 2, "numbers": 2, "last": 3},
        ),
        (
            "update mixpay.bounced_transfers set nth = 2",
            {"transfers": 2, "numbers": 1, "last": 2},
        ),
        (
            "update mixpay.bounced_transfers set nth = 0",
            {"transfers": 2, "numbers": 2, "last": 2},
        ),
    ],
    "each_of_ours_is_in_one_match": [
        (
            "update mixpay.line_matches set number = 'Z1' where number = 'Z2'",
            {"number": "Z1", "lines": 2, "rules": 1},
        ),
        (
            "update mixpay.line_matches set number = 'Z1', rule = 'amount'",
            {"number": "Z1"},
        ),
        (
            "update mixpay.line_matches set number = 'Z1', rule = 'batch' where number = 'Z3'",
            {"number": "Z1", "lines": 2},
        ),
    ],
    "line_is_what_it_pays_together": [
        (
            "update mixpay.unmatched_items set theirs = 59 where number = 'O-92'",
            {"statement_no": "S-3", "theirs": 150, "parts": 149},
        ),
        (
            "delete from mixpay.unmatched_items where number = 'O-92'",
            {"statement_no": "S-3", "parts": 90, "items": 1},
        ),
        (
            "update mixpay.unmatched_lines set result = 'expected' where statement_no = 'S-3'",
            {"statement_no": "S-3", "theirs": None},
        ),
        (
            "delete from mixpay.unmatched_items where number = 'O-92'; "
            "update mixpay.unmatched_items set theirs = 150 where statement_no = 'S-3'",
            {"statement_no": "S-3", "parts": 150, "items": 1},
        ),
        (
            "update mixpay.line_matches set (statement_no, line_no, part) = "
            "(select i.statement_no, i.line_no, i.part from mixpay.unmatched_items as i "
            "where i.number = 'O-92') where number = 'Z1'",
            {"statement_no": "S-3", "theirs": 150, "parts": 150},
        ),
        *(
            (
                f"update mixpay.unmatched_items set {column} = {value} where statement_no = 'S-3'",
                {"theirs": None, "parts": 150, "items": 2},
            )
            for column, value in [
                ("statement_no", "'S-9'"),
                ("line_no", "9"),
                ("part", "'x'"),
                ("account", "'channel'"),
                ("owner", "'x'"),
            ]
        ),
    ],
    "reconciled_line_has_one_result": [
        *(
            (
                f"update mixpay.statement_lines set part = 'x' where line_no = {line_no}",
                {"line_no": line_no, "of_match": None, "result": None},
            )
            for line_no in (2, 3)
        ),
        (
            "update mixpay.unmatched_lines set line_no = 1 where line_no = 3",
            {"line_no": 1, "of_match": "matched", "result": "missing_here"},
        ),
        ("update mixpay.statements set reconciled_at = null", {"line_no": 2, "of_match": "amount"}),
        (
            "update mixpay.statements set resolution_no = 'E2' where statement_no = 'S-1'",
            {"line_no": 2, "of_match": "amount"},
        ),
        (
            "update mixpay.statements set reconciled_at = null; delete from mixpay.line_matches",
            {"line_no": 3, "of_match": None, "result": "missing_here"},
        ),
        (
            "update mixpay.unmatched_lines set line_no = 1, result = 'expected' where line_no = 3",
            {"line_no": 1, "of_match": "matched", "result": "expected"},
        ),
    ],
    "match_says_what_its_line_says": [
        (
            "update mixpay.line_matches set theirs = 80 where line_no = 2",
            {"line_no": 2, "theirs": 80, "amount": 79},
        ),
        (
            "update mixpay.line_matches set theirs = 78 where line_no = 2",
            {"line_no": 2, "theirs": 78, "amount": 79},
        ),
        # Of what failed nothing moved.
        (
            "update mixpay.statement_lines set state = 'failed' where line_no = 2",
            {"line_no": 2, "theirs": 79},
        ),
        (
            "update mixpay.line_matches set fee_theirs = 0 where number = 'Z1'",
            {"line_no": 1, "fee_theirs": 0, "fee": 1},
        ),
        (
            "update mixpay.line_matches set fee_theirs = null where number = 'Z1'",
            {"line_no": 1, "fee_theirs": None, "fee": 1},
        ),
        (
            "update mixpay.line_matches set fee_theirs = 2 where number = 'Z1'",
            {"line_no": 1, "fee_theirs": 2, "fee": 1},
        ),
        *(
            (
                f"update mixpay.line_matches set {column} = '{value}' where line_no = 2",
                {"line_no": 2, "theirs": 79},
            )
            for column, value in [
                ("owner", "card"),
                ("account", "bank"),
                ("currency", "JPY"),
                ("part", "x"),
            ]
        ),
        (
            "update mixpay.unmatched_lines set happened_at = now() where line_no = 4",
            {"line_no": 4},
        ),
        (
            "update mixpay.line_matches set line_no = 9 where line_no = 2",
            {"line_no": 9, "amount": None},
        ),
        (
            "update mixpay.line_matches set theirs = 0 where line_no = 2",
            {"theirs": 0, "amount": 79},
        ),
        (
            "update mixpay.line_matches set statement_no = 'S-9' where line_no = 2",
            {"statement_no": "S-9", "line_no": 2, "amount": None},
        ),
        (
            "update mixpay.line_matches set fee_theirs = 2, rule = 'amount' where number = 'Z1'",
            {"line_no": 1, "fee_theirs": 2, "fee": 1},
        ),
    ],
    "statement_totals_are_those_of_its_lines": [
        (
            "update mixpay.statements set line_count = 3 where statement_no = 'S-1'",
            {"statement_no": "S-1", "stored": 3, "lines": 4},
        ),
        (
            "update mixpay.statement_totals set amount = 287 where statement_no = 'S-1'",
            {"currency": "CNY", "stored": 287, "lines": 286},
        ),
        (
            "update mixpay.statement_totals set fee = 1 where statement_no = 'S-1'",
            {"statement_no": "S-1"},
        ),
        (
            "delete from mixpay.statement_totals",
            {"statement_no": "S-2", "currency": "CNY", "stored": None},
        ),
        (
            "delete from mixpay.statement_lines where statement_no = 'S-2'",
            {"statement_no": "S-2", "lines": 0},
        ),
        (
            "delete from mixpay.statement_lines where statement_no = 'S-2'",
            {"statement_no": "S-2", "currency": "CNY", "lines": None},
        ),
        (
            "update mixpay.statement_totals set line_count = 5 where statement_no = 'S-1'",
            {"statement_no": "S-1", "currency": "CNY"},
        ),
        (
            "update mixpay.statement_totals set currency = 'JPY' where statement_no = 'S-1'",
            {"statement_no": "S-1", "currency": "JPY", "lines": None},
        ),
    ],
    "what_is_open_here_is_not_matched": [
        (
            "update mixpay.unmatched_items set result = 'expected' where number = 'Z3'",
            {"number": "Z3", "result": "expected", "statement_no": "S-2"},
        ),
        (
            "update mixpay.unmatched_items set line_no = 1, part = '' where number = 'Z3'",
            {"number": "Z3", "result": "matched", "statement_no": "S-2"},
        ),
        (
            "update mixpay.unmatched_items set batch_no = 'B' where number = 'Z3'",
            {"number": "Z3", "result": "matched", "statement_no": "S-2"},
        ),
        (
            "update mixpay.unmatched_items set result = 'missing_there' where number = 'Z3'",
            {"number": "Z3", "result": "missing_there"},
        ),
    ],
    "reconciliation_adds_up": [
        (
            "update mixpay.unmatched_lines set result = 'matched' where line_no = 3",
            {"account": "channel", "owner": "bank", "theirs": 339, "lines": 346},
        ),
        (
            "update mixpay.line_matches set theirs = 9 where line_no = 2; "
            "update mixpay.unmatched_items set batch_no = 'N', theirs = 5 where number = 'Z4'",
            {"theirs": 281, "lines": 351},
        ),
        ("delete from mixpay.line_matches where line_no = 2", {"theirs": 267, "lines": 346}),
        (
            "update mixpay.statement_lines set currency = 'JPY' where line_no = 3",
            {"currency": "JPY", "theirs": None, "lines": 7},
        ),
        (
            "update mixpay.line_matches set theirs = 80 where line_no = 2",
            {"theirs": 347, "lines": 346},
        ),
        (
            "update mixpay.statement_lines set state = 'failed' where statement_no = 'S-3'",
            {"account": "bank", "owner": "giro", "theirs": 150, "lines": None},
        ),
    ],
    "what_is_matched_is_on_record": [
        # What came in went out.
        (
            "update mixpay.line_matches set ours = -ours, rule = 'amount' where number = 'Z1'",
            {"number": "Z1", "ours": -100, "on_record": 100},
        ),
        (
            "update mixpay.payments set amount = amount + 1 where payment_no = 'Z1'",
            {"number": "Z1", "ours": 100, "on_record": 101},
        ),
        (
            "update mixpay.line_matches set number = 'Z9' where number = 'Z1'",
            {"number": "Z9", "on_record": None},
        ),
        (
            "update mixpay.line_matches set number = 'Z1', rule = 'batch' "
            "where number in ('Z1', 'Z3')",
            {"number": "Z1", "ours": 160, "on_record": 100},
        ),
        (
            "update mixpay.unmatched_items set kind = 'settlement' where number = 'Z4'",
            {"number": "Z4", "on_record": None},
        ),
        # Of each kind, what is on record is another amount, or of another channel or bank.
        *(
            (
                f"update mixpay.unmatched_items set (kind, number, account, owner) = "
                f"row('{kind}', ({number}), '{account}', '{of}') where number = 'Z4'",
                {"kind": kind, "ours": 40, "on_record": amount if of == owner else None},
            )
            for kind, number, account, owner, amount in [
                ("payment", "'P1'", "channel", "card", 100),
                ("refund", OF_R1, "channel", "card", -30),
                ("refund_reversal", OF_R1, "channel", "card", 30),
                ("return", "'V1'", "channel", "wechat", -100),
                ("chargeback", "'C1'", "channel", "wechat", -1000),
                ("chargeback_fee", "'C1'", "channel", "wechat", -15),
                ("repayment", "'B1'", "bank", "main", 5),
                ("adjustment", "'J2'", "bank", "main", 5),
                ("fee", "'F1'", "channel", "transfer", -2),
                ("payout", "'O1'", "channel", "transfer", -60),
                ("payout_reversal", "'O1'", "bank", "main", 60),
                ("settlement", "'S2'", "bank", "main", -100),
                ("settlement_reversal", "'S2'", "bank", "main", 100),
            ]
            for of in (owner, "x")
        ),
        # Nothing of this number, or something else, or of another kind of account.
        *(
            (
                f"update mixpay.unmatched_items set (kind, number, account, owner) = "
                f"row('{kind}', '{number}', '{account}', '{owner}') where number = 'Z4'",
                {"kind": kind, "ours": 40, "on_record": None},
            )
            for kind, number, account, owner in [
                ("refund", "N", "channel", "alipay"),
                ("chargeback", "N", "channel", "wechat"),
                ("repayment", "N", "bank", "main"),
                ("adjustment", "N", "bank", "main"),
                ("fee", "N", "channel", "transfer"),
                ("settlement", "N", "bank", "main"),
                ("adjustment", "J2", "channel", "main"),
                *(("payment", number, "bank", "main") for number in ("B1", "J2", "O1", "S2")),
                ("payment", "F1", "channel", "transfer"),
                ("payment", "C1", "channel", "wechat"),
            ]
        ),
        (
            "update mixpay.unmatched_items set (kind, number) = "
            f"row('payment', ({OF_R1})) , owner = 'card' where number = 'Z4'",
            {"kind": "payment", "ours": 40, "on_record": None},
        ),
        # Of a chargeback without a fee, and of which nothing came back.
        *(
            (
                "update mixpay.chargebacks set (fee, reversed) = (0, 0); "
                "update mixpay.unmatched_items set (kind, number, owner) = "
                f"row('{kind}', 'C1', 'wechat') where number = 'Z4'",
                {"kind": kind, "ours": 40, "on_record": None},
            )
            for kind in ("chargeback_fee", "chargeback_reversal")
        ),
        (
            "update mixpay.unmatched_items set (kind, number) = row('chargeback_reversal', 'C1') "
            "where number = 'Z4'",
            {"kind": "chargeback_reversal", "ours": 40, "on_record": None},
        ),
    ],
    "standing_resolution_is_on_record": [
        ("delete from mixpay.resolutions", {"resolution_no": "E1", "action": None, "line_no": 3}),
        (
            "update mixpay.unmatched_lines set resolution_no = null where line_no = 3",
            {"resolution_no": "E1", "action": "ignored", "line_no": None},
        ),
        (
            "update mixpay.unmatched_items set resolution_no = 'E1' where number = 'Z4'",
            {"resolution_no": "E1", "number": "Z4"},
        ),
        ("update mixpay.resolutions set owner = 'card'", {"resolution_no": "E1", "line_no": 3}),
        (
            "update mixpay.statements set resolution_no = null",
            {"resolution_no": "E2", "action": "withdrawn", "statement_no": None},
        ),
        (
            "update mixpay.statements set resolution_no = 'E2' where statement_no = 'S-3'",
            {"resolution_no": "E2", "statement_no": "S-3"},
        ),
        (
            RESOLVED.format("'N', 'taken_back', 'E1'"),
            {"resolution_no": "E1", "action": None, "line_no": 3},
        ),
        (
            "update mixpay.line_matches set resolution_no = 'E1' where line_no = 2",
            {"resolution_no": "E1", "line_no": 2},
        ),
        (
            "update mixpay.unmatched_lines set statement_no = 'S-2' where line_no = 3",
            {"resolution_no": "E1", "statement_no": "S-2", "line_no": 3},
        ),
        (
            "update mixpay.resolutions set account = 'bank' where resolution_no = 'E1'",
            {"resolution_no": "E1", "line_no": 3},
        ),
        (
            "update mixpay.resolutions set action = 'ignored'",
            {"resolution_no": "E2", "statement_no": "S-4"},
        ),
        (
            "update mixpay.resolutions set (statement_no, line_no, part, kind, number) = "
            "(null, null, null, 'payment', 'Z3') where resolution_no = 'E1'; "
            "update mixpay.unmatched_items set resolution_no = 'E1' where number = 'Z4'",
            {"resolution_no": "E1", "kind": "payment", "number": "Z4"},
        ),
        (
            "update mixpay.resolutions set (statement_no, line_no, part, kind, number) = "
            "(null, null, null, 'payout', 'Z4') where resolution_no = 'E1'; "
            "update mixpay.unmatched_items set resolution_no = 'E1' where number = 'Z4'",
            {"resolution_no": "E1", "kind": "payment", "number": "Z4"},
        ),
        ("update mixpay.resolutions set part = 'x'", {"resolution_no": "E1", "line_no": 3}),
    ],
}

# What bears the name of giro's account.
GIRO = ("statements", "unmatched_lines", "unmatched_items", "reconciled_accounts")
# By check: what looks like what it finds, and is right, as far as this check goes.
RIGHT: dict[str, list[str]] = {
    "bank_holds_what_channels_paid_and_was_not_paid_out": [
        BEFORE_BANKS,
    ],
    "cause_stands_before_effect": [
        # Without money; in another log or trade; at once.
        FACT.format(
            "'T1', 0, 'refund', null, null, 'R3', 'sent', 'failed', null, null, null), "
            "('T2', 0, 'refund', null, 'A', 'R3', null, null, 'order', 'refund', 5), "
            "('T9', 0, 'refund', null, 'A', 'R3', null, null, 'order', 'refund', 5"
        )
        + "; update mixpay.facts set log = 'settlement', log_no = 'T1' "
        "where log_no = 'T9' and entry = 0; update mixpay.facts set from_account = 'payee', "
        "from_owner = 'S', to_account = 'order', to_owner = 'A', amount = 5 "
        "where number = 'R3' and from_state = ''",
        # Before its epoch was on record, though another one was.
        "update mixpay.facts set entry = 999 where number = 'R1' and from_state = ''; "
        "update mixpay.epochs set created_at = 'infinity'; "
        "insert into mixpay.epochs values (2, '2000-01-01Z')",
    ],
    "changes_of_state_follow_one_another": [
        # A refund of several trades.
        FACT.format(
            "'T2', 999, 'refund', null, null, 'R1', 'processing', 'succeeded', null, null, null"
        ),
    ],
    "channel_refund_amount_is_its_details": [OF_TWO],
    "chargeback_is_what_it_took_and_lost": [
        # Of a refund that a chargeback left alone, and of one that failed, it took nothing.
        "update mixpay.refunds set (kind, chargeback_no) = ('surplus', 'C1') "
        "where refund_no = 'RQ'",
        "update mixpay.refunds set (kind, chargeback_no) = ('chargeback', 'C1') "
        "where refund_no = 'RQ'; "
        "update mixpay.refund_details set freed = true where refund_no = 'RQ'",
        # Something else of its number.
        MOVE.format("'T10', 999, 'return', null, null, 'C1', 'loss', null, 'channel', 'card', 5")
        + "; update mixpay.facts set payment_no = 'P10' where entry = 999",
    ],
    "detail_is_in_the_facts_once": [
        # Money that was sent comes back.
        FACT.format("'T1', 999, 'refund', 'P1', 'A', 'R3', null, null, 'channel', 'refund', 60"),
        # In another log.
        FACT.format("'T9', 999, 'refund', 'P1', 'A', 'R3', null, null, 'order', 'refund', 60")
        + "; update mixpay.facts set log = 'settlement', log_no = 'T1' where entry = 999",
        # Its surplus was to go back, and did not.
        "update mixpay.refund_details set freed = true where payment_no = 'P2'; "
        + FACT.format(
            "'T1', 999, 'refund', 'P2', null, (select refund_no from mixpay.refund_details "
            "where payment_no = 'P2'), null, null, 'refund', 'surplus', 10"
        ),
    ],
    "each_of_ours_is_in_one_match": [
        # A batch of several lines.
        "update mixpay.line_matches set number = 'Z1', rule = 'batch' where number in ('Z1', 'Z3')",
    ],
    "facts_are_numbered_without_gaps": [
        # Its moment came in a second fact: how many there are to be, only the first one says.
        "update mixpay.channel_fees set charged_at = '2025-01-01' where fee_no = 'F1'; "
        + RECORDED.format("'channel_fee'", "'F1'", *["null"] * 5)
        + "; update mixpay.facts set entry = 2 where number = 'F1' and entry = 9",
    ],
    "fifo_starts_at_the_oldest_money": [
        # Nothing of it is left.
        "update mixpay.trades set fifo_paid_at = now() + '1 year' where trade_no = 'T2'; "
        "update mixpay.payments set refunded = applied where trade_no = 'T2'",
    ],
    "free_money_covers_what_is_lost": [
        # Nothing is lost.
        "update mixpay.returns set lost = 0; "
        "update mixpay.payments set refunded = 99 where payment_no = 'P11'",
        # It is an order's.
        "update mixpay.chargebacks set order_no = 'Q'; "
        "update mixpay.payments set refunded = 999 where payment_no = 'P10'",
    ],
    "line_is_what_it_pays_together": [
        # Another line, and another part of this one, are in a match.
        "update mixpay.line_matches set statement_no = 'S-3' where line_no = 2; "
        "update mixpay.line_matches set statement_no = 'S-3', part = 'x' where number = 'Z1'",
    ],
    "loss_account_holds_what_is_lost": [
        # By an adjustment.
        "update mixpay.facts set from_account = 'loss', from_owner = 'wechat' where number = 'J2'",
    ],
    "match_says_what_its_line_says": [
        # Nothing of it has moved yet, or all of it is taken for moved.
        *(
            "update mixpay.statement_lines set state = 'processing' where line_no = 2; "
            f"update mixpay.line_matches set theirs = {theirs} where line_no = 2"
            for theirs in (0, 79)
        ),
    ],
    "moment_on_record_is_the_rows": [
        # Something else of this number, and in another log.
        FACT.format(
            "'T1', 999, 'refund', null, null, 'P2', 'processing', 'succeeded', null, null, null), "
            "('T9', 998, 'payment', 'P2', null, null, 'pending', 'succeeded', null, null, null"
        )
        + "; update mixpay.facts set log = 'settlement' where entry = 998",
    ],
    "money_sent_back_is_never_above_what_arrived": [
        "update mixpay.channel_refunds set amount = 71, state = 'bounced' where refund_no = 'R3'",
    ],
    "movement_is_in_at_most_one_settlement": [
        # The same stretch of another account, or of other money.
        *(
            f"update mixpay.settlements set {column} = '{value}', from_xid = '0', from_epoch = 0 "
            "where settlement_no = 'S2'"
            for column, value in [("account", "receiver"), ("currency", "JPY")]
        ),
        # The later one has the lower number.
        "update mixpay.settlements set settlement_no = 'S0' where settlement_no = 'S2'",
        # One is within the other, and empty.
        *(
            "update mixpay.settlements set (settlement_no, from_epoch, from_xid, until_epoch, "
            f"until_xid) = ('{number}', 1, '1', 1, '1') where settlement_no = 'S2'"
            for number in ("S0", "S2")
        ),
    ],
    "no_fact_is_of_a_transaction_to_come": [
        # Before the database was restored elsewhere.
        "insert into mixpay.epochs values (2); "
        "update mixpay.facts set xid = '4000000000' where log_no = 'T1' and entry = 1",
    ],
    "nothing_is_released_in_dispute": [
        # After it; of another order; in another trade or log.
        FACT.format(
            "'T7', 999, 'release', null, 'K', null, '', 'released', null, null, null), "
            "('T7', 998, 'release', null, 'X', null, '', 'released', null, null, null), "
            "('T1', 999, 'release', null, 'L', null, '', 'released', null, null, null), "
            "('T2', 999, 'release', null, 'L', null, '', 'released', null, null, null"
        )
        + "; update mixpay.facts set log = 'settlement', log_no = 'T7' "
        "where log_no = 'T2' and entry = 999",
    ],
    "order_state_on_record_is_what_its_lines_say": [
        # From before changes were written down, and none since.
        "update mixpay.orders set changes_on_record = false where order_no = 'B'; "
        "update mixpay.facts set order_from_state = null, order_to_state = null "
        "where to_owner = 'B'",
    ],
    "outside_got_what_was_paid_out": [
        BEFORE_BANKS,
    ],
    "owners_have_what_was_cleared_to_them_and_not_paid_out": [
        # Two orders of one trade, each with a split; and an order's split in another of its trades.
        "update mixpay.trade_orders set trade_no = 'T9', position = 2 where trade_no = 'T8'; "
        "update mixpay.split_shares set trade_no = 'T9' where trade_no = 'T8'",
        "update mixpay.trade_orders set split_no = 'X1' where trade_no = 'T3'",
        # A payee is the receiver of a fee, too.
        "update mixpay.split_receivers set receiver = 'V' where receiver = 'bank'; "
        "update mixpay.facts set to_owner = 'V' where to_account = 'channel_fee' "
        "and to_owner = 'bank'; update mixpay.facts set from_owner = 'V' "
        "where from_account = 'channel_fee' and from_owner = 'bank'",
        # A chargeback takes from a payee.
        "update mixpay.facts set entity = 'chargeback' where number = 'L3'",
    ],
    "payment_is_in_the_facts_once": [
        # Its surplus was to go back, and did not; in another log.
        FACT.format(
            "'T1', 999, 'refund', 'P2', null, 'X', null, null, 'refund', 'surplus', 10), "
            "('T9', 998, 'payment', 'P1', 'A', null, null, null, 'channel', 'order', 5"
        )
        + "; update mixpay.facts set log = 'settlement', log_no = 'T1' where entry = 998",
    ],
    "payouts_are_never_above_what_came_in": [
        # Reversed, and it had arrived after all: it may have been paid out twice.
        "update mixpay.settlements set amount = 101 where settlement_no = 'S6'",
        # It came in by a repayment.
        "update mixpay.facts set log = 'repayment', log_no = 'B9' "
        "where number = 'L3' and amount is not null",
    ],
    "pending_payments_belong_to_trades_that_are_not_closed": [
        "update mixpay.trades set state = 'closed' where trade_no = 'T1'",
    ],
    "reconciliation_adds_up": [
        # Of a line that failed, and of a match, nothing has moved.
        "update mixpay.statement_lines set state = 'failed' where line_no = 3; "
        "update mixpay.unmatched_lines set theirs = 0 where line_no = 3",
        "update mixpay.line_matches set theirs = 0 where line_no = 2",
        # A match that has moved nothing is of no line that is left: one of another number, the
        # part of one, or one of another statement.
        *(
            "delete from mixpay.statement_lines where line_no = 2; update mixpay.line_matches "
            f"set theirs = 0, {of} where line_no = 2"
            for of in ("line_no = 2", "line_no = 3, part = 'x'", "line_no = 3, statement_no = 'S'")
        ),
        # It is not compared yet.
        "update mixpay.statements set reconciled_at = null where statement_no = 'S-2'; "
        "delete from mixpay.line_matches where statement_no = 'S-2'",
        # A batch pays out for the channel, and neither for the bank of its name nor another
        # channel, nor in other money.
        *(
            "update mixpay.unmatched_items set batch_no = 'N', theirs = 5 where number = 'Z4'; "
            + "; ".join(
                f"update mixpay.{table} set {column} = '{value}' where owner = 'giro'"
                for table in GIRO
            )
            for column, value in [("owner", "bank"), ("account", "channel")]
        ),
        "update mixpay.unmatched_items set batch_no = 'N', theirs = 5 where number = 'Z4'; "
        "update mixpay.statement_lines set currency = 'JPY' where line_no = 3; "
        "update mixpay.unmatched_lines set currency = 'JPY' where line_no = 3",
    ],
    "recorded_movement_is_in_the_facts_once": [
        # Its moment came later.
        RECORDED.format("'channel_fee'", "'F1'", *["null"] * 5),
    ],
    "refund_details_are_first_in_first_out": [
        # Somebody said which payment.
        "update mixpay.refunds set payment_nos = '{P1}' where refund_no = 'R1'",
    ],
    "refund_state_follows_from_its_channel_refunds": [
        OF_TWO,
        "update mixpay.channel_refunds set state = 'written_off' where refund_no = 'R1'",
    ],
    "refund_took_back_what_was_cleared": [
        # What was in escrow.
        MOVE.format("'T7', 999, 'refund', 'K', 'RK', null, 'order', null, 'refund', null, 5"),
        # Where an order is split at payment, it may be rounded otherwise.
        "update mixpay.channel_refunds set cleared = 1 where refund_no = 'RN'",
    ],
    "release_is_in_the_facts_once": [
        # Two of one order.
        "update mixpay.releases set order_no = 'K' where release_no = 'L2'; "
        "update mixpay.facts set order_no = 'K' where number = 'L2'",
    ],
    "repricings_follow_one_another": [
        repricings(("N1", "A", 1, 1, 90, 95), ("N2", "A", 2, 1, 95, 100)),
    ],
    "return_is_what_it_took_and_lost": [
        # Of a refund that a return left alone, and of one that failed, it took nothing.
        "update mixpay.refunds set (kind, return_no) = ('surplus', 'V1') where refund_no = 'RU'",
        "update mixpay.refunds set (kind, return_no) = ('return', 'V1') where refund_no = 'RU'; "
        "update mixpay.refund_details set freed = true where refund_no = 'RU'",
        # Neither un-applied nor lost.
        MOVE.format(
            "'T11', 998, 'return', 'U', null, 'V1', 'order', null, 'refund', 'x', 5), "
            "('T11', 999, 'return', null, null, 'V1', 'channel', null, 'surplus', 'P11', 5"
        )
        + "; update mixpay.facts set payment_no = 'P11' where entry >= 998",
    ],
    "rounding_account_holds_what_was_written_off": [
        # In and out; and by an adjustment.
        "update mixpay.facts set to_account = 'rounding' where number = 'J1'; "
        "update mixpay.channel_refunds set state = 'written_off' where channel = 'alipay'; "
        + MOVE.format(
            "'T7', 998, 'refund', 'L', 'X', null, 'refund', null, 'rounding', 'alipay', 75), "
            "('T7', 999, 'refund', 'L', 'X', null, 'rounding', 'alipay', 'refund', null, 5"
        ),
    ],
    "settlement_is_in_the_facts_once": [
        BEFORE_BANKS,
    ],
    "settlements_follow_one_another": [
        # What was brought back, and had arrived after all.
        SETTLEMENT.format("'S8', 2", "'S6'")
        + "; update mixpay.settlements set (from_epoch, from_xid, until_xid, until_at) = "
        "(until_epoch, until_xid, '4000000000', now()) where settlement_no = 'S8'",
        # At the very end.
        "update mixpay.facts set created_at = (select until_at from mixpay.settlements "
        "where settlement_no = 'S5') where log = 'repayment'",
        "update mixpay.settlements set until_at = (select until_at from mixpay.settlements "
        "where settlement_no = 'S2') where settlement_no = 'S1'",
    ],
    "standing_resolution_is_on_record": [
        # What was taken back is no difference any more, and what takes it back need not be one.
        "update mixpay.unmatched_lines set resolution_no = null where line_no = 3; "
        + RESOLVED.format("'N', 'taken_back', 'E1'"),
        # What was booked by mistake, and its opposite.
        "update mixpay.unmatched_lines set resolution_no = 'N' where line_no = 3; "
        + RESOLVED.format("'N', 'taken_back', 'E1'"),
        # Of something of ours, and of no line.
        "update mixpay.unmatched_lines set resolution_no = null where line_no = 3; "
        "update mixpay.unmatched_items set resolution_no = 'E1' where number = 'Z4'; "
        "update mixpay.resolutions set (statement_no, line_no, part, kind, number) = "
        "(null, null, null, 'payment', 'Z4') where resolution_no = 'E1'",
    ],
    "statement_totals_are_those_of_its_lines": [
        # It is not sealed yet.
        "update mixpay.statements set sealed_at = null where statement_no = 'S-1'; "
        "delete from mixpay.statement_totals where statement_no = 'S-1'",
    ],
    "successor_stands_for_its_predecessor": [
        f"update mixpay.channel_refunds set state = '{state}' where channel_refund_no in "
        "(select redirected_from from mixpay.channel_refunds)"
        for state in ("succeeded", "bounced")
    ],
    "surplus_details_are_never_above_surplus": [
        "update mixpay.refund_details set amount = 11, freed = true where payment_no = 'P2'",
    ],
    "surplus_is_sent_back": [
        # What a return or a chargeback took and left of it.
        *(
            f"update mixpay.refunds set kind = 'surplus' where kind = '{kind}'"
            for kind in ("return", "chargeback")
        ),
    ],
    "trade_holds_what_came_in_and_did_not_go_back": [
        # In a log of this name.
        "update mixpay.facts set log_no = 'T1' where number = 'F1'",
    ],
    "what_is_matched_is_on_record": [
        # Part of a chargeback came back, and then more.
        "update mixpay.unmatched_items set (kind, number, owner) = "
        "('chargeback_reversal', 'C1', 'wechat') where number = 'Z4'",
        # Nothing of it has moved.
        "update mixpay.unmatched_items set ours = 0 where number = 'Z4'",
        # Two lines say it together.
        "update mixpay.line_matches set number = 'Z1', rule = 'batch', ours = 50 "
        "where number in ('Z1', 'Z3')",
        # Two say it, each for itself: it is another truth that is broken.
        "update mixpay.line_matches set number = 'Z1', ours = 100 where number in ('Z1', 'Z3')",
    ],
    "what_is_open_here_is_not_matched": [
        # Something else of this number.
        *(
            f"update mixpay.unmatched_items set number = 'Z1', {column} = '{value}' "
            "where number = 'Z4'"
            for column, value in [("account", "bank"), ("owner", "card"), ("kind", "refund")]
        ),
    ],
}


def test_every_check_fires(
    shop: Shop, connect: Callable[..., Connection[Any]], subtests: pytest.Subtests
) -> None:
    open_for_a_week(shop)
    open_for_another_week(shop)
    # All until the first fold in one, and then another.
    let_folds_be_small(shop, 100)
    open_for_a_third_week(shop)
    open_for_a_week_of_returns(shop)
    open_for_a_fourth_week(shop)
    open_for_a_week_of_statements(shop)
    assert len(shop.query("select from mixpay.balance_folds")) == 2
    # A repricing with the number of a trade, and notes about something of everything.
    shop.merge("TY", Y=10)
    # A refund that came back and went once more.
    shop.merge("TAG", AG=10)
    shop.pay("TAG", "PAG", 10, "bank")
    shop.refund("AG", "RAG", 10)
    shop.complete("RAG", "PAG", "XW1")
    shop.bounce("RAG", "PAG")
    shop.complete("RAG", "PAG", "XW2")
    shop.call("reprice_order", "Y", "T1", "9", "a discount")
    shop.conn.execute(NOTES)
    conn = connect(autocommit=False)
    conn.execute(KEEP)
    # Once, for all: what breaks a truth is taken back each time, and all hold again.
    conn.execute(UNGUARD)
    assert all_hold(conn)
    conn.execute(PREPARE_ANOTHER)
    add_another = dict(conn.execute(ADD_ANOTHER, [[f"_{name}" for name in BREAKS]]).fetchall())
    assert add_another.keys() == BREAKS.keys()
    conn.execute(database.WHOLE_TABLES)
    conn.commit()
    cursor = conn.cursor(row_factory=dict_row)
    for name, breaks in BREAKS.items():
        conn.execute(f"prepare {name} as select * from mixpay._{name}")
        check = f"execute {name}"
        for break_it, shown in breaks:
            with subtests.test(name, break_it=break_it), conn.transaction(force_rollback=True):
                conn.execute(break_it)
                rows = cursor.execute(check).fetchall()
                assert any(shown.items() <= row.items() for row in rows), rows
                assert {row["merchant_id"] for row in rows} == {"m"}, rows
                conn.execute(add_another[name], prepare=False)
                beside = cursor.execute(check).fetchall()
                if "mixpay.epochs" in break_it:  # Epochs are everybody's.
                    beside = [row for row in beside if row["merchant_id"] == "m"]
                assert sorted(map(str, beside)) == sorted(map(str, rows))
        for change in RIGHT.get(name, ()):
            with subtests.test(name, change=change), conn.transaction(force_rollback=True):
                assert all(result.rowcount for result in conn.execute(change).results())
                conn.execute(add_another[name], prepare=False)
                assert not cursor.execute(check).fetchall()
    conn.rollback()


def test_states_of_refunds_are_checked_by_key(shop: Shop) -> None:
    """Whatever the statistics say: no refund has all of its merchant's channel refunds read."""
    shop.merge("T", A=100)
    shop.pay("T", "P", 100)
    for i in range(20):
        shop.refund("A", f"R{i}", 1)
    for way in ("seqscan", "bitmapscan", "hashjoin", "mergejoin"):
        shop.conn.execute(f"set enable_{way} = off".encode())
    check = "select * from mixpay._refund_state_follows_from_its_channel_refunds"
    plan = "\n".join(line for (line,) in shop.query(f"explain {check}"))
    [condition] = re.findall(r" on channel_refunds x .*\n\s*Index Cond: (.*)", plan)
    assert all(f"{key} = " in condition for key in ("merchant_id", "refund_no", "payment_no"))


def test_every_check_has_a_break() -> None:
    assert set(BREAKS) == {path.stem for path in (resources.sql_dir() / "checks").glob("*.sql")}
    assert RIGHT.keys() <= BREAKS.keys()


@pytest.mark.parametrize("query", ["select 'm' as merchant_id", "select from pg_class limit 1"])
@pytest.mark.parametrize("name", ["a", "m", "z"])
def test_what_any_check_finds_is_noticed_after_a_test(
    conn: Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, query: str
) -> None:
    folder = tmp_path / "checks"
    shutil.copytree(resources.sql_dir() / "checks", folder)
    with monkeypatch.context() as patched, conn.transaction(force_rollback=True):
        patched.setattr(resources, "sql_dir", lambda: tmp_path)
        assert all_hold(conn)
        conn.execute(f"create view mixpay._{name} as {query}".encode())
        (folder / f"{name}.sql").touch()
        assert not all_hold(conn)
        conn.execute(f"drop view mixpay._{name}".encode())
        with pytest.raises(psycopg.Error):
            all_hold(conn)
