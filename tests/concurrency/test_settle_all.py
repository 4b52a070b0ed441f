"""What two runs settle at once is paid out once."""

from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection
from shop import Row, Shop

Race = Callable[..., Any]


@pytest.fixture(autouse=True)
def sales(shop: Shop) -> None:
    """A100 of S, B50 of V."""
    shop.sell("A", 100)
    shop.sell("B", 50, "V")
    shop.until_final()


def settle_all(shop: Shop) -> dict[str, int]:
    return {row.owner: row.amount for row in shop.rows("settle_all")}


def settle(shop: Shop) -> Row:
    return shop.call("settle_payee", "V", "S1", None)


def test_the_second_run_finds_nothing_to_pay(shop: Shop, race: Race) -> None:
    raced = race(settle_all, settle_all)

    assert raced.first == {"S": 100, "V": 50}
    assert raced.second == {}
    assert shop.owns("bank:main") == {"CNY": 150}


def test_the_second_run_pays_when_the_first_gives_up(shop: Shop, race: Race) -> None:
    raced = race(settle_all, settle_all, commit=False)

    assert raced.second == {"S": 100, "V": 50}
    assert shop.owns("bank:main") == {"CNY": 150}


def test_e33_two_that_cannot_see_each_other(shop: Shop, race: Race) -> None:
    raced = race(settle_all, settle_all, "repeatable read")

    assert raced.second.sqlstate == "40001"
    assert shop.owns("bank:main") == {"CNY": 150}


def test_beside_a_settlement_of_one(shop: Shop, race: Race) -> None:
    raced = race(settle, settle_all)

    assert raced.first.amount == 50
    assert raced.second == {"S": 100}
    assert shop.owns("payee:V") == {"CNY": 0}


def test_a_settlement_of_one_beside_it(shop: Shop, race: Race) -> None:
    raced = race(settle_all, settle)

    assert raced.first == {"S": 100, "V": 50}
    assert (raced.second.amount, raced.second.nth) == (0, 2)
    assert shop.owns("bank:main") == {"CNY": 150}


@pytest.mark.parametrize("commit", [True, False])
def test_an_adjustment_meanwhile_is_left_for_the_next_run(
    shop: Shop, connect: Callable[..., Connection[Any]], commit: bool
) -> None:
    adjusting = Shop(connect(autocommit=False))
    adjusting.call("adjust_account", "payee:V", "J1", -20, "CNY", "a fine")
    shop.conn.execute("set lock_timeout = '1s'")
    assert settle_all(shop) == {"S": 100, "V": 50}
    if commit:
        adjusting.conn.commit()
    else:
        adjusting.conn.rollback()

    assert shop.owns("payee:V") == {"CNY": -20 if commit else 0}
    shop.sell("C", 50, "V")
    shop.until_final()
    assert settle_all(shop) == {"V": 30 if commit else 50}
