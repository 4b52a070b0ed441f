"""An order over all its trades: when it is paid, payable again, partly or wholly refunded.

The check order_state_on_record_is_what_its_lines_say looks at the end of every test.
"""

from collections.abc import Callable
from typing import Any

import pytest
from shop import Row, Shop, day, on_hold, orders

Told = list[tuple[str, str, str]]


def told(shop: Shop) -> Told:
    """Of each change of an order: its number, from which state to which."""
    events = shop.rows("read_events", None, 1000)
    return [(e.number, e.from_state, e.to_state) for e in events if e.entity == "order"]


def state(shop: Shop, order_no: str) -> str:
    found: str = shop.balance(order_no).state
    return found


def test_an_order_is_paid_when_the_last_of_it_is(shop: Shop) -> None:
    shop.merge("T", A=100, B=50)
    assert (told(shop), state(shop, "A")) == ([], "payable")
    shop.pay("T", "P1", 60)
    assert (told(shop), state(shop, "A")) == ([], "payable")
    shop.pay("T", "P2", 60, "cash", day(2))
    assert told(shop) == [("A", "payable", "paid")]
    shop.pay("T", "P3", 30)

    assert told(shop) == [("A", "payable", "paid"), ("B", "payable", "paid")]
    assert (state(shop, "A"), state(shop, "B")) == ("paid", "paid")


def test_an_event_of_an_order_says_what_made_it(shop: Shop) -> None:
    shop.merge("T", A=100)
    payment = shop.pay("T", "P", 100, "cash", day(2))
    events = shop.rows("read_events")

    assert [(e.entity, e.number, e.to_state) for e in events] == [
        ("trade", "T", "open"),
        ("payment", "P", "succeeded"),
        ("order", "A", "paid"),
        ("trade", "T", "paid"),
    ]
    paid = events[2]
    assert (paid.order_no, paid.payment_no, paid.amount, paid.trade_no) == ("A", "P", 100, "T")
    assert (paid.from_state, paid.happened_at) == ("payable", payment.paid_at)
    # It stands on the payment's own fact, and has a position of its own.
    assert (events[1].entry, paid.entry) == (2, 2)
    assert paid.position == f"{paid.epoch}.{paid.xid}.2o.T"
    assert events[1].position == f"{paid.epoch}.{paid.xid}.2.T"
    assert [e.entity for e in shop.rows("read_events", events[1].position)] == ["order", "trade"]
    assert [e.entity for e in shop.rows("read_events", paid.position)] == ["trade"]
    history = shop.query("select entity, number, to_state from mixpay.history where entry = 2")
    assert sorted(history) == [("order", "A", "paid"), ("payment", "P", "succeeded")]


def pay_by_callback(shop: Shop) -> None:
    shop.start("T", "P", 150)
    shop.succeed("P")


def pay_late(shop: Shop) -> None:
    shop.start("T", "P", 150)
    shop.call("fail_payment", "P", "timeout")
    shop.succeed("P")


def capture(shop: Shop) -> None:
    shop.start("T", "P", 150)
    shop.call("authorize_payment", "P", "AUTH", None, 150)
    shop.succeed("P")


def pay_in_bulk(shop: Shop) -> None:
    shop.rows(
        "record_payments",
        [
            {"trade_no": "T", "payment_no": f"P{i}", "channel": "cash", "amount": 50}
            for i in range(3)
        ],
    )


def succeed_in_bulk(shop: Shop) -> None:
    shop.start("T", "P", 150)
    shop.rows("succeed_payments", [{"payment_no": "P"}])


@pytest.mark.parametrize("pay", [pay_by_callback, pay_late, capture, pay_in_bulk, succeed_in_bulk])
def test_is_paid_by_every_call_that_pays(shop: Shop, pay: Callable[[Shop], Any]) -> None:
    shop.merge("T", A=100, B=50)
    pay(shop)

    assert told(shop) == [("A", "payable", "paid"), ("B", "payable", "paid")]


@pytest.mark.parametrize("allocation", ["fifo", "pro_rata"])
@pytest.mark.parametrize("in_bulk", [False, True])
def test_e26_29_payments_pay_an_order_once(shop: Shop, allocation: str, in_bulk: bool) -> None:
    shop.conn.execute("update mixpay.merchants set allocation = %s", [allocation])
    shop.merge("T", A=25, B=4)
    payments = [
        {"trade_no": "T", "payment_no": f"P{i:02}", "channel": "cash", "amount": 1}
        for i in range(29)
    ]
    if in_bulk:
        shop.rows("record_payments", payments)
    else:
        for payment in payments:
            shop.rows("record_payments", [payment])

    assert sorted(told(shop)) == [("A", "payable", "paid"), ("B", "payable", "paid")]


def test_a_deposit_and_the_balance_in_two_trades(shop: Shop) -> None:
    shop.merge("T1", A=(100, 30))
    shop.pay("T1", "P1", 30)
    # The trade is paid, the order is not.
    assert shop.row("trades", "T1").state == "paid"
    assert (told(shop), state(shop, "A")) == ([], "payable")
    shop.merge("T2", A=100, B=50)
    shop.pay("T2", "P2", 70)
    assert told(shop) == [("A", "payable", "paid")]
    shop.refund("A", "R1", 40)
    assert told(shop)[1:] == [("A", "paid", "partly_refunded")]
    # 30 of the first trade and 10 of the second are gone: the rest is in the second.
    shop.refund("A", "R2", 60)

    assert told(shop)[2:] == [("A", "partly_refunded", "refunded")]
    assert state(shop, "A") == "refunded"


def test_a_refund_of_both_trades_is_told_step_by_step(shop: Shop) -> None:
    shop.merge("T1", A=(100, 30))
    shop.pay("T1", "P1", 30)
    shop.merge("T2", A=100)
    shop.pay("T2", "P2", 70)
    shop.refund("A", "R", 100)

    assert told(shop)[1:] == [
        ("A", "paid", "partly_refunded"),
        ("A", "partly_refunded", "refunded"),
    ]


def test_two_deposits_of_trades_that_share_a_pool(shop: Shop) -> None:
    shop.merge("T1", A=(100, 30), B=(50, 20))
    shop.merge("T2", C=10)
    shop.rows(
        "record_payments",
        [
            {"trade_no": "T1", "payment_no": "P1", "channel": "cash", "amount": 50},
            {"trade_no": "T2", "payment_no": "P2", "channel": "cash", "amount": 10},
        ],
    )
    assert told(shop) == [("C", "payable", "paid")]
    # In another order than before.
    shop.merge("T3", B=50, A=100)
    shop.rows(
        "record_payments",
        [
            {"trade_no": "T3", "payment_no": "P3", "channel": "cash", "amount": 35},
            {"trade_no": "T3", "payment_no": "P4", "channel": "cash", "amount": 65},
        ],
    )
    assert told(shop)[1:] == [("B", "payable", "paid"), ("A", "payable", "paid")]


@pytest.mark.parametrize("first", [30, 100])
def test_what_a_deposit_gave_back_is_known_when_the_rest_is_paid(shop: Shop, first: int) -> None:
    shop.merge("T1", A=(200, 100))
    shop.pay("T1", "P1", 100)
    shop.refund("A", "R", first)
    wholly = [("A", "payable", "refunded")] if first == 100 else []
    assert told(shop) == wholly
    shop.merge("T2", A=200)
    shop.pay("T2", "P2", 40)
    again = [("A", "refunded", "payable")] if first == 100 else []
    assert told(shop) == wholly + again
    shop.pay("T2", "P3", 60)

    assert told(shop) == [*wholly, *again, ("A", "payable", "partly_refunded")]


def refund_in_bulk(shop: Shop, refund_no: str, amount: int) -> None:
    shop.rows("refund_orders", [{"order_no": "A", "refund_no": refund_no, "amount": amount}])


def refund_once(shop: Shop, refund_no: str, amount: int) -> None:
    shop.refund("A", refund_no, amount)


def pay_out(shop: Shop, refund_no: str, amount: int) -> None:
    shop.record_refund("A", refund_no, amount)


@pytest.mark.parametrize("refund", [refund_once, refund_in_bulk, pay_out])
@pytest.mark.parametrize("payments", [1, 3])
def test_is_refunded_by_every_call_that_refunds(
    shop: Shop, refund: Callable[[Shop, str, int], None], payments: int
) -> None:
    shop.merge("T", A=90, B=10)
    for i in range(payments):
        shop.pay("T", f"P{i}", 90 // payments, paid_at=day(i + 1))
    refund(shop, "R1", 50)
    assert told(shop)[1:] == [("A", "paid", "partly_refunded")]
    refund(shop, "R2", 10)
    assert told(shop)[2:] == []
    refund(shop, "R3", 30)

    assert told(shop)[2:] == [("A", "partly_refunded", "refunded")]
    assert state(shop, "A") == "refunded"


def test_refunds_of_one_call_are_told_one_by_one(shop: Shop) -> None:
    shop.merge("T", A=90, B=10)
    shop.pay("T", "P", 100)
    shop.rows(
        "refund_orders",
        [
            {"order_no": "A", "refund_no": "R1", "amount": 50},
            {"order_no": "B", "refund_no": "R2", "amount": 10},
            {"order_no": "A", "refund_no": "R3", "amount": 40},
        ],
    )

    assert told(shop)[2:] == [
        ("A", "paid", "partly_refunded"),
        ("B", "paid", "refunded"),
        ("A", "partly_refunded", "refunded"),
    ]


def test_e06_a_refund_that_fails_makes_the_order_paid_again(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 100)
    shop.refund("A", "R1", 40)
    shop.refund("A", "R2", 60)
    shop.fail("R1", "P")
    assert told(shop)[3:] == [("A", "refunded", "partly_refunded")]
    shop.fail("R2", "P")
    assert told(shop)[4:] == [("A", "partly_refunded", "paid")]
    # The channel had sent it after all.
    shop.complete("R2", "P", "X")
    assert told(shop)[5:] == [("A", "paid", "partly_refunded")]
    shop.redirect("R1", "P", "bank")
    assert told(shop)[6:] == [("A", "partly_refunded", "refunded")]
    shop.bounce("R2", "P")

    assert told(shop)[7:] == [("A", "refunded", "partly_refunded")]


def test_a_refund_that_succeeds_changes_nothing_more(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 100)
    shop.refund("A", "R", 100)
    before = told(shop)
    shop.complete("R", "P", "X")

    assert told(shop) == before


def test_surplus_makes_nothing_of_an_order(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P1", 130)
    shop.pay("T", "P2", 100)

    assert told(shop) == [("A", "payable", "paid")]


def test_a_closed_trade_makes_its_orders_payable_again(shop: Shop) -> None:
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P", 120)
    shop.close("T")

    assert told(shop) == [("A", "payable", "paid"), ("A", "paid", "payable")]
    shop.merge("U", A=100)
    shop.pay("U", "P2", 100)
    assert told(shop)[2:] == [("A", "payable", "paid")]


def test_an_expired_trade_does_so_too(shop: Shop) -> None:
    shop.call("merge_orders", orders(A=100, B=50), "T", day(1))
    shop.pay("T", "P", 120)
    shop.expire()

    assert told(shop) == [("A", "payable", "paid"), ("A", "paid", "payable")]


def test_what_is_kept_is_completed_elsewhere(shop: Shop) -> None:
    shop.merge("T1", A=100, B=50)
    shop.pay("T1", "P1", 120)
    shop.close("T1", keep=True)
    assert told(shop) == [("A", "payable", "paid")]
    shop.merge("T2", B=50, C=10)
    shop.pay("T2", "P2", 30)
    assert told(shop)[1:] == [("B", "payable", "paid")]
    # What stayed goes back after all.
    shop.close("T1")

    assert told(shop)[2:] == [("A", "paid", "payable"), ("B", "paid", "payable")]
    assert (state(shop, "A"), state(shop, "B")) == ("payable", "payable")


def test_abandoned_and_merged_again(shop: Shop) -> None:
    shop.merge("T1", A=100, B=50)
    shop.merge("T2", A=100)
    shop.merge("T3", B=50)
    shop.merge("T4", A=100, B=50)
    shop.pay("T4", "P", 150)

    assert told(shop) == [("A", "payable", "paid"), ("B", "payable", "paid")]
    shop.refund("B", "R", 50)
    assert told(shop)[2:] == [("B", "paid", "refunded")]


def test_a_cancelled_order_gives_its_money_to_the_others(shop: Shop) -> None:
    shop.merge("T", A=100, B=50, C=10)
    shop.pay("T", "P", 100)
    shop.cancel("T", "A")

    assert told(shop) == [
        ("A", "payable", "paid"),
        ("A", "paid", "payable"),
        ("B", "payable", "paid"),
        ("C", "payable", "paid"),
    ]
    history = shop.query(
        "select number, from_state, to_state from mixpay.history where entity = 'order' "
        "order by entry"
    )
    assert history == told(shop)


def test_a_cancelled_order_keeps_what_was_refunded(shop: Shop) -> None:
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P", 100)
    shop.refund("A", "R", 20)
    shop.cancel("T", "A")
    # 50 went to B, 30 go back, 20 are its own, and refunded.
    assert told(shop)[1:] == [
        ("A", "paid", "partly_refunded"),
        ("A", "partly_refunded", "payable"),
        ("B", "payable", "paid"),
        ("A", "payable", "refunded"),
    ]
    shop.fail("R", "P")
    assert told(shop)[5:] == [("A", "refunded", "payable")]
    shop.merge("U", A=100)
    shop.pay("U", "P2", 80)
    assert told(shop)[6:] == [("A", "payable", "paid")]


def test_the_last_order_that_is_cancelled(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 60)
    shop.refund("A", "R", 20)
    shop.cancel("T", "A")

    assert told(shop) == [("A", "payable", "refunded")]


def test_a_deposit_that_is_cancelled(shop: Shop) -> None:
    shop.merge("T1", A=(100, 30))
    shop.pay("T1", "P1", 30)
    shop.merge("T2", A=100, B=(50, 20), C=10)
    shop.pay("T2", "P2", 70)
    shop.cancel("T2", "A")

    assert told(shop) == [
        ("A", "payable", "paid"),
        ("A", "paid", "payable"),
        ("C", "payable", "paid"),
    ]


@pytest.mark.parametrize("takes_place", ["payment", "release"])
def test_an_order_that_is_split_in_two_trades(shop: Shop, takes_place: str) -> None:
    shop.call("register_payee", "S", "Store")
    deposit = [{**order, "payee_no": "S"} for order in orders(A=(100, 30))]
    shop.call("merge_orders", deposit, "T1")
    shop.rows("split_order", "A", "X", [{"receiver": "agent", "rate": 1000}], takes_place)
    shop.pay("T1", "P1", 30)
    rest = [{**order, "payee_no": "S"} for order in orders(A=100)]
    shop.call("merge_orders", rest + orders(B=5), "T2")
    shop.pay("T2", "P2", 75)
    shop.refund("A", "R", 100)
    shop.fail("R", "P1")

    assert told(shop) == [
        ("A", "payable", "paid"),
        ("B", "payable", "paid"),
        ("A", "paid", "partly_refunded"),
        ("A", "partly_refunded", "refunded"),
        ("A", "refunded", "partly_refunded"),
    ]


def test_releases_and_disputes_do_not_change_it(shop: Shop) -> None:
    shop.call("register_payee", "S", "Store")
    shop.call("merge_orders", on_hold("S", A=100), "T")
    shop.pay("T", "P", 100)
    shop.release("A", "L", 60)
    shop.call("open_dispute", "A", "D", "too late")
    assert told(shop) == [("A", "payable", "paid")]
    shop.call("close_dispute", "D", "buyer", "it was", 40)

    assert told(shop)[1:] == [("A", "paid", "partly_refunded")]


@pytest.mark.parametrize("amount", [31, 130])
def test_returned_money_makes_an_order_payable_again(shop: Shop, amount: int) -> None:
    shop.merge("T", A=100, B=30)
    shop.pay("T", "P", 130, "bank")
    shop.call("return_payment", "P", "X", "no cover", amount)

    assert sorted(told(shop)[2:]) == [("A", "paid", "payable"), ("B", "paid", "payable")]
    shop.pay("T", "P2", amount)
    assert sorted(told(shop)[4:]) == [("A", "payable", "paid"), ("B", "payable", "paid")]


def test_returned_money_of_an_order_that_is_merged_elsewhere(shop: Shop) -> None:
    shop.merge("T1", A=(100, 40))
    shop.pay("T1", "P1", 40, "bank")
    shop.merge("T2", A=100)
    shop.pay("T2", "P2", 60)
    shop.call("return_payment", "P1", "X", "no cover")

    assert told(shop) == [("A", "payable", "paid"), ("A", "paid", "payable")]


def test_returned_money_of_a_closed_trade(shop: Shop) -> None:
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P", 120, "bank")
    shop.close("T", keep=True)
    shop.call("return_payment", "P", "X", "no cover", 50)
    assert told(shop) == [("A", "payable", "paid"), ("A", "paid", "payable")]
    shop.merge("U", A=100, B=50)
    shop.pay("U", "P2", 80)

    assert told(shop)[2:] == [("A", "payable", "paid"), ("B", "payable", "paid")]


def test_money_charged_back_is_refunded_and_won_again(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 100, "card")
    shop.call("charge_back_payment", "P", "C", 60, "not me")
    assert told(shop)[1:] == [("A", "paid", "partly_refunded")]
    shop.call("reverse_chargeback", "C", "won")

    assert told(shop)[2:] == [("A", "partly_refunded", "paid")]


def test_nobody_else_s_order_of_that_number(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    for one in (shop, other):
        one.merge("T1", A=(100, 30))
        one.pay("T1", "P1", 30)
    shop.merge("T2", A=100)
    shop.pay("T2", "P2", 70)

    assert (told(shop), told(other)) == ([("A", "payable", "paid")], [])


def settled(shop: Shop) -> list[Row]:
    """Orders whose payee was paid out for them by the settlements that stand."""
    return shop.query(
        """
        select l.order_no, s.settlement_no
        from mixpay.settlement_lines as l
        inner join mixpay.settlement_list as s using (merchant_id, settlement_no)
        where l.merchant_id = %s and l.kind = 'order' and s.state = 'settled'
        order by 1, 2
        """,
        shop.merchant,
    )


def test_settled_is_what_the_settlements_event_says(shop: Shop) -> None:
    """An order is settled by each settlement that has a line of it: its payee's, receivers'."""
    shop.sell("A", 100)
    shop.sell("B", 50)
    shop.settle("S1")
    assert settled(shop) == [("A", "S1"), ("B", "S1")]
    (event,) = [e for e in shop.rows("read_events") if e.entity == "settlement"]
    assert (event.number, event.to_state, event.amount) == ("S1", "settled", 150)
    shop.call("reverse_settlement", "S1", "no such account")
    assert settled(shop) == []
    shop.refund("A", "R", 20)
    shop.settle("S2")

    # What failed is carried into the next one, which pays it out.
    assert settled(shop) == [("A", "S2")]
    assert [e.to_state for e in shop.rows("read_events") if e.entity == "settlement"] == [
        "settled",
        "reversed",
        "settled",
    ]


def test_an_order_that_costs_something_else(shop: Shop) -> None:
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P1", 100)
    shop.call("reprice_order", "A", "N1", 120, "a larger size")
    assert told(shop) == [("A", "payable", "paid"), ("A", "paid", "payable")]
    shop.call("reprice_order", "A", "N2", 100, "no, as it was")
    assert told(shop)[2:] == [("A", "payable", "paid")]
    # 20 of it serve B, and the rest of what B lacks is still to come.
    shop.call("reprice_order", "A", "N3", 80, "a discount")
    assert told(shop)[3:] == []
    shop.pay("T", "P2", 30)
    assert told(shop)[3:] == [("B", "payable", "paid")]
    shop.call("reprice_order", "A", "N4", 90, "one more")
    shop.merge("U", A=90)
    shop.pay("U", "P3", 10)

    assert told(shop)[4:] == [("A", "paid", "payable"), ("A", "payable", "paid")]
