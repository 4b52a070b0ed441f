"""A number that was used for something else: the error says what is on record and what was sent.

So does every error about news that contradicts what is on record. Moments are said, too.
"""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from bills import line, load
from shop import Shop, day, orders

from mixpay_db.resources import sql_dir

EARLY, LATE = day(3), day(4)
SHARE = {"receiver": "agent", "fixed": 10}
# What is called twice, with what is left out the second time or is different then: the code, the
# call, what both have in common, and of one argument both values.
AGAIN: list[tuple[str, str, list[Any], dict[str, tuple[Any, Any]]]] = [
    ("MX106", "merge_orders", [], {"orders": (orders(K=10), orders(K=11)), "trade_no": ("V", "V")}),
    ("MX115", "reprice_order", ["A", "N"], {"amount": (1001, 1002), "reason": ("x", "x")}),
    ("MX202", "start_payment", ["T", "P9", 7], {"channel": ("card", "bank")}),
    (
        "MX202",
        "record_payment",
        ["T", "P8", "card"],
        {"amount": (7, 7), "paid_at": (EARLY, LATE)},
    ),
    (
        "MX208",
        "succeed_payment",
        ["P2"],
        {"channel_txn_no": ("one", "two"), "paid_at": (EARLY, LATE)},
    ),
    (
        "MX211",
        "authorize_payment",
        ["P3"],
        {"channel_txn_no": ("one", "two"), "expires_at": (EARLY, LATE)},
    ),
    (
        "MX221",
        "return_payment",
        ["P1", "V1", "x"],
        {"amount": (5, 5), "returned_at": (EARLY, LATE)},
    ),
    (
        "MX223",
        "charge_back_payment",
        ["P1", "C1"],
        {"amount": (5, 6), "reason": ("x", "x"), "charged_at": (EARLY, LATE)},
    ),
    ("MX302", "refund_order", ["A", "R9"], {"amount": (5, 6)}),
    ("MX302", "refund_order", ["A", "R7", 5], {"payment_nos": (["P1"], ["P2", "P1"])}),
    (
        "MX302",
        "record_refund",
        ["A", "R8", 5, "cash"],
        {"refunded_at": (EARLY, LATE)},
    ),
    ("MX304", "complete_channel_refund", ["<R1>"], {"channel_txn_no": ("one", "two")}),
    ("MX304", "complete_channel_refund", ["<R1>", "one"], {"refunded_at": (EARLY, LATE)}),
    ("MX402", "settle_payee", ["S", "N1"], {"until": (EARLY, LATE)}),
    (
        "MX410",
        "record_repayment",
        ["payee:S", "B1", 5, "CNY"],
        {"repaid_at": (EARLY, LATE)},
    ),
    (
        "MX412",
        "adjust_account",
        ["payee:S", "J1"],
        {"amount": (5, -6), "currency": ("CNY", "CNY"), "reason": ("x", "x")},
    ),
    ("MX413", "record_channel_fee", ["card", "F1", 5, "CNY"], {"charged_at": (EARLY, LATE)}),
    ("MX414", "record_channel_payout", ["card", "O1", 5, "CNY"], {"paid_at": (EARLY, LATE)}),
    (
        "MX421",
        "open_statement",
        ["N", "bank:main", EARLY],
        {"until_at": (LATE, LATE + timedelta(days=1))},
    ),
    (
        "MX427",
        "ignore_difference",
        ["E1", "Zoe", None, "N2"],
        {"line_no": (1, 2)},
    ),
    ("MX502", "release_order", ["H", "L1"], {"amount": (5, 6)}),
    ("MX506", "open_dispute", [], {"order_no": ("A", "H"), "dispute_no": ("D1", "D1")}),
    ("MX507", "close_dispute", ["D2"], {"outcome": ("payee", "buyer")}),
    (
        "MX509",
        "split_order",
        ["H", "S1"],
        {"shares": ([{**SHARE, "fixed": 10}], [{**SHARE, "fixed": 11}])},
    ),
]


UNCOMPARED = {"reason", "trade_no", "dispute_no"}


@pytest.fixture
def full_shop(shop: Shop) -> Shop:
    """An order of a payee that is paid and one in escrow, attempts, and a refund under way."""
    shop.call("register_payee", "S", "Store")
    a, h = orders(A=1000, H=100)
    shop.call("merge_orders", [{**a, "payee_no": "S"}, {**h, "payee_no": "S", "hold": True}], "T")
    for number in ("P2", "P3"):
        shop.start("T", number, 5)
    shop.pay("T", "P1", 1050, "card", day(1), "X1")
    shop.refund("A", "R1", 30)
    shop.call("open_dispute", "H", "D2")
    load(shop, "N2", [line(1, "fee", -1, EARLY), line(2, "fee", -1, EARLY)])
    shop.rows("reconcile", "N2")
    return shop


def said(value: Any) -> str:
    """As the error says it."""
    if isinstance(value, list):
        return " ".join(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


@pytest.mark.parametrize(
    ("code", "call", "common", "either"), AGAIN, ids=[f"{c}-{n}" for c, n, *_ in AGAIN]
)
def test_the_error_says_both(
    full_shop: Shop, code: str, call: str, common: list[Any], either: dict[str, Any]
) -> None:
    shop = full_shop
    shop.conn.execute("set timezone = 'UTC'")
    if code == "MX502":
        shop.call("close_dispute", "D2", "payee")
    common = [
        shop.channel_refund("R1", "P1").channel_refund_no if value == "<R1>" else value
        for value in common
    ]
    first, second = ({k: pair[i] for k, pair in either.items()} for i in (0, 1))
    shop.rows(call, *common, **first)
    with shop.unchanged(), pytest.raises(psycopg.DatabaseError) as refused:
        shop.rows(call, *common, **second)
    assert refused.value.sqlstate == code
    detail = refused.value.diag.message_detail or ""
    found = re.search(r"On record: (.*)\. Sent: (.*)\.$", detail)
    assert found, detail
    for key, (one, other) in either.items():
        if key in UNCOMPARED:
            continue
        if key in ("orders", "shares"):
            key, one, other = ("amount", 10, 11) if key == "orders" else ("shares", one, other)
        if key == "shares":
            one, other = (f"receiver agent {s[0]['fixed']} 0" for s in (one, other))
        if not (code == "MX208" and key == "paid_at"):
            assert f"{key} {said(one)}" in found[1], detail
        assert f"{key} {said(other)}" in found[2], detail


def test_every_such_error_is_told_alike() -> None:
    """Whoever says that a number was used for something else says it by _on_record."""
    told = set()
    for path in (Path(sql_dir()) / "functions").rglob("*.sql"):
        raised = re.findall(
            r"raise exception '[^']*(?:used for something else|otherwise)[^']*'.*?hint = ",
            path.read_text(encoding="utf-8"),
            re.DOTALL,
        )
        for one in raised:
            if "at the same time" not in one:
                code = re.search(r"MX\d{3}", one)
                assert code
                assert "_on_record(" in one or "_first_difference(" in one, path.name
                told.add(code[0])
    assert told | {"MX208", "MX304"} == {code for code, *_ in AGAIN} | {"MX311"}
