"""A transaction that stays open: what settlements say of it, here, and that it may, elsewhere."""

from collections.abc import Callable, Iterator
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
    with psycopg.connect(url) as idle:
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
    with psycopg.connect(url) as idle:
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
    with psycopg.connect(url) as idle:
        idle.execute("select pg_current_xact_id()")
        shop.pay("T", "P2", 7)
        (attempt,) = shop.rows("settle_all")
        assert (attempt.amount, attempt.left_out) == (100, 7)


def test_min_horizon_is_a_moment(shop: Shop) -> None:
    with shop.refused("MX905"):
        settle(shop, min_horizon="infinity")


@pytest.fixture
def elsewhere(url: str) -> Iterator[Connection[Any]]:
    """A session of another database of the server, in a transaction that has an id."""
    with psycopg.connect(conninfo.make_conninfo(url, dbname="postgres")) as session:
        session.execute("select pg_current_xact_id()")
        yield session


def test_e54_who_is_in_another_database_keeps_nothing_back(
    shop: Shop, elsewhere: Connection[Any], connect: Connect
) -> None:
    """It cannot write here. Whoever here began before it or after it still counts."""
    shop.pay("T", "P2", 7)
    assert settle(shop, min_horizon=datetime.now(UTC)).amount == 107
    assert [e.number for e in shop.rows("read_events") if e.entity == "payment"] == ["P1", "P2"]
    assert shop.query("select from mixpay.horizon where pid = %s", elsewhere.info.backend_pid) == []
    shop.call("fold_balances")
    slow = Shop(connect(autocommit=False), shop.merchant)
    slow.call("merge_orders", [{**orders(B=50)[0], "payee_no": "S"}], "U")
    shop.call("merge_orders", [{**orders(C=30)[0], "payee_no": "S"}], "V")
    shop.pay("V", "P4", 30)
    assert (settle(shop, "N2").amount, settle(shop, "N2").left_out) == (0, 30)
    slow.pay("U", "P3", 50)
    slow.conn.commit()
    # Both are in the next one: what a transaction began to write early was not passed over.
    assert settle(shop, "N3").amount == 80
    assert shop.query("select sum(amount)::bigint as paid_out from mixpay.settlements") == [(187,)]


def test_e54_nor_does_what_is_prepared_there(shop: Shop, url: str) -> None:
    if shop.query("show max_prepared_transactions") == [("0",)]:
        pytest.skip("this server prepares no transactions (max_prepared_transactions)")
    name = f"e54-{shop.conn.info.dbname}"
    with psycopg.connect(conninfo.make_conninfo(url, dbname="postgres"), autocommit=True) as other:
        other.execute("begin")
        other.execute("select pg_current_xact_id()")
        other.execute(f"prepare transaction '{name}'".encode())
        try:
            shop.pay("T", "P2", 7)
            assert settle(shop, min_horizon=datetime.now(UTC)).amount == 107
        finally:
            other.execute(f"rollback prepared '{name}'".encode())


@pytest.mark.usefixtures("elsewhere")
def test_e54_what_this_transaction_wrote_is_not_final_for_itself(shop: Shop) -> None:
    """Others pass over nothing of it either."""
    with shop.conn.transaction():
        shop.pay("T", "P2", 7)
        assert (settle(shop).amount, settle(shop).left_out) == (100, 7)
    assert settle(shop, "N2").amount == 7
