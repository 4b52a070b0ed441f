"""What went wrong with merged payments elsewhere, and the reason why it cannot happen here.

Each test is named after a defect that a review of spree's split checkout found.
docs/comparison.md has the list and the sources.
"""

from collections.abc import Callable
from concurrent.futures import Future
from itertools import permutations
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from shop import Shop, day, on_hold, outcome

Together = Callable[[Callable[[Shop], Any], Callable[[Shop], Any]], tuple[Any, Any]]
# As the shop sells it: 100.00 in three orders, none of which is a third of it.
THIRDS = {"A": 3333, "B": 3333, "C": 3334}


@pytest.fixture
def together(
    shop: Shop,  # noqa: ARG001 (its merchant is theirs)
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
    waits: Callable[..., list[int]],
) -> Together:
    """`together(first, second)`: first is done, not committed, when second comes; it waits."""

    def together(first: Callable[[Shop], Any], second: Callable[[Shop], Any]) -> tuple[Any, Any]:
        one, two = Shop(connect(autocommit=False)), Shop(connect())
        done = first(one)
        future = background(second, two)
        assert waits(two.conn) == [one.conn.info.backend_pid]
        one.conn.commit()
        return done, outcome(future)

    return together


@pytest.fixture
def pro_rata(conn: Connection[Any]) -> Shop:
    """A merchant that divides each payment among all orders of a trade."""
    shop = Shop(conn)
    shop.call("register_merchant", "Shop", "pro_rata")
    return shop


def told(shop: Shop, entity: str, number: str) -> list[str]:
    """The states that whoever follows the events was told of this."""
    shop.until_final()
    rows = shop.query(
        "select to_state from mixpay.events where entity = %s and number = %s order by xid, entry",
        entity,
        number,
    )
    return [row.to_state for row in rows]


def test_a_refund_asks_a_shared_payment_for_its_one_order(shop: Shop) -> None:
    """A payment has no order here: it belongs to a trade, and the lines say what its orders have.

    A refund names its order itself, so nothing about it is ever asked of a payment.
    """
    shop.merge("T", A=40, B=60)
    shop.pay("T", "P", 100)

    assert shop.refund("B", "R", 60) == {"P": 60}
    shop.complete("R", "P")

    listed = shop.query("select order_no, state from mixpay.refund_list where refund_no = 'R'")
    assert listed == [("B", "succeeded")]
    explained = shop.query("select order_no, payment_no from mixpay.refund_explained")
    assert explained == [("B", "P")]
    assert (shop.balance("A").refundable, shop.balance("B").refundable) == (40, 0)


def test_a_voucher_asks_the_group_for_the_card_of_an_order(shop: Shop) -> None:
    """A voucher is a channel like any other, and a payment by it asks nothing of orders.

    So it pays a trade of three orders as it pays a trade of one.
    """
    shop.merge("T", **THIRDS)
    shop.pay("T", "V", 5000, "voucher", day(1))
    shop.pay("T", "P", 5000, "card", day(2))

    assert shop.row("trades", "T").state == "paid"
    assert shop.paid("T") == THIRDS
    assert shop.refund("C", "R", 3334) == {"V": 3334}


def test_each_payment_divides_the_whole_anew_and_rounds_again(pro_rata: Shop) -> None:
    """A payment is divided by what each order still lacks, read under the trade's lock.

    No share is above that, so the last payment fills each order exactly, to the cent.
    """
    amounts = [(3333, 3333, 3334), (1, 9998, 1), (2500, 2500, 5000), (9999, 1)]
    runs = [by for each in amounts for by in sorted(set(permutations(each)))]
    for i, payments in enumerate(runs):
        trade_no = f"T{i}"
        wanted = {f"{order_no}{i}": amount for order_no, amount in THIRDS.items()}
        pro_rata.merge(trade_no, **wanted)
        for n, amount in enumerate(payments):
            pro_rata.pay(trade_no, f"P{i}-{n}", amount)
            paid = pro_rata.paid(trade_no)
            assert sum(paid.values()) == sum(payments[: n + 1])
            assert all(paid[order_no] <= wanted[order_no] for order_no in wanted)
        assert pro_rata.paid(trade_no) == wanted
        assert pro_rata.row("trades", trade_no).state == "paid"
    assert pro_rata.listed("surplus_list") == {}


def test_what_weighs_nothing_is_charged_to_everyone_in_full(pro_rata: Shop) -> None:
    """Shares are cut from one amount and sum to it, also where nobody has a claim to it.

    What no order lacks is the payment's surplus; what no rate gives is the remainder owner's.
    """
    pro_rata.call("register_payee", "S", "Store")
    pro_rata.call("merge_orders", on_hold("S", A=40, B=60), "T")
    # A hundredth of a per cent of 40 is nothing.
    shares = [{"receiver": "x", "rate": 1}, {"receiver": "y", "rate": 1}]
    pro_rata.rows("split_order", "A", "X", shares, "payment")
    pro_rata.pay("T", "P", 100)
    pro_rata.pay("T", "Q", 8)

    assert pro_rata.paid("T") == {"A": 40, "B": 60}
    assert pro_rata.listed("surplus_list") == {"Q": 8}
    given = pro_rata.query(
        "select receiver, amount from mixpay.split_list where order_no = 'A' and amount > 0"
    )
    assert given == [("S", 40)]
    with pro_rata.refused("MX902", 0):
        pro_rata.merge("Z", C=0)


def test_an_order_of_a_merged_payment_counts_only_payments_of_its_own(shop: Shop) -> None:
    """What an order is paid is the sum of its lines, which every payment into its trade writes.

    Nobody adds up an order's payments: there is no such thing.
    """
    shop.merge("T", A=40, B=60)
    shop.pay("T", "P", 100)
    shop.refund("A", "R", 10)

    a, b = shop.balance("A"), shop.balance("B")
    assert (a.paid, a.unpaid, a.refunded, a.refundable) == (40, 0, 10, 30)
    assert (b.paid, b.unpaid, b.refunded, b.refundable) == (60, 0, 0, 60)


def test_that_an_order_is_paid_is_told_of_no_order_that_was_merged(shop: Shop) -> None:
    """An event is written by the transaction that changes the totals, and read only after it.

    So nothing decides too early whether an order is paid, and nobody is told before it is.
    """
    shop.merge("T", A=40, B=60)
    shop.pay("T", "P", 40)
    assert told(shop, "trade", "T") == ["open"]
    assert [told(shop, "order", order_no) for order_no in ("A", "B")] == [["paid"], []]

    shop.pay("T", "Q", 60)

    assert told(shop, "trade", "T") == ["open", "paid"]
    assert [told(shop, "order", order_no) for order_no in ("A", "B")] == [["paid"], ["paid"]]
    at_once = shop.query(
        "select count(distinct xid) as n from mixpay.facts "
        "where (entity = 'trade' and to_state = 'paid') "
        "or (payment_no = 'Q' and to_account = 'order')"
    )
    assert at_once == [(1,)]
    assert [shop.balance(order_no).unpaid for order_no in ("A", "B")] == [0, 0]


def test_two_refunds_at_once_each_add_up_without_the_other(together: Together, shop: Shop) -> None:
    """Who refunds an order locks its trade by an update, and reads what is left afterwards.

    So the second one waits, and sees the first one's sum.
    """
    shop.merge("T", A=40, B=60)
    shop.pay("T", "P", 100)

    first, second = together(
        lambda one: one.refund("A", "R1", 30), lambda two: two.refund("A", "R2", 30)
    )

    assert first == {"P": 30}
    assert second.sqlstate == "MX301"
    assert (shop.balance("A").refunded, shop.row("payments", "P").refunded) == (30, 30)


def test_two_captures_at_once_overwrite_what_the_other_has_written(
    together: Together, shop: Shop
) -> None:
    """No total is written from a figure that was read before the trade was locked.

    The second payment gives what is lacking after the first, and the rest is its surplus.
    """
    shop.merge("T", A=40, B=60)
    shop.start("T", "P", 70)
    shop.start("T", "Q", 70)

    together(lambda one: one.succeed("P", "x1"), lambda two: two.succeed("Q", "x2"))

    assert shop.paid("T") == {"A": 40, "B": 60}
    assert (shop.row("payments", "P").applied, shop.row("payments", "Q").applied) == (70, 30)
    assert shop.listed("surplus_list") == {"Q": 40}


def test_an_order_is_cancelled_while_a_capture_draws_on_its_share(
    together: Together, shop: Shop
) -> None:
    """Both calls lock the trade, so money comes before the order is cancelled, or after.

    Before, it serves the other orders and the rest goes back; after, the trade lacks less of it.
    """
    for trade_no, a, b in (("T1", "A", "B"), ("T2", "C", "D")):
        shop.merge(trade_no, **{a: 40, b: 60})
        shop.start(trade_no, f"P{trade_no}", 70)

    together(lambda one: one.succeed("PT1", "x1"), lambda two: two.cancel("T1", "A"))
    together(lambda one: one.cancel("T2", "C"), lambda two: two.succeed("PT2", "x2"))

    assert [shop.balance(order_no).paid for order_no in "ABCD"] == [0, 60, 0, 60]
    assert shop.listed("surplus_list") == {"PT1": 10, "PT2": 10}


def test_a_rollback_forgets_that_money_had_moved(
    connect: Callable[..., Connection[Any]], shop: Shop
) -> None:
    """What is to be sent is committed before the channel is asked, and stays reserved.

    No error on our side frees it: only news that the channel did not pay does.
    """
    shop.merge("T", A=40, B=60)
    shop.pay("T", "P", 100, "card")
    shop.refund("A", "R", 40)
    (sent,) = shop.rows("claim_channel_refunds", "worker")

    # The channel has paid, and what the worker does next fails.
    worker = Shop(connect(autocommit=False))
    worker.call("complete_channel_refund", sent.channel_refund_no, "y1")
    worker.conn.rollback()

    assert shop.channel_refund("R", "P").state == "sent"
    with shop.refused("MX301", 40, 0):
        shop.refund("A", "R2", 40)
    shop.later("1 hour")
    (again,) = shop.rows("claim_channel_refunds", "another")
    assert again.channel_refund_no == sent.channel_refund_no
    for _ in range(2):
        shop.call("complete_channel_refund", again.channel_refund_no, "y1")
    with shop.refused("MX304"):
        shop.call("fail_channel_refund", again.channel_refund_no, "refused")
    assert (shop.balance("A").refunded, shop.row("refunds", "R").state) == (40, "succeeded")


def test_a_refund_names_an_order_that_its_payment_never_paid(shop: Shop) -> None:
    """A refund takes from the trades of its order only, at most what the order has left there.

    A payment of another trade is refused when somebody names it.
    """
    shop.merge("T1", A=40, B=60)
    shop.pay("T1", "P1", 100)
    shop.merge("T2", C=40)
    shop.pay("T2", "P2", 40)

    with shop.refused("MX306", "P1", "C"):
        shop.refund("C", "R", 40, payment_nos=["P1"])
    with shop.refused("MX301", 41, 40):
        shop.refund("C", "R", 41)
    with shop.refused("MX103", "X"):
        shop.refund("X", "R", 40)
    assert shop.refund("C", "R", 40) == {"P2": 40}


def test_which_order_comes_first_depends_on_how_rows_come_back(shop: Shop) -> None:
    """A line has its position from the call that merged it, and all that comes in turn goes by it.

    Where rows lie in the table decides nothing.
    """
    shop.merge("T", C=30, A=30, B=30)
    # Rows that are written anew come back in another order.
    for order_no in ("C", "A", "C"):
        shop.conn.execute(
            "update mixpay.trade_orders set paid = paid where order_no = %s", [order_no]
        )
    shop.conn.execute("vacuum full mixpay.trade_orders")

    shop.pay("T", "P", 40)

    assert list(shop.paid("T").items()) == [("C", 30), ("A", 10), ("B", 0)]


def test_money_is_booked_although_dividing_it_has_failed(shop: Shop) -> None:
    """A call does all or nothing, and nobody catches an error on its way.

    A payment stands in the books with what it gave each order, or not at all.
    """
    shop.merge("T", A=40, B=60)
    shop.conn.execute(
        "alter table mixpay.trade_orders add constraint nothing_is_paid check (paid = 0)"
    )

    with shop.unchanged(), pytest.raises(psycopg.errors.CheckViolation, match="nothing_is_paid"):
        shop.pay("T", "P", 100)

    shop.conn.execute("alter table mixpay.trade_orders drop constraint nothing_is_paid")
    batch = [
        {"trade_no": "T", "payment_no": "P", "channel": "card", "amount": 100},
        {"trade_no": "none", "payment_no": "Q", "channel": "card", "amount": 1},
    ]
    with shop.refused("MX104", "none"):
        shop.rows("record_payments", batch)
    assert shop.paid("T") == {"A": 0, "B": 0}
