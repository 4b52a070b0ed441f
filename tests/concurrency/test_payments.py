from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from shop import Row, Shop, day, outcome

Race = Callable[..., Any]
ISOLATION = pytest.mark.parametrize("isolation", ["read committed", "repeatable read"])


def batch(shop: Shop, trade_no: str, payment_no: str, amount: int, **more: str) -> Row:
    payment = {"trade_no": trade_no, "payment_no": payment_no, "amount": amount, **more}
    (recorded,) = shop.rows("record_payments", [{**payment, "channel": "alipay"}])
    return recorded


@pytest.fixture(autouse=True)
def trades(shop: Shop) -> None:
    shop.merge("T1", A=100)
    shop.merge("T2", B=100)


def test_e07_identical_callbacks_book_once(
    shop: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
    waits: Callable[..., list[int]],
) -> None:
    shop.start("T1", "P", 60)
    holder = connect(autocommit=False)
    holder.execute("select from mixpay.trades where trade_no = 'T1' for no key update")
    callers = [Shop(connect()) for _ in range(12)]
    calls = [background(caller.succeed, "P", "X1") for caller in callers]
    for caller in callers:
        waits(caller.conn)
    holder.rollback()
    results = [call.result(timeout=30) for call in calls]

    assert results == [results[0]] * 12
    assert shop.row("trades", "T1").paid == 60
    assert len(shop.query("select from mixpay.history where to_state = 'succeeded'")) == 1


def test_e08_a_failure_that_waited_for_the_success_is_refused(shop: Shop, race: Race) -> None:
    shop.start("T1", "P", 60)
    raced = race(lambda s: s.succeed("P"), lambda s: s.call("fail_payment", "P", "timed out"))

    assert raced.second.sqlstate == "MX208"


def test_e08_a_success_that_waited_for_the_failure_is_booked(shop: Shop, race: Race) -> None:
    shop.start("T1", "P", 60)
    raced = race(lambda s: s.call("fail_payment", "P", "timed out"), lambda s: s.succeed("P"))

    assert raced.second.applied == 60


def test_two_payments_that_both_fill_the_trade(shop: Shop, race: Race) -> None:
    raced = race(lambda s: s.pay("T1", "P1", 100), lambda s: s.pay("T1", "P2", 100))

    assert (raced.first.applied, raced.second.applied, raced.second.surplus) == (100, 0, 100)
    assert shop.balance("A").paid == 100


def test_e33_two_payments_that_cannot_see_each_other(shop: Shop, race: Race) -> None:
    raced = race(
        lambda s: s.pay("T1", "P1", 100), lambda s: s.pay("T1", "P2", 100), "repeatable read"
    )

    assert raced.second.sqlstate == "40001"
    # What a retry loop then does:
    assert shop.pay("T1", "P2", 100).surplus == 100


def test_e03_the_same_payment_recorded_twice_at_once(shop: Shop, race: Race) -> None:
    raced = race(lambda s: s.pay("T1", "P", 60), lambda s: s.pay("T1", "P", 60))

    assert raced.second == raced.first
    assert shop.row("trades", "T1").paid == 60


@pytest.mark.parametrize(
    ("isolation", "code"), [("read committed", "MX202"), ("repeatable read", "40001")]
)
@pytest.mark.parametrize("call", [Shop.pay, Shop.start, batch])
def test_e03_the_same_payment_number_for_two_trades_at_once(
    shop: Shop, race: Race, call: Callable[..., Row], isolation: str, code: str
) -> None:
    raced = race(lambda s: call(s, "T1", "P", 60), lambda s: call(s, "T2", "P", 60), isolation)

    assert raced.second.sqlstate == code
    assert shop.row("payments", "P").trade_no == "T1"
    assert shop.row("trades", "T2").paid == 0


def test_the_second_trade_gets_the_number_when_the_first_gives_up(shop: Shop, race: Race) -> None:
    raced = race(lambda s: s.pay("T1", "P", 60), lambda s: s.pay("T2", "P", 60), commit=False)

    assert raced.second.trade_no == "T2"
    assert shop.row("trades", "T1").paid == 0


@ISOLATION
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("record", "record"),
        ("record", "succeed"),
        ("succeed", "batch"),
        ("succeed", "succeed"),
        ("batch", "record"),
        ("batch", "batch"),
    ],
)
def test_one_channel_transaction_in_two_payments_at_once(
    shop: Shop, race: Race, first: str, second: str, isolation: str
) -> None:
    shop.start("T1", "S1", 60)
    shop.start("T2", "S2", 60)
    calls = {
        "record": lambda s, n: s.pay(f"T{n}", f"R{n}", 60, txn="X"),
        "batch": lambda s, n: batch(s, f"T{n}", f"R{n}", 60, channel_txn_no="X"),
        "succeed": lambda s, n: s.succeed(f"S{n}", "X"),
    }
    raced = race(lambda s: calls[first](s, 1), lambda s: calls[second](s, 2), isolation)

    if isolation == "read committed":
        assert raced.second.sqlstate == "MX207"
        assert raced.first.payment_no in raced.second.diag.message_detail
    else:
        # The payment that took it cannot be seen; a retry will.
        assert raced.second.sqlstate == "40001"
    assert shop.row("trades", "T2").paid == 0


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
@pytest.mark.parametrize("first", ["record", "succeed", "batch"])
@pytest.mark.parametrize("second", ["record", "succeed", "batch"])
def test_e33_a_channel_transaction_that_was_just_booked_and_cannot_be_seen(
    shop: Shop, connect: Callable[..., Connection[Any]], first: str, second: str, isolation: str
) -> None:
    """Nobody waits here: the first has committed, after the second took its snapshot."""
    shop.start("T1", "S1", 60)
    shop.start("T2", "S2", 60)
    calls = {
        "record": lambda s, n: s.pay(f"T{n}", f"R{n}", 60, txn="X"),
        "batch": lambda s, n: batch(s, f"T{n}", f"R{n}", 60, channel_txn_no="X"),
        "succeed": lambda s, n: s.succeed(f"S{n}", "X"),
    }
    options = "-c default_transaction_isolation=" + isolation.replace(" ", "\\ ")
    blind = Shop(connect(autocommit=False, options=options))
    assert blind.row("payments", "S1").state == "pending"
    booked = calls[first](shop, 1)
    with pytest.raises(psycopg.errors.SerializationFailure):
        calls[second](blind, 2)
    blind.conn.rollback()

    # What a retry is told:
    with pytest.raises(psycopg.Error, match="has paid already") as caught:
        calls[second](blind, 2)
    assert caught.value.sqlstate == "MX207"
    assert booked.payment_no in (caught.value.diag.message_detail or "")
    blind.conn.rollback()
    assert shop.row("trades", "T2").paid == 0


def test_a_start_waits_and_then_finds_the_trade_paid(race: Race) -> None:
    raced = race(lambda s: s.pay("T1", "P1", 100), lambda s: s.start("T1", "P2", 1))

    assert raced.second.sqlstate == "MX204"


def test_batches_in_opposite_order_do_not_deadlock(shop: Shop, race: Race) -> None:
    def record(prefix: str, *trade_nos: str) -> Callable[[Shop], Any]:
        return lambda s: s.rows(
            "record_payments",
            [
                {"trade_no": t, "payment_no": prefix + t, "channel": "cash", "amount": 10}
                for t in trade_nos
            ],
        )

    raced = race(record("x", "T1", "T2"), record("y", "T2", "T1"))

    assert [payment.trade_no for payment in raced.second] == ["T2", "T1"]
    assert shop.row("trades", "T1").paid == 20


def test_late_money_and_refund_keep_their_order(shop: Shop, race: Race) -> None:
    """The refund committed first, so it did not see the older money that waited for it."""
    shop.pay("T1", "P2", 50, paid_at=day(2))
    race(lambda s: s.refund("A", "R1", 50), lambda s: s.pay("T1", "P1", 50, paid_at=day(1)))

    assert shop.details("R1") == {"P2": 50}
    assert shop.refund("A", "R2", 50) == {"P1": 50}


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_e33_a_retry_loop_books_every_payment(
    shop: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
    isolation: str,
) -> None:
    options = "-c default_transaction_isolation=" + isolation.replace(" ", "\\ ")

    def pay(worker: int) -> None:
        mine = Shop(connect(options=options))
        for number in range(4):
            while True:
                try:
                    mine.pay("T1", f"P{worker}-{number}", 5)
                    break
                except psycopg.errors.SerializationFailure:
                    continue

    workers = [background(pay, worker) for worker in range(5)]
    assert [worker.exception(timeout=60) for worker in workers] == [None] * 5

    assert shop.row("trades", "T1").paid == 100
    assert shop.row("trades", "T1").state == "paid"


def test_e33_a_deadlock_between_transactions_keeps_its_code(
    shop: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
    waits: Callable[..., list[int]],
) -> None:
    one, two = (Shop(connect(autocommit=False)) for _ in range(2))
    one.pay("T1", "P1", 10)
    two.pay("T2", "P2", 10)
    call = background(one.pay, "T2", "P3", 10)
    waits(one.conn)
    outcomes = [outcome(background(two.pay, "T1", "P4", 10))]
    two.conn.rollback()
    outcomes.append(outcome(call))
    one.conn.rollback()

    # PostgreSQL chooses whom it refuses; the other one goes on.
    assert [getattr(o, "sqlstate", None) for o in outcomes].count("40P01") == 1
    assert shop.query("select from mixpay.payments") == []


def test_a_trade_made_while_a_batch_waits_is_locked_before_it_is_paid(
    shop: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
    waits: Callable[..., list[int]],
) -> None:
    holder, payer = Shop(connect(autocommit=False)), Shop(connect(autocommit=False))
    bulk = Shop(connect())
    holder.pay("T1", "P1", 10)
    payments = [
        {"trade_no": trade_no, "payment_no": payment_no, "channel": "alipay", "amount": 10}
        for trade_no, payment_no in (("T1", "P2"), ("T3", "P3"))
    ]
    recorded = background(bulk.rows, "record_payments", payments)
    waits(bulk.conn)
    shop.merge("T3", C=100)
    payer.pay("T3", "P4", 95)
    holder.conn.commit()
    assert waits(bulk.conn) == [payer.conn.info.backend_pid]
    payer.conn.commit()

    assert [(p.applied, p.surplus) for p in outcome(recorded)] == [(10, 0), (5, 5)]


@ISOLATION
@pytest.mark.parametrize("recorded", [False, True])
def test_e43_two_second_news_with_different_numbers(
    shop: Shop, race: Race, isolation: str, recorded: bool
) -> None:
    if recorded:
        shop.pay("T1", "P", 60)
    else:
        shop.start("T1", "P", 60)
        shop.succeed("P")

    def news(number: str) -> Callable[[Shop], Row]:
        return lambda s: s.pay("T1", "P", 60, txn=number) if recorded else s.succeed("P", number)

    raced = race(news("X1"), news("X2"), isolation)

    refused = {"read committed": "MX202" if recorded else "MX208", "repeatable read": "40001"}
    assert raced.second.sqlstate == refused[isolation]
    assert shop.row("payments", "P").channel_txn_no == "X1"
    assert shop.named("payment", "P") == ["channel transaction X1"]


def test_e43_the_same_second_news_at_once(shop: Shop, race: Race) -> None:
    shop.pay("T1", "P", 60)
    raced = race(lambda s: s.pay("T1", "P", 60, txn="X"), lambda s: s.pay("T1", "P", 60, txn="X"))

    assert raced.first == raced.second
    assert shop.named("payment", "P") == ["channel transaction X"]


@ISOLATION
def test_e43_one_number_for_two_payments_at_once(shop: Shop, race: Race, isolation: str) -> None:
    shop.pay("T1", "P1", 60)
    shop.pay("T2", "P2", 60)
    raced = race(
        lambda s: s.pay("T1", "P1", 60, txn="X"),
        lambda s: s.pay("T2", "P2", 60, txn="X"),
        isolation,
    )

    assert (
        raced.second.sqlstate == {"read committed": "MX207", "repeatable read": "40001"}[isolation]
    )
    assert shop.row("payments", "P2").channel_txn_no is None


@ISOLATION
def test_an_authorization_and_the_end_of_its_trade(shop: Shop, race: Race, isolation: str) -> None:
    """Whoever comes second sees the first: what the channel holds is listed as to be voided."""
    shop.start("T1", "P", 60)
    first, second = race(
        lambda one: one.call("close_trade", "T1", "abandoned"),
        lambda two: two.call("authorize_payment", "P", "a-1"),
        isolation=isolation,
    )
    assert first.state == "closed"
    if isolation == "read committed":
        assert (second.state, second.authorized) == ("closed", 60)
    else:
        assert isinstance(second, psycopg.errors.SerializationFailure)
        shop.call("authorize_payment", "P", "a-1")
    assert [r.to_do for r in shop.query("select to_do from mixpay.authorization_list")] == ["void"]


@ISOLATION
def test_an_authorization_keeps_its_orders_from_being_merged_elsewhere(
    shop: Shop, race: Race, isolation: str
) -> None:
    shop.start("T1", "P", 60)
    _, second = race(
        lambda one: one.call("authorize_payment", "P", "a-1"),
        lambda two: two.call(
            "merge_orders", [{"order_no": "A", "amount": 100, "currency": "CNY"}], "T3"
        ),
        isolation=isolation,
    )
    assert isinstance(second, psycopg.Error)
    assert second.sqlstate in ("MX107", "40001")
    assert shop.row("payments", "P").state == "authorized"
