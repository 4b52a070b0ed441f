from collections.abc import Callable
from concurrent.futures import Future
from random import Random
from typing import Any

import pytest
from psycopg import Connection
from shop import Shop, day

Race = Callable[..., Any]


@pytest.fixture
def paid(shop: Shop) -> Shop:
    shop.merge("T", A=100)
    shop.pay("T", "P", 100)
    return shop


def test_e01_two_refunds_of_60_on_100(paid: Shop, race: Race) -> None:
    raced = race(lambda s: s.refund("A", "R1", 60), lambda s: s.refund("A", "R2", 60))

    assert raced.first == {"P": 60}
    assert raced.second.sqlstate == "MX301"
    assert "60 is already refunded: 40 is left" in raced.second.diag.message_detail
    assert [r.refund_no for r in paid.query("select * from mixpay.refunds")] == ["R1"]
    # The loser's number is not burnt.
    assert paid.refund("A", "R2", 40) == {"P": 40}


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_e01_e33_two_refunds_that_cannot_see_each_other(
    paid: Shop, race: Race, isolation: str
) -> None:
    raced = race(lambda s: s.refund("A", "R1", 60), lambda s: s.refund("A", "R2", 60), isolation)

    assert raced.second.sqlstate == "40001"
    assert paid.row("payments", "P").refunded == 60
    assert [r.refund_no for r in paid.query("select * from mixpay.refunds")] == ["R1"]


def test_e01_the_second_is_accepted_when_the_first_gives_up(paid: Shop, race: Race) -> None:
    raced = race(lambda s: s.refund("A", "R1", 60), lambda s: s.refund("A", "R2", 60), commit=False)

    assert raced.second == {"P": 60}
    assert [r.refund_no for r in paid.query("select * from mixpay.refunds")] == ["R2"]


def test_e03_the_same_refund_twice_at_once(paid: Shop, race: Race) -> None:
    def refund(shop: Shop) -> Any:
        return shop.call("refund_order", "A", "R", 60)

    raced = race(refund, refund)

    assert raced.second == raced.first
    assert paid.row("payments", "P").refunded == 60


def test_e34_the_same_number_for_two_orders_of_a_trade(shop: Shop, race: Race) -> None:
    shop.merge("T", A=50, B=50)
    shop.pay("T", "P", 100)
    raced = race(lambda s: s.refund("A", "R", 20), lambda s: s.refund("B", "R", 20))

    assert raced.second.sqlstate == "MX302"
    assert "order_no A" in raced.second.diag.message_detail
    assert shop.balance("B").refunded == 0


@pytest.mark.parametrize(
    ("isolation", "code"), [("read committed", "MX302"), ("repeatable read", "40001")]
)
def test_e34_the_same_number_for_orders_of_two_trades(
    paid: Shop, race: Race, isolation: str, code: str
) -> None:
    paid.merge("T2", B=100)
    paid.pay("T2", "P2", 100)
    raced = race(lambda s: s.refund("A", "R", 20), lambda s: s.refund("B", "R", 20), isolation)

    assert raced.second.sqlstate == code
    assert (paid.balance("A").refunded, paid.balance("B").refunded) == (20, 0)


def test_e34_the_second_order_gets_the_number_when_the_first_gives_up(
    paid: Shop, race: Race
) -> None:
    paid.merge("T2", B=100)
    paid.pay("T2", "P2", 100)
    raced = race(lambda s: s.refund("A", "R", 20), lambda s: s.refund("B", "R", 20), commit=False)

    assert raced.second == {"P2": 20}


def test_a_refund_sees_the_payment_it_waited_for(shop: Shop, race: Race) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P2", 60, paid_at=day(2))
    raced = race(lambda s: s.pay("T", "P1", 40, paid_at=day(1)), lambda s: s.refund("A", "R", 50))

    assert raced.second == {"P1": 40, "P2": 10}


def test_a_payment_waits_for_a_refund(shop: Shop, race: Race) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P1", 60)
    raced = race(lambda s: s.refund("A", "R", 50), lambda s: s.pay("T", "P2", 40))

    assert raced.second.applied == 40
    assert shop.row("trades", "T").state == "paid"


def test_a_refund_that_waited_takes_no_money_it_has_not_locked(
    shop: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
    waits: Callable[..., list[int]],
) -> None:
    """While it waits for the deposit's trade, the balance is paid, and refunded for B."""
    shop.merge("T1", A=(100, 50))
    shop.pay("T1", "P1", 50)
    shop.refund("A", "R1", 10)
    holder, other = (Shop(connect(autocommit=False)) for _ in range(2))
    refunding = Shop(connect())
    # The trade alone: whoever moves money of A has what all its trades make of it, too.
    holder.conn.execute("select from mixpay.trades where trade_no = 'T1' for no key update")
    refund = background(refunding.refund, "A", "R2", 60)
    waits(refunding.conn)
    shop.merge("T2", A=100, B=50)
    shop.pay("T2", "P2", 100)
    other.refund("B", "R3", 50)
    holder.conn.commit()

    # As if it had come before the balance: 50 paid, 10 refunded.
    error = refund.exception(timeout=30)
    assert error is not None
    assert error.sqlstate == "MX301"
    assert "40 is left" in error.diag.message_detail
    other.conn.commit()
    assert shop.refund("A", "R2", 60) == {"P1": 40, "P2": 20}


def test_refunds_over_shared_trades_do_not_deadlock(
    shop: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
) -> None:
    """Each order is in three trades, numbered and first used in different orders."""
    order_nos = [f"O{i}" for i in range(6)]
    for number, trade_no in enumerate(["T2", "T3", "T1"]):
        turned = order_nos[number * 2 :] + order_nos[: number * 2]
        shop.merge(trade_no, **dict.fromkeys(turned, (300, 100)))
        for payment in range(6):
            shop.pay(trade_no, f"{trade_no}-{payment}", 100, paid_at=day(payment + 1))

    def refund(worker: int) -> None:
        random, mine = Random(worker), Shop(connect())
        for i in range(15):
            mine.refund(random.choice(order_nos), f"R{worker}-{i}", random.randint(1, 12))

    workers = [background(refund, worker) for worker in range(8)]
    assert [worker.exception(timeout=60) for worker in workers] == [None] * 8
