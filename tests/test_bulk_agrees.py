"""The bulk calls do what the single ones do, one after the other: all tables are the same."""

import json
import random
import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import Connection

Json = dict[str, Any]

# Times, transactions and numbers that we make differ; a trade of ours is named by its first line.
TABLES = {
    "orders": "order_no, payee_no, currency, amount, merge_count",
    "trades": "trade_no, currency, amount, paid, refunded, state, allocation, expires_at, "
    "last_seq, last_entry",
    "trade_orders": "trade_no, order_no, position, nth, asked, amount, paid, refunded, live, "
    "held, release_due_at",
    "payments": "payment_no, trade_no, channel, recorded, asked, amount, applied, surplus, "
    "refunded, surplus_refunded, state, channel_txn_no, paid_at, seq",
    "facts": "trade_no, entry, entity, payment_no, order_no, refund_no is null, "
    "channel_refund_no is null, from_state, to_state, from_account, to_account, amount, "
    "case when entity = 'payment' then happened_at end",
    "refunds": "kind, order_no, amount, state",
    "refund_details": "payment_no, amount, freed",
    "channel_refunds": "payment_no, channel, amount, state, reason",
}


def tables(conn: Connection[Any], merchant: str) -> dict[str, list[tuple[Any, ...]]]:
    made = conn.execute(
        "select trade_no, order_no || '/' || nth from mixpay.trade_orders "
        "where merchant_id = %s and position = 1",
        [merchant],
    ).fetchall()
    names = dict(made)
    found = {}
    for table, columns in TABLES.items():
        rows = conn.execute(
            f"select {columns} from mixpay.{table} where merchant_id = %s", [merchant]
        )
        named = [tuple(names.get(value, value) for value in row) for row in rows]
        found[table] = sorted(named, key=repr)
    return found


def attempt(conn: Connection[Any], calls: list[Callable[[], Any]]) -> tuple[Any, ...] | None:
    """All or nothing; what the database said if it was nothing."""
    try:
        with conn.transaction():
            for call in calls:
                call()
    except psycopg.Error as error:
        told = (error.sqlstate, error.diag.message_primary, error.diag.message_detail)
        return tuple(re.sub("Merchant (single|bulk) ", "It ", text or "") for text in told)
    return None


@pytest.fixture(params=["fifo", "pro_rata"])
def merchants(request: pytest.FixtureRequest, conn: Connection[Any]) -> None:
    for merchant in ("single", "bulk"):
        conn.execute("select mixpay.register_merchant(%s, 'M', %s)", [merchant, request.param])
        for payee in ("east", "west"):
            conn.execute("select mixpay.register_payee(%s, %s, 'P')", [merchant, payee])


def merge_single(conn: Connection[Any], trade: Json) -> None:
    conn.execute(
        "select mixpay.merge_orders('single', %s, %s, %s)",
        [json.dumps(trade["orders"]), trade.get("trade_no"), trade.get("expires_at")],
    )


def merge_bulk(conn: Connection[Any], trades: list[Json]) -> None:
    conn.execute("select mixpay.merge_many('bulk', %s)", [json.dumps(trades)])


def record_single(conn: Connection[Any], payment: Json) -> None:
    names = ("trade_no", "payment_no", "channel", "amount", "paid_at", "channel_txn_no")
    conn.execute(
        "select mixpay.record_payment('single', %s, %s, %s, %s, %s, %s)",
        [payment.get(name) for name in names],
    )


def record_bulk(conn: Connection[Any], payments: list[Json]) -> None:
    conn.execute("select mixpay.record_payments('bulk', %s)", [json.dumps(payments)])


def some_merges(dice: random.Random, before: list[Json]) -> list[Json]:
    """For one call: mostly new, some again, some with orders that are in another trade."""
    merges: list[Json] = []
    taken: set[str] = set()
    for _ in range(dice.randint(1, 6)):
        if before and dice.random() < 0.2:
            merge = dice.choice(before)
        else:
            merge = {"orders": []}
            for number in dice.sample(range(40), dice.choice([1, 1, 2, 3])):
                # An order's content follows from its number, but for a few that come changed.
                amount = number + 1 + (dice.random() < 0.02)
                order: Json = {"order_no": f"A{number}", "amount": amount, "currency": "CNY"}
                if number % 3 == 0:
                    order["payee_no"] = "east" if number % 2 else "west"
                if dice.random() < 0.2:
                    order["pay"] = dice.randint(1, amount)
                if dice.random() < 0.2:
                    order["hold"] = dice.choice([True, False, None, "2026-03-01T00:00:00Z"])
                merge["orders"].append(order)
            if dice.random() < 0.6:
                merge["trade_no"] = f"T{dice.randint(1, 60)}"
            if dice.random() < 0.2:
                merge["expires_at"] = "2030-01-01T00:00:00Z"
        named = {order["order_no"] for order in merge["orders"]} | {merge.get("trade_no", "-")}
        if not named - {"-"} & taken:
            taken |= named
            merges.append(merge)
    return merges


def some_payments(dice: random.Random, trades: list[str], before: list[Json]) -> list[Json]:
    """For one call: enough for some trades, too little or too much for others, some again."""
    payments: list[Json] = []
    for _ in range(dice.randint(1, 12)):
        again = [*before, *payments]
        if again and dice.random() < 0.15:
            payments.append(dice.choice(again))
            continue
        payment: Json = {
            "trade_no": dice.choice(trades),
            "payment_no": f"P{len(before) + len(payments)}",
            "channel": dice.choice(["card", "cash", "wallet"]),
            "amount": dice.choice([1, 2, 5, 10, 20, 40]),
            "paid_at": f"2026-01-{dice.randint(1, 28):02}T12:00:00+08:00",
        }
        if dice.random() < 0.2:
            payment["channel_txn_no"] = f"X{payment['payment_no']}"
        payments.append(payment)
    if dice.random() < 0.25:
        spoil = {
            "amount": dice.choice([0, -1, None, 3, 10**16, 10**18 - 1]),
            "channel": dice.choice(["bitcoin", None, "bank"]),
            "trade_no": dice.choice(["none", None, ""]),
            "payment_no": dice.choice(["P 1", None, "P" * 65, "P0"]),
            "channel_txn_no": dice.choice(["X 1", "", "XP0", "XP1", "XP2"]),
        }
        name = dice.choice(list(spoil))
        place = dice.randrange(len(payments))
        payments[place] = {**payments[place], name: spoil[name]}
    return payments


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.usefixtures("merchants")
def test_merge_many_does_what_merge_orders_does(conn: Connection[Any], seed: int) -> None:
    dice = random.Random(seed)
    before: list[Json] = []
    refused = 0
    for _ in range(25):
        merges = some_merges(dice, before)
        single = attempt(conn, [lambda m=merge: merge_single(conn, m) for merge in merges])
        bulk = attempt(conn, [lambda m=merges: merge_bulk(conn, m)])

        # Which of several wrong things is told first is not promised; that something is, is.
        assert (single is None) == (bulk is None), (single, bulk, merges)
        refused += single is not None
        if single is None:
            before += merges
        assert tables(conn, "bulk") == tables(conn, "single")
    assert 0 < refused < 25


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.usefixtures("merchants")
def test_record_payments_does_what_record_payment_does(conn: Connection[Any], seed: int) -> None:
    dice = random.Random(seed)
    trades = []
    for i in range(12):
        orders = [
            {"order_no": f"A{i}-{n}", "amount": dice.randint(1, 50), "currency": "CNY"}
            for n in range(dice.choice([1, 1, 2, 4]))
        ]
        trades.append({"trade_no": f"T{i}", "orders": orders})
    # One is closed, because its orders are merged again.
    trades.append({"trade_no": "T12", "orders": trades[0]["orders"]})
    for trade in trades:
        merge_single(conn, trade)
        merge_bulk(conn, [trade])
    before: list[Json] = []
    refused = 0
    for _ in range(20):
        payments = some_payments(dice, [trade["trade_no"] for trade in trades], before)
        single = attempt(conn, [lambda p=payment: record_single(conn, p) for payment in payments])
        bulk = attempt(conn, [lambda p=payments: record_bulk(conn, p)])

        assert bulk == single
        refused += single is not None
        if single is None:
            before += payments
        assert tables(conn, "bulk") == tables(conn, "single")
    assert 0 < refused < 20


@pytest.mark.usefixtures("merchants")
def test_record_payments_returns_them_in_the_order_of_the_call(conn: Connection[Any]) -> None:
    merge_bulk(
        conn,
        [
            {"trade_no": "T1", "orders": [{"order_no": "A", "amount": 9, "currency": "CNY"}]},
            {"trade_no": "T2", "orders": [{"order_no": "B", "amount": 9, "currency": "CNY"}]},
        ],
    )
    payments = [
        {"trade_no": trade_no, "payment_no": payment_no, "channel": "card", "amount": 5}
        for trade_no, payment_no in [("T2", "P4"), ("T1", "P3"), ("T2", "P2"), ("T1", "P3")]
    ]
    rows = conn.execute(
        "select payment_no, trade_no, seq, applied, surplus, refunded "
        "from mixpay.record_payments('bulk', %s)",
        [json.dumps(payments)],
    ).fetchall()

    assert rows == [
        ("P4", "T2", 1, 5, 0, 0),
        ("P3", "T1", 1, 5, 0, 0),
        ("P2", "T2", 2, 4, 1, 1),
        ("P3", "T1", 1, 5, 0, 0),
    ]
