"""Whoever follows the events misses none, however late a transaction commits."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from psycopg import Connection
from shop import Row, Shop

Connect = Callable[..., Connection[Any]]


class Follower:
    """Remembers nothing but the position of the last event it read."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.read: list[Row] = []

    def poll(self, limit: int = 1000) -> list[str]:
        after = self.read[-1].position if self.read else None
        page = self.shop.rows("read_events", after, limit)
        self.read += page
        return [event.number for event in page]


@pytest.fixture
def follower(shop: Shop, connect: Connect) -> Follower:
    shop.merge("T1", A=100)
    shop.merge("T2", B=100)
    follower = Follower(Shop(connect()))
    assert follower.poll() == ["T1", "T2"]
    return follower


def begun(connect: Connect) -> Shop:
    """A transaction that has its id already, and has written nothing."""
    shop = Shop(connect(autocommit=False))
    shop.query("select pg_current_xact_id()")
    return shop


def test_one_that_began_earlier_and_commits_later_is_not_skipped(
    shop: Shop, connect: Connect, follower: Follower
) -> None:
    slow = begun(connect)
    slow.pay("T1", "slow", 10)
    shop.pay("T2", "fast", 10)
    assert follower.poll() == []
    shop.pay("T2", "faster", 10)
    assert follower.poll() == []
    slow.conn.commit()

    assert follower.poll() == ["slow", "fast", "faster"]
    assert follower.poll() == []


def test_one_that_writes_only_after_the_other_committed_is_not_skipped(
    shop: Shop, connect: Connect, follower: Follower
) -> None:
    slow = begun(connect)
    shop.pay("T2", "fast", 10)
    assert follower.poll() == []
    slow.pay("T1", "slow", 10)
    assert follower.poll() == []
    slow.conn.commit()

    assert sorted(follower.poll()) == ["fast", "slow"]


def test_what_came_before_is_shown_while_others_run(
    shop: Shop, connect: Connect, follower: Follower
) -> None:
    shop.pay("T1", "before", 10)
    slow = begun(connect)
    shop.pay("T1", "after", 10)

    assert follower.poll() == ["before"]
    slow.conn.commit()
    assert follower.poll() == ["after"]


def test_a_rollback_leaves_no_gap(shop: Shop, connect: Connect, follower: Follower) -> None:
    slow = begun(connect)
    slow.pay("T1", "undone", 10)
    shop.pay("T2", "done", 10)
    assert follower.poll() == []
    slow.conn.rollback()

    assert follower.poll() == ["done"]
    shop.pay("T1", "next", 10)
    assert follower.poll() == ["next"]


def test_what_a_savepoint_took_back_is_no_event(
    shop: Shop, connect: Connect, follower: Follower
) -> None:
    slow = begun(connect)
    with slow.conn.transaction(force_rollback=True):
        slow.pay("T1", "undone", 10)
    with slow.conn.transaction():
        slow.pay("T1", "slow", 10)
    shop.pay("T2", "fast", 10)
    slow.conn.commit()

    assert follower.poll() == ["slow", "fast"]


def test_a_crash_leaves_no_gap(shop: Shop, connect: Connect, follower: Follower) -> None:
    slow = begun(connect)
    slow.pay("T1", "lost", 10)
    shop.query("select pg_terminate_backend(%s, 5000)", slow.conn.info.backend_pid)
    shop.pay("T1", "next", 10)

    assert follower.poll() == ["next"]


def test_a_follower_in_a_long_transaction_still_misses_nothing(
    shop: Shop, connect: Connect, follower: Follower
) -> None:
    """Its snapshot is old, and with it its idea of who runs."""
    options = "-c default_transaction_isolation=repeatable\\ read"
    follower.shop = Shop(connect(autocommit=False, options=options))
    slow = begun(connect)
    slow.pay("T1", "slow", 10)
    assert follower.poll() == []
    slow.conn.commit()
    shop.pay("T1", "next", 10)
    assert follower.poll() == []
    follower.shop.conn.rollback()

    assert follower.poll() == ["slow", "next"]


def test_the_order_is_that_of_the_transactions_and_entries_tell_that_of_the_trade(
    shop: Shop, connect: Connect, follower: Follower
) -> None:
    """The transaction that began first is the second to get the trade."""
    slow = begun(connect)
    shop.pay("T1", "first", 10)
    slow.pay("T1", "second", 10)
    slow.conn.commit()
    shop.pay("T1", "third", 10)

    assert follower.poll() == ["second", "first", "third"]
    told = sorted(follower.read[-3:], key=lambda event: event.entry)
    assert [event.number for event in told] == ["first", "second", "third"]


def test_several_writers_and_one_who_follows(
    shop: Shop,
    connect: Connect,
    background: Callable[..., Future[Any]],
    follower: Follower,
) -> None:
    trades = [f"W{i}" for i in range(4)]
    for trade in trades:
        shop.call("merge_orders", [{"order_no": trade, "amount": 999, "currency": "CNY"}], trade)
    together = threading.Barrier(6)

    def write(worker: int) -> None:
        mine = Shop(connect(autocommit=False))
        together.wait(timeout=30)
        for number in range(25):
            # In ascending order, so that nobody waits in a circle.
            for trade in trades[number % 3 : number % 3 + 2]:
                mine.pay(trade, f"{worker}-{number}-{trade}", 1)
            if number % 5 == 4:
                mine.conn.rollback()
            else:
                mine.conn.commit()

    writers = [background(write, worker) for worker in range(5)]
    together.wait(timeout=30)
    polls = 0
    while not all(writer.done() for writer in writers):
        follower.poll(limit=7)
        polls += 1
    assert [writer.exception(timeout=60) for writer in writers] == [None] * 5
    while follower.poll(limit=7):
        pass

    assert polls > 1
    found = [(event.trade_no, event.entry) for event in follower.read]
    assert sorted(found) == sorted(shop.query("select trade_no, entry from mixpay.history"))
    order = [(event.epoch, int(event.xid), event.trade_no, event.entry) for event in follower.read]
    assert order == sorted(order)


def test_e54_the_horizon_shows_who_keeps_events_back(
    shop: Shop, connect: Connect, follower: Follower
) -> None:
    slow = begun(connect)
    shop.pay("T2", "fast", 10)
    assert follower.poll() == []
    # Other tests' transactions are there, too: they are of the same server.
    mine = "select * from mixpay.horizon where pid = %s"
    (row,) = shop.query(mine, slow.conn.info.backend_pid)
    assert row.state == "idle in transaction"
    assert row.database == slow.conn.info.dbname
    assert row.transactions_since > 0
    assert row.began_at is not None
    # Whoever may not see others' sessions is told who it is all the same.
    shop.conn.execute("set role mixpay_reader")
    (seen,) = shop.query(mine, row.pid)
    assert seen.database == row.database
    assert (seen.state, seen.began_at) == (None, None)
    shop.conn.execute("reset role")
    slow.conn.rollback()
    assert shop.query(mine, row.pid) == []
    shop.until_final()
    assert follower.poll() == ["fast"]
