from collections.abc import Callable
from typing import Any

import pytest
from shop import Shop

Race = Callable[..., Any]


@pytest.fixture(autouse=True)
def order(shop: Shop) -> None:
    shop.merge("T", A=100)


def annotate(shop: Shop, **notes: Any) -> Any:
    return shop.call("annotate", "order", "A", notes)


@pytest.mark.parametrize("is_first", [True, False])
def test_no_update_is_lost(shop: Shop, race: Race, is_first: bool) -> None:
    if not is_first:
        annotate(shop, c=3)
    raced = race(lambda s: annotate(s, a=1), lambda s: annotate(s, b=2))
    assert raced.second.notes == {"a": 1, "b": 2} | ({} if is_first else {"c": 3})


def test_what_was_taken_back_was_never_set(race: Race) -> None:
    raced = race(lambda s: annotate(s, a=1), lambda s: annotate(s, b=2), commit=False)
    assert raced.second.notes == {"b": 2}


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
@pytest.mark.parametrize("is_first", [True, False])
def test_e33_without_seeing_the_other(
    shop: Shop, race: Race, isolation: str, is_first: bool
) -> None:
    if not is_first:
        annotate(shop, c=3)
    raced = race(lambda s: annotate(s, a=1), lambda s: annotate(s, b=2), isolation)
    assert raced.second.sqlstate == "40001"
