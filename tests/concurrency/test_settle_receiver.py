"""As for payees; their numbers are those of all settlements."""

from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection
from shop import Row, Shop

Race = Callable[..., Any]


@pytest.fixture(autouse=True)
def trade(shop: Shop) -> None:
    """A1000 of S is split: 100 to agent."""
    shop.sell("A", 1000)
    shop.rows("split_order", "A", "X", [{"receiver": "agent", "rate": 1000}])
    shop.until_final()


def settle(shop: Shop, settlement_no: str, receiver: str = "agent") -> Row:
    return shop.call("settle_receiver", receiver, settlement_no, None)


def test_of_two_at_once_the_second_finds_nothing_left(shop: Shop, race: Race) -> None:
    raced = race(lambda s: settle(s, "S1"), lambda s: settle(s, "S2"))

    assert (raced.first.amount, raced.second.amount, raced.second.nth) == (100, 0, 2)
    assert shop.owns("receiver:agent") == {"CNY": 0}


def test_the_second_pays_when_the_first_gives_up(race: Race) -> None:
    raced = race(lambda s: settle(s, "S1"), lambda s: settle(s, "S2"), commit=False)

    assert (raced.second.amount, raced.second.nth) == (100, 1)


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_e33_two_that_cannot_see_each_other(shop: Shop, race: Race, isolation: str) -> None:
    raced = race(lambda s: settle(s, "S1"), lambda s: settle(s, "S2"), isolation)

    assert raced.second.sqlstate == "40001"
    assert [p.settlement_no for p in shop.query("select * from mixpay.payout_list")] == ["S1"]


def test_e34_the_same_number_for_a_payee_and_a_receiver(shop: Shop, race: Race) -> None:
    raced = race(
        lambda s: s.call("settle_payee", "S", "S1", None),
        lambda s: settle(s, "S1"),
    )

    assert (raced.first.amount, raced.second.sqlstate) == (900, "MX402")
    assert settle(shop, "S2").amount == 100


def test_a_split_that_commits_later_is_for_the_next_one(
    shop: Shop, connect: Callable[..., Connection[Any]]
) -> None:
    slow = Shop(connect(autocommit=False))
    slow.sell("B", 500)
    slow.rows("split_order", "B", "Y", [{"receiver": "agent", "rate": 1000}])
    assert settle(shop, "S1").amount == 100
    slow.conn.commit()
    shop.until_final()

    assert settle(shop, "S2").amount == 50
