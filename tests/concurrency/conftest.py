"""Races whose outcome is certain: the second session is seen waiting before the first commits."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple

import pytest
from clones import Clone
from psycopg import Connection, sql
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
    clone: Clone,
    background: Callable[..., Future[Any]],
    waits: Callable[..., list[int]],
) -> Callable[..., Raced]:
    """`race(first, second)`: first is done but not committed when second comes, and waits."""

    def race(
        first: Call, second: Call, isolation: str = READ_COMMITTED, commit: bool = True
    ) -> Raced:
        options = "-c default_transaction_isolation=" + isolation.replace(" ", "\\ ")
        one = Shop(clone.borrow(autocommit=False, options=options))
        two = Shop(clone.borrow(options=options))
        done = first(one)
        future = background(second, two)
        assert waits(two.conn) == [one.conn.info.backend_pid]
        if commit:
            one.conn.commit()
        else:
            one.conn.rollback()
        return Raced(done, outcome(future))

    return race


@pytest.fixture
def stopped(
    shop: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
    waits: Callable[..., list[int]],
) -> Callable[..., Any]:
    """`stopped(table, call, meanwhile)`: what call gets that reads on when meanwhile is done.

    It stops at the first row of the table that it reads: in the middle of that statement, which
    does not see what happens meanwhile. Superusers and calls that are not to be stopped read on.
    """
    shop.conn.execute(
        """
        create function public.stop() returns boolean language plpgsql as $$
        begin
            if current_setting('mixpay_test.stops', true) = 'yes' then
                perform pg_advisory_xact_lock_shared(1);
            end if;
            return true;
        end;
        $$
        """
    )

    def stopped(table: str, call: Call, meanwhile: Call) -> Any:
        named = sql.Identifier("mixpay", table)
        shop.conn.execute(sql.SQL("alter table {} enable row level security").format(named))
        shop.conn.execute(sql.SQL("alter table {} force row level security").format(named))
        shop.conn.execute(sql.SQL("create policy stops on {} using (public.stop())").format(named))
        holder, reader = connect(), Shop(connect(options="-c mixpay_test.stops=yes"))
        holder.execute("select pg_advisory_lock(1)")
        future = background(call, reader)
        assert waits(reader.conn) == [holder.info.backend_pid]
        meanwhile(shop)
        holder.close()
        return outcome(future)

    return stopped
