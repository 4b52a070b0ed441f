from collections.abc import Callable
from concurrent.futures import Future
from random import Random
from typing import Any

import pytest
from psycopg import Connection
from shop import Shop, orders

Race = Callable[..., Any]


@pytest.mark.parametrize("trade_no", ["T", None])
@pytest.mark.parametrize("known", [False, True])
def test_e03_the_same_merge_twice_at_once(
    shop: Shop, race: Race, trade_no: str | None, known: bool
) -> None:
    if known:
        shop.merge("OLD", A=100, B=50)
        shop.merge("OLDER", A=(100, 10))
    raced = race(lambda s: s.merge(trade_no, A=100, B=50), lambda s: s.merge(trade_no, A=100, B=50))

    assert raced.second == raced.first
    live = shop.query("select distinct trade_no from mixpay.trade_orders where live")
    assert [row.trade_no for row in live] == [raced.first.trade_no]


@pytest.mark.parametrize("trade_no", ["T", None])
def test_e33_the_same_merge_twice_at_once_without_seeing_each_other(
    shop: Shop, race: Race, trade_no: str | None
) -> None:
    def merge(shop: Shop) -> Any:
        return shop.merge(trade_no, A=100)

    raced = race(merge, merge, "repeatable read")

    assert raced.second.sqlstate == "40001"
    assert merge(shop) == raced.first


@pytest.mark.parametrize(
    ("isolation", "code"), [("read committed", "MX106"), ("repeatable read", "40001")]
)
def test_the_same_new_trade_number_for_other_orders(
    shop: Shop, race: Race, isolation: str, code: str
) -> None:
    raced = race(lambda s: s.merge("T", A=100), lambda s: s.merge("T", B=50), isolation)

    assert raced.second.sqlstate == code
    assert shop.query("select from mixpay.orders where order_no = 'B'") == []
    assert shop.merge("T2", B=50).amount == 50


def test_the_second_gets_the_trade_number_when_the_first_gives_up(shop: Shop, race: Race) -> None:
    raced = race(lambda s: s.merge("T", A=100), lambda s: s.merge("T", B=50), commit=False)

    assert raced.second.amount == 50
    assert shop.query("select from mixpay.orders where order_no = 'A'") == []


def test_e11_of_two_overlapping_merges_the_second_wins(shop: Shop, race: Race) -> None:
    raced = race(lambda s: s.merge("T1", A=100, B=50), lambda s: s.merge("T2", B=50, C=10))

    assert raced.second.state == "open"
    assert shop.row("trades", "T1").state == "closed"
    assert shop.line("T2", "B").nth == 2


def test_e11_two_merges_abandon_the_same_trade(shop: Shop, race: Race) -> None:
    shop.merge("T", A=100, B=50)
    raced = race(lambda s: s.merge("T1", A=100), lambda s: s.merge("T2", B=50))

    assert raced.second.state == "open"
    assert [shop.row("trades", no).state for no in ("T", "T1")] == ["closed", "open"]


def test_e11_overlapping_merges_in_crowds(
    shop: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
) -> None:
    order_nos = [f"O{i}" for i in range(8)]

    def merge(worker: int) -> None:
        random, mine = Random(worker), Shop(connect())
        for i in range(20):
            some = random.sample(order_nos, random.randint(1, 5))
            number = None if random.random() < 0.5 else f"T{worker}-{i}"
            mine.merge(number, **dict.fromkeys(some, 100))

    workers = [background(merge, worker) for worker in range(10)]
    # No deadlock, no constraint, no refusal: nothing was ever paid.
    assert [worker.exception(timeout=60) for worker in workers] == [None] * 10
    live = shop.query("select order_no from mixpay.trade_orders where live")
    assert len(live) == len(set(live))


def test_e11_merges_against_payments_in_crowds(
    shop: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
) -> None:
    """Whatever comes first: refused with a typed error, or booked; never a deadlock."""
    order_nos = [f"O{i}" for i in range(6)]
    shop.merge("T", **dict.fromkeys(order_nos, 10))

    def live(worker: int) -> set[str]:
        random, mine, codes = Random(worker), Shop(connect()), set()
        for i in range(20):
            try:
                open_trades = mine.query("select trade_no from mixpay.trades where state = 'open'")
                if open_trades and random.random() < 0.6:
                    trade_no = random.choice(open_trades).trade_no
                    if random.random() < 0.5:
                        mine.pay(trade_no, f"P{worker}-{i}", random.randint(1, 25))
                    else:
                        mine.start(trade_no, f"P{worker}-{i}", random.randint(1, 10))
                        mine.call("fail_payment", f"P{worker}-{i}", "declined")
                else:
                    some = random.sample(order_nos, random.randint(1, 3))
                    mine.merge(None, **dict.fromkeys(some, 10))
            except Exception as error:
                codes.add(error.sqlstate)
        return codes

    workers = [background(live, worker) for worker in range(8)]
    codes = set().union(*(worker.result(timeout=60) for worker in workers))
    assert codes <= {"MX107", "MX108", "MX204", "MX206"}


def test_a_merge_waits_for_a_payment_into_the_abandoned_trade(shop: Shop, race: Race) -> None:
    shop.merge("T1", A=100)
    raced = race(lambda s: s.pay("T1", "P", 40), lambda s: s.merge("T2", A=100))

    assert raced.second.sqlstate == "MX107"
    assert "40 is paid" in raced.second.diag.message_detail


def test_a_merge_waits_for_the_payment_that_fills_the_trade(shop: Shop, race: Race) -> None:
    shop.merge("T1", A=100)
    raced = race(lambda s: s.pay("T1", "P", 100), lambda s: s.merge("T2", A=100))

    assert raced.second.sqlstate == "MX108"


def test_a_merge_waits_for_the_deposit_and_takes_the_balance(shop: Shop, race: Race) -> None:
    shop.merge("T1", A=(100, 30))
    raced = race(lambda s: s.pay("T1", "P", 30), lambda s: s.merge("T2", A=100))

    assert raced.second.amount == 70


def test_e09_money_that_waited_for_a_merge_is_surplus(shop: Shop, race: Race) -> None:
    shop.merge("T1", A=100)
    raced = race(lambda s: s.merge("T2", A=100), lambda s: s.pay("T1", "P", 40))

    assert (raced.second.applied, raced.second.surplus) == (0, 40)
    assert shop.row("trades", "T2").paid == 0


def test_a_merge_waits_for_an_attempt_that_starts(shop: Shop, race: Race) -> None:
    shop.merge("T1", A=100)
    raced = race(lambda s: s.start("T1", "P", 40), lambda s: s.merge("T2", A=100))

    assert raced.second.sqlstate == "MX107"
    assert shop.row("trades", "T1").state == "open"


def test_an_attempt_waits_for_a_merge_that_closes_its_trade(shop: Shop, race: Race) -> None:
    shop.merge("T1", A=100)
    raced = race(lambda s: s.merge("T2", A=100), lambda s: s.start("T1", "P", 40))

    assert raced.second.sqlstate == "MX204"
    assert shop.query("select from mixpay.payments") == []


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_e33_a_merge_that_cannot_see_the_payment(shop: Shop, race: Race, isolation: str) -> None:
    shop.merge("T1", A=100)
    raced = race(lambda s: s.pay("T1", "P", 40), lambda s: s.merge("T2", A=100), isolation)

    assert raced.second.sqlstate == "40001"


def test_merges_in_bulk_lock_orders_and_trades_in_one_order(shop: Shop, race: Race) -> None:
    shop.merge("T1", A=1, X=1)
    shop.merge("T2", B=1, Y=1)

    def merge(*order_nos: str) -> Callable[[Shop], Any]:
        trades = [
            {"orders": [{"order_no": number, "amount": 1, "currency": "CNY"}]}
            for number in order_nos
        ]
        return lambda s: s.rows("merge_many", trades)

    raced = race(merge("A", "B"), merge("Y", "X"))

    assert [trade.state for trade in raced.second] == ["open", "open"]


def test_what_was_repeated_stays_so_whatever_becomes_of_it_in_the_wait(
    shop: Shop, race: Race
) -> None:
    shop.merge("OLD", C=10)
    shop.merge("T1", A=1)
    open_trade_no = shop.merge(None, B=1).trade_no

    def merge_again(s: Shop) -> None:
        s.merge("T2", C=10)
        s.close(open_trade_no)

    trades = [
        {"trade_no": "T1", "orders": orders(A=1)},
        {"orders": orders(B=1)},
        {"trade_no": "T3", "orders": orders(C=10)},
    ]
    raced = race(merge_again, lambda s: s.rows("merge_many", trades))

    found = [(trade.trade_no, trade.state) for trade in raced.second]
    assert found == [("T1", "open"), (open_trade_no, "closed"), ("T3", "open")]
