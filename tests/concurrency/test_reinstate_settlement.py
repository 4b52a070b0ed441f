"""A payout that had arrived after all leaves the account once."""

from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection
from shop import Row, Shop

Race = Callable[..., Any]


@pytest.fixture(autouse=True)
def reversed_(shop: Shop) -> None:
    """A100 of S was paid out, and the payout booked as failed."""
    shop.sell("A", 100)
    shop.settle("S1")
    reverse(shop)


def reverse(shop: Shop, reason: str = "no answer") -> Row:
    return shop.call("reverse_settlement", "S1", reason)


def reinstate(shop: Shop, reason: str = "it had arrived") -> Row:
    return shop.call("reinstate_settlement", "S1", reason)


def test_e03_twice_at_once(shop: Shop, race: Race) -> None:
    raced = race(lambda s: reinstate(s, "one"), lambda s: reinstate(s, "two"))

    assert raced.second == raced.first
    assert raced.first.reason == "one"
    assert shop.owns("payee:S") == {"CNY": 0}


def test_the_second_does_it_when_the_first_gives_up(shop: Shop, race: Race) -> None:
    raced = race(lambda s: reinstate(s, "one"), lambda s: reinstate(s, "two"), commit=False)

    assert (raced.second.state, raced.second.reason) == ("settled", "two")
    assert shop.owns("payee:S") == {"CNY": 0}


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_e33_two_that_cannot_see_each_other(shop: Shop, race: Race, isolation: str) -> None:
    raced = race(reinstate, reinstate, isolation)

    assert raced.second.sqlstate == "40001"
    assert shop.owns("payee:S") == {"CNY": 0}


def test_a_reversal_meanwhile_is_one_that_was_made_before(
    shop: Shop, connect: Callable[..., Connection[Any]]
) -> None:
    """It does not see yet that the payout had arrived, and waits for nobody."""
    reinstating = Shop(connect(autocommit=False))
    reinstate(reinstating)
    shop.conn.execute("set lock_timeout = '1s'")
    assert (reverse(shop).state, reverse(shop).last_entry) == ("reversed", 2)
    reinstating.conn.commit()

    assert shop.owns("payee:S") == {"CNY": 0}
    assert reverse(shop).last_entry == 4


@pytest.mark.parametrize("commit", [True, False])
def test_a_settlement_meanwhile_pays_it_again(
    shop: Shop, connect: Callable[..., Connection[Any]], commit: bool
) -> None:
    """It does not wait, and what was paid twice is a debt."""
    shop.until_final()
    reinstating = Shop(connect(autocommit=False))
    reinstate(reinstating)
    shop.conn.execute("set lock_timeout = '1s'")
    assert shop.call("settle_payee", "S", "S2", None).amount == 100
    if commit:
        reinstating.conn.commit()
    else:
        reinstating.conn.rollback()

    assert shop.settle("S3").carried_out == (-100 if commit else 0)
