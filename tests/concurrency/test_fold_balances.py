"""Folds while others write and fold: no movement is left out, and none counts twice."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import psycopg
import pytest
from books import Books, agree, fold, let_folds_be_small, told, trial
from psycopg import Connection
from shop import Shop, outcome

Connect = Callable[..., Connection[Any]]
Background = Callable[..., Future[Any]]
Waits = Callable[..., list[int]]


def begun(connect: Connect) -> Shop:
    """A transaction that has its id already, and has written nothing."""
    shop = Shop(connect(autocommit=False))
    shop.query("select pg_current_xact_id()")
    return shop


@pytest.mark.parametrize("grows", [False, True])
def test_of_two_at_once_the_second_returns_what_the_first_made(
    shop: Shop, connect: Connect, background: Background, waits: Waits, grows: bool
) -> None:
    if grows:
        fold(shop)
    shop.sell("A", 100)
    shop.until_final()
    first, second = Shop(connect(autocommit=False)), Shop(connect())
    done = first.call("fold_balances")
    future = background(second.call, "fold_balances")
    assert waits(second.conn) == [first.conn.info.backend_pid]
    # Whoever asks meanwhile adds up.
    agree(shop)
    first.conn.commit()

    assert outcome(future) == done
    assert done.movements == 2
    agree(shop, *Books(shop).moments())


@pytest.mark.parametrize("grows", [False, True])
def test_if_the_first_is_undone_the_second_folds(
    shop: Shop, connect: Connect, background: Background, waits: Waits, grows: bool
) -> None:
    if grows:
        fold(shop)
    shop.sell("A", 100)
    shop.until_final()
    first, second = Shop(connect(autocommit=False)), Shop(connect())
    first.call("fold_balances")
    future = background(second.call, "fold_balances")
    assert waits(second.conn) == [first.conn.info.backend_pid]
    first.conn.rollback()

    made = outcome(future)
    assert (made.fold, made.movements) == (1, 2)
    agree(shop, *Books(shop).moments())


@pytest.mark.parametrize("grows", [False, True])
def test_with_an_old_snapshot_the_second_fails(
    shop: Shop, connect: Connect, background: Background, waits: Waits, grows: bool
) -> None:
    """It could not see what the first one folded, and repeats its transaction."""
    if grows:
        fold(shop)
    shop.sell("A", 100)
    shop.until_final()
    options = "-c default_transaction_isolation=repeatable\\ read"
    first, second = Shop(connect(autocommit=False)), Shop(connect(options=options))
    first.call("fold_balances")
    future = background(second.call, "fold_balances")
    assert waits(second.conn) == [first.conn.info.backend_pid]
    first.conn.commit()

    assert isinstance(outcome(future), psycopg.errors.SerializationFailure)
    assert second.call("fold_balances").movements == 2


def test_who_reads_sees_the_folds_and_the_journal_of_one_moment(
    shop: Shop, connect: Connect
) -> None:
    shop.sell("A", 100)
    options = "-c default_transaction_isolation=repeatable\\ read"
    reader = Shop(connect(autocommit=False, options=options))
    assert told(reader, "payee:S") == {"CNY": (100, 0, 100)}
    fold(shop)
    shop.sell("B", 7)
    fold(shop)
    assert told(reader, "payee:S") == {"CNY": (100, 0, 100)}
    agree(reader)
    reader.conn.rollback()
    assert told(reader, "payee:S") == {"CNY": (107, 0, 107)}


@pytest.mark.parametrize("committed", [True, False])
def test_what_has_an_id_and_is_written_after_a_fold_is_in_the_next(
    shop: Shop, connect: Connect, committed: bool
) -> None:
    shop.sell("A", 100)
    slow = begun(connect)
    shop.sell("B", 30)
    # The fold ends before the slow one, whatever came after it.
    assert shop.call("fold_balances").movements == 2
    slow.sell("C", 7, "V")
    assert shop.call("fold_balances").fold == 1
    (slow.conn.commit if committed else slow.conn.rollback)()

    assert fold(shop).movements == (6 if committed else 4)
    assert told(shop, "payee")["CNY"][2] == (137 if committed else 130)
    agree(shop, *Books(shop).moments())


def test_what_is_lost_after_a_fold_is_added_to_it(shop: Shop, connect: Connect) -> None:
    """By whoever had his id already: the outside, which has no name, is like any account."""
    shop.sell("A", 100)
    shop.refund("A", "R1", 100)
    shop.fail("R1", "PA")
    shop.refund("A", "R2", 100)
    anomaly = shop.complete("R1", "PA").channel_refund_no
    slow = begun(connect)
    shop.call("fold_balances")
    slow.call("resolve_anomaly", anomaly, "written_off", "gone")
    slow.conn.commit()

    assert told(shop, "outside") == {"CNY": (0, 100, -100)}
    agree(shop)


def test_several_write_and_several_fold(
    shop: Shop, connect: Connect, background: Background
) -> None:
    """Each balance is the plain sum in the same snapshot, while folds are made and grow."""
    let_folds_be_small(shop, 20)
    shop.sell("FIRST", 1)
    together = threading.Barrier(6)
    ended = threading.Event()

    def write(worker: int) -> None:
        mine = Shop(connect(autocommit=False))
        together.wait(timeout=60)
        for number in range(15):
            mine.query("select pg_current_xact_id()")
            mine.sell(f"{worker}-{number}", 10, "SV"[number % 2])
            if number % 5 == 4:
                mine.conn.rollback()
            else:
                mine.conn.commit()

    def keep_folding() -> None:
        mine = Shop(connect())
        together.wait(timeout=60)
        while not ended.is_set():
            mine.call("fold_balances")

    writers = [background(write, worker) for worker in range(3)]
    folders = [background(keep_folding) for _ in range(2)]
    options = "-c default_transaction_isolation=repeatable\\ read"
    reader = Shop(connect(autocommit=False, options=options))
    together.wait(timeout=60)
    try:
        while not all(writer.done() for writer in writers):
            agree(reader)
            reader.conn.rollback()
    finally:
        ended.set()
    assert [done.exception(timeout=60) for done in (*writers, *folders)] == [None] * 5

    assert fold(shop).fold > 2
    assert sum(total["CNY"][2] for total in trial(shop).values()) == 0
    assert told(shop, "payee")["CNY"][2] == 1 + 3 * 12 * 10
    agree(shop, *Books(shop).moments()[::7])
