from collections import Counter
from typing import Any

import pytest
from shop import Row, Shop


def explain(
    shop: Shop, payment_no: str = "P", amount: int | None = 100, currency: str | None = "CNY"
) -> list[Row]:
    return shop.rows("explain_route", "qr", currency, amount, payment_no)


def chosen(rows: list[Row]) -> list[str]:
    return [row.channel for row in rows if row.chosen]


def problems(rows: list[Row]) -> dict[str, str | None]:
    return {row.channel: row.problem for row in rows}


def route(shop: Shop, channel: str, *arguments: Any, **named: Any) -> None:
    shop.call("set_route", "qr", channel, *arguments, **named)


def test_no_route_no_row(shop: Shop) -> None:
    shop.call("set_route", "another", "card")

    assert explain(shop) == []


def test_the_smallest_priority_goes_first(shop: Shop) -> None:
    route(shop, "alipay", 2)
    route(shop, "card", 1)
    route(shop, "bank", -5, 0)
    rows = explain(shop)

    assert problems(rows) == {
        "card": None,
        "bank": "it is out of use",
        "alipay": "another has a smaller priority",
    }
    assert chosen(rows) == ["card"]
    assert rows[0].channel == "card"


def test_a_route_out_of_reach_leaves_the_way_to_the_next_priority(shop: Shop) -> None:
    route(shop, "card", 1, max_amount=99)
    route(shop, "alipay", 2)

    assert chosen(explain(shop, amount=99)) == ["card"]
    assert chosen(explain(shop, amount=100)) == ["alipay"]


def test_says_why_a_route_cannot_be_taken(shop: Shop) -> None:
    route(shop, "card", weight=0)
    route(shop, "alipay", currency="JPY")
    route(shop, "bank", min_amount=101)
    route(shop, "wechat", max_amount=99)
    rows = explain(shop)

    assert problems(rows) == {
        "card": "it is out of use",
        "alipay": "it is for JPY",
        "bank": "it takes 101 at least",
        "wechat": "it takes 99 at most",
    }
    assert chosen(rows) == []
    assert {(row.stands_from, row.stands_to, row.point) for row in rows} == {(None, None, None)}


@pytest.mark.parametrize(("amount", "channels"), [(9, 0), (10, 1), (20, 1), (21, 0)])
def test_both_ends_of_a_range_are_in_it(shop: Shop, amount: int, channels: int) -> None:
    route(shop, "card", min_amount=10, max_amount=20)

    assert len(chosen(explain(shop, amount=amount))) == channels


def test_one_for_the_currency_and_one_for_any_share(shop: Shop) -> None:
    route(shop, "card", 1, 1, "JPY")
    route(shop, "card", 1, 3)
    rows = explain(shop, currency="JPY")

    assert [(r.currency, r.stands_from, r.stands_to) for r in rows] == [("*", 0, 3), ("JPY", 3, 4)]
    assert chosen(rows) == ["card"]
    assert [r.problem for r in explain(shop)] == [None, "it is for JPY"]


def test_each_stands_for_points_in_proportion_to_its_weight(shop: Shop) -> None:
    route(shop, "card", weight=2)
    route(shop, "alipay", weight=1)
    route(shop, "bank", weight=0)
    rows = explain(shop)

    assert [(r.channel, r.stands_from, r.stands_to) for r in rows] == [
        ("alipay", 0, 1),
        ("card", 1, 3),
        ("bank", None, None),
    ]
    (taken,) = [r for r in rows if r.chosen]
    assert taken.stands_from <= taken.point < taken.stands_to
    assert len({r.point for r in rows}) == 1


def test_the_number_decides_and_always_the_same(shop: Shop) -> None:
    for channel in ("card", "alipay", "bank", "wallet"):
        route(shop, channel)
    first = {number: chosen(explain(shop, f"P{number}")) for number in range(20)}
    again = {number: chosen(explain(shop, f"P{number}", 7)) for number in range(20)}

    assert first == again
    assert all(len(channels) == 1 for channels in first.values())
    assert len({channel for (channel,) in first.values()}) > 1


def test_shares_lie_near_the_weights(shop: Shop) -> None:
    route(shop, "alipay", weight=1)
    route(shop, "card", weight=2)
    shares = Counter(
        row.channel
        for row in shop.query(
            "select r.channel from generate_series(1, 3000) as n "
            "cross join lateral mixpay.explain_route('m', 'qr', 'CNY', 1, 'P' || n) as r "
            "where r.chosen"
        )
    )

    assert shares.total() == 3000
    assert 900 < shares["alipay"] < 1100
    assert 1900 < shares["card"] < 2100


def test_the_largest_weights_do_not_overflow(shop: Shop) -> None:
    for channel in ("card", "alipay", "bank"):
        route(shop, channel, -(2**63), 1_000_000)

    assert len(chosen(explain(shop, amount=10**15))) == 1


def test_is_about_one_merchants_routes(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    route(other, "card")

    assert explain(shop) == []
    assert chosen(explain(other)) == ["card"]


def test_refuses_bad_input(shop: Shop) -> None:
    route(shop, "card", currency="CNY")
    with shop.refused("MX101", "nobody"):
        explain(Shop(shop.conn, "nobody"))
    with shop.refused("MX901"):
        shop.rows("explain_route", "a b", "CNY", 1, "P")
    with shop.refused("MX901"):
        explain(shop, "")
    for amount in (None, 0, 10**15 + 1):
        with shop.refused("MX902"):
            explain(shop, amount=amount)
    for currency in (None, "XYZ", "*", "cny"):
        with shop.refused("MX110", "null" if currency is None else currency):
            explain(shop, currency=currency)
