"""No call reads more of a merchant because statistics are absent, old or another table's (E55).

What is counted are the pages that one call touches, in a transaction that is rolled back: in a
database with a handful of rows, and again beside thousands of the same merchant. A plan that goes
by the merchant alone, or reads a table, touches each of those rows.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection
from psycopg.types.json import Jsonb
from shop import Json, Shop, day, held, orders

THOUSANDS = 3000
# Deeper indexes take a page more for each look-up; what goes astray takes thousands.
MORE = 60
Calls = dict[str, tuple[str, list[Any]]]


def prepare(shop: Shop) -> Calls:
    """Something for each call, and the call."""
    shop.call("register_payee", "S", "Store")
    shop.merge("TO", O1=100, O2=50)
    shop.start("TO", "PO", 20)
    shop.merge("TP", P1=100, P2=50)
    shop.pay("TP", "PP1", 60, "wechat", day(80))
    shop.pay("TP", "PP2", 90, "card", day(81))
    shop.refund("P1", "R1", 30)
    shop.refund("P1", "R2", 10)
    shop.fail("R2", "PP1")
    shop.refund("P2", "R3", 20)
    shop.complete("R3", "PP1", "Y3")
    shop.call("merge_orders", held("S", day(1).isoformat(), H=100) + held("S", K=40), "TH")
    shop.pay("TH", "PH", 140, "card")
    shop.merge("TX", X=10)
    shop.conn.execute("update mixpay.trades set expires_at = now() where trade_no = 'TX'")

    def number(refund_no: str, payment_no: str) -> str:
        return str(shop.channel_refund(refund_no, payment_no).channel_refund_no)

    new = [{"order_no": "N1", "amount": 5, "currency": "CNY"}, *orders(N2=7)]
    bulk = [
        {"trade_no": "TO", "payment_no": f"B{i}", "channel": "card", "amount": 1} for i in (1, 2)
    ]
    share = [{"receiver": "agent", "rate": 1000}]
    return {
        "merge_orders": ("%s", [Jsonb(new)]),
        "merge_orders again": ("%s, 'TN'", [Jsonb(orders(X=10))]),
        "merge_many": ("%s", [Jsonb([{"orders": new}, {"orders": orders(N3=1)}])]),
        "record_payment": ("'TO', 'P', 'card', 5", []),
        "record_payments": ("%s", [Jsonb(bulk)]),
        "start_payment": ("'TO', 'P', 5, 'card'", []),
        "succeed_payment": ("'PO', 'X1'", []),
        "fail_payment": ("'PO', 'no'", []),
        "close_trade": ("'TO', 'abandoned'", []),
        "cancel_order": ("'TO', 'O1', 'gone'", []),
        "expire_trades": ("1", []),
        "preview_refund": ("'P1', 5", []),
        "refund_order": ("'P1', 'R', 5", []),
        "refund_order by name": ("'P1', 'R', 5, null, array['PP2']", []),
        "record_refund": ("'P1', 'R', 5, 'cash'", []),
        "release_order": ("'K', 'L', 5", []),
        "release_due": ("1", []),
        "open_dispute": ("'K', 'D'", []),
        "split_order": ("'K', 'S', %s", [Jsonb(share)]),
        "claim_channel_refunds": ("'w', 1", []),
        "complete_channel_refund": ("%s, 'Y'", [number("R1", "PP1")]),
        "fail_channel_refund": ("%s, 'no'", [number("R1", "PP1")]),
        "doubt_channel_refund": ("%s, 'lost'", [number("R1", "PP1")]),
        "redirect_channel_refund": ("%s, 'bank', 'again'", [number("R2", "PP1")]),
        "bounce_channel_refund": ("%s, 'closed'", [number("R3", "PP1")]),
        "settle_payee": ("'S', 'N', null, 'CNY'", []),
        "account_balance": ("'payee:S'", []),
        "account_balance of an order": ("'order:P1'", []),
    }


def fill(shop: Shop) -> None:
    """Thousands of trades, lines, payments and refunds of the same merchant."""
    numbers = range(THOUSANDS)
    trades: Json = [{"trade_no": f"F{n}", "orders": orders(**{f"FO{n}": 10})} for n in numbers]
    payments: Json = [
        {"trade_no": f"F{n}", "payment_no": f"FP{n}", "channel": "cash", "amount": 10}
        for n in numbers
    ]
    shop.rows("merge_many", trades)
    shop.rows("record_payments", payments)
    # By hand: what they left stands on a work list, and nobody claims it.
    refunds: Json = [
        {"order_no": f"FO{n}", "refund_no": f"FR{n}", "amount": 1} for n in range(0, THOUSANDS, 3)
    ]
    shop.rows("refund_orders", refunds)


def touched(conn: Connection[Any], calls: Calls) -> dict[str, int]:
    """The pages that each call touches when its plans are made."""
    found = {}
    for name, (arguments, values) in calls.items():
        function = name.partition(" ")[0]
        query = f"select * from mixpay.{function}('m', {arguments})"
        pages = []
        for _ in range(3):
            with conn.transaction(force_rollback=True):
                explain = f"explain (analyze, buffers, format json) {query}"
                ((plan,),) = conn.execute(explain.encode(), values).fetchall()
                top = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
                pages.append(top["Shared Hit Blocks"] + top["Shared Read Blocks"])
        found[name] = min(pages)
    return found


@pytest.mark.parametrize("statistics", ["absent", "old", "fresh"])
def test_e55_a_call_touches_no_more_beside_thousands(
    shop: Shop, connect: Callable[..., Connection[Any]], statistics: str
) -> None:
    calls = prepare(shop)
    if statistics == "old":
        shop.conn.execute("analyze")
    early = connect()
    few = touched(early, calls)
    fill(shop)
    if statistics == "fresh":
        shop.conn.execute("analyze")
    # Plans that were made while tables were empty, and plans that are made now.
    for session in (early, connect()):
        many = touched(session, calls)
        worse = [f"{n}: {few[n]}, now {many[n]}" for n in calls if many[n] > 2 * few[n] + MORE]
        assert "\n".join(worse) == ""


def test_e55_whoever_bends_the_planner_turns_off_what_costs_would_start(
    conn: Connection[Any],
) -> None:
    """A node that is not to be used costs 10^10 before PostgreSQL 18, and would be compiled."""
    rows = conn.execute(
        "select oid::regprocedure::text, proconfig from pg_proc"
        " where pronamespace = 'mixpay'::regnamespace and proconfig::text like '%enable_%'"
    ).fetchall()
    assert rows
    assert [name for name, settings in rows if "jit=off" not in settings] == []
