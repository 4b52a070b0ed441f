from typing import Any

import pytest
from shop import Row, Shop

FAR = 10**15


def route(shop: Shop, *arguments: Any, **named: Any) -> Row:
    return shop.call("set_route", "qr", *arguments, **named)


def test_leads_from_a_method_to_a_channel(shop: Shop) -> None:
    made = route(shop, "wechat")

    assert (made.merchant_id, made.method, made.channel, made.currency) == (
        "m",
        "qr",
        "wechat",
        "*",
    )
    assert (made.priority, made.weight, made.min_amount, made.max_amount) == (100, 1, None, None)


def test_stores_what_is_said(shop: Shop) -> None:
    made = route(shop, "wechat", 7, 0, "KWD", 1, FAR)

    assert (made.currency, made.priority, made.weight) == ("KWD", 7, 0)
    assert (made.min_amount, made.max_amount) == (1, FAR)
    listed = shop.query("select * from mixpay.route_list")
    assert [(r.method, r.priority, r.channel, r.currency) for r in listed] == [
        ("qr", 7, "wechat", "KWD")
    ]


def test_again_makes_it_what_is_said(shop: Shop) -> None:
    first = route(shop, "wechat", 7, 5, min_amount=2, max_amount=9)
    again = route(shop, "wechat", weight=3)

    assert (again.priority, again.weight) == (100, 3)
    assert (again.min_amount, again.max_amount) == (None, None)
    assert again.created_at == first.created_at
    assert len(shop.query("select from mixpay.routes")) == 1


def test_each_method_channel_and_currency_has_its_own(shop: Shop) -> None:
    for channel in ("wechat", "alipay"):
        for currency in (None, "CNY", "JPY"):
            route(shop, channel, currency=currency)
    shop.call("set_route", "mini", "wechat")
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    route(other, "wechat")

    assert len(shop.query("select from mixpay.routes where merchant_id = 'm'")) == 7


def test_e03_again_changes_nothing(shop: Shop) -> None:
    first = route(shop, "wechat", 7, 5, "CNY", 2, 9)
    with shop.unchanged():
        assert route(shop, "wechat", 7, 5, "CNY", 2, 9) == first


def test_refuses_what_it_does_not_know(shop: Shop) -> None:
    with shop.refused("MX101", "nobody"):
        route(Shop(shop.conn, "nobody"), "wechat")
    with shop.refused("MX203", "teleport"):
        route(shop, "teleport")
    with shop.refused("MX203"):
        route(shop, None)
    for currency in ("XYZ", "cny", "*", ""):
        with shop.refused("MX110", currency):
            route(shop, "wechat", currency=currency)


def test_refuses_bad_numbers(shop: Shop, subtests: pytest.Subtests) -> None:
    for number in [None, "", "a b", "x" * 65, "扫码"]:
        with subtests.test(number=number):
            with shop.refused("MX901"):
                shop.call("set_route", number, "wechat")
            with shop.refused("MX901"):
                shop.query("select * from mixpay.set_route(%s, 'qr', 'wechat')", number)


def test_refuses_bad_priorities_and_weights(shop: Shop, subtests: pytest.Subtests) -> None:
    for priority, weight in [(None, 1), (1, None), (1, -1), (1, 1_000_001), (1, 2**63 - 1)]:
        with (
            subtests.test(priority=priority, weight=weight),
            shop.refused("MX904", "null" if weight is None else weight),
        ):
            route(shop, "wechat", priority, weight)
    assert route(shop, "wechat", -(2**63), 1_000_000).priority == -(2**63)


def test_refuses_bad_ranges(shop: Shop, subtests: pytest.Subtests) -> None:
    for least, most in [(0, 1), (-1, 1), (1, 0), (FAR + 1, None), (None, 2**63 - 1), (10, 9)]:
        with subtests.test(least=least, most=most), shop.refused("MX902"):
            route(shop, "wechat", min_amount=least, max_amount=most)
    assert route(shop, "wechat", min_amount=9, max_amount=9).max_amount == 9
