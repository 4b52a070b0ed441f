from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from psycopg import Connection
from shop import Shop, outcome


def test_two_claims_that_postpone_parts_of_the_same_refunds_do_not_deadlock(
    shop: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
    waits: Callable[..., list[int]],
) -> None:
    """R and S are each paid back out of T1 and T2, whose parts became due in another order."""
    shop.channel("slow", refund_window="1 day")
    shop.merge("T1", A=(100, 40), B=(100, 40), C=10)
    shop.pay("T1", "P1", 90, "slow")
    shop.merge("T2", A=100, B=100)
    shop.pay("T2", "P2", 120, "slow")
    for order_no, refund_no, amount in (("A", "R", 100), ("B", "S", 100), ("C", "X", 10)):
        shop.refund(order_no, refund_no, amount)
    shop.later("2 days")
    for hours, part in enumerate([("R", "P2"), ("S", "P2"), ("S", "P1"), ("X", "P1"), ("R", "P1")]):
        number = shop.channel_refund(*part).channel_refund_no
        shop.conn.execute(
            "update mixpay.channel_refunds set due_at = now() - %s * interval '1 hour' "
            "where channel_refund_no = %s",
            [hours, number],
        )
    holder = connect(autocommit=False)
    holder.execute("select from mixpay.refunds where refund_no = 'X' for no key update")
    one, two = Shop(connect()), Shop(connect())
    of_t1 = background(one.rows, "claim_channel_refunds", "w1", 3)
    assert waits(one.conn) == [holder.info.backend_pid]
    of_t2 = background(two.rows, "claim_channel_refunds", "w2", 3)
    assert waits(two.conn) == [one.conn.info.backend_pid]
    holder.rollback()

    assert (outcome(of_t1), outcome(of_t2)) == ([], [])
    states = shop.query("select distinct state, reason from mixpay.channel_refunds")
    assert states == [("waiting", "window: slow sends money back for 1 day after a payment")]
