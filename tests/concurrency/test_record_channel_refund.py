"""A channel's own refund, told while others want the same money."""

from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection
from shop import Shop


@pytest.fixture(autouse=True)
def trade(shop: Shop) -> None:
    shop.merge("T", A=60, B=40)
    shop.pay("T", "P", 100, "card")


def record(shop: Shop, order_no: str = "A", amount: int = 60) -> Any:
    return shop.call("record_channel_refund", order_no, "re_1", amount, "P", "x1")


def by_recipe(shop: Shop) -> Any:
    """What docs/elsewhere.md says can be done without the call, in one transaction."""
    shop.call("refund_order", "A", "re_1", 60, payment_nos=["P"])
    return shop.complete("re_1", "P", "x1")


@pytest.mark.parametrize("tell", [record, by_recipe])
def test_a_worker_that_claims_at_this_moment_never_gets_it(
    shop: Shop, connect: Callable[..., Connection[Any]], tell: Callable[[Shop], Any]
) -> None:
    clerk = Shop(connect(autocommit=False))
    tell(clerk)
    assert shop.rows("claim_channel_refunds", "worker") == []
    clerk.conn.commit()

    assert shop.rows("claim_channel_refunds", "worker") == []
    part = shop.channel_refund("re_1", "P")
    assert (part.state, part.attempts, part.worker) == ("succeeded", 0, None)


def test_a_refund_of_the_same_money_waits_and_sees_it(race: Callable[..., Any]) -> None:
    raced = race(record, lambda s: s.refund("A", "R", 1))

    assert (raced.first.succeeded, raced.second.sqlstate) == (60, "MX301")


def test_a_refund_that_was_first_has_the_money(race: Callable[..., Any], shop: Shop) -> None:
    raced = race(lambda s: s.refund("A", "R", 1), record)

    assert (raced.first, raced.second.sqlstate) == ({"P": 1}, "MX301")
    assert record(shop, amount=59).succeeded == 59


@pytest.mark.parametrize("commit", [True, False])
def test_the_notice_comes_twice_at_once(race: Callable[..., Any], shop: Shop, commit: bool) -> None:
    raced = race(record, record, commit=commit)

    assert raced.second.succeeded == 60
    assert (raced.first == raced.second) is commit
    assert shop.row("payments", "P").refunded == shop.balance("A").refunded == 60


def test_e34_one_refund_number_for_two_orders(race: Callable[..., Any], shop: Shop) -> None:
    shop.merge("T2", C=5)
    shop.pay("T2", "P2", 5)
    raced = race(record, lambda s: s.call("record_channel_refund", "C", "re_1", 5, "P2"))

    assert raced.second.sqlstate == "MX302"
    assert shop.balance("C").refunded == 0
