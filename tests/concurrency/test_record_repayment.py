"""What is brought in counts once."""

from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection
from shop import Row, Shop

Race = Callable[..., Any]


@pytest.fixture(autouse=True)
def debt(shop: Shop) -> None:
    """S owes 60 since a refund, as V owes 60."""
    for payee_no in ("S", "V"):
        shop.sell(f"A{payee_no}", 100, payee_no)
        shop.settle(f"S{payee_no}", payee_no)
        shop.refund(f"A{payee_no}", f"R{payee_no}", 60)


def repay(shop: Shop, amount: int = 60, payee_no: str = "S", number: str = "B1") -> Row:
    return shop.call("record_repayment", f"payee:{payee_no}", number, amount, "CNY")


def test_e03_the_same_number_twice_at_once(shop: Shop, race: Race) -> None:
    raced = race(repay, repay)

    assert raced.second == raced.first
    assert shop.owns("payee:S") == {"CNY": 0}


def test_the_second_counts_when_the_first_gives_up(shop: Shop, race: Race) -> None:
    raced = race(lambda s: repay(s, 50), repay, commit=False)

    assert raced.second.amount == 60
    assert shop.owns("payee:S") == {"CNY": 0}


@pytest.mark.parametrize(
    ("isolation", "code"), [("read committed", "MX410"), ("repeatable read", "40001")]
)
def test_e34_the_same_number_for_two_payees(
    shop: Shop, race: Race, isolation: str, code: str
) -> None:
    raced = race(repay, lambda s: repay(s, 60, "V"), isolation)

    assert raced.second.sqlstate == code
    assert (shop.owns("payee:S"), shop.owns("payee:V")) == ({"CNY": 0}, {"CNY": -60})


def test_two_numbers_do_not_wait(shop: Shop, connect: Callable[..., Connection[Any]]) -> None:
    repaying = Shop(connect(autocommit=False))
    repay(repaying, 50)
    shop.conn.execute("set lock_timeout = '1s'")
    repay(shop, 10, number="B2")
    repaying.conn.commit()

    assert shop.owns("payee:S") == {"CNY": 0}


@pytest.mark.parametrize("commit", [True, False])
def test_a_settlement_meanwhile_leaves_it_to_the_next_one(
    shop: Shop, connect: Callable[..., Connection[Any]], commit: bool
) -> None:
    shop.until_final()
    repaying = Shop(connect(autocommit=False))
    repay(repaying, 70)
    shop.conn.execute("set lock_timeout = '1s'")
    assert shop.call("settle_payee", "S", "S2", None).carried_out == -60
    if commit:
        repaying.conn.commit()
    else:
        repaying.conn.rollback()

    settlement = shop.settle("S3")
    assert settlement.carried_in == (10 if commit else -60)
    assert settlement.amount == (10 if commit else 0)
