"""Races whose outcome is certain: the second session is seen waiting before the first commits."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple

import pytest
from psycopg import Connection
from shop import Shop, outcome

READ_COMMITTED = "read committed"
Call = Callable[[Shop], Any]


class Raced(NamedTuple):
    """What each session got: its result, or the error."""

    first: Any
    second: Any


@pytest.fixture
def race(
    shop: Shop,  # noqa: ARG001 (its merchant is theirs)
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
    waits: Callable[..., list[int]],
) -> Callable[..., Raced]:
    """`race(first, second)`: first is done but not committed when second comes, and waits."""

    def race(
        first: Call, second: Call, isolation: str = READ_COMMITTED, commit: bool = True
    ) -> Raced:
        options = "-c default_transaction_isolation=" + isolation.replace(" ", "\\ ")
        one = Shop(connect(autocommit=False, options=options))
        two = Shop(connect(options=options))
        done = first(one)
        future = background(second, two)
        assert waits(two.conn) == [one.conn.info.backend_pid]
        if commit:
            one.conn.commit()
        else:
            one.conn.rollback()
        return Raced(done, outcome(future))

    return race
