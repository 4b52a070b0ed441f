from typing import Any

import pytest
from shop import Shop, day


def test_begins_empty(shop: Shop) -> None:
    opened = shop.call("open_statement", "S1", "channel:card", day(1), day(2), "stripe")
    assert (opened.account, opened.owner, opened.format) == ("channel", "card", "stripe")
    assert (opened.from_at, opened.until_at) == (day(1), day(2))
    assert (opened.line_count, opened.sealed_at, opened.reconciled_at) == (0, None, None)
    (listed,) = shop.query("select * from mixpay.statement_list")
    assert (listed.statement_no, listed.line_count, listed.currency) == ("S1", 0, None)


def test_e03_again_returns_the_same(shop: Shop) -> None:
    first = shop.call("open_statement", "S1", "channel:card", day(1), day(2), "stripe")
    for time in [(day(1), day(2)), (None, None)]:
        with shop.unchanged():
            assert shop.call("open_statement", "S1", "channel:card", *time, "stripe") == first


@pytest.mark.parametrize(
    "again",
    [
        ("channel:alipay", day(1), day(2), "stripe"),
        ("bank:card", day(1), day(2), "stripe"),
        ("channel:card", day(1), day(3), "stripe"),
        ("channel:card", day(0), day(2), "stripe"),
        ("channel:card", day(1), day(2), "adyen"),
    ],
)
def test_e03_other_content_is_an_error(shop: Shop, again: tuple[Any, ...]) -> None:
    shop.call("open_statement", "S1", "channel:card", day(1), day(2), "stripe")
    for account in ["channel:alipay", "bank:card"]:
        shop.call("set_reconciliation", account)
    with shop.refused("MX421", "S1", "channel:card", "stripe"):
        shop.call("open_statement", "S1", *again)


def test_refuses_bad_input(shop: Shop) -> None:
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").call("open_statement", "S1", "bank:main")
    with shop.refused("MX203", "venmo"):
        shop.call("open_statement", "S1", "channel:venmo")
    for account in [None, "card", "payee:S", "bank"]:
        with shop.refused("MX401"):
            shop.call("open_statement", "S1", account)
    for bad in [None, "", "a b", "x" * 65]:
        with shop.refused("MX901"):
            shop.call("open_statement", bad, "bank:main")
        with shop.refused("MX901"):
            shop.call("open_statement", "S1", "bank:main", None, None, bad)
    for time in [(day(1), day(1)), (day(2), day(1)), (day(1), None), (None, day(1)),
                 (day(1), "infinity")]:  # fmt: skip
        with shop.refused("MX905"):
            shop.call("open_statement", "S1", "bank:main", *time)


def test_e28_each_merchant_by_itself(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    assert shop.call("open_statement", "S1", "channel:card").owner == "card"
    assert other.call("open_statement", "S1", "bank:main").owner == "main"


def test_e43_its_time_may_come_later(shop: Shop) -> None:
    assert shop.call("open_statement", "S1", "channel:card").from_at is None
    later = shop.call("open_statement", "S1", "channel:card", day(1), day(2))
    assert (later.from_at, later.until_at) == (day(1), day(2))
    with shop.refused("MX421", "S1"):
        shop.call("open_statement", "S1", "channel:card", day(1), day(3))
    shop.call("open_statement", "S2", "channel:card")
    shop.call("seal_statement", "S2", 0)
    with shop.refused("MX421", "S2"):
        shop.call("open_statement", "S2", "channel:card", day(1), day(2))
