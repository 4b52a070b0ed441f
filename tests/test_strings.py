"""Whatever a session, a role or a database says of backslashes: the same is read, and stored."""

from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from shop import Shop

from mixpay_db import database

OFF = "-c standard_conforming_strings=off -c escape_string_warning=off"
DEFINITIONS = (
    "select conrelid::regclass::text, contypid::regtype::text, conname, pg_get_constraintdef(oid)"
    " from pg_constraint where connamespace = 'mixpay'::regnamespace order by 1, 2, 3"
)


def test_calls_read_the_same(url: str, shop: Shop) -> None:
    shop.merge("T", A=100)
    with psycopg.connect(make_conninfo(url, options=OFF), autocommit=True) as conn:
        other = Shop(conn)
        assert conn.execute("show standard_conforming_strings").fetchone() == ("off",)
        payment = {
            "trade_no": "T",
            "payment_no": "P",
            "channel": "card",
            "amount": 60,
            "paid_at": "2026-01-31T12:00:00.5+08:00",
            "channel_txn_no": "4\u5143 2",
        }
        (paid,) = other.rows("record_payments", [payment])
        assert paid.paid_at.isoformat() == "2026-01-31T04:00:00.500000+00:00"
        for wrong in ({"channel_txn_no": "a\tb"}, {"trade_no": "a b"}, {"order_no": "A"}):
            with pytest.raises(psycopg.Error, match=r"number|key"):
                other.rows("record_payments", [{**payment, "payment_no": "Q", **wrong}])
        with other.refused("MX905", "\\x1b[2J"):
            other.rows("read_events", "\x1b[2J")
        (first, *_) = other.rows("read_events")
        assert len(other.rows("read_events", first.position)) == 1
        with other.refused("MX905", "control character"):
            other.call("register_payee", "S", "a\tb")
        with other.refused("MX905", "blank"):
            other.call("register_payee", "S", "\u3000")


def test_constraints_are_stored_the_same(conn: Connection[Any], empty_url: str) -> None:
    with psycopg.connect(make_conninfo(empty_url, options=OFF), autocommit=True) as other:
        database.install(other)
    expected = conn.execute(DEFINITIONS).fetchall()
    assert len(expected) > 100
    with psycopg.connect(empty_url) as other:
        assert other.execute(DEFINITIONS).fetchall() == expected
