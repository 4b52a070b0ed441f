from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from psycopg import Connection
from shop import Shop, day, on_hold

from mixpay_db.errors import HeldTooLittle

Race = Callable[..., Any]
Call = Callable[[Shop], Any]
BLIND = pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])


@pytest.fixture
def trade(shop: Shop) -> Shop:
    """A100 of payee S is on hold, and paid by P; so is B50, in a trade of its own, by P2."""
    shop.call("register_payee", "S", "Store")
    shop.call("merge_orders", on_hold("S", A=100), "T")
    shop.pay("T", "P", 100, "card", day(1))
    shop.call("merge_orders", on_hold("S", B=50), "T2")
    shop.pay("T2", "P2", 50, "card", day(1))
    return shop


def money(shop: Shop) -> tuple[int, int]:
    """What of A is in escrow, and what is its payee's."""
    return shop.balance("A").in_escrow, shop.owns("payee:S").get("CNY", 0)


class TestRelease:
    def test_e01_two_that_are_too_much_together(self, trade: Shop, race: Race) -> None:
        raced = race(lambda s: s.release("A", "L1", 60), lambda s: s.release("A", "L2", 60))

        assert raced.second.sqlstate == "MX501"
        assert "40 of it is in escrow" in raced.second.diag.message_detail
        assert money(trade) == (40, 60)

    def test_both_when_there_is_enough(self, trade: Shop, race: Race) -> None:
        raced = race(lambda s: s.release("A", "L1", 60), lambda s: s.release("A", "L2"))

        assert raced.second.amount == 40
        assert money(trade) == (0, 100)

    def test_e01_all_of_it_twice(self, trade: Shop, race: Race) -> None:
        raced = race(lambda s: s.release("A", "L1"), lambda s: s.release("A", "L2"))

        assert raced.second.sqlstate == "MX501"
        assert money(trade) == (0, 100)

    def test_the_second_gets_it_when_the_first_is_taken_back(self, trade: Shop, race: Race) -> None:
        raced = race(lambda s: s.release("A", "L"), lambda s: s.release("A", "L", 60), commit=False)

        assert raced.second.amount == 60
        assert money(trade) == (40, 60)

    @pytest.mark.parametrize("amount", [None, 60])
    def test_e03_the_same_at_once(self, trade: Shop, race: Race, amount: int | None) -> None:
        raced = race(lambda s: s.release("A", "L", 60), lambda s: s.release("A", "L", amount))

        assert raced.second == raced.first
        assert money(trade) == (40, 60)

    def test_e03_another_amount_at_once(self, trade: Shop, race: Race) -> None:
        raced = race(lambda s: s.release("A", "L", 60), lambda s: s.release("A", "L", 40))

        assert raced.second.sqlstate == "MX502"
        assert money(trade) == (40, 60)

    @pytest.mark.parametrize(
        ("isolation", "code"), [("read committed", "MX502"), ("repeatable read", "40001")]
    )
    def test_e34_one_number_for_two_orders(
        self, trade: Shop, race: Race, isolation: str, code: str
    ) -> None:
        raced = race(
            lambda s: s.release("A", "L", 50), lambda s: s.release("B", "L", 50), isolation
        )

        assert raced.second.sqlstate == code
        assert (trade.balance("A").in_escrow, trade.balance("B").in_escrow) == (50, 50)

    def test_e34_the_number_is_free_when_the_first_is_taken_back(
        self, trade: Shop, race: Race
    ) -> None:
        raced = race(
            lambda s: s.release("A", "L", 50), lambda s: s.release("B", "L", 50), commit=False
        )

        assert raced.second.order_no == "B"
        assert money(trade) == (100, 50)


class TestOthers:
    def test_a_refund_that_waited_is_taken_back(self, trade: Shop, race: Race) -> None:
        race(lambda s: s.release("A", "L", 60), lambda s: s.refund("A", "R", 70))

        assert money(trade) == (0, 30)
        assert trade.channel_refund("R", "P").cleared == 30

    def test_a_release_that_waited_for_a_refund(self, trade: Shop, race: Race) -> None:
        raced = race(lambda s: s.refund("A", "R", 70), lambda s: s.release("A", "L", 60))

        assert raced.second.sqlstate == "MX501"
        assert "30 of it is in escrow" in raced.second.diag.message_detail
        assert money(trade) == (30, 0)

    def test_a_release_of_the_rest_that_waited_for_a_refund(self, trade: Shop, race: Race) -> None:
        raced = race(lambda s: s.refund("A", "R", 70), lambda s: s.release("A", "L"))

        assert raced.second.amount == 30
        assert money(trade) == (0, 30)

    @pytest.mark.parametrize("release_first", [False, True])
    def test_a_part_that_fails_meanwhile(
        self, trade: Shop, race: Race, release_first: bool
    ) -> None:
        trade.refund("A", "R", 70)
        calls: list[Call] = [lambda s: s.release("A", "L"), lambda s: s.fail("R", "P")]
        race(*(calls if release_first else calls[::-1]))

        # What came back is in escrow again; released is what was in escrow by then.
        assert money(trade) == ((70, 30) if release_first else (0, 100))

    @pytest.mark.parametrize("release_first", [False, True])
    def test_another_way_for_what_failed(
        self, trade: Shop, race: Race, release_first: bool
    ) -> None:
        trade.refund("A", "R", 70)
        trade.fail("R", "P")
        calls: list[Call] = [
            lambda s: s.release("A", "L"),
            lambda s: s.redirect("R", "P", "bank"),
        ]
        raced = race(*(calls if release_first else calls[::-1]))

        assert money(trade) == (0, 30)
        assert trade.channel_refund("R", "P").cleared == (70 if release_first else 0)
        assert (raced.first if release_first else raced.second).amount == (
            100 if release_first else 30
        )

    def test_money_that_waited_for_a_release_is_in_escrow(self, trade: Shop, race: Race) -> None:
        trade.call("merge_orders", on_hold("S", C=100), "T3")
        trade.pay("T3", "P3", 40)
        raced = race(lambda s: s.release("C", "L"), lambda s: s.pay("T3", "P4", 60))

        assert (raced.first.amount, raced.second.applied) == (40, 60)
        assert trade.balance("C").in_escrow == 60

    def test_a_release_that_waited_for_money_has_it(self, trade: Shop, race: Race) -> None:
        trade.call("merge_orders", on_hold("S", C=100), "T3")
        raced = race(lambda s: s.pay("T3", "P3", 60), lambda s: s.release("C", "L"))

        assert raced.second.amount == 60

    @pytest.mark.parametrize("release_first", [False, True])
    def test_the_end_of_the_trade(self, trade: Shop, race: Race, release_first: bool) -> None:
        trade.call("merge_orders", on_hold("S", C=100), "T3")
        trade.pay("T3", "P3", 60)
        calls: list[Call] = [lambda s: s.release("C", "L", 50), lambda s: s.close("T3")]
        raced = race(*(calls if release_first else calls[::-1]))

        if not release_first:
            assert raced.second.sqlstate == "MX501"
        assert trade.details(trade.reversal("T3").refund_no) == {"P3": 60}
        assert (trade.balance("C").in_escrow, trade.owns("payee:S").get("CNY", 0)) == (0, 0)

    @pytest.mark.parametrize("release_first", [False, True])
    def test_the_order_is_cancelled(self, trade: Shop, race: Race, release_first: bool) -> None:
        trade.call("merge_orders", on_hold("S", C=100, D=50), "T3")
        trade.pay("T3", "P3", 60)
        calls: list[Call] = [lambda s: s.release("C", "L", 50), lambda s: s.cancel("T3", "C")]
        raced = race(*(calls if release_first else calls[::-1]))

        if not release_first:
            assert raced.second.sqlstate == "MX501"
        assert (trade.balance("C").in_escrow, trade.balance("D").in_escrow) == (0, 50)
        assert trade.owns("payee:S").get("CNY", 0) == 0

    @pytest.mark.parametrize("release_first", [False, True])
    def test_the_order_is_split(self, trade: Shop, race: Race, release_first: bool) -> None:
        """Whoever comes first, the receiver has a tenth of what is released."""
        calls: list[Call] = [
            lambda s: s.release("A", "L", 50),
            lambda s: s.rows("split_order", "A", "X", [{"receiver": "x", "rate": 1000}]),
        ]
        race(*(calls if release_first else calls[::-1]))

        assert money(trade) == (50, 45)
        assert trade.owns("receiver:x") == {"CNY": 5}

    def test_does_not_wait_for_a_merge_of_the_order(
        self, trade: Shop, connect: Callable[..., Connection[Any]]
    ) -> None:
        trade.call("merge_orders", on_hold("S", C=(100, 40)), "T3")
        trade.pay("T3", "P3", 40)
        merging = Shop(connect(autocommit=False))
        merging.call("merge_orders", on_hold("S", C=100), "T4")
        trade.conn.execute("set lock_timeout = '1s'")
        assert trade.release("C", "L").amount == 40
        merging.conn.commit()

    @BLIND
    @pytest.mark.parametrize("second", ["release", "refund", "fail", "split", "dispute"])
    def test_e33_what_cannot_see_the_release_fails(
        self, trade: Shop, race: Race, second: str, isolation: str
    ) -> None:
        trade.refund("A", "R", 40)
        calls: dict[str, Call] = {
            "release": lambda s: s.release("A", "L2", 60),
            "refund": lambda s: s.refund("A", "R2", 60),
            "fail": lambda s: s.fail("R", "P"),
            "split": lambda s: s.rows("split_order", "A", "X", [{"receiver": "x", "rate": 1000}]),
            "dispute": lambda s: s.call("open_dispute", "A", "D"),
        }
        raced = race(lambda s: s.release("A", "L1", 60), calls[second], isolation)

        assert raced.second.sqlstate == "40001"
        assert money(trade) == (0, 60)

    @BLIND
    @pytest.mark.parametrize("first", ["refund", "fail", "split", "dispute", "pay"])
    def test_e33_a_release_that_cannot_see_it_fails(
        self, trade: Shop, race: Race, first: str, isolation: str
    ) -> None:
        trade.refund("A", "R", 40)
        calls: dict[str, Call] = {
            "refund": lambda s: s.refund("A", "R2", 60),
            "fail": lambda s: s.fail("R", "P"),
            "split": lambda s: s.rows("split_order", "A", "X", [{"receiver": "x", "rate": 1000}]),
            "dispute": lambda s: s.call("open_dispute", "A", "D"),
            "pay": lambda s: s.pay("T", "P3", 5),
        }
        raced = race(calls[first], lambda s: s.release("A", "L", 60), isolation)

        assert raced.second.sqlstate == "40001"
        assert trade.query("select from mixpay.releases") == []

    @BLIND
    def test_e33_whichever_of_the_orders_trades_it_was(
        self, trade: Shop, race: Race, isolation: str
    ) -> None:
        """The release would take from the first; what happened, happened to the second."""
        for trade_no, share, amount in (("U1", 60, 60), ("U2", 40, 30)):
            trade.call("merge_orders", on_hold("S", C=(100, share)), trade_no)
            trade.pay(trade_no, f"P{trade_no}", amount)
        raced = race(lambda s: s.pay("U2", "P3", 5), lambda s: s.release("C", "L", 10), isolation)

        assert raced.second.sqlstate == "40001"


def test_many_at_once_release_what_was_paid_and_no_more(
    shop: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
) -> None:
    """Releases and refunds of orders that share their trades, in each other's way all the time."""
    shop.call("register_payee", "S", "Store")
    order_nos = [f"O{i}" for i in range(4)]
    for number, trade_no in enumerate(["T2", "T3", "T1"]):
        turned = order_nos[number:] + order_nos[:number]
        shares = dict.fromkeys(turned, (300, 100))
        shop.call("merge_orders", on_hold("S", day(1).isoformat(), **shares), trade_no)
        shop.pay(trade_no, f"P{trade_no}", 400)
    receivers = [{"receiver": "x", "rate": 1000}]
    for order_no, takes_place in zip(order_nos, ["release", "payment"], strict=False):
        shop.rows("split_order", order_no, f"X{order_no}", receivers, takes_place)

    def work(worker: int) -> None:
        random, mine = Random(worker), Shop(connect())
        for i in range(12):
            order_no, number = random.choice(order_nos), f"{worker}-{i}"
            match random.randrange(4):
                case 0:
                    mine.refund(order_no, number, random.randint(1, 8))
                case 1:
                    mine.rows("release_due", 2)
                case _:
                    in_escrow_now = mine.balance(order_no).in_escrow
                    # Meanwhile release_due may have taken all of it.
                    with suppress(HeldTooLittle):
                        if in_escrow_now > 100:
                            mine.release(order_no, number, random.randint(1, 8))

    workers = [background(work, worker) for worker in range(6)]
    assert [worker.exception(timeout=60) for worker in workers] == [None] * 6
