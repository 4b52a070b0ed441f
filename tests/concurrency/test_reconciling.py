"""Lines are loaded, sealed and matched once, whoever does it at the same time."""

from collections.abc import Callable
from typing import Any

import pytest
from bills import line, load, reconcile, results
from psycopg import Connection
from shop import Shop, day

Race = Callable[..., Any]


@pytest.fixture(autouse=True)
def sale(shop: Shop) -> None:
    shop.merge("T", A=1000)
    shop.pay("T", "P1", 600, "card", day(1), "X1")


def put(shop: Shop, line_no: int, amount: int = 600) -> Any:
    lines = [line(line_no, "payment", amount, day(1), txn="X1")]
    return shop.call("load_statement_lines", "S1", lines)


def test_e03_a_statement_opened_twice_at_once(race: Race) -> None:
    raced = race(
        lambda s: s.call("open_statement", "S1", "channel:card"),
        lambda s: s.call("open_statement", "S1", "channel:card"),
    )
    assert raced.second == raced.first


def test_e34_a_statement_of_two_accounts(shop: Shop, race: Race) -> None:
    for account in ("channel:card", "bank:main"):
        shop.call("set_reconciliation", account)
    raced = race(
        lambda s: s.call("open_statement", "S1", "channel:card"),
        lambda s: s.call("open_statement", "S1", "bank:main"),
    )
    assert raced.second.sqlstate == "MX421"


def test_e03_a_line_twice_at_once(shop: Shop, race: Race) -> None:
    shop.call("open_statement", "S1", "channel:card")
    raced = race(lambda s: put(s, 1), lambda s: put(s, 1))
    assert raced.second == raced.first
    assert raced.first.line_count == 1


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read"])
def test_e34_a_line_with_two_amounts(shop: Shop, race: Race, isolation: str) -> None:
    shop.call("open_statement", "S1", "channel:card")
    raced = race(lambda s: put(s, 1), lambda s: put(s, 1, 5), isolation)
    assert raced.second.sqlstate == ("MX422" if isolation == "read committed" else "40001")


@pytest.mark.parametrize("commit", [True, False])
def test_a_line_while_it_is_sealed(shop: Shop, race: Race, commit: bool) -> None:
    shop.call("open_statement", "S1", "channel:card")
    put(shop, 1)
    raced = race(lambda s: s.call("seal_statement", "S1", 1), lambda s: put(s, 2), commit=commit)
    if commit:
        assert raced.second.sqlstate == "MX423"
    else:
        assert raced.second.line_count == 2


@pytest.mark.parametrize("commit", [True, False])
def test_sealed_while_a_line_comes(shop: Shop, race: Race, commit: bool) -> None:
    shop.call("open_statement", "S1", "channel:card")
    put(shop, 1)
    raced = race(lambda s: put(s, 2), lambda s: s.call("seal_statement", "S1", 1), commit=commit)
    if commit:
        assert raced.second.sqlstate == "MX424"
    else:
        assert raced.second.line_count == 1


@pytest.mark.parametrize("commit", [True, False])
def test_two_statements_of_one_account_with_the_same_line(
    shop: Shop, race: Race, commit: bool
) -> None:
    """The second run waits, and then finds that the payment is matched."""
    for number in ("S1", "S2"):
        load(shop, number, [line(1, "payment", 600, day(1), txn="X1")])
    race(lambda s: reconcile(s, "S1"), lambda s: reconcile(s, "S2"), commit=commit)
    both = [results(shop, number)["1"] for number in ("S1", "S2")]
    assert both == (["matched P1", "duplicate"] if commit else [None or "", "matched P1"])


def test_e33_two_runs_above_read_committed(shop: Shop, race: Race) -> None:
    load(shop, "S1", [line(1, "payment", 600, day(1), txn="X1")])
    raced = race(lambda s: reconcile(s, "S1"), lambda s: reconcile(s, "S1"), "repeatable read")
    assert raced.second.sqlstate == "40001"


def test_nobody_waits_for_a_run(shop: Shop, connect: Callable[..., Connection[Any]]) -> None:
    """Neither a payment, nor another merchant's or another account's statement."""
    load(shop, "S1", [line(1, "payment", 600, day(1), txn="X1")])
    running = Shop(connect(autocommit=False))
    reconcile(running, "S1")
    shop.conn.execute("set lock_timeout = '1s'")
    shop.pay("T", "P2", 100, "card")
    load(shop, "B1", [line(1, "transfer", 5, day(1))], "bank:main")
    reconcile(shop, "B1")
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    load(other, "S1", [line(1, "payment", 600, day(1), txn="X1")])
    reconcile(other, "S1")
    running.conn.rollback()
