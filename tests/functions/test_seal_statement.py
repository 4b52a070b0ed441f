from typing import Any

import pytest
from bills import line
from shop import Shop, day


@pytest.fixture(autouse=True)
def loaded(shop: Shop) -> None:
    shop.call("open_statement", "S1", "channel:card")
    lines = [
        line(1, "payment", 100, day(1), fee=1),
        line(2, "refund", -30, day(3)),
        line(3, "payment", 7, day(2), "JPY"),
    ]
    shop.call("load_statement_lines", "S1", lines)


def seal(shop: Shop, *arguments: Any) -> Any:
    return shop.call("seal_statement", "S1", *arguments)


def test_it_covers_the_days_of_its_lines(shop: Shop) -> None:
    sealed = seal(shop, 3)
    assert sealed.sealed_at is not None
    assert sealed.from_at == day(1).replace(hour=0)
    assert sealed.until_at == day(4).replace(hour=0)
    totals = shop.query("select * from mixpay.statement_list order by currency")
    assert [(t.currency, t.amount, t.fee) for t in totals] == [("CNY", 70, 1), ("JPY", 7, 0)]


def test_or_the_time_that_was_named(shop: Shop) -> None:
    shop.call("open_statement", "S2", "channel:card", day(1), day(9))
    sealed = shop.call("seal_statement", "S2", 0)
    assert (sealed.from_at, sealed.until_at, sealed.line_count) == (day(1), day(9), 0)
    shop.call("open_statement", "S3", "channel:card")
    assert shop.call("seal_statement", "S3", 0).until_at is not None


def test_e03_again_returns_the_same(shop: Shop) -> None:
    first = seal(shop, 3)
    for totals in [(), (None,), ([{"currency": "CNY", "amount": 70}],)]:
        with shop.unchanged():
            assert seal(shop, 3, *totals) == first
    with shop.refused("MX424", 3, 4):
        seal(shop, 4)
    with shop.refused("MX424", 70, 71):
        seal(shop, 3, [{"currency": "CNY", "amount": 71}])


def test_what_the_statement_says_of_itself_must_be_so(shop: Shop) -> None:
    for count in [2, 4, None]:
        with shop.refused("MX424", 3, "null" if count is None else count):
            seal(shop, count)
    for wrong in [
        [{"currency": "CNY", "amount": 100}],
        [{"currency": "CNY", "amount": 70, "fee": 2}],
        [{"currency": "CNY"}, {"currency": "USD", "amount": 5}],
    ]:
        with shop.refused("MX424"):
            seal(shop, 3, wrong)
    said = [{"currency": "CNY", "amount": 70, "fee": 1}, {"currency": "JPY", "amount": 7},
            {"currency": "USD", "amount": 0}]  # fmt: skip
    assert seal(shop, 3, said).sealed_at is not None


def test_refuses_bad_input(shop: Shop) -> None:
    with shop.refused("MX420", "S9"):
        shop.call("seal_statement", "S9", 0)
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").call("seal_statement", "S1", 0)
    for bad in [[{"currency": "CNY", "amount": "70"}], [{"amount": "x"}], [{"sum": 5}], [5],
                [{"currency": 5}]]:  # fmt: skip
        with shop.refused("MX903"):
            seal(shop, 3, bad)
    with shop.refused("MX904", 0):
        seal(shop, 3, [])
