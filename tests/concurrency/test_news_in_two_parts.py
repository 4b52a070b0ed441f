"""Reasons or moments that come later, two at once: the first stays, whether it locks or not."""

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


# The call, where its moment stands, and what the second one gets.
MOMENTS: dict[str, tuple[tuple[Any, ...], str, str, str]] = {
    "record_payment": (
        ("T", "P", "card", 60),
        "paid_at",
        "select paid_at from mixpay.payments where payment_no = 'P'",
        "MX202",
    ),
    "record_channel_fee": (
        ("card", "F", 5, "CNY"),
        "charged_at",
        "select charged_at from mixpay.channel_fees",
        "MX413",
    ),
    "record_channel_payout": (
        ("card", "O", 5, "CNY"),
        "paid_at",
        "select paid_at from mixpay.channel_payouts",
        "MX414",
    ),
    "record_repayment": (
        ("payee:S", "Y", 5, "CNY"),
        "repaid_at",
        "select repaid_at from mixpay.repayments",
        "MX410",
    ),
    "return_payment": (
        ("P", "N", "bad"),
        "returned_at",
        "select returned_at from mixpay.returns",
        "MX221",
    ),
}


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read"])
@pytest.mark.parametrize("second", [5, 6])
@pytest.mark.parametrize("call", MOMENTS)
def test_e43_the_first_moment_stays(
    shop: Shop, race: Race, call: str, second: int, isolation: str
) -> None:
    shop.sell("A", 100)
    shop.merge("T", B=100)
    arguments, name, stands, code = MOMENTS[call]
    if call != "record_payment":
        shop.pay("T", "P", 60, "card", day(1))

    def tell(shop: Shop, moment: Any = None) -> Any:
        return shop.call(call, *arguments, **{name: moment})

    tell(shop)
    raced = race(lambda s: tell(s, day(5)), lambda s: tell(s, day(second)), isolation)

    assert shop.query(stands) == [(day(5),)]
    if isolation == "repeatable read":
        assert raced.second.sqlstate == "40001"
    elif second == 5:
        assert raced.second == tell(shop, day(5))
    else:
        assert raced.second.sqlstate == code
    told = shop.query("select number from mixpay.facts where reason = 'its moment came later'")
    assert len(told) == len({row.number for row in told}) == 1 + (call == "return_payment")


def test_e43_a_refund_meanwhile_goes_by_the_moment(shop: Shop, race: Race) -> None:
    """Both lock the trade: the refund sees the moment that came before it."""
    shop.merge("T", A=100)
    shop.pay("T", "P1", 50, "card", day(10))
    shop.pay("T", "P0", 50, "card")
    race(
        lambda s: s.pay("T", "P0", 50, "card", day(1)),
        lambda s: s.call("refund_order", "A", "R", 60),
    )
    assert shop.details("R") == {"P0": 50, "P1": 10}


def test_e43_a_refund_before_does_not(shop: Shop, race: Race) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P1", 50, "card", day(10))
    shop.pay("T", "P0", 50, "card")
    race(
        lambda s: s.call("refund_order", "A", "R", 60),
        lambda s: s.pay("T", "P0", 50, "card", day(1)),
    )
    assert shop.details("R") == {"P1": 50, "P0": 10}
