"""A call that changes several orders locks all their splits, then all their totals, in ascending
order number, whatever the places of the orders in the trade: so no two calls wait in a circle.
"""

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from shop import Shop, orders, outcome

Call = Callable[[Shop], Any]


@pytest.fixture
def shared(shop: Shop) -> Shop:
    """Of C and D, 100 each, T1 was paid 40 each, and T2, where D comes first, lacks the rest."""
    shop.call("register_payee", "S", "Store")
    lines = [{**line, "payee_no": "S"} for line in orders(C=(100, 40), D=(100, 40))]
    shop.call("merge_orders", lines, "T1")
    for order_no, split_no in (("C", "X2"), ("D", "X1")):
        shop.rows("split_order", order_no, split_no, [{"receiver": "agent", "rate": 1000}])
    shop.pay("T1", "P1", 80, "card")
    rest = [{**line, "payee_no": "S"} for line in orders(D=100, C=100)]
    ((now,),) = shop.query("select clock_timestamp()")
    shop.call("merge_orders", rest, "T2", now + timedelta(milliseconds=1))
    return shop


def bulk(function: str, **item: Any) -> Call:
    return lambda s: s.rows(function, [item])


def start(s: Shop) -> None:
    """An attempt of before the trade's end."""
    s.conn.execute("update mixpay.trades set expires_at = null where trade_no = 'T2'")
    s.start("T2", "P2", 120, "card")


def refund(s: Shop) -> Any:
    sent = [{"order_no": n, "refund_no": f"R{n}", "amount": 10} for n in ("D", "C")]
    return s.rows("refund_orders", sent)


def complete(s: Shop) -> Any:
    parts = [s.channel_refund(f"R{n}", "P1").channel_refund_no for n in ("D", "C")]
    return s.rows("complete_channel_refunds", [{"channel_refund_no": part} for part in parts])


def refused(s: Shop) -> None:
    refund(s)
    for refund_no in ("RD", "RC"):
        s.fail(refund_no, "P1")


def pay(amount: int) -> Call:
    return lambda s: s.pay("T2", "P2", amount, "card")


def charged_back(s: Shop) -> None:
    s.pay("T2", "P2", 120, "card")
    s.call("charge_back_payment", "P2", "B", 120, "fraud")


def nothing(_: Shop) -> None:
    pass


def hold(session: Connection[Any], row: str) -> None:
    """hold(session, "orders A"): locked, or an error at once."""
    table, number = row.split()
    key = "trade_no" if table == "trades" else "order_no"
    session.execute(
        f"select from mixpay.{table} where {key} = %s for no key update nowait", [number]
    )


def free(shop: Shop, *rows: str) -> set[str]:
    """Which of the rows nobody has locked."""
    found = set()
    for row in rows:
        with suppress(psycopg.errors.LockNotAvailable):
            hold(shop.conn, row)
            found.add(row)
    return found


CALLS: dict[str, tuple[Call, Call]] = {
    "record_payment": (nothing, pay(120)),
    "record_payments": (
        nothing,
        bulk("record_payments", trade_no="T2", payment_no="P2", channel="card", amount=120),
    ),
    "succeed_payment": (start, lambda s: s.succeed("P2")),
    "succeed_payments": (start, bulk("succeed_payments", payment_no="P2")),
    "refund_orders": (nothing, refund),
    "complete_channel_refunds": (refused, complete),
    "expire_trades": (pay(100), lambda s: s.rows("expire_trades")),
    "close_trade": (pay(100), lambda s: s.close("T2")),
    "cancel_order": (pay(60), lambda s: s.cancel("T2", "D")),
    "reprice_order": (pay(60), lambda s: s.call("reprice_order", "D", "E", 70, "a discount")),
    "return_payment": (pay(120), lambda s: s.call("return_payment", "P2", "B", "no funds")),
    "charge_back_payment": (
        pay(120),
        lambda s: s.call("charge_back_payment", "P2", "B", 120, "fraud"),
    ),
    "reverse_chargeback": (charged_back, lambda s: s.call("reverse_chargeback", "B", "won")),
}


@pytest.mark.parametrize("name", CALLS)
def test_splits_then_totals_in_ascending_order_number(
    shared: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
    waits: Callable[..., list[int]],
    name: str,
) -> None:
    before, call = CALLS[name]
    before(shared)
    caller, holder, next_holder = (connect(autocommit=False) for _ in range(3))
    rows = ("splits C", "splits D", "order_totals C", "order_totals D")

    hold(holder, "splits C")
    future = background(call, Shop(caller))
    assert waits(caller) == [holder.info.backend_pid]
    assert free(shared, *rows) == {"splits D", "order_totals C", "order_totals D"}

    hold(next_holder, "order_totals C")
    holder.commit()
    assert waits(caller) == [next_holder.info.backend_pid]
    assert free(shared, *rows) == {"order_totals D"}

    next_holder.commit()
    assert not isinstance(outcome(future), psycopg.Error)
    caller.commit()


def test_a_line_that_is_filled_first_has_its_totals_locked_first(
    shared: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
    waits: Callable[..., list[int]],
) -> None:
    shared.merge("T3", A=(100, 40), B=(100, 40))
    shared.pay("T3", "P3", 80)
    shared.merge("T4", A=100, B=100)
    caller, holder = connect(), connect(autocommit=False)
    hold(holder, "order_totals A")
    future = background(lambda s: s.pay("T4", "P4", 100), Shop(caller))
    assert waits(caller) == [holder.info.backend_pid]
    assert free(shared, "order_totals B") == {"order_totals B"}

    holder.commit()
    assert outcome(future).applied == 100
    assert shared.paid("T4") == {"A": 60, "B": 40}


def test_a_payment_waits_for_no_order_that_it_does_not_pay(
    shared: Shop, connect: Callable[..., Connection[Any]]
) -> None:
    holder, payer = connect(autocommit=False), Shop(connect(options="-c lock_timeout=100ms"))
    hold(holder, "splits C")
    hold(holder, "order_totals C")

    assert payer.pay("T2", "P2", 60).applied == 60
    assert shared.paid("T2") == {"D": 60, "C": 0}
    with pytest.raises(psycopg.errors.LockNotAvailable):
        payer.pay("T2", "P3", 1)


def lost(s: Shop) -> None:
    """Of P2's 120, 1 is on its way back when the channel takes all."""
    s.pay("T2", "P2", 120, "card")
    s.refund("D", "RD", 1, payment_nos=["P2"])
    assert s.call("return_payment", "P2", "B", "no funds").lost == 1


@pytest.mark.parametrize(
    ("before", "call", "held", "later"),
    [
        (
            pay(120),
            lambda s: s.call("return_payment", "P2", "B", "no funds"),
            "orders C",
            "orders D",
        ),
        (lost, lambda s: s.fail("RD", "P2"), "orders C", "orders D"),
        # F is in T9, and then in T3.
        (
            lambda s: (
                s.merge("T9", F=(60, 20)),
                s.pay("T9", "P9", 20),
                s.merge("T3", F=60),
                s.pay("T3", "P3", 40),
            ),
            lambda s: s.refund("F", "R", 60),
            "trades T3",
            "trades T9",
        ),
    ],
)
def test_orders_and_trades_in_ascending_number(
    shared: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
    waits: Callable[..., list[int]],
    before: Call,
    call: Call,
    held: str,
    later: str,
) -> None:
    before(shared)
    caller, holder = connect(), connect(autocommit=False)
    hold(holder, held)
    future = background(call, Shop(caller))
    assert waits(caller) == [holder.info.backend_pid]
    assert free(shared, held, later) == {later}

    holder.commit()
    assert not isinstance(outcome(future), psycopg.Error)


def test_what_covers_a_loss_locks_the_split_before_the_totals(
    shared: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
    waits: Callable[..., list[int]],
) -> None:
    lost(shared)
    caller, holder = connect(), connect(autocommit=False)
    hold(holder, "splits D")
    future = background(lambda s: s.fail("RD", "P2"), Shop(caller))
    assert waits(caller) == [holder.info.backend_pid]
    assert free(shared, "order_totals D") == {"order_totals D"}

    holder.commit()
    assert not isinstance(outcome(future), psycopg.Error)


def test_a_merge_of_what_is_paid_locks_its_trade_before_its_lines(
    shared: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
    waits: Callable[..., list[int]],
) -> None:
    shared.merge("T3", A=1, B=1)
    shared.pay("T3", "P3", 2)
    caller, holder = connect(), connect(autocommit=False)
    hold(holder, "trades T3")
    future = background(lambda s: s.merge("T4", A=1, B=1), Shop(caller))
    assert waits(caller) == [holder.info.backend_pid]
    assert free(shared, "trade_orders A", "trade_orders B") == {"trade_orders A", "trade_orders B"}

    holder.commit()
    assert getattr(outcome(future), "sqlstate", None) == "MX108"


def test_a_return_waits_for_no_order_that_was_cancelled(
    shared: Shop, connect: Callable[..., Connection[Any]]
) -> None:
    shared.pay("T2", "P2", 60, "card")
    shared.cancel("T2", "D")
    holder, other = connect(autocommit=False), Shop(connect(options="-c lock_timeout=100ms"))
    hold(holder, "orders D")

    assert other.call("return_payment", "P2", "B", "no funds").unapplied == 60
