from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from shop import Shop, day, on_hold

Race = Callable[..., Any]
Call = Callable[[Shop], Any]
Connect = Callable[..., Connection[Any]]
BLIND = pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
PAST = day(1).isoformat()


@pytest.fixture(autouse=True)
def due(shop: Shop) -> None:
    """A100 and B100 of payee S are due, each in its trade, T1 and T2, paid by P1 and P2."""
    shop.call("register_payee", "S", "Store")
    for trade_no, order_no in (("T1", "A"), ("T2", "B")):
        shop.call("merge_orders", on_hold("S", PAST, **{order_no: 100}), trade_no)
        shop.pay(trade_no, f"P{trade_no[1]}", 100)
    # Nobody waits for a sweep for ever, nor a sweep for anybody.
    shop.conn.execute("set lock_timeout = '1s'")


def release_due(shop: Shop, limit: int = 1000) -> dict[str, int]:
    return {row.order_no: row.amount for row in shop.rows("release_due", limit)}


def busy(connect: Connect) -> Shop:
    """A session that keeps its locks."""
    return Shop(connect(autocommit=False))


def looking(connect: Connect, isolation: str) -> Shop:
    """A transaction that sees what is there now, and nothing that comes."""
    options = "-c default_transaction_isolation=" + isolation.replace(" ", "\\ ")
    shop = Shop(connect(autocommit=False, options=options))
    shop.query("select from mixpay.trades")
    return shop


@pytest.mark.parametrize(
    ("call", "left"),
    [
        (lambda s: s.release("A", "L", 30), {"A": 70}),
        (lambda s: s.release("A", "L"), {}),
        (lambda s: s.refund("A", "R", 30), {"A": 70}),
        (lambda s: s.refund("A", "R", 100), {}),
        (lambda s: s.pay("T1", "P9", 5), {"A": 100}),
        (lambda s: s.call("open_dispute", "A", "D"), {}),
        (lambda s: s.rows("split_order", "A", "X", [{"receiver": "x", "rate": 1}]), {"A": 100}),
    ],
    ids=["release", "release all", "refund", "refund all", "pay", "dispute", "split"],
)
def test_leaves_a_trade_that_somebody_is_at_work_on(
    shop: Shop, connect: Connect, call: Call, left: dict[str, int]
) -> None:
    other = busy(connect)
    call(other)
    assert release_due(shop) == {"B": 100}
    other.conn.commit()

    assert release_due(shop) == left


@pytest.mark.parametrize(
    ("call", "left"),
    [
        (lambda s: s.release("A", "L", 30), {"A": 70, "B": 100}),
        (lambda s: s.release("A", "L"), {"B": 100}),
        (lambda s: s.refund("A", "R", 30), {"A": 70, "B": 100}),
        (lambda s: s.refund("A", "R", 100), {"B": 100}),
        (lambda s: s.call("open_dispute", "A", "D"), {"B": 100}),
        (lambda s: release_due(s), {}),
    ],
    ids=["release", "release all", "refund", "refund all", "dispute", "sweep"],
)
def test_what_happened_since_it_looked_counts_when_it_has_locked(
    shop: Shop, stopped: Callable[..., Any], call: Call, left: dict[str, int]
) -> None:
    """It looks for what is due, then locks; whoever is done by then was not in its way."""
    assert stopped("trade_orders", release_due, call) == left
    assert release_due(shop) == {}


@pytest.mark.parametrize("closed_for", ["payee", "buyer"])
def test_e23_a_dispute_that_was_opened_and_closed_since_it_looked_counts(
    stopped: Callable[..., Any], closed_for: str
) -> None:
    def meanwhile(shop: Shop) -> None:
        shop.call("open_dispute", "A", "D")
        shop.call("close_dispute", "D", closed_for)

    left = {"A": 100, "B": 100} if closed_for == "payee" else {"B": 100}
    assert stopped("trade_orders", release_due, meanwhile) == left


def test_what_is_locked_takes_no_place_within_the_limit(shop: Shop, connect: Connect) -> None:
    other = busy(connect)
    other.pay("T1", "P9", 5)
    assert release_due(shop, 1) == {"B": 100}
    other.conn.rollback()
    assert release_due(shop, 1) == {"A": 100}


def test_two_sweepers_never_get_the_same(shop: Shop, connect: Connect) -> None:
    one, two = busy(connect), busy(connect)
    assert len(release_due(one, 1)) == 1
    assert len(release_due(two)) == 1
    one.conn.commit()
    two.conn.commit()

    assert release_due(shop) == {}
    assert shop.owns("payee:S") == {"CNY": 200}


class TestSplits:
    """Another trade of the order keeps its split: who has it may want one that the sweep has."""

    @pytest.fixture(autouse=True)
    def split(self, shop: Shop) -> None:
        """C200 and D200 are split; 100 of each are due, in trades of their own, 100 open in T9."""
        for order_no in "CD":
            lines = on_hold("S", PAST, **{order_no: (200, 100)})
            shop.call("merge_orders", lines, f"T{order_no}")
            shop.pay(f"T{order_no}", f"P{order_no}", 100)
            shop.rows("split_order", order_no, f"X{order_no}", [{"receiver": "x", "rate": 1000}])
        shop.call("merge_orders", on_hold("S", False, C=(200, 100), D=(200, 100)), "T9")

    def test_leaves_an_order_whose_split_is_locked(self, shop: Shop, connect: Connect) -> None:
        payer = busy(connect)
        payer.pay("T9", "P9", 50)
        assert release_due(shop) == {"A": 100, "B": 100, "D": 100}
        payer.conn.commit()

        assert release_due(shop) == {"C": 100}
        assert shop.owns("receiver:x") == {"CNY": 25}

    def test_does_not_deadlock_with_a_payment_that_wants_the_other_one(
        self,
        shop: Shop,
        connect: Connect,
        background: Callable[..., Future[Any]],
        waits: Callable[..., list[int]],
    ) -> None:
        payer, sweeper = busy(connect), busy(connect)
        payer.pay("T9", "P8", 100)
        # The sweep has D's; it does not wait for C's.
        sweeper.conn.execute("set lock_timeout = '1s'")
        assert "D" in release_due(sweeper)
        paying = background(payer.pay, "T9", "P9", 100)
        assert waits(payer.conn) == [sweeper.conn.info.backend_pid]
        sweeper.conn.commit()
        assert paying.result(timeout=30).applied == 100
        payer.conn.commit()

        assert release_due(shop) == {"C": 100}
        assert shop.owns("receiver:x") == {"CNY": 40}

    def test_a_payment_waits_for_the_splits_that_it_has(self, shop: Shop, race: Race) -> None:
        race(lambda s: release_due(s), lambda s: s.pay("T9", "P9", 200))

        assert shop.owns("receiver:x") == {"CNY": 40}
        assert shop.owns("payee:S") == {"CNY": 560}

    @BLIND
    def test_e33_a_payment_that_cannot_see_the_sweep_fails(
        self, shop: Shop, race: Race, isolation: str
    ) -> None:
        raced = race(lambda s: release_due(s), lambda s: s.pay("T9", "P9", 200), isolation)

        assert raced.second.sqlstate == "40001"
        assert shop.owns("receiver:x") == {"CNY": 20}


class TestWhoWaited:
    def test_a_release_by_call_finds_nothing(self, shop: Shop, race: Race) -> None:
        raced = race(lambda s: release_due(s), lambda s: s.release("A", "L"))

        assert raced.second.sqlstate == "MX501"
        assert shop.owns("payee:S") == {"CNY": 200}

    def test_a_refund_is_taken_back(self, shop: Shop, race: Race) -> None:
        race(lambda s: release_due(s), lambda s: s.refund("A", "R", 30))

        assert shop.owns("payee:S") == {"CNY": 170}

    def test_e23_a_dispute_comes_too_late(self, shop: Shop, race: Race) -> None:
        raced = race(lambda s: release_due(s), lambda s: s.call("open_dispute", "A", "D"))

        assert raced.second.state == "open"
        assert shop.balance("A").in_escrow == 0

    def test_e23_but_holds_back_what_was_not_released_after_all(
        self, shop: Shop, race: Race
    ) -> None:
        race(lambda s: release_due(s), lambda s: s.call("open_dispute", "A", "D"), commit=False)

        assert release_due(shop) == {"B": 100}

    def test_money_that_came_too_late_is_due_at_once(self, shop: Shop, race: Race) -> None:
        shop.call("merge_orders", on_hold("S", PAST, C=100), "T3")
        shop.pay("T3", "P3", 60)
        race(lambda s: release_due(s), lambda s: s.pay("T3", "P4", 40))

        assert release_due(shop) == {"C": 40}

    @BLIND
    @pytest.mark.parametrize("second", ["release", "refund", "pay", "dispute", "split"])
    def test_e33_what_cannot_see_the_sweep_fails(
        self, shop: Shop, race: Race, second: str, isolation: str
    ) -> None:
        calls: dict[str, Call] = {
            "release": lambda s: s.release("A", "L"),
            "refund": lambda s: s.refund("A", "R", 30),
            "pay": lambda s: s.pay("T1", "P9", 5),
            "dispute": lambda s: s.call("open_dispute", "A", "D"),
            "split": lambda s: s.rows("split_order", "A", "X", [{"receiver": "x", "rate": 1}]),
        }
        raced = race(lambda s: release_due(s), calls[second], isolation)

        assert raced.second.sqlstate == "40001"
        assert shop.owns("payee:S") == {"CNY": 200}


@BLIND
@pytest.mark.parametrize(
    ("call", "released"),
    [
        (lambda s: s.release("A", "L", 30), 200),
        (lambda s: s.refund("A", "R", 30), 170),
        (lambda s: release_due(s, 1), 200),
        (lambda s: s.call("open_dispute", "A", "D"), 100),
    ],
    ids=["release", "refund", "sweep", "dispute"],
)
def test_e33_a_sweep_that_cannot_see_it_fails(
    shop: Shop, connect: Connect, call: Call, released: int, isolation: str
) -> None:
    blind = looking(connect, isolation)
    call(shop)
    with pytest.raises(psycopg.errors.SerializationFailure):
        release_due(blind)
    blind.conn.rollback()
    release_due(blind)
    blind.conn.commit()

    assert shop.owns("payee:S") == {"CNY": released}


@BLIND
def test_e23_e33_a_sweep_cannot_miss_a_dispute_of_another_trade_of_the_order(
    shop: Shop, connect: Connect, isolation: str
) -> None:
    """The dispute is on record in the order's first trade; what is due is in its second."""
    for trade_no, hold in (("U1", True), ("U2", day(2).isoformat())):
        shop.call("merge_orders", on_hold("S", hold, C=(100, 50)), trade_no)
        shop.pay(trade_no, f"P{trade_no}", 50)
    # What is due longest goes first.
    assert release_due(shop, 2) == {"A": 100, "B": 100}
    blind = looking(connect, isolation)
    shop.call("open_dispute", "C", "D")
    with pytest.raises(psycopg.errors.SerializationFailure):
        release_due(blind)
