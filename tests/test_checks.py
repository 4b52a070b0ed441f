"""Every query in sql/checks fires when the truth of its name is broken by hand."""

from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import dict_row
from shop import Shop, open_for_a_week, open_for_another_week

from mixpay_db import resources

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
            i.indisunique and i.indpred is not null
            and i.indrelid in (
                select oid from pg_class where relnamespace = 'mixpay'::regnamespace
            )
    loop
        execute v_drop;
    end loop;
end;
$unguard$;
"""

FACT = """
insert into mixpay.facts (
    merchant_id, trade_no, entry, entity, payment_no, order_no, refund_no,
    from_state, to_state, from_account, to_account, amount, happened_at
)
values ('m', {}, now())
"""

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
    ],
    "cancelled_line_needs_nothing": [
        ("update mixpay.trade_orders set live = true where order_no = 'F'", {"order_no": "F"}),
        ("update mixpay.trade_orders set amount = 30 where order_no = 'F'", {"amount": 30}),
        (
            "update mixpay.trade_orders set cancelled_at = now() where order_no = 'C'",
            {"order_no": "C", "live": True},
        ),
    ],
    "changes_of_state_are_legal": [
        (
            FACT.format(
                "'T1', 999, 'payment', 'P1', null, null, 'succeeded', 'pending', null, null, null"
            ),
            {"trade_no": "T1", "entry": 999, "to_state": "pending"},
        ),
    ],
    "changes_of_state_follow_one_another": [
        (
            FACT.format(
                "'T1', 999, 'payment', 'P1', null, null, 'pending', 'failed', null, null, null"
            ),
            {"number": "P1", "from_state": "pending", "was": "succeeded"},
        ),
    ],
    "channel_holds_what_came_in_and_did_not_go_back": [
        (
            "update mixpay.payments set amount = amount + 1 where payment_no = 'P3'",
            {"channel": "wallet", "in_minus_out": 40, "held": 41},
        ),
        ("delete from mixpay.anomalies", {"channel": "card"}),
        (
            "update mixpay.anomaly_resolutions set resolution = 'written_off'",
            {"channel": "card"},
        ),
        ("update mixpay.anomaly_resolutions set resolution = 'recovered'", {"channel": "card"}),
        ("delete from mixpay.facts where payment_no = 'P3'", {"channel": "wallet", "held": 40}),
    ],
    "channel_refund_amount_is_its_details": [
        (
            "update mixpay.channel_refunds set amount = 61 where refund_no = 'R3'",
            {"amount": 61, "detail": 60},
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
        ("delete from mixpay.facts where refund_no = 'R1'", {"refund_no": "R1", "reserved": 0}),
        (
            FACT.format(
                "'T1', 999, 'channel_refund', 'P1', 'A', 'R3', null, null, 'refund', 'order', 60"
            ),
            {"refund_no": "R3", "reserved": 0},
        ),
    ],
    "facts_are_numbered_without_gaps": [
        ("delete from mixpay.facts where trade_no = 'T1' and entry = 2", {"trade_no": "T1"}),
        ("delete from mixpay.facts where trade_no = 'T4'", {"trade_no": "T4", "facts": 0}),
        ("update mixpay.trades set last_entry = 99 where trade_no = 'T2'", {"trade_no": "T2"}),
    ],
    "line_paid_is_what_was_allocated_to_it": [
        ("update mixpay.trade_orders set paid = 41 where trade_no = 'T2'", {"order_no": "C"}),
        (
            "delete from mixpay.facts where to_order_no = 'G'",
            {"order_no": "G", "paid": 20, "allocated": 0},
        ),
        (
            "delete from mixpay.facts where to_order_no = 'G'",
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
        ("update mixpay.trade_orders set refunded = 1 where order_no = 'B'", {"details": 0}),
    ],
    "live_lines_belong_to_open_trades": [
        ("update mixpay.trade_orders set live = true where trade_no = 'T3'", {"trade_no": "T3"}),
        ("update mixpay.trade_orders set live = false where trade_no = 'T4'", {"trade_no": "T4"}),
    ],
    "merchant_books_sum_to_zero": [
        (
            FACT.format("'T1', 999, 'payment', 'P1', null, null, null, null, 'channel', 'lost', 7"),
            {"merchant_id": "m"},
        ),
        (
            "update mixpay.facts set from_account = 'lost' where from_account = 'outside'",
            {"merchant_id": "m"},
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
    "order_is_never_held_above_its_amount": [
        ("update mixpay.orders set amount = 79 where order_no = 'C'", {"order_no": "C"}),
        ("update mixpay.trade_orders set paid = 1 where trade_no = 'T3'", {"order_no": "E"}),
    ],
    "order_refunded_is_never_above_its_paid": [
        (
            "update mixpay.refund_details set amount = 71 where refund_no = 'R3'",
            {"order_no": "A", "paid": 100, "refunded": 101},
        ),
    ],
    "order_stands_once_in_a_trade_of_its_currency": [
        (
            "update mixpay.trade_orders set order_no = 'A' where order_no = 'B'",
            {"trade_no": "T1", "order_no": "A", "lines": 2},
        ),
        ("update mixpay.orders set currency = 'JPY' where order_no = 'C'", {"order_no": "C"}),
    ],
    "payee_holds_what_its_orders_hold": [
        ("update mixpay.trade_orders set paid = 101 where order_no = 'A'", {"payee_no": "S"}),
        ("update mixpay.trade_orders set paid = 51 where order_no = 'B'", {"payee_no": None}),
        # Of another payee than the order that it came from.
        ("update mixpay.facts set to_order_no = 'F' where to_order_no = 'G'", {"payee_no": "S"}),
        ("update mixpay.facts set to_order_no = 'F' where to_order_no = 'G'", {"payee_no": None}),
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
        ("update mixpay.payments set amount = 41 where payment_no = 'P3'", {"payment_no": "P3"}),
        (
            "update mixpay.payments set applied = 25, surplus = 0 where payment_no = 'P5'",
            {"applied_in_facts": 20, "surplus_in_facts": 5},
        ),
        (
            "delete from mixpay.facts where from_account = 'order' and to_account = 'surplus'",
            {"payment_no": "P5", "applied_in_facts": 25, "surplus_in_facts": None},
        ),
    ],
    "payment_refunded_is_never_above_amount": [
        ("update mixpay.payments set refunded = 41 where payment_no = 'P3'", {"payment_no": "P3"}),
        ("update mixpay.payments set refunded = -1 where payment_no = 'P3'", {"payment_no": "P3"}),
    ],
    "payment_refunded_is_the_sum_of_its_details": [
        ("update mixpay.payments set refunded = 1 where payment_no = 'P3'", {"payment_no": "P3"}),
        ("update mixpay.refund_details set freed = true where refund_no = 'R3'", {"details": 30}),
    ],
    "payment_surplus_refunded_is_the_sum_of_its_details": [
        (
            "update mixpay.payments set surplus_refunded = 1 where payment_no = 'P3'",
            {"payment_no": "P3"},
        ),
    ],
    "fifo_starts_at_the_oldest_money": [
        (
            "update mixpay.trades set fifo_paid_at = now() + '1 year', fifo_seq = 1 "
            "where trade_no = 'T2'",
            {"trade_no": "T2"},
        ),
    ],
    "payments_are_numbered_without_gaps": [
        ("update mixpay.payments set seq = 9 where payment_no = 'P3'", {"trade_no": "T2"}),
        ("update mixpay.payments set seq = 1 where payment_no = 'P2'", {"trade_no": "T1"}),
        ("update mixpay.trades set last_seq = 9 where trade_no = 'T3'", {"trade_no": "T3"}),
    ],
    "pending_payments_belong_to_trades_that_are_not_closed": [
        (
            "update mixpay.payments set trade_no = 'T3' where payment_no = 'P4'",
            {"payment_no": "P4", "trade_no": "T3"},
        ),
    ],
    "refund_amount_is_the_sum_of_its_details": [
        ("update mixpay.refunds set amount = 31 where refund_no = 'R1'", {"refund_no": "R1"}),
        ("delete from mixpay.refund_details where refund_no = 'R1'", {"details": 0}),
    ],
    "refund_details_are_first_in_first_out": [
        (
            "update mixpay.refund_details set payment_no = 'P2' where refund_no = 'R1'",
            {"refund_no": "R1", "payment_no": "P2", "stored": 30, "replayed": None},
        ),
        (
            "update mixpay.payments set paid_at = '2025-01-01' where payment_no = 'P2'",
            {"refund_no": "R1", "payment_no": "P2", "stored": None, "replayed": 30},
        ),
    ],
    "refund_state_follows_from_its_channel_refunds": [
        ("update mixpay.refunds set state = 'failed' where refund_no = 'R1'", {"refund_no": "R1"}),
        ("update mixpay.refunds set succeeded = 29 where refund_no = 'R1'", {"refund_no": "R1"}),
        ("update mixpay.refunds set freed = 1 where refund_no = 'R1'", {"refund_no": "R1"}),
        (
            "update mixpay.channel_refunds set state = 'succeeded' where refund_no = 'R3'",
            {"refund_no": "R3", "state": "processing"},
        ),
    ],
    "standing_detail_has_one_channel_refund": [
        (
            "update mixpay.channel_refunds set state = 'failed' where refund_no = 'R3'",
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
    ],
    "state_on_record_is_the_rows": [
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
        (
            "delete from mixpay.facts where trade_no = 'T4'",
            {"entity": "trade", "number": "T4", "on_record": None},
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
    ],
    "surplus_is_sent_back": [
        ("update mixpay.payments set surplus = 9 where payment_no = 'P2'", {"payment_no": "P2"}),
        ("delete from mixpay.refund_details where payment_no = 'P5'", {"details": 0}),
        (
            "update mixpay.refunds set kind = 'order' where kind = 'reversal'",
            {"payment_no": "P5", "surplus": 5, "details": 0},
        ),
    ],
    "surplus_details_are_never_above_surplus": [
        (
            "update mixpay.refund_details set amount = 11 where payment_no = 'P2'",
            {"payment_no": "P2", "surplus_details": 11},
        ),
    ],
    "trade_amount_is_the_sum_of_its_lines": [
        ("update mixpay.trades set amount = 81 where trade_no = 'T2'", {"trade_no": "T2"}),
        ("delete from mixpay.trade_orders where trade_no = 'T4'", {"trade_no": "T4", "lines": 0}),
    ],
    "trade_holds_what_came_in_and_did_not_go_back": [
        ("update mixpay.payments set amount = 41 where payment_no = 'P3'", {"trade_no": "T2"}),
        ("delete from mixpay.anomalies", {"trade_no": "T1"}),
        ("delete from mixpay.anomaly_resolutions", {"trade_no": "T6"}),
        (
            "update mixpay.anomaly_resolutions set resolution = 'recovered'",
            {"trade_no": "T6", "in_minus_out": 10, "held": 20},
        ),
        ("delete from mixpay.facts where payment_no = 'P3'", {"trade_no": "T2"}),
    ],
    "trade_paid_is_the_sum_of_its_lines": [
        ("update mixpay.trades set paid = 41 where trade_no = 'T2'", {"trade_no": "T2"}),
    ],
    "trade_paid_is_what_its_payments_applied": [
        ("update mixpay.trades set paid = 41 where trade_no = 'T2'", {"trade_no": "T2"}),
        ("update mixpay.payments set applied = 41 where payment_no = 'P3'", {"applied": 41}),
    ],
    "trade_refunded_is_the_sum_of_its_lines": [
        ("update mixpay.trades set refunded = 91 where trade_no = 'T1'", {"trade_no": "T1"}),
    ],
    "trade_state_follows_from_its_paid": [
        ("update mixpay.trades set state = 'paid' where trade_no = 'T2'", {"trade_no": "T2"}),
        ("update mixpay.trades set state = 'open' where trade_no = 'T1'", {"trade_no": "T1"}),
        ("update mixpay.trades set state = 'lost' where trade_no = 'T3'", {"trade_no": "T3"}),
    ],
}


def test_every_check_fires(
    shop: Shop, connect: Callable[..., Connection[Any]], subtests: pytest.Subtests
) -> None:
    open_for_a_week(shop)
    open_for_another_week(shop)
    conn = connect(autocommit=False)
    for name, breaks in BREAKS.items():
        check = (resources.sql_dir() / "checks" / f"{name}.sql").read_text()
        for break_it, shown in breaks:
            with subtests.test(name, break_it=break_it):
                assert conn.execute(check).fetchall() == []
                conn.execute(UNGUARD)
                conn.execute(break_it)
                rows = conn.cursor(row_factory=dict_row).execute(check).fetchall()
                assert any(shown.items() <= row.items() for row in rows), rows
            conn.rollback()


def test_every_check_has_a_break() -> None:
    assert set(BREAKS) == {path.stem for path in (resources.sql_dir() / "checks").glob("*.sql")}
