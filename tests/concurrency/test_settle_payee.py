"""Every movement is in one settlement, whoever runs meanwhile, and in whichever order they end."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from itertools import chain, permutations
from random import Random
from typing import Any

import pytest
from psycopg import Connection
from shop import Row, Shop

from mixpay_db.cli.events import raise_epoch

Connect = Callable[..., Connection[Any]]
Race = Callable[..., Any]
CANNOT_SEE = ["repeatable read", "serializable"]


@pytest.fixture(autouse=True)
def sale(shop: Shop) -> None:
    """A100 of S is paid, and nothing runs that would hold it back."""
    shop.sell("A", 100)
    shop.until_final()


def settle(
    shop: Shop,
    settlement_no: str,
    payee_no: str = "S",
    until: datetime | None = None,
    currency: str | None = None,
) -> Row:
    """Whatever runs."""
    return shop.call("settle_payee", payee_no, settlement_no, until, currency)


def covered(shop: Shop) -> dict[str, list[str]]:
    """The orders that each settlement has."""
    rows = shop.query(
        "select settlement_no, array_agg(order_no order by order_no) as order_nos "
        "from mixpay.settlement_lines where kind = 'order' group by settlement_no"
    )
    return {row.settlement_no: row.order_nos for row in rows}


def begun(connect: Connect, isolation: str = "read committed") -> Shop:
    """A transaction that has its id and its snapshot, and has written nothing."""
    options = "-c default_transaction_isolation=" + isolation.replace(" ", "\\ ")
    shop = Shop(connect(autocommit=False, options=options))
    shop.query("select pg_current_xact_id()")
    return shop


class TestThoseThatCommitLater:
    """They began before a settlement, and it does not see them."""

    def test_it_is_for_the_next_one(self, shop: Shop, connect: Connect) -> None:
        slow = begun(connect)
        slow.sell("B", 20)
        shop.sell("C", 3)
        # C was written by a transaction that began after one that runs.
        assert settle(shop, "S1").amount == 100
        slow.conn.commit()

        assert shop.settle("S2").amount == 23
        assert covered(shop) == {"S1": ["A"], "S2": ["B", "C"]}

    def test_one_that_had_not_written_yet(self, shop: Shop, connect: Connect) -> None:
        slow = begun(connect)
        assert settle(shop, "S1").amount == 100
        slow.sell("B", 20)
        assert settle(shop, "S2").amount == 0
        slow.conn.commit()

        assert shop.settle("S3").amount == 20
        assert covered(shop) == {"S1": ["A"], "S3": ["B"]}

    def test_one_that_began_after_the_settlement_and_ended_before_it(
        self, shop: Shop, connect: Connect
    ) -> None:
        settling = begun(connect)
        shop.sell("B", 20)
        assert settle(settling, "S1").amount == 100
        settling.conn.commit()

        assert shop.settle("S2").amount == 20

    def test_until_a_moment_that_was_before_its_commit(self, shop: Shop, connect: Connect) -> None:
        slow = begun(connect)
        slow.sell("B", 20)
        ((moment,),) = shop.query("select clock_timestamp()")
        assert settle(shop, "S1", until=moment).amount == 100
        slow.conn.commit()
        shop.sell("C", 3)
        shop.until_final()

        # It was written before that moment, and was not seen then.
        assert settle(shop, "S2", until=moment).amount == 20
        assert shop.settle("S3").amount == 3

    def test_one_that_began_before_the_moment_and_wrote_after_one_that_did_not(
        self, shop: Shop, connect: Connect
    ) -> None:
        """C bears an earlier time than B, but stands behind it in the log, and so it is left."""
        early = Shop(connect(autocommit=False))
        early.query("select now()")
        ((moment,),) = shop.query("select clock_timestamp()")
        shop.sell("B", 20)
        early.sell("C", 3)
        early.conn.commit()
        shop.until_final()

        assert settle(shop, "S1", until=moment).amount == 100
        assert settle(shop, "S2").amount == 23
        assert covered(shop) == {"S1": ["A"], "S2": ["B", "C"]}

    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_in_any_order(self, shop: Shop, connect: Connect, order: tuple[int, ...]) -> None:
        writers = [begun(connect) for _ in range(3)]
        for number, writer in enumerate(writers):
            writer.sell(f"B{number}", 10**number)
        amounts = [settle(shop, "S0").amount]
        running = set(order)
        for place, number in enumerate(order, 1):
            writers[number].conn.commit()
            running.discard(number)
            shop.sell(f"C{place}", 1000 * place)
            amounts.append(settle(shop, f"S{place}").amount)
            # Those below the oldest that runs, and no other.
            seen = sum(10**done for done in range(min(running, default=3)))
            assert sum(amounts) == 100 + seen + (0 if running else 6000)

        assert sorted(chain(*covered(shop).values())) == ["A", "B0", "B1", "B2", "C1", "C2", "C3"]
        assert shop.settle("S9").amount == 0

    def test_one_that_gives_up_leaves_no_gap(self, shop: Shop, connect: Connect) -> None:
        slow = begun(connect)
        slow.sell("B", 20)
        shop.sell("C", 3)
        assert settle(shop, "S1").amount == 100
        slow.conn.rollback()

        assert shop.settle("S2").amount == 3

    def test_a_refund_is_netted_by_the_next_one(self, shop: Shop, connect: Connect) -> None:
        slow = begun(connect)
        slow.refund("A", "R", 60)
        assert settle(shop, "S1").amount == 100
        slow.conn.commit()

        assert shop.settle("S2").carried_out == -60


class TestTwoAtOnce:
    """Two settlements of S."""

    def test_the_second_waits_and_finds_nothing_left(self, shop: Shop, race: Race) -> None:
        raced = race(lambda s: settle(s, "S1"), lambda s: settle(s, "S2"))

        assert (raced.first.nth, raced.first.amount) == (1, 100)
        assert (raced.second.nth, raced.second.earned, raced.second.amount) == (2, 0, 0)
        assert raced.second.from_xid == raced.first.until_xid
        assert shop.owns("payee:S") == {"CNY": 0}

    def test_the_second_takes_what_came_meanwhile(
        self,
        shop: Shop,
        connect: Connect,
        background: Callable[..., Future[Any]],
        waits: Callable[..., list[int]],
    ) -> None:
        one, two = Shop(connect(autocommit=False)), Shop(connect())
        assert settle(one, "S1").amount == 100
        second = background(settle, two, "S2")
        waits(two.conn)
        shop.sell("B", 20)
        one.conn.commit()

        amount = second.result(timeout=30).amount
        assert amount + shop.settle("S3").amount == 20
        assert covered(shop)["S1"] == ["A"]

    def test_the_second_pays_when_the_first_gives_up(self, race: Race) -> None:
        raced = race(lambda s: settle(s, "S1"), lambda s: settle(s, "S2"), commit=False)

        assert (raced.second.nth, raced.second.amount) == (1, 100)

    @pytest.mark.parametrize("isolation", CANNOT_SEE)
    def test_e33_two_that_cannot_see_each_other(
        self, shop: Shop, race: Race, isolation: str
    ) -> None:
        raced = race(lambda s: settle(s, "S1"), lambda s: settle(s, "S2"), isolation)

        assert raced.second.sqlstate == "40001"
        assert [p.settlement_no for p in shop.query("select * from mixpay.payout_list")] == ["S1"]

    def test_one_whose_transaction_began_first(self, shop: Shop, connect: Connect) -> None:
        """Its now() is before the moment until which the other has settled."""
        early = Shop(connect(autocommit=False))
        early.query("select now()")
        assert settle(shop, "S1").amount == 100
        settlement = settle(early, "S2")
        early.conn.commit()

        assert (settlement.nth, settlement.amount) == (2, 0)

    def test_until_a_moment_that_the_first_has_passed(self, shop: Shop, race: Race) -> None:
        ((moment,),) = shop.query("select clock_timestamp()")
        raced = race(lambda s: settle(s, "S1"), lambda s: settle(s, "S2", until=moment))

        assert raced.second.sqlstate == "MX403"

    def test_e03_under_the_same_number(self, race: Race) -> None:
        raced = race(lambda s: settle(s, "S1"), lambda s: settle(s, "S1"))

        assert raced.second == raced.first

    @pytest.mark.parametrize(
        ("isolation", "code"), [("read committed", "MX402"), ("repeatable read", "40001")]
    )
    def test_e34_the_same_number_for_two_payees(
        self, shop: Shop, race: Race, isolation: str, code: str
    ) -> None:
        shop.sell("B", 20, "V")
        shop.until_final()
        raced = race(lambda s: settle(s, "S1"), lambda s: settle(s, "S1", "V"), isolation)

        assert raced.second.sqlstate == code
        assert shop.owns("payee:V") == {"CNY": 20}
        assert settle(shop, "S2", "V").amount == 20

    def test_e34_the_second_payee_gets_the_number_when_the_first_gives_up(
        self, shop: Shop, race: Race
    ) -> None:
        shop.sell("B", 20, "V")
        shop.until_final()
        raced = race(lambda s: settle(s, "S1"), lambda s: settle(s, "S1", "V"), commit=False)

        assert (raced.second.payee_no, raced.second.amount) == ("V", 20)

    def test_two_payees_and_two_currencies_do_not_wait(self, shop: Shop, connect: Connect) -> None:
        shop.sell("B", 20, "V")
        shop.sell("C", 3, currency="JPY")
        shop.until_final()
        sessions = [begun(connect) for _ in range(3)]
        for session in sessions:
            session.conn.execute("set lock_timeout = '1s'")
        found = [
            settle(sessions[0], "S1", currency="CNY").amount,
            settle(sessions[1], "S2", "V").amount,
            settle(sessions[2], "S3", currency="JPY").amount,
        ]
        for session in sessions:
            session.conn.commit()

        assert found == [100, 20, 3]


class TestInAnOldSnapshot:
    @pytest.mark.parametrize("isolation", CANNOT_SEE)
    def test_e33_one_that_does_not_see_the_last_settlement(
        self, shop: Shop, connect: Connect, isolation: str
    ) -> None:
        old = begun(connect, isolation)
        assert settle(shop, "S1").amount == 100
        with pytest.raises(Exception, match="could not serialize") as caught:
            settle(old, "S2")

        assert caught.value.sqlstate == "40001"  # type: ignore[attr-defined]
        old.conn.rollback()
        assert settle(old, "S2").amount == 0
        old.conn.commit()

    @pytest.mark.parametrize("isolation", CANNOT_SEE)
    def test_covers_what_it_sees(self, shop: Shop, connect: Connect, isolation: str) -> None:
        slow = begun(connect)
        slow.sell("B", 20)
        old = begun(connect, isolation)
        slow.conn.commit()
        shop.sell("C", 3)
        assert settle(old, "S1").amount == 100
        old.conn.commit()

        assert shop.settle("S2").amount == 23
        assert covered(shop) == {"S1": ["A"], "S2": ["B", "C"]}

    def test_does_not_see_a_reversal(self, shop: Shop, connect: Connect) -> None:
        settle(shop, "S1")
        old = begun(connect, "repeatable read")
        shop.call("reverse_settlement", "S1", "no such account")
        assert settle(old, "S2").amount == 0
        old.conn.commit()

        assert shop.settle("S3").amount == 100


def test_nobody_who_sells_or_refunds_waits_for_it(shop: Shop, connect: Connect) -> None:
    settling = begun(connect)
    settle(settling, "S1")
    shop.conn.execute("set lock_timeout = '1s'")
    shop.sell("B", 20)
    shop.refund("A", "R", 60)
    settling.conn.commit()

    assert shop.settle("S2").carried_out == -40


def test_it_waits_for_nobody_who_sells_or_refunds(shop: Shop, connect: Connect) -> None:
    selling = begun(connect)
    selling.sell("B", 20)
    selling.refund("A", "R", 60)
    shop.conn.execute("set lock_timeout = '1s'")
    assert settle(shop, "S1").amount == 100
    selling.conn.commit()

    assert shop.settle("S2").carried_out == -40


def test_a_restore_is_counted_while_one_runs(
    shop: Shop,
    connect: Connect,
    background: Callable[..., Future[Any]],
    waits: Callable[..., list[int]],
) -> None:
    settling, other = Shop(connect(autocommit=False)), connect()
    assert settle(settling, "S1").amount == 100
    raised = background(raise_epoch, other)
    waits(other)
    settling.conn.commit()
    assert raised.result(timeout=30) == 2
    shop.sell("B", 20)

    assert shop.settle("S2").amount == 20


def test_many_sell_refund_settle_and_reverse(
    shop: Shop, connect: Connect, background: Callable[..., Future[Any]]
) -> None:
    shop.sell("B", 1000, "V")
    together = threading.Barrier(7)

    def sell(worker: int) -> None:
        mine, random = Shop(connect(autocommit=False)), Random(worker)
        together.wait(timeout=30)
        for number in range(20):
            payee_no = random.choice(["S", "V"])
            mine.sell(f"{payee_no}{worker}-{number}", random.randint(1, 50), payee_no)
            mine.refund(f"{payee_no}{worker}-{number}", f"R{worker}-{number}", 1)
            if random.random() < 0.3:
                mine.conn.rollback()
            elif random.random() < 0.5:
                mine.conn.commit()
        mine.conn.commit()

    def pay_out(worker: int) -> None:
        mine, random = Shop(connect()), Random(worker)
        together.wait(timeout=30)
        for number in range(20):
            settlement = settle(mine, f"{worker}-{number}", random.choice(["S", "V"]))
            if settlement.amount > 0 and random.random() < 0.2:
                mine.call("reverse_settlement", settlement.settlement_no, "no such account")

    workers = [background(sell, worker) for worker in range(4)]
    workers += [background(pay_out, worker) for worker in range(4, 7)]
    assert [worker.exception(timeout=120) for worker in workers] == [None] * 7
    shop.settle("last-S")
    shop.settle("last-V", "V")

    assert [shop.owns(f"payee:{payee_no}") for payee_no in ("S", "V")] == [{"CNY": 0}] * 2
    earned, paid = shop.query(
        "select sum(paid - refunded) as sum from mixpay.trade_orders union all "
        "select sum(amount) from mixpay.payout_list"
    )
    assert earned == paid
    lines = shop.query(
        "select order_no, sum(amount) as amount, count(*) as times "
        "from mixpay.settlement_lines where kind = 'order' group by order_no"
    )
    orders = shop.query("select order_no, paid - refunded as amount from mixpay.trade_orders")
    assert {row.order_no: row.amount for row in lines} == {
        row.order_no: row.amount for row in orders
    }
