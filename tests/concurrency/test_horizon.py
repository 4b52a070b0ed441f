"""A transaction that stays open, anywhere on the server: what settlements say of it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg import Connection, conninfo
from shop import Shop, orders

Connect = Callable[..., Connection[Any]]


@pytest.fixture(autouse=True)
def paid(shop: Shop) -> None:
    """100 that are final, of a payee who is about to get 7 more."""
    shop.call("register_payee", "S", "Seller")
    shop.call("merge_orders", [{**orders(A=107)[0], "payee_no": "S"}], "T")
    shop.pay("T", "P1", 100)
    shop.until_final()


def settle(shop: Shop, number: str = "N1", **named: Any) -> Any:
    return shop.call("settle_payee", "S", number, None, "CNY", **named)


def test_e54_what_is_left_out_is_told(shop: Shop, url: str) -> None:
    """The session may be in another database, and have no right here at all."""
    with psycopg.connect(conninfo.make_conninfo(url, dbname="postgres")) as idle:
        idle.execute("select pg_current_xact_id()")
        shop.pay("T", "P2", 7)
        settlement = settle(shop)
        assert (settlement.amount, settlement.left_out) == (100, 7)
        (listed,) = shop.query("select * from mixpay.settlement_list")
        assert listed.left_out == 7
    shop.until_final()
    assert (settle(shop, "N2").amount, settle(shop, "N2").left_out) == (7, 0)


def test_e54_whoever_wants_all_of_it_is_refused(shop: Shop, url: str) -> None:
    before = datetime.now(UTC)
    with psycopg.connect(conninfo.make_conninfo(url, dbname="postgres")) as idle:
        idle.execute("select pg_current_xact_id()")
        shop.pay("T", "P2", 7)
        with shop.refused("MX417", 7):
            settle(shop, min_horizon=datetime.now(UTC))
        with shop.refused("MX417", 7):
            shop.call(
                "settle_payee", "S", "N1", None, min_horizon=datetime.now(UTC), currency="CNY"
            )
        # All until then is final.
        assert settle(shop, min_horizon=before).amount == 100
    shop.until_final()
    assert settle(shop, "N2", min_horizon=datetime.now(UTC)).amount == 7


def test_e54_settle_all_tells_it_too(shop: Shop, url: str) -> None:
    with psycopg.connect(conninfo.make_conninfo(url, dbname="postgres")) as idle:
        idle.execute("select pg_current_xact_id()")
        shop.pay("T", "P2", 7)
        (attempt,) = shop.rows("settle_all")
        assert (attempt.amount, attempt.left_out) == (100, 7)


def test_min_horizon_is_a_moment(shop: Shop) -> None:
    with shop.refused("MX905"):
        settle(shop, min_horizon="infinity")
