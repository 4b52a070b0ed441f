"""Shops whose pages are looked at."""

from collections.abc import Iterator
from typing import Any

import pytest
from clones import Clone
from psycopg import Connection
from shop import (
    Shop,
    open_for_a_fourth_week,
    open_for_a_third_week,
    open_for_a_week,
    open_for_a_week_of_returns,
    open_for_a_week_of_statements,
    open_for_another_week,
)

from mixpay_db.pictures import books


@pytest.fixture
def clone(request: pytest.FixtureRequest) -> Iterator[Clone]:
    """The one that is looked at; for a test that is marked as one that writes, one of its own."""
    marks = map(request.node.get_closest_marker, ("writes", "breaks_checks", "fresh_database"))
    if "weeks" not in request.fixturenames or any(marks):
        yield request.getfixturevalue("clone")
        return
    clone = request.getfixturevalue("looked_at")("weeks", fill)
    yield clone
    clone.looked_at()


@pytest.fixture
def weeks(conn: Connection[Any]) -> Shop:
    """Something of everything: T1 to T11 and TW; and a second merchant, who has nothing."""
    shop = Shop(conn, "weeks")
    if not shop.query("select from mixpay.merchants"):
        fill(conn)
    return shop


def fill(conn: Connection[Any]) -> None:
    shop = Shop(conn, "weeks")
    Shop(conn, "second").call("register_merchant", "Second")
    shop.call("register_merchant", "Weeks <&> 周")
    open_for_a_week(shop)
    open_for_another_week(shop)
    open_for_a_third_week(shop)
    open_for_a_week_of_returns(shop)
    open_for_a_fourth_week(shop)
    open_for_a_week_of_statements(shop)


@pytest.fixture
def asking(url: str) -> Iterator[books.Connection]:
    """A session as the pages have one; begun when the test first asks."""
    with books.session(url, "UTC") as conn:
        yield conn
