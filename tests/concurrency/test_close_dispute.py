from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection
from shop import Shop, day, on_hold

Race = Callable[..., Any]
Call = Callable[[Shop], Any]
BLIND = pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])


@pytest.fixture(autouse=True)
def disputed(shop: Shop) -> None:
    """A100 of payee S is due, and paid 80 by P; D is open."""
    shop.call("register_payee", "S", "Store")
    shop.call("merge_orders", on_hold("S", day(1).isoformat(), A=100), "T")
    shop.pay("T", "P", 80, "card", day(1))
    shop.call("open_dispute", "A", "D", "broken")


def close(outcome: str, amount: int | None = None) -> Call:
    return lambda s: s.call("close_dispute", "D", outcome, None, amount)


def money(shop: Shop) -> tuple[int, int, int]:
    """What of A is in escrow, its payee's, and refunded."""
    balance = shop.balance("A")
    return balance.in_escrow, shop.owns("payee:S").get("CNY", 0), balance.refunded


@pytest.mark.parametrize(("outcome", "left"), [("buyer", (0, 0, 80)), ("payee", (80, 0, 0))])
def test_e03_the_same_at_once(
    shop: Shop, race: Race, outcome: str, left: tuple[int, int, int]
) -> None:
    raced = race(close(outcome), close(outcome))

    assert raced.second == raced.first
    assert money(shop) == left
    assert len(shop.query("select from mixpay.refunds")) == (outcome == "buyer")


@pytest.mark.parametrize("outcomes", [("buyer", "payee"), ("payee", "buyer")])
def test_decided_otherwise_at_once(shop: Shop, race: Race, outcomes: tuple[str, str]) -> None:
    raced = race(close(outcomes[0]), close(outcomes[1]))

    assert raced.second.sqlstate == "MX507"
    assert shop.row("disputes", "D").outcome == outcomes[0]
    assert money(shop)[2] == (80 if outcomes[0] == "buyer" else 0)


def test_another_amount_at_once(shop: Shop, race: Race) -> None:
    raced = race(close("buyer", 30), close("buyer", 50))

    assert raced.second.sqlstate == "MX507"
    assert money(shop) == (50, 0, 30)


def test_the_second_decides_when_the_first_is_taken_back(shop: Shop, race: Race) -> None:
    raced = race(close("buyer"), close("payee"), commit=False)

    assert raced.second.outcome == "payee"
    assert money(shop) == (80, 0, 0)


def test_what_was_refunded_first_does_not_go_back_twice(shop: Shop, race: Race) -> None:
    raced = race(lambda s: s.refund("A", "R", 50), close("buyer"))

    assert shop.details(raced.second.refund_no) == {"P": 30}
    assert money(shop) == (0, 0, 80)


def test_e01_too_much_together(shop: Shop, race: Race) -> None:
    raced = race(lambda s: s.refund("A", "R", 50), close("buyer", 40))

    assert raced.second.sqlstate == "MX301"
    assert "30 is left" in raced.second.diag.message_detail
    assert shop.row("disputes", "D").state == "open"


def test_a_refund_that_waited_finds_nothing(race: Race) -> None:
    raced = race(close("buyer"), lambda s: s.refund("A", "R", 1))

    assert raced.second.sqlstate == "MX301"


def test_money_that_came_first_goes_back_too(shop: Shop, race: Race) -> None:
    race(lambda s: s.pay("T", "P2", 20), close("buyer"))

    assert money(shop) == (0, 0, 100)


def test_money_that_waited_is_in_escrow(shop: Shop, race: Race) -> None:
    race(close("buyer"), lambda s: s.pay("T", "P2", 20))

    assert money(shop) == (20, 0, 80)


def test_what_fails_meanwhile_goes_back_with_the_rest(shop: Shop, race: Race) -> None:
    shop.refund("A", "R", 50)
    raced = race(lambda s: s.fail("R", "P"), close("buyer"))

    assert shop.details(raced.second.refund_no) == {"P": 80}


def test_a_release_that_waited_for_the_payees_right(race: Race) -> None:
    raced = race(close("payee"), lambda s: s.release("A", "L"))

    assert raced.second.amount == 80


def test_a_release_that_waited_for_the_buyers(shop: Shop, race: Race) -> None:
    raced = race(close("buyer"), lambda s: s.release("A", "L"))

    assert raced.second.sqlstate == "MX501"
    assert money(shop) == (0, 0, 80)


def test_another_dispute_that_waited_is_opened(race: Race) -> None:
    raced = race(close("payee"), lambda s: s.call("open_dispute", "A", "D2"))

    assert raced.second.state == "open"


@pytest.mark.parametrize(("outcome", "released"), [("buyer", []), ("payee", [80])])
def test_e23_a_sweep_does_not_wait_for_the_decision(
    shop: Shop, connect: Callable[..., Connection[Any]], outcome: str, released: list[int]
) -> None:
    deciding = Shop(connect(autocommit=False))
    close(outcome)(deciding)
    shop.conn.execute("set lock_timeout = '1s'")
    assert shop.rows("release_due") == []
    deciding.conn.commit()

    assert [row.amount for row in shop.rows("release_due")] == released


@BLIND
@pytest.mark.parametrize("second", ["close", "close otherwise", "refund", "release", "pay"])
@pytest.mark.parametrize("outcome", ["buyer", "payee"])
def test_e33_what_cannot_see_the_decision_fails(
    shop: Shop, race: Race, outcome: str, second: str, isolation: str
) -> None:
    calls: dict[str, Call] = {
        "close": close(outcome),
        "close otherwise": close("payee" if outcome == "buyer" else "buyer"),
        "refund": lambda s: s.refund("A", "R", 80),
        "release": lambda s: s.release("A", "L"),
        "pay": lambda s: s.pay("T", "P2", 20),
    }
    raced = race(close(outcome), calls[second], isolation)

    assert raced.second.sqlstate == "40001"
    assert money(shop) == ((0, 0, 80) if outcome == "buyer" else (80, 0, 0))


@BLIND
@pytest.mark.parametrize("outcome", ["buyer", "payee"])
def test_e33_a_decision_that_cannot_see_a_refund_fails(
    shop: Shop, race: Race, outcome: str, isolation: str
) -> None:
    raced = race(lambda s: s.refund("A", "R", 50), close(outcome), isolation)

    assert raced.second.sqlstate == "40001"
    assert shop.row("disputes", "D").state == "open"
    assert money(shop) == (30, 0, 50)
