"""Two reasons that come later at once: the first one stays, whether the call locks or not."""

from collections.abc import Callable
from typing import Any

import pytest
from shop import Shop, day

Race = Callable[..., Any]
CALLS: dict[str, tuple[tuple[Any, ...], str]] = {
    "record_channel_fee": (
        ("card", "F", 5, "CNY", "P", "{}"),
        "select reason from mixpay.channel_fees",
    ),
    "reverse_settlement": (("S1", "{}"), "select reason from mixpay.settlements"),
    "return_payment": (("P", "N", "{}"), "select reason from mixpay.returns"),
    "close_trade": (
        ("T2", "{}"),
        "select reason from mixpay.history where entity = 'trade' and number = 'T2' "
        "and reason is not null",
    ),
}


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read"])
@pytest.mark.parametrize("call", CALLS)
def test_e43_the_first_reason_stays(shop: Shop, race: Race, call: str, isolation: str) -> None:
    shop.sell("A", 100)
    shop.merge("T", B=100)
    shop.pay("T", "P", 60, "card", day(1))
    shop.merge("T2", C=100)
    shop.settle("S1")
    arguments, said = CALLS[call]

    def tell(shop: Shop, reason: str | None) -> Any:
        return shop.call(call, *(reason if a == "{}" else a for a in arguments))

    tell(shop, None)
    raced = race(lambda s: tell(s, "one"), lambda s: tell(s, "two"), isolation)

    assert [row.reason for row in shop.query(said)] == ["one"]
    if isolation == "read committed":
        assert raced.second == tell(shop, "two")
    else:
        assert raced.second.sqlstate == "40001"
