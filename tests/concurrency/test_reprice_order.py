from collections.abc import Callable
from typing import Any

import pytest
from shop import Shop

Race = Callable[..., Any]
BLIND = pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])


@pytest.fixture(autouse=True)
def trade(shop: Shop) -> None:
    """A100 B50, paid 60: all of it A's."""
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P", 60, "card")


def reprice(shop: Shop, amount: int, number: str = "N", order_no: str = "A") -> Any:
    return shop.call("reprice_order", order_no, number, amount, "a discount")


def test_a_payment_that_waited_pays_what_is_lacking_then(shop: Shop, race: Race) -> None:
    raced = race(lambda s: reprice(s, 70), lambda s: s.pay("T", "P2", 90))
    assert (raced.second.applied, raced.second.surplus) == (60, 30)
    assert shop.paid("T") == {"A": 70, "B": 50}


def test_what_was_paid_meanwhile_goes_back(shop: Shop, race: Race) -> None:
    race(lambda s: s.pay("T", "P2", 90), lambda s: reprice(s, 120))
    assert shop.paid("T") == {"A": 100, "B": 50}
    assert shop.balance("A").mergeable == 20


def test_e47_a_price_that_waited_for_the_rest_is_refused(shop: Shop, race: Race) -> None:
    raced = race(lambda s: s.pay("T", "P2", 90), lambda s: reprice(s, 99))
    assert raced.second.sqlstate == "MX114"
    assert shop.row("orders", "A").amount == 100


def test_a_merge_that_waited_must_bring_the_new_amount(shop: Shop, race: Race) -> None:
    shop.close("T")
    raced = race(lambda s: reprice(s, 70), lambda s: s.merge("T2", A=100))
    assert raced.second.sqlstate == "MX105"
    assert "70" in raced.second.diag.message_detail


def test_a_merge_that_came_first_follows(shop: Shop, race: Race) -> None:
    shop.close("T")
    raced = race(lambda s: s.merge("T2", A=100), lambda s: reprice(s, 70))
    assert raced.second.amount == 70
    assert shop.row("trades", "T2").amount == 70
    assert shop.merge("T2", A=100).amount == 70


def test_e03_repriced_twice_at_once(shop: Shop, race: Race) -> None:
    raced = race(lambda s: reprice(s, 70), lambda s: reprice(s, 70))
    assert raced.second == raced.first
    assert len(shop.query("select from mixpay.repricings")) == 1


def test_e03_the_same_number_for_two_orders_at_once(shop: Shop, race: Race) -> None:
    raced = race(lambda s: reprice(s, 70), lambda s: reprice(s, 70, order_no="B"))
    assert raced.second.sqlstate == "MX115"
    assert shop.row("orders", "B").amount == 50


def test_two_prices_follow_one_another(shop: Shop, race: Race) -> None:
    race(lambda s: reprice(s, 70), lambda s: reprice(s, 90, "N2"))
    rows = shop.query("select nth, from_amount, amount from mixpay.repricings order by nth")
    assert [tuple(row) for row in rows] == [(1, 100, 70), (2, 70, 90)]
    assert shop.line("T", "A").amount == 90


def test_of_two_orders_of_a_trade_each_follows(shop: Shop, race: Race) -> None:
    race(lambda s: reprice(s, 40), lambda s: reprice(s, 10, "N2", "B"))
    assert shop.paid("T") == {"A": 40, "B": 10}
    assert shop.row("trades", "T").state == "paid"
    assert shop.listed("surplus_list") == {"P": 10}


def test_a_cancellation_that_waited_takes_what_is_left(shop: Shop, race: Race) -> None:
    raced = race(lambda s: reprice(s, 40), lambda s: s.cancel("T", "A"))
    assert (raced.second.amount, raced.second.paid) == (50, 50)
    assert shop.balance("A").mergeable == 40


def test_a_price_that_waited_for_the_end_finds_no_open_trade(shop: Shop, race: Race) -> None:
    race(lambda s: s.close("T"), lambda s: reprice(s, 40))
    assert shop.balance("A").mergeable == 40


def test_taken_back_it_was_never_there(shop: Shop, race: Race) -> None:
    raced = race(lambda s: reprice(s, 70), lambda s: reprice(s, 80, "N2"), commit=False)
    assert raced.second.amount == 80
    ((from_amount,),) = shop.query("select from_amount from mixpay.repricings")
    assert from_amount == 100


@BLIND
def test_e33_without_seeing_the_other(race: Race, isolation: str) -> None:
    for first, second in (
        (lambda s: reprice(s, 70), lambda s: reprice(s, 80, "N2")),
        (lambda s: s.pay("T", "P2", 30), lambda s: reprice(s, 80, "N3")),
        (lambda s: reprice(s, 90, "N4"), lambda s: s.pay("T", "P3", 10)),
    ):
        assert race(first, second, isolation).second.sqlstate == "40001"
