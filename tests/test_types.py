"""A type checker tells the two kinds of connection apart, and wrong arguments from right ones."""

from pathlib import Path

import pytest

RIGHT = """
from typing import assert_type
import psycopg
import mixpay_db

def calls(conn: psycopg.Connection) -> None:
    orders: list[mixpay_db.OrderToMerge] = [{"order_no": "A", "amount": 1, "currency": "CNY"}]
    assert_type(mixpay_db.merge_orders(conn, "mall", orders, "T"), mixpay_db.Trade)
    assert_type(mixpay_db.preview_refund(conn, "mall", "A", 1), list[mixpay_db.RefundShare])
    shares: list[mixpay_db.ShareToSplit] = [{"receiver": "agent", "rate": 250}]
    assert_type(mixpay_db.split_order(conn, "mall", "A", "S", shares), list[mixpay_db.SplitList])
    assert_type(mixpay_db.settle_payee(conn, "mall", "P", "N", None), mixpay_db.Settlement)

async def awaits(conn: psycopg.AsyncConnection) -> None:
    refund = await mixpay_db.refund_order(conn, "mall", "A", "R", 1, payment_nos=["P"])
    assert_type(refund, mixpay_db.Refund)
"""
WRONG = """
import psycopg
import mixpay_db

def calls(conn: psycopg.Connection) -> None:
    mixpay_db.preview_refund(conn, "mall", "A", 1.5)
    mixpay_db.preview_refund(conn, "mall", "A")
    mixpay_db.merge_orders(conn, "mall", [{"order_no": "A", "price": 1, "currency": "CNY"}])
    mixpay_db.refund_order(conn, "mall", "A", "R", 1).paid
    mixpay_db.split_order(conn, "mall", "A", "S", [{"receiver": "agent", "percent": 2}])
    mixpay_db.settle_payee(conn, "mall", "P", "N", "yesterday")
"""


def check(tmp_path: Path, text: str) -> list[str]:
    mypy = pytest.importorskip("mypy.api")
    file = tmp_path / "calls_it.py"
    file.write_text(text, encoding="utf-8")
    cache = f"--cache-dir={tmp_path / 'cache'}"
    told, complaints, _ = mypy.run([str(file), cache, "--strict", "--no-error-summary"])
    assert not complaints
    return [line for line in told.splitlines() if ": error: " in line]


def test_right_calls_have_their_types(tmp_path: Path) -> None:
    assert check(tmp_path, RIGHT) == []


def test_wrong_calls_are_told(tmp_path: Path) -> None:
    lines = {int(line.split(":")[1]) for line in check(tmp_path, WRONG)}
    assert lines == {6, 7, 8, 9, 10, 11}
