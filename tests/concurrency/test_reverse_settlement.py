"""A payout that failed comes back once, and is paid out again once."""

from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection
from shop import Row, Shop, day

Race = Callable[..., Any]
Connect = Callable[..., Connection[Any]]


@pytest.fixture(autouse=True)
def settled(shop: Shop) -> None:
    """A100 of S was paid out."""
    shop.sell("A", 100)
    shop.settle("S1")


def settle(shop: Shop, settlement_no: str) -> Row:
    return shop.call("settle_payee", "S", settlement_no, None)


def reverse(shop: Shop, reason: str = "no such account") -> Row:
    return shop.call("reverse_settlement", "S1", reason)


def test_e03_twice_at_once(shop: Shop, race: Race) -> None:
    raced = race(lambda s: reverse(s, "one"), lambda s: reverse(s, "two"))

    assert raced.second == raced.first
    assert raced.first.reason == "one"
    assert shop.owns("payee:S") == {"CNY": 100}


def test_the_second_does_it_when_the_first_gives_up(shop: Shop, race: Race) -> None:
    raced = race(lambda s: reverse(s, "one"), lambda s: reverse(s, "two"), commit=False)

    assert (raced.second.state, raced.second.reason) == ("reversed", "two")
    assert shop.owns("payee:S") == {"CNY": 100}


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_e33_two_that_cannot_see_each_other(shop: Shop, race: Race, isolation: str) -> None:
    raced = race(reverse, reverse, isolation)

    assert raced.second.sqlstate == "40001"
    assert shop.owns("payee:S") == {"CNY": 100}


@pytest.mark.parametrize("commit", [True, False])
def test_a_settlement_meanwhile_does_not_wait_for_it(
    shop: Shop, connect: Connect, commit: bool
) -> None:
    reversing = Shop(connect(autocommit=False))
    reverse(reversing)
    shop.conn.execute("set lock_timeout = '1s'")
    assert settle(shop, "S2").amount == 0
    if commit:
        reversing.conn.commit()
    else:
        reversing.conn.rollback()

    assert shop.settle("S3").amount == (100 if commit else 0)


def test_does_not_wait_for_a_settlement(shop: Shop, connect: Connect) -> None:
    shop.sell("B", 20)
    shop.until_final()
    settling = Shop(connect(autocommit=False))
    assert settle(settling, "S2").amount == 20
    shop.conn.execute("set lock_timeout = '1s'")
    reverse(shop)
    settling.conn.commit()

    assert shop.settle("S3").amount == 100


def test_of_two_settlements_after_it_one_pays_it_again(shop: Shop, race: Race) -> None:
    reverse(shop)
    raced = race(lambda s: settle(s, "S2"), lambda s: settle(s, "S3"))

    assert (raced.first.carried_in, raced.first.amount) == (100, 100)
    assert (raced.second.carried_in, raced.second.amount) == (0, 0)


def test_one_that_is_not_committed_is_unknown(shop: Shop, connect: Connect) -> None:
    settling = Shop(connect(autocommit=False))
    settle(settling, "S2")
    with shop.refused("MX405", "S2"):
        shop.call("reverse_settlement", "S2", "too early")
    settling.conn.commit()


def test_e46_the_same_reversal_and_its_end_at_once(shop: Shop, race: Race) -> None:
    """Who says which one it is waits, and a late one changes nothing."""
    shop.call("reverse_settlement", "S1", "no such account", None, 1)
    raced = race(
        lambda s: s.call("reinstate_settlement", "S1", "it had arrived", 1),
        lambda s: s.call("reverse_settlement", "S1", "no such account", None, 1),
    )
    assert raced.second == raced.first
    assert raced.second.state == "settled"
    assert shop.owns("payee:S") == {"CNY": 0}


def test_e43_two_moments_at_once(shop: Shop, race: Race) -> None:
    reverse(shop)
    raced = race(
        lambda s: s.call("reverse_settlement", "S1", None, day(3)),
        lambda s: s.call("reverse_settlement", "S1", None, day(3)),
    )
    assert raced.second == raced.first
    assert raced.first.reversed_at == day(3)


def test_e43_two_moments_that_differ_at_once(shop: Shop, race: Race) -> None:
    reverse(shop)
    raced = race(
        lambda s: s.call("reverse_settlement", "S1", None, day(3)),
        lambda s: s.call("reverse_settlement", "S1", None, day(4)),
    )
    assert raced.second.sqlstate == "MX418"
    assert shop.row("settlements", "S1").reversed_at == day(3)


def test_e43_a_reason_that_comes_late_is_not_that_of_what_was_done_meanwhile(
    shop: Shop, race: Race
) -> None:
    for moment in (None, day(3)):
        shop.call("reverse_settlement", "S1", None)
        raced = race(
            lambda s: s.call("reinstate_settlement", "S1", None),
            lambda s, moment=moment: s.call("reverse_settlement", "S1", "no account", moment),
        )
        assert raced.second == raced.first
        assert (raced.second.state, raced.second.reason) == ("settled", None)
    raced = race(
        lambda s: s.call("reverse_settlement", "S1", None),
        lambda s: s.call("reinstate_settlement", "S1", "it had arrived"),
    )
    assert raced.second == raced.first
    assert (raced.second.state, raced.second.reason) == ("reversed", None)
