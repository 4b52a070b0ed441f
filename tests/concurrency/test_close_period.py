"""A period is over when nobody runs any more who began before its end."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from typing import Any

import pytest
from books import agree, clock, told
from psycopg import Connection
from shop import Row, Shop, outcome

Connect = Callable[..., Connection[Any]]
Background = Callable[..., Future[Any]]


def close(shop: Shop, until: datetime, wait: str = "1 minute") -> Row:
    return shop.call("close_period", until, wait)


def begun(connect: Connect) -> Shop:
    """A transaction that has begun and written nothing yet."""
    shop = Shop(connect(autocommit=False))
    shop.query("select")
    return shop


@pytest.fixture
def sleeps(connect: Connect) -> Callable[[Shop], None]:
    """`sleeps(shop)` returns when its call has looked who runs, and waits for them to end."""
    observer = connect()

    def sleeps(shop: Shop) -> None:
        times = 0
        deadline = time.monotonic() + 30
        # It first waits a moment until all that began are seen, then looks, and looks again.
        while times < 50:
            assert time.monotonic() < deadline
            row = observer.execute(
                "select wait_event, clock_timestamp() - query_start > '0.2 seconds' "
                "from pg_stat_activity where pid = %s",
                [shop.conn.info.backend_pid],
            ).fetchone()
            times += row == ("PgSleep", True)
            time.sleep(0.002)

    return sleeps


def test_waits_for_who_began_before_and_has_not_written_yet(
    shop: Shop, connect: Connect, background: Background, sleeps: Callable[[Shop], None]
) -> None:
    shop.sell("A", 100)
    early = begun(connect)
    at = clock(shop)
    closer = Shop(connect())
    future = background(close, closer, at)
    sleeps(closer)
    early.sell("B", 7)
    sleeps(closer)
    assert not future.done()
    early.conn.commit()

    assert outcome(future).until_at == at
    (row,) = shop.query("select * from mixpay.period_list where owner = 'S'")
    assert (row.came_in, row.went_out, row.balance) == (107, 0, 107)
    agree(shop, at)


def test_does_not_wait_for_who_began_while_it_waited(
    shop: Shop, connect: Connect, background: Background, sleeps: Callable[[Shop], None]
) -> None:
    early = begun(connect)
    at = clock(shop)
    closer = Shop(connect())
    future = background(close, closer, at)
    sleeps(closer)
    late = begun(connect)
    late.sell("B", 7)
    early.conn.rollback()

    assert outcome(future).until_at == at
    late.conn.commit()
    assert told(shop, "payee", at) == {}
    agree(shop, at)


def test_one_that_dies_holds_it_up_no_longer(
    shop: Shop, connect: Connect, background: Background, sleeps: Callable[[Shop], None]
) -> None:
    early = begun(connect)
    early.sell("A", 100)
    at = clock(shop)
    closer = Shop(connect())
    future = background(close, closer, at)
    sleeps(closer)
    shop.query("select pg_terminate_backend(%s, 5000)", early.conn.info.backend_pid)

    assert outcome(future).until_at == at
    assert shop.query("select from mixpay.closed_balances") == []


def test_two_close_one_period_at_once(
    shop: Shop, connect: Connect, background: Background, waits: Callable[..., list[int]]
) -> None:
    shop.sell("A", 100)
    at = clock(shop)
    first, second = Shop(connect(autocommit=False)), Shop(connect())
    # They may see that neither began before, whatever else they may not.
    shop.conn.execute("grant pg_read_all_stats to mixpay_owner")
    try:
        done = close(first, at)
        future = background(close, second, at)
        assert waits(second.conn) == [first.conn.info.backend_pid]
        first.conn.commit()
        assert outcome(future) == done
    finally:
        shop.conn.execute("revoke pg_read_all_stats from mixpay_owner")
    assert len(shop.query("select from mixpay.closed_periods")) == 1
    agree(shop, at)


@pytest.mark.parametrize("commit", [True, False])
def test_of_two_periods_at_once_the_later_one_may_be_first(
    shop: Shop,
    connect: Connect,
    background: Background,
    waits: Callable[..., list[int]],
    commit: bool,
) -> None:
    """Then the earlier one comes too late; if it was undone, it does not."""
    early = clock(shop)
    shop.sell("A", 100)
    late = clock(shop)
    first, second = Shop(connect(autocommit=False)), Shop(connect())
    shop.conn.execute("grant pg_read_all_stats to mixpay_owner")
    try:
        close(first, late)
        future = background(close, second, early)
        assert waits(second.conn) == [first.conn.info.backend_pid]
        (first.conn.commit if commit else first.conn.rollback)()
        result = outcome(future)
    finally:
        shop.conn.execute("revoke pg_read_all_stats from mixpay_owner")
    assert getattr(result, "sqlstate", None) == ("MX409" if commit else None)
    ((closed,),) = shop.query("select until_at from mixpay.closed_periods")
    assert closed == (late if commit else early)


def test_payments_go_on_while_a_period_is_closed(shop: Shop, connect: Connect) -> None:
    """It locks the merchant, whom new orders and trades refer to."""
    at = clock(shop)
    closer = Shop(connect(autocommit=False))
    close(closer, at)
    shop.conn.execute("set lock_timeout = '5s'")
    shop.sell("A", 100)
    shop.refund("A", "R", 10)
    shop.call("settle_payee", "S", "S1", None)
    shop.call("fold_balances")
    closer.conn.commit()
    agree(shop, at)


def test_what_many_write_while_periods_are_closed_is_in_one_of_them(
    shop: Shop, connect: Connect, background: Background
) -> None:
    """The checks compare each period with the journal afterwards."""
    shop.sell("FIRST", 1)

    def write(worker: int) -> None:
        mine = Shop(connect(autocommit=False))
        for number in range(200):
            mine.query("select")
            time.sleep(0.001 * (worker * number % 7))
            mine.sell(f"{worker}-{number}", 10)
            mine.conn.commit()
            if number >= 11 and closed > 1:
                break

    closed = 0
    writers = [background(write, worker) for worker in range(4)]
    while not all(writer.done() for writer in writers):
        at = clock(shop)
        shop.call("fold_balances")
        close(shop, at)
        closed += 1
    assert [writer.exception(timeout=60) for writer in writers] == [None] * 4
    assert closed > 1
    agree(shop, *(at for (at,) in shop.query("select until_at from mixpay.closed_periods")))


def test_who_says_to_have_begun_before_and_comes_after_all_is_in_the_next_period(
    shop: Shop,
    connect: Connect,
    background: Background,
    waits: Callable[..., list[int]],
    sleeps: Callable[[Shop], None],
) -> None:
    """All transactions of one message have begun when it arrived, says now()."""
    shop.sell("A", 100)
    shop.merge("T", Z=12)
    doors = [connect() for _ in range(2)]
    for number, door in enumerate(doors, 1):
        door.execute("select pg_advisory_lock(%s)", [number])
    sender = connect()
    pay = "select count(*) from mixpay.record_payment('m', 'T', '{}', 'card', {});"
    message = (
        f"begin; {pay.format('P1', 5)} select pg_advisory_lock(1); commit; "
        f"begin; select pg_advisory_lock(2); {pay.format('P2', 7)} commit"
    )
    future = background(sender.execute, message)
    waits(sender)
    closer = Shop(connect())
    closing = background(close, closer, clock(shop))
    sleeps(closer)
    doors[0].close()
    assert outcome(closing).until_at is not None
    query = "select account, owner, came_in, went_out from mixpay.period_list order by 1, 2"
    closed = shop.query(query)
    doors[1].close()
    future.result()

    ((came,),) = shop.query(
        "select count(*) from mixpay.journal as j, mixpay.closed_periods as p "
        "where j.payment_no = 'P2' and j.created_at <= p.until_at"
    )
    assert came == 1
    assert shop.query(query) == closed
    assert ("channel", "", 0, 105) in closed
