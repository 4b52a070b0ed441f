"""First in, first out reads the payments that it takes from, plus one, however many there are.

Counted in buffers, which depend on neither the machine nor its load. A trade with ten payments
stands in the same tables, so that the depth of the indexes is the same for both.
"""

from typing import Any

import pytest
from shop import Shop, day

pytestmark = pytest.mark.fresh_database

MANY = 10_000
REFUND = "mixpay.refund_order('m', %s, %s, 7)"
PREVIEW = "mixpay.preview_refund('m', %s, 7)"


def buffers(shop: Shop, call: str, *arguments: Any) -> int:
    """How many pages the call touches, everything it does included."""
    query = f"explain (analyze, buffers, format json) select * from {call}"
    plan = shop.query(query, *arguments)[0][0][0]["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def previewing(shop: Shop, order_no: str) -> int:
    # More than once: a session first makes its plans.
    return min(buffers(shop, PREVIEW, order_no) for _ in range(3))


def refunding(shop: Shop, order_no: str) -> int:
    """Of three payments of 3."""
    taken = len(shop.query("select from mixpay.refunds"))
    return min(buffers(shop, REFUND, order_no, f"R{taken + i}") for i in range(2))


def rows_met(node: dict[str, Any]) -> float:
    """By the part of a plan that meets most of them."""
    removed = ("Rows Removed by Filter", "Rows Removed by Join Filter")
    met = node["Actual Loops"] * sum(node.get(key, 0) for key in ("Actual Rows", *removed))
    return max([met, *map(rows_met, node.get("Plans", ()))])


def explaining(shop: Shop) -> float:
    query = "explain (analyze, timing off, format json) select * from mixpay.refund_explained"
    return rows_met(shop.query(query)[0][0][0]["Plan"])


@pytest.fixture
def trades(shop: Shop) -> None:
    shop.merge("FEW", FEW=30)
    shop.merge("MANY", MANY=3 * MANY)
    for trade_no, count in (("FEW", 10), ("MANY", MANY)):
        payments = [
            {
                "trade_no": trade_no,
                "payment_no": f"{trade_no}-{number:05}",
                "channel": "card",
                "amount": 3,
                "paid_at": day(1).isoformat(),
            }
            for number in range(count)
        ]
        for start in range(0, count, 500):
            shop.rows("record_payments", payments[start : start + 500])
    # Plans that were made while the tables were small, and the numbers they went by, are gone.
    shop.conn.execute("vacuum analyze")
    for number in range(6):
        shop.merge(f"WARM{number}", **{f"W{number}": 9})
        shop.pay(f"WARM{number}", f"W{number}", 9)
        shop.preview(f"W{number}", 7)
        shop.refund(f"W{number}", f"W{number}", 7)


@pytest.mark.usefixtures("trades")
def test_e31_a_trade_with_10000_payments_costs_no_more_than_one_with_ten(shop: Shop) -> None:
    # None spent.
    assert previewing(shop, "MANY") <= previewing(shop, "FEW") + 2
    assert refunding(shop, "MANY") <= refunding(shop, "FEW") + 5
    assert shop.preview("MANY", 4) == [("MANY-00004", 1), ("MANY-00005", 3)]

    # All but the last ten spent, by one refund.
    shop.refund("MANY", "LARGE", 3 * (MANY - 10) - 14)
    assert shop.preview("MANY", 4) == [("MANY-09990", 3), ("MANY-09991", 1)]
    # Until a vacuum their entries are still in the index, and the trade knows what lies behind.
    assert previewing(shop, "MANY") <= previewing(shop, "FEW") + 5
    shop.conn.execute("vacuum analyze")
    assert previewing(shop, "MANY") <= previewing(shop, "FEW") + 5
    assert refunding(shop, "MANY") <= refunding(shop, "FEW") + 5

    assert sum(shop.refund("MANY", "REST", 16).values()) == 16
    with shop.refused("MX301", 1, 3 * MANY, 0):
        shop.refund("MANY", "MORE", 1)

    # To explain a refund is to go once along its trade's log, with statistics and without.
    [(log,)] = shop.query("select count(*) from mixpay.facts where log_no = 'MANY'")
    [(refunds,)] = shop.query("select count(*) from mixpay.refunds where order_no = 'MANY'")
    assert explaining(shop) < 2 * refunds * log
    shop.conn.execute("delete from pg_statistic where starelid = 'mixpay.facts'::regclass")
    assert explaining(shop) < 2 * refunds * log
