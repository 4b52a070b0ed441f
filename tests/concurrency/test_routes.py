from collections.abc import Callable
from typing import Any

import pytest
from shop import Shop

Race = Callable[..., Any]


def set_route(weight: int) -> Callable[[Shop], Any]:
    return lambda s: s.call("set_route", "qr", "card", 100, weight)


@pytest.mark.parametrize("known", [False, True])
def test_the_second_to_set_a_route_waits_and_has_the_last_word(
    shop: Shop, race: Race, known: bool
) -> None:
    if known:
        set_route(9)(shop)
    raced = race(set_route(1), set_route(2))

    assert (raced.first.weight, raced.second.weight) == (1, 2)
    assert shop.query("select weight from mixpay.routes") == [(2,)]


def test_e03_the_same_route_twice_at_once(shop: Shop, race: Race) -> None:
    raced = race(set_route(1), set_route(1))

    assert raced.second == raced.first
    assert len(shop.query("select from mixpay.routes")) == 1


def test_a_route_that_is_taken_back_leaves_the_way_to_the_second(shop: Shop, race: Race) -> None:
    raced = race(set_route(1), set_route(2), commit=False)

    assert raced.second.weight == 2
    assert shop.query("select weight from mixpay.routes") == [(2,)]


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_e33_the_second_fails_with_its_own_code_where_it_may_not_see_the_first(
    shop: Shop, race: Race, isolation: str
) -> None:
    raced = race(set_route(1), set_route(2), isolation)

    assert raced.second.sqlstate == "40001"
    assert set_route(2)(shop).weight == 2
