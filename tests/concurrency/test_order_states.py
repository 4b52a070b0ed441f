"""Two trades of one order at once: neither misses what the other makes of it.

The check order_state_on_record_is_what_its_lines_say looks at the end of every test.
"""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from psycopg import Connection
from shop import Shop, outcome

Race = Callable[..., Any]


def told(shop: Shop) -> list[tuple[str, str, str]]:
    events = shop.rows("read_events", None, 1000)
    return [(e.number, e.from_state, e.to_state) for e in events if e.entity == "order"]


@pytest.fixture
def two(shop: Shop) -> Shop:
    """A100 has a deposit of 60 in T1, which is paid, and lacks 40 in T2."""
    shop.merge("T1", A=(100, 60))
    shop.pay("T1", "P1", 60)
    shop.merge("T2", A=100)
    return shop


@pytest.fixture
def kept(shop: Shop) -> Shop:
    """A100 kept 60 in T1, which is closed, and lacks 40 in T2."""
    shop.merge("T1", A=100)
    shop.pay("T1", "P1", 60)
    shop.close("T1", keep=True)
    shop.merge("T2", A=100)
    return shop


def test_paid_while_what_was_kept_goes_back(kept: Shop, race: Race) -> None:
    race(lambda s: s.pay("T2", "P2", 40), lambda s: s.close("T1"))

    assert told(kept) == [("A", "payable", "paid"), ("A", "paid", "payable")]
    assert kept.balance("A").state == "payable"


def test_paid_while_what_was_kept_has_gone_back(kept: Shop, race: Race) -> None:
    race(lambda s: s.close("T1"), lambda s: s.pay("T2", "P2", 40))

    assert told(kept) == []
    assert kept.balance("A").state == "payable"


def test_paid_while_what_was_kept_stays_after_all(kept: Shop, race: Race) -> None:
    race(lambda s: s.close("T1"), lambda s: s.pay("T2", "P2", 40), commit=False)

    assert told(kept) == [("A", "payable", "paid")]


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_e33_paid_by_who_cannot_see_that_it_goes_back(
    kept: Shop, race: Race, isolation: str
) -> None:
    raced = race(lambda s: s.close("T1"), lambda s: s.pay("T2", "P2", 40), isolation)

    assert raced.second.sqlstate == "40001"
    assert told(kept) == []
    kept.pay("T2", "P2", 40)
    assert kept.balance("A").state == "payable"


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_e33_given_back_by_who_cannot_see_that_it_is_paid(
    kept: Shop, race: Race, isolation: str
) -> None:
    raced = race(lambda s: s.pay("T2", "P2", 40), lambda s: s.close("T1"), isolation)

    assert raced.second.sqlstate == "40001"
    assert told(kept) == [("A", "payable", "paid")]
    kept.close("T1")
    assert told(kept)[1:] == [("A", "paid", "payable")]


def refunded_in_both(shop: Shop) -> None:
    shop.pay("T2", "P2", 40)
    shop.refund("A", "R1", 60)
    shop.refund("A", "R2", 40)
    assert [change[2] for change in told(shop)] == ["paid", "partly_refunded", "refunded"]


def test_two_refunds_of_two_trades_fail(two: Shop, race: Race) -> None:
    refunded_in_both(two)
    race(lambda s: s.fail("R1", "P1"), lambda s: s.fail("R2", "P2"))

    assert told(two)[3:] == [("A", "refunded", "partly_refunded"), ("A", "partly_refunded", "paid")]


def test_two_refunds_of_two_trades_fail_and_cannot_see_it(two: Shop, race: Race) -> None:
    refunded_in_both(two)
    raced = race(lambda s: s.fail("R1", "P1"), lambda s: s.fail("R2", "P2"), "repeatable read")

    assert raced.second.sqlstate == "40001"
    assert told(two)[3:] == [("A", "refunded", "partly_refunded")]
    two.fail("R2", "P2")
    assert told(two)[4:] == [("A", "partly_refunded", "paid")]


def test_a_refund_and_a_payment(two: Shop, race: Race) -> None:
    """The refund wants both trades, so it waits for the payment as a whole."""
    race(lambda s: s.pay("T2", "P2", 40), lambda s: s.refund("A", "R", 70))

    assert told(two) == [
        ("A", "payable", "paid"),
        ("A", "paid", "partly_refunded"),
    ]


@pytest.fixture
def closed(shop: Shop) -> Shop:
    """A100 is in T1 only, which is closed and keeps 60."""
    shop.merge("T1", A=100)
    shop.pay("T1", "P1", 60)
    shop.close("T1", keep=True)
    return shop


def test_merged_and_paid_elsewhere_while_what_was_kept_goes_back(closed: Shop, race: Race) -> None:
    """The merge asks for what was left then, and does not wait; the payment does."""

    def merge_and_pay(shop: Shop) -> Any:
        assert shop.merge("T2", A=100).amount == 40
        return shop.pay("T2", "P2", 40)

    race(lambda s: s.close("T1"), merge_and_pay)

    assert (told(closed), closed.balance("A").state) == ([], "payable")


@pytest.mark.parametrize(
    ("meanwhile", "changes"),
    [
        (lambda s: s.close("T1"), []),
        (lambda s: s.refund("A", "R", 20), [("A", "payable", "partly_refunded")]),
        (
            lambda s: s.refund("A", "R", 60),
            [("A", "payable", "refunded"), ("A", "refunded", "partly_refunded")],
        ),
    ],
)
def test_changed_while_it_is_merged_elsewhere(
    closed: Shop,
    connect: Callable[..., Connection[Any]],
    meanwhile: Callable[[Shop], Any],
    changes: Any,
) -> None:
    """Neither waits for the other: the totals are there since the trade was closed."""
    merger = Shop(connect(autocommit=False))
    assert merger.merge("T2", A=100).amount == 40
    closed.conn.execute("set lock_timeout = '1s'")
    meanwhile(closed)
    merger.conn.commit()
    closed.pay("T2", "P2", 40)

    assert told(closed) == changes


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read"])
def test_merged_elsewhere_while_a_deposit_is_closed(shop: Shop, race: Race, isolation: str) -> None:
    """The line is live when the merge looks, so it waits; then it sees what was kept."""
    shop.merge("T1", A=100)
    shop.pay("T1", "P1", 60)
    raced = race(lambda s: s.close("T1", keep=True), lambda s: s.merge("T2", A=100), isolation)

    if isolation == "repeatable read":
        assert raced.second.sqlstate == "40001"
        shop.merge("T2", A=100)
    shop.pay("T2", "P2", 40)
    assert told(shop) == [("A", "payable", "paid")]


def test_two_trades_share_two_orders(
    shop: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
    waits: Callable[..., list[int]],
) -> None:
    """Each pays both orders, in opposite places: whoever comes second waits, and none for ever."""
    shop.merge("T1", A=(100, 40), B=(100, 40))
    shop.pay("T1", "P0", 50)
    shop.close("T1", keep=True)
    shop.merge("T2", B=100, A=100)
    closer, payer = Shop(connect(autocommit=False)), Shop(connect())
    # Whoever holds T2's order B only is one that will want A, too.
    holder = connect(autocommit=False)
    holder.execute("select from mixpay.order_totals where order_no = 'B' for no key update")
    going_back = background(closer.close, "T1")
    assert waits(closer.conn) == [holder.info.backend_pid]
    paying = background(payer.pay, "T2", "P1", 150)
    # The payer waits for A, which the closer has; it holds no B that the closer could want.
    assert waits(payer.conn) == [closer.conn.info.backend_pid]
    holder.commit()
    assert outcome(going_back).paid == 0
    closer.conn.commit()
    assert outcome(paying).applied == 150

    assert (shop.balance("A").paid, shop.balance("B").paid) == (60, 90)
    assert told(shop) == []
