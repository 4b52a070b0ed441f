"""Calls that do many at once, beside each other and beside single calls."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from shop import Shop, outcome

Race = Callable[..., Any]
Call = Callable[[Shop], Any]


def spanning(shop: Shop) -> None:
    """Refunds R1 of C and R2 of D, each borne by a payment of T1 and one of T2."""
    shop.merge("T1", C=(60, 20), D=(60, 20))
    shop.pay("T1", "P1", 40, "card")
    shop.merge("T2", C=60, D=60)
    shop.pay("T2", "P2", 80, "card")
    shop.refund("C", "R1", 60)
    shop.refund("D", "R2", 60)


def completions(shop: Shop, *parts: tuple[str, str]) -> list[dict[str, str]]:
    return [{"channel_refund_no": shop.channel_refund(*p).channel_refund_no} for p in parts]


def test_e35_parts_of_two_refunds_complete_in_opposite_orders(shop: Shop, race: Race) -> None:
    spanning(shop)
    of_t1 = completions(shop, ("R1", "P1"), ("R2", "P1"))
    of_t2 = completions(shop, ("R2", "P2"), ("R1", "P2"))
    raced = race(
        lambda s: s.rows("complete_channel_refunds", of_t1),
        lambda s: s.rows("complete_channel_refunds", of_t2),
    )
    assert {c.state for c in raced.second} == {"succeeded"}
    assert [shop.row("refunds", r).state for r in ("R1", "R2")] == ["succeeded", "succeeded"]


def test_e35_a_bulk_call_and_a_single_one(shop: Shop, race: Race) -> None:
    spanning(shop)
    both = completions(shop, ("R1", "P1"), ("R2", "P1"))
    raced = race(
        lambda s: s.rows("complete_channel_refunds", both), lambda s: s.complete("R2", "P1")
    )
    assert raced.second.state == "succeeded"
    assert shop.row("refunds", "R2").succeeded == 20


def test_e01_refunds_of_the_same_orders_in_opposite_orders(shop: Shop, race: Race) -> None:
    shop.merge("T1", A=100)
    shop.merge("T2", B=100)
    shop.pay("T1", "P1", 100)
    shop.pay("T2", "P2", 100)

    def refund(*orders: str) -> Callable[[Shop], Any]:
        sent = [
            {"order_no": o, "refund_no": f"R{''.join(orders)}{o}", "amount": 60} for o in orders
        ]
        return lambda s: s.rows("refund_orders", sent)

    raced = race(refund("A", "B"), refund("B", "A"))

    assert [r.refund_no for r in raced.first] == ["RABA", "RABB"]
    assert raced.second.sqlstate == "MX301"
    assert shop.query("select count(*) as n from mixpay.refunds")[0].n == 2


def test_e36_refunds_of_orders_whose_deposits_share_a_trade(shop: Shop, race: Race) -> None:
    """C and D have parts in T1 and T2; each call wants both orders, and takes both trades first."""
    shop.merge("T1", C=(60, 20), D=(60, 20))
    shop.pay("T1", "P1", 40, "card")
    shop.merge("T2", D=60, C=60)
    shop.pay("T2", "P2", 80, "card")

    def refund(prefix: str, *orders: str) -> Callable[[Shop], Any]:
        sent = [{"order_no": o, "refund_no": f"{prefix}{o}", "amount": 30} for o in orders]
        return lambda s: s.rows("refund_orders", sent)

    raced = race(refund("R", "C", "D"), refund("Q", "D", "C"))

    assert [r.refund_no for r in raced.second] == ["QD", "QC"]
    assert [shop.row("payments", p).refunded for p in ("P1", "P2")] == [40, 80]


def test_e01_a_bulk_refund_and_a_single_one(shop: Shop, race: Race) -> None:
    shop.merge("T1", A=100)
    shop.merge("T2", B=100)
    shop.pay("T1", "P1", 100)
    shop.pay("T2", "P2", 100)
    both = [{"order_no": o, "refund_no": f"R{o}", "amount": 60} for o in "BA"]
    raced = race(lambda s: s.rows("refund_orders", both), lambda s: s.refund("A", "R", 60))

    assert raced.second.sqlstate == "MX301"
    assert shop.row("payments", "P1").refunded == 60


def test_e34_a_number_that_a_refund_of_another_order_gets_meanwhile(shop: Shop, race: Race) -> None:
    shop.merge("T1", A=100, C=100)
    shop.merge("T2", B=100)
    shop.pay("T1", "P1", 200)
    shop.pay("T2", "P2", 100)
    sent = [{"order_no": o, "refund_no": f"R{o}", "amount": 60} for o in "AC"]
    raced = race(lambda s: s.refund("B", "RC", 60), lambda s: s.rows("refund_orders", sent))

    assert raced.second.sqlstate == "MX302"
    assert [shop.row("payments", p).refunded for p in ("P1", "P2")] == [0, 60]


def test_e03_the_same_refunds_in_bulk_and_single(shop: Shop, race: Race) -> None:
    shop.merge("T1", A=100)
    shop.pay("T1", "P1", 100)
    sent = {"order_no": "A", "refund_no": "R", "amount": 60}
    raced = race(
        lambda s: s.call("refund_order", *sent.values()),
        lambda s: s.rows("refund_orders", [sent, sent]),
    )

    assert raced.second == [raced.first, raced.first]
    assert shop.row("payments", "P1").refunded == 60


def test_e07_the_same_callbacks_at_once(shop: Shop, race: Race) -> None:
    shop.merge("T1", A=100)
    shop.merge("T2", B=100)
    shop.start("T1", "P1", 100)
    shop.start("T2", "P2", 100)

    def succeed(*numbers: str) -> Callable[[Shop], Any]:
        return lambda s: s.rows("succeed_payments", [{"payment_no": n} for n in numbers])

    raced = race(succeed("P1", "P2"), succeed("P2", "P1"))

    assert [p.payment_no for p in raced.second] == ["P2", "P1"]
    assert {p.applied for p in raced.second} == {100}
    assert [shop.row("trades", t).paid for t in ("T1", "T2")] == [100, 100]


def test_e07_callbacks_in_bulk_and_single(shop: Shop, race: Race) -> None:
    shop.merge("T1", A=100)
    shop.merge("T2", B=100)
    shop.start("T1", "P1", 100)
    shop.start("T2", "P2", 100)
    raced = race(
        lambda s: s.succeed("P1", "X1"),
        lambda s: s.rows("succeed_payments", [{"payment_no": "P2"}, {"payment_no": "P1"}]),
    )
    assert raced.second[1] == raced.first
    assert [shop.row("trades", t).paid for t in ("T1", "T2")] == [100, 100]


@pytest.mark.parametrize(
    ("isolation", "code"), [("read committed", "MX207"), ("repeatable read", "40001")]
)
def test_a_channel_transaction_that_is_booked_meanwhile(
    shop: Shop, race: Race, isolation: str, code: str
) -> None:
    shop.merge("T1", A=100)
    shop.merge("T2", B=100)
    shop.merge("T3", C=100)
    for number in (1, 2):
        shop.start(f"T{number}", f"P{number}", 100, "card")
    news = [{"payment_no": "P1"}, {"payment_no": "P2", "channel_txn_no": "X"}]
    raced = race(
        lambda s: s.pay("T3", "P3", 100, "card", txn="X"),
        lambda s: s.rows("succeed_payments", news),
        isolation,
    )
    assert raced.second.sqlstate == code
    assert [shop.row("payments", p).state for p in ("P1", "P2")] == ["pending", "pending"]


def test_two_into_one_trade_that_lacks_one(shop: Shop, race: Race) -> None:
    shop.merge("T1", A=100)
    shop.start("T1", "P1", 100)
    shop.start("T1", "P2", 100)
    raced = race(
        lambda s: s.rows("succeed_payments", [{"payment_no": "P1"}]),
        lambda s: s.rows("succeed_payments", [{"payment_no": "P2"}, {"payment_no": "P1"}]),
    )
    assert [(p.applied, p.surplus) for p in raced.second] == [(0, 100), (100, 0)]
    assert shop.listed("surplus_list") == {"P2": 100}


def test_e33_what_cannot_be_seen_is_for_the_next_transaction(shop: Shop, race: Race) -> None:
    shop.merge("T1", A=100)
    shop.pay("T1", "P1", 100)
    sent = [{"order_no": "A", "refund_no": "R1", "amount": 60}]
    raced = race(
        lambda s: s.rows("refund_orders", sent),
        lambda s: s.rows("refund_orders", [{**sent[0], "refund_no": "R2"}]),
        "repeatable read",
    )
    assert raced.second.sqlstate == "40001"


def test_e33_a_failure_that_needs_a_split_waits_for_no_completion(
    shop: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
    waits: Callable[..., list[int]],
) -> None:
    """What waits for its first refund has no split yet, so the second one's failure can have it."""
    shop.merge("T1", A=(60, 20))
    shop.pay("T1", "P1", 20, "card")
    shop.merge("T2", A=60, B=60)
    shop.pay("T2", "P2", 100, "card")
    shop.refund("B", "R1", 10)
    shop.refund("A", "R2", 60)
    shop.rows("split_order", "A", "XA", [{"receiver": "r", "takes_remainder": True}], "payment")
    of_t2 = completions(shop, ("R1", "P2"), ("R2", "P2"))
    holder = connect(autocommit=False)
    holder.execute("select from mixpay.refunds where refund_no = 'R1' for no key update")
    one, two = Shop(connect()), Shop(connect())
    first = background(lambda: one.rows("complete_channel_refunds", of_t2))
    waits(one.conn)
    second = background(lambda: two.fail("R2", "P1"))

    assert second.result(timeout=10).state == "failed"
    holder.commit()
    assert {c.state for c in first.result()} == {"succeeded"}


def test_e33_an_order_that_is_merged_anew_while_its_refund_waits(
    shop: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
    waits: Callable[..., list[int]],
) -> None:
    """A trade that the order gets meanwhile comes first in order, and somebody else has it."""
    shop.merge("T5", A=(60, 20))
    shop.pay("T5", "P5", 20, "card")
    holder = connect(autocommit=False)
    holder.execute("select from mixpay.trades where trade_no = 'T5' for no key update")
    one, two = Shop(connect()), Shop(connect())
    sent = [{"order_no": "A", "refund_no": "R1", "amount": 5}]
    first = background(lambda: one.rows("refund_orders", sent))
    waits(one.conn)
    shop.merge("T1", A=(60, 30))
    shop.pay("T1", "P1", 30, "card")
    second = background(lambda: two.refund("A", "R2", 45))
    waits(two.conn)
    holder.commit()

    assert [r.state for r in first.result()] == ["processing"]
    assert shop.details("R1") == {"P5": 5}
    assert second.result() == {"P1": 30, "P5": 15}


# Of the same numbers, each call gives the middle one second; somebody else holds it at first.
NUMBERS = (1, 2, 3)


def crosswise(call: str) -> tuple[list[Call], str]:
    """Calls that give the same numbers to other things in the opposite order, and the refusal.

    The last one gives one number of them to something else.
    """

    def sent(thing: str, *numbers: int) -> list[dict[str, Any]]:
        def orders(n: int, prefix: str) -> list[dict[str, Any]]:
            return [{"order_no": f"{prefix}{n}", "amount": 9, "currency": "CNY"}]

        makers = {
            "merge_many of new orders": lambda nth, n: {
                "trade_no": f"{thing}{nth}",
                "orders": orders(n, "new"),
            },
            "merge_many": lambda nth, n: {"trade_no": f"N{n}", "orders": orders(nth, thing)},
            "record_payments": lambda nth, n: {
                "trade_no": f"T{thing}{nth}",
                "payment_no": f"N{n}",
                "channel": "card",
                "amount": 1,
            },
            "record_payments of transactions": lambda nth, n: {
                "trade_no": f"T{thing}{nth}",
                "payment_no": f"N{thing}{nth}",
                "channel": "card",
                "amount": 1,
                "channel_txn_no": f"X{n}",
            },
            "succeed_payments of transactions": lambda nth, n: {
                "payment_no": f"S{thing}{nth}",
                "channel_txn_no": f"X{n}",
            },
            "refund_orders": lambda nth, n: {
                "order_no": f"O{thing}{nth}",
                "refund_no": f"N{n}",
                "amount": 1,
            },
        }
        return [makers[call](nth, n) for nth, n in enumerate(numbers, start=1)]

    function = call.partition(" ")[0]
    codes = {"merge_many": "MX106", "record_payments": "MX202", "refund_orders": "MX302"}
    lists = sent("a", *NUMBERS), sent("b", *reversed(NUMBERS)), sent("c", NUMBERS[1])
    calls = [lambda s, items=items: s.rows(function, items) for items in lists]
    return calls, codes.get(call, "MX207")


@pytest.fixture
def raced_crosswise(
    shop: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
    waits: Callable[..., list[int]],
) -> Callable[[list[Call]], list[Any]]:
    """What the first two get that both wait for the third, which then gives up."""
    for thing in "abc":
        for nth in NUMBERS:
            shop.merge(f"T{thing}{nth}", **{f"O{thing}{nth}": 9})
            shop.pay(f"T{thing}{nth}", f"P{thing}{nth}", 3, "card")
            shop.start(f"T{thing}{nth}", f"S{thing}{nth}", 3, "card")

    def raced_crosswise(calls: list[Call]) -> list[Any]:
        holder = connect(autocommit=False)
        calls[2](Shop(holder))
        futures = []
        for call in calls[:2]:
            session = connect()
            futures.append(background(call, Shop(session)))
            waits(session)
        holder.rollback()
        return [outcome(future) for future in futures]

    return raced_crosswise


@pytest.mark.parametrize("call", ["merge_many", "record_payments", "refund_orders"])
def test_e34_numbers_that_two_calls_give_crosswise(
    raced_crosswise: Callable[..., list[Any]], call: str
) -> None:
    """Each call takes them in their own order, not in that of its list or of its trades."""
    calls, code = crosswise(call)
    refused = [got.sqlstate for got in raced_crosswise(calls) if isinstance(got, psycopg.Error)]
    assert refused == [code]


def test_e11_new_orders_that_two_calls_merge_crosswise(
    raced_crosswise: Callable[..., list[Any]], shop: Shop
) -> None:
    calls, _ = crosswise("merge_many of new orders")
    first, second = raced_crosswise(calls)
    assert [len(first), len(second)] == [3, 3]
    assert (
        shop.query("select count(*) as n from mixpay.trade_orders where live and order_no ~ 'new'")[
            0
        ].n
        == 3
    )


@pytest.mark.parametrize("function", ["record_payments", "succeed_payments"])
def test_e33_transactions_that_two_calls_give_crosswise(
    shop: Shop, raced_crosswise: Callable[..., list[Any]], function: str
) -> None:
    """A payment has two numbers, so no order is right for both: one call is to be repeated."""
    calls, code = crosswise(f"{function} of transactions")
    got = raced_crosswise(calls)
    (again,) = [i for i in (0, 1) if isinstance(got[i], psycopg.Error)]
    assert got[again].sqlstate in ("40P01", code)
    with shop.refused(code):
        calls[again](shop)
