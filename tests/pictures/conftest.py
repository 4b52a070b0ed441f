"""Shops whose pages are looked at."""

from collections.abc import Iterator
from typing import Any

import pytest
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
def weeks(conn: Connection[Any]) -> Shop:
    """Something of everything: T1 to T11 and TW."""
    shop = Shop(conn, "weeks")
    shop.call("register_merchant", "Weeks <&> 周")
    open_for_a_week(shop)
    open_for_another_week(shop)
    open_for_a_third_week(shop)
    open_for_a_week_of_returns(shop)
    open_for_a_fourth_week(shop)
    open_for_a_week_of_statements(shop)
    return shop


@pytest.fixture
def asking(url: str) -> Iterator[books.Connection]:
    """A session as the pages have one; begun when the test first asks."""
    with books.session(url, "UTC") as conn:
        yield conn
