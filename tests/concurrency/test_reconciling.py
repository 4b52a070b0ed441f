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


def ignore(shop: Shop, number: str) -> Any:
    return shop.call("ignore_difference", number, "Zoe", None, "S1", 1)


def book(shop: Shop, number: str) -> Any:
    return shop.call("book_line", number, "S1", 1, "Zoe", trade_no="T")


def write_off(shop: Shop, number: str) -> Any:
    return shop.call("write_off_difference", number, "Zoe", None, "S1", 1)


def receive(shop: Shop, number: str) -> Any:
    return shop.call("mark_received", number, "Zoe", "channel:card", "payment", "P1")


def take_back(shop: Shop, number: str) -> Any:
    return shop.call("take_back_resolution", number, "E0", "Zoe")


EACH = pytest.mark.parametrize("resolve", [ignore, book, write_off, receive, take_back])


def differing(shop: Shop) -> None:
    """S1 has a line that nobody knows, and none of P1; one of it was ignored."""
    shop.call("set_reconciliation", "channel:card", write_off_limit=9)
    load(shop, "S1", [line(1, "payment", 7, day(1), txn="Z"), line(2, "fee", -1, day(1))])
    reconcile(shop, "S1")
    shop.call("ignore_difference", "E0", "Zoe", None, "S1", 2)


@EACH
def test_e03_the_same_resolution_twice_at_once(
    shop: Shop, race: Race, resolve: Callable[[Shop, str], Any]
) -> None:
    differing(shop)
    raced = race(lambda s: resolve(s, "N1"), lambda s: resolve(s, "N1"))
    assert raced.second == raced.first


@EACH
@pytest.mark.parametrize("commit", [True, False])
def test_two_people_resolve_the_same(
    shop: Shop, race: Race, resolve: Callable[[Shop, str], Any], commit: bool
) -> None:
    differing(shop)
    raced = race(lambda s: resolve(s, "N1"), lambda s: resolve(s, "N2"), commit=commit)
    if commit:
        assert raced.second.sqlstate == ("MX432" if resolve is take_back else "MX428")
    else:
        assert raced.second.resolution_no == "N2"


@EACH
def test_e33_two_people_above_read_committed(
    shop: Shop, race: Race, resolve: Callable[[Shop, str], Any]
) -> None:
    differing(shop)
    raced = race(lambda s: resolve(s, "N1"), lambda s: resolve(s, "N2"), "repeatable read")
    assert raced.second.sqlstate == "40001"


@EACH
def test_resolved_while_it_is_reconciled(
    shop: Shop, race: Race, resolve: Callable[[Shop, str], Any]
) -> None:
    """The line's payment was recorded meanwhile: the run matches it, or it is resolved before."""
    differing(shop)
    raced = race(lambda s: resolve(s, "N1"), lambda s: reconcile(s, "S1"))
    assert isinstance(raced.second, dict)


def withdraw(shop: Shop, number: str = "W1") -> Any:
    return shop.call("withdraw_statement", number, "S1", "Zoe", "the wrong map")


def test_e03_withdrawn_twice_at_once(shop: Shop, race: Race) -> None:
    load(shop, "S1", [line(1, "payment", 600, day(1), txn="X1")])
    raced = race(withdraw, withdraw)
    assert raced.second == raced.first


@pytest.mark.parametrize("commit", [True, False])
def test_two_people_withdraw_the_same(shop: Shop, race: Race, commit: bool) -> None:
    load(shop, "S1", [line(1, "payment", 600, day(1), txn="X1")])
    raced = race(withdraw, lambda s: withdraw(s, "W2"), commit=commit)
    if commit:
        assert raced.second.sqlstate == "MX433"
    else:
        assert raced.second.resolution_no == "W2"


@pytest.mark.parametrize("commit", [True, False])
def test_withdrawn_while_it_is_reconciled(shop: Shop, race: Race, commit: bool) -> None:
    load(shop, "S1", [line(1, "payment", 600, day(1), txn="X1")])
    race(lambda s: reconcile(s, "S1"), withdraw, commit=commit)
    assert results(shop, "S1") == {"1": ""}


@pytest.mark.parametrize("commit", [True, False])
def test_reconciled_while_it_is_withdrawn(shop: Shop, race: Race, commit: bool) -> None:
    load(shop, "S1", [line(1, "payment", 600, day(1), txn="X1")])
    raced = race(withdraw, lambda s: reconcile(s, "S1"), commit=commit)
    if commit:
        assert raced.second.sqlstate == "MX433"
    else:
        assert raced.second == {"theirs matched": 1}


@pytest.mark.parametrize("commit", [True, False])
def test_withdrawn_while_somebody_books_from_it(shop: Shop, race: Race, commit: bool) -> None:
    differing(shop)
    shop.call("take_back_resolution", "E1", "E0", "Zoe")
    raced = race(lambda s: book(s, "N1"), withdraw, commit=commit)
    if commit:
        assert raced.second.sqlstate == "MX434"
    else:
        assert raced.second.action == "withdrawn"


@pytest.mark.parametrize("commit", [True, False])
def test_a_line_while_it_is_withdrawn(shop: Shop, race: Race, commit: bool) -> None:
    shop.call("open_statement", "S1", "channel:card")
    raced = race(withdraw, lambda s: put(s, 1), commit=commit)
    if commit:
        assert raced.second.sqlstate == "MX433"
    else:
        assert raced.second.line_count == 1


def test_e33_withdrawn_above_read_committed(shop: Shop, race: Race) -> None:
    load(shop, "S1", [line(1, "payment", 600, day(1), txn="X1")])
    raced = race(withdraw, lambda s: withdraw(s, "W2"), "repeatable read")
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
