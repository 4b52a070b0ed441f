from typing import Any

import pytest
from shop import Row, Shop, day, on_hold


def win(shop: Shop, amount: int | None = None, chargeback_no: str = "C1", **named: Any) -> Row:
    return shop.call("reverse_chargeback", chargeback_no, "won", amount, **named)


def charge_back(
    shop: Shop, amount: int, payment_no: str = "P", chargeback_no: str = "C1", **named: Any
) -> Row:
    return shop.call("charge_back_payment", payment_no, chargeback_no, amount, "fraud", **named)


@pytest.fixture
def refunded(shop: Shop) -> None:
    """A1000 by card, of which 400 went back; charged back: 600 of A, and 400 lost."""
    shop.merge("T", A=1000)
    shop.pay("T", "P", 1000, "card")
    shop.refund("A", "R", 400)
    shop.complete("R", "P")
    charge_back(shop, 1000, fee=15)


@pytest.mark.usefixtures("refunded")
def test_e41_all_goes_the_way_back(shop: Shop) -> None:
    won = win(shop)

    assert (won.state, won.reversed, won.lost, won.amount) == ("reversed", 1000, 0, 1000)
    assert (won.reversal_reason, won.reason) == ("won", "fraud")
    assert shop.balance("A").refundable == 600
    assert shop.owns("loss:card") == {"CNY": 0}
    assert shop.query("select * from mixpay.loss_list") == []
    assert shop.listed("bounced_list") == {}
    # The fee stays.
    assert shop.owns("channel_fee:card") == {"CNY": -15}
    assert shop.owns("channel:card") == {"CNY": -585}
    assert shop.refund("A", "R2", 600) == {"P": 600}


@pytest.mark.usefixtures("refunded")
def test_in_parts_what_was_lost_comes_back_first(shop: Shop) -> None:
    assert (win(shop, 300).lost, shop.balance("A").refundable) == (100, 0)
    part = win(shop, 500)
    assert (part.lost, part.reversed, part.state) == (0, 500, "partly_reversed")
    assert shop.balance("A").refundable == 100
    assert win(shop, 999).reversed == 999
    assert shop.balance("A").refundable == 599
    assert win(shop).state == "reversed"
    states = shop.query(
        "select from_state, to_state from mixpay.history where entity = 'chargeback' order by entry"
    )
    assert [row.to_state for row in states] == [
        "charged",
        "partly_reversed",
        "partly_reversed",
        "partly_reversed",
        "reversed",
    ]


@pytest.mark.usefixtures("refunded")
def test_e03_a_repeat_changes_nothing(shop: Shop) -> None:
    part = win(shop, 500)
    with shop.unchanged():
        assert win(shop, 500) == part
        assert win(shop, 300) == part
    won = win(shop)
    with shop.unchanged():
        assert win(shop) == won
    assert win(shop, 1000, at=day(2)) == won._replace(reversed_at=day(2))
    with shop.refused("MX223", 1000):
        win(shop, at=day(3))
    # Of an earlier part, nothing is compared.
    with shop.unchanged():
        win(shop, 300, at=day(3))


@pytest.mark.usefixtures("refunded")
def test_more_than_it_took_is_refused(shop: Shop) -> None:
    with shop.refused("MX225", 1000, 1001):
        win(shop, 1001)


def test_as_if_it_had_been_for_the_rest(shop: Shop) -> None:
    shop.merge("T", A=100, B=50, C=30)
    shop.pay("T", "P", 180, "card")
    charge_back(shop, 120)
    win(shop, 60)

    assert [shop.balance(no).refundable for no in "ABC"] == [100, 20, 0]


def test_payee_and_receivers_have_it_again(shop: Shop) -> None:
    shop.sell("A", 1000)
    shop.rows("split_order", "A", "X", [{"receiver": "agent", "rate": 1000}])
    shop.settle("S1")
    charge_back(shop, 500, "PA")
    assert (shop.owns("payee:S"), shop.owns("receiver:agent")) == ({"CNY": -450}, {"CNY": 50})
    win(shop, 200)
    assert (shop.owns("payee:S"), shop.owns("receiver:agent")) == ({"CNY": -270}, {"CNY": 70})
    win(shop)

    assert (shop.owns("payee:S"), shop.owns("receiver:agent")) == ({"CNY": 0}, {"CNY": 100})


def test_what_was_in_escrow_is_there_again(shop: Shop) -> None:
    shop.call("register_payee", "S", "Store")
    shop.call("merge_orders", on_hold("S", A=1000), "T")
    shop.pay("T", "P", 1000, "card")
    shop.release("A", "L", 300)
    charge_back(shop, 800)
    win(shop)

    assert (shop.owns("payee:S"), shop.balance("A").in_escrow) == ({"CNY": 300}, 700)


@pytest.mark.parametrize(("method", "state"), [("card", "pending"), ("cash", "waiting")])
def test_what_waited_for_it_goes_on(shop: Shop, method: str, state: str) -> None:
    shop.merge("T", A=1000)
    shop.pay("T", "P", 1000, method)
    shop.refund("A", "R", 400)
    charge_back(shop, 1000)
    win(shop, 999)
    assert shop.channel_refund("R", "P").reason == "charged back: C1"
    win(shop)

    gone_on = shop.channel_refund("R", "P")
    assert gone_on.state == state
    assert gone_on.reason == ("manual" if state == "waiting" else None)
    assert (gone_on.due_at is not None) == (state == "pending")


def test_by_the_rules_of_the_channel_that_hold_by_then(shop: Shop) -> None:
    shop.channel("slow", fallback_channel="bank", refund_window="10 days")
    shop.merge("T", A=1000)
    shop.pay("T", "P", 1000, "slow")
    shop.refund("A", "R", 400)
    charge_back(shop, 1000)
    shop.later("11 days")
    win(shop)

    gone_on = shop.channel_refund("R", "P")
    assert (gone_on.channel, gone_on.state) == ("bank", "pending")


def test_what_waits_for_another_one_too_waits_on(shop: Shop) -> None:
    shop.merge("T", A=1000)
    shop.pay("T", "P", 1000, "card")
    shop.refund("A", "R", 400)
    charge_back(shop, 300)
    charge_back(shop, 300, chargeback_no="C2")
    win(shop)

    waiting = shop.channel_refund("R", "P")
    assert (waiting.state, waiting.reason) == ("waiting", "charged back: C2")
    win(shop, None, "C2")
    assert shop.channel_refund("R", "P").state == "pending"


def test_what_comes_back_covers_what_another_one_lost(shop: Shop) -> None:
    shop.merge("T", A=1000)
    shop.pay("T", "P", 1000, "card")
    charge_back(shop, 1000)
    assert charge_back(shop, 700, chargeback_no="C2").lost == 700
    win(shop, 200)
    assert (shop.row("chargebacks", "C2").lost, shop.row("chargebacks", "C1").lost) == (0, 500)
    win(shop)

    assert shop.owns("loss:card") == {"CNY": 0}
    assert shop.balance("A").refundable == 300


def test_surplus_that_it_took_goes_back(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 120, "card")
    charge_back(shop, 110)
    win(shop, 95)
    assert shop.balance("A").refundable == 100
    assert shop.listed("surplus_list") == {"P": 5}
    win(shop)

    assert shop.listed("surplus_list") == {"P": 20}
    assert {row.state for row in shop.query("select * from mixpay.surplus_list")} == {"pending"}


def test_a_failed_refund_that_covered_is_refundable_again(shop: Shop) -> None:
    shop.merge("T", A=1000)
    shop.pay("T", "P", 1000, "card")
    shop.refund("A", "R", 400)
    charge_back(shop, 1000)
    shop.fail("R", "P")
    assert shop.balance("A").refundable == 0
    win(shop)

    assert shop.balance("A").refundable == 1000


def test_e43_what_it_gave_back_bears_the_moment_that_came_later(shop: Shop) -> None:
    shop.merge("T", A=1000)
    shop.pay("T", "P", 1000, "card", day(1))
    charge_back(shop, 700, charged_at=day(2))
    moments = (
        "select amount, refunded_at, came_back_at from mixpay.transfer_list "
        "where payment_no = 'P' order by amount desc"
    )
    # All that it took comes back, and 200 of it are taken anew.
    win(shop, 500)
    win(shop, 500, at=day(3))
    assert shop.query(moments) == [(700, day(2), day(3)), (200, day(3), None)]
    with shop.unchanged():
        win(shop, 500, at=day(3))
    win(shop)
    win(shop, at=day(5))
    assert shop.query(moments) == [(700, day(2), day(3)), (200, day(3), day(5))]


@pytest.mark.usefixtures("refunded")
def test_the_books_say_when_and_why(shop: Shop) -> None:
    assert win(shop, at=day(5)).reversed_at == day(5)
    (event,) = shop.query("select * from mixpay.events where to_state = 'reversed'")
    assert (event.entity, event.number, event.reason) == ("chargeback", "C1", "won")
    assert event.happened_at == day(5)
    (listed,) = shop.query("select * from mixpay.chargeback_list")
    assert (listed.taken, listed.lost, listed.reversed) == (0, 0, 1000)


@pytest.mark.usefixtures("refunded")
def test_refuses_bad_input(shop: Shop) -> None:
    with shop.refused("MX224", "nothing"):
        win(shop, None, "nothing")
    with shop.refused("MX101", "nobody"):
        win(Shop(shop.conn, "nobody"))
    with shop.refused("MX901"):
        win(shop, None, "a b")
    for amount in (0, -1, 10**15 + 1):
        with shop.refused("MX902", amount):
            win(shop, amount)
    with shop.refused("MX905", 1001):
        shop.call("reverse_chargeback", "C1", "x" * 1001)
    with shop.refused("MX905", 1850):
        win(shop, at="1850-01-01Z")


def test_surplus_goes_back_although_the_rest_is_taken_of_the_order(shop: Shop) -> None:
    shop.merge("T", A=60)
    shop.pay("T", "P", 100, "card")
    charge_back(shop, 100, order_no="A")

    win(shop, 80)

    # As if 20 of A had been charged back: the surplus is on its way, when somebody has looked.
    assert shop.balance("A").refundable == 40
    assert shop.row("payments", "P").surplus_refunded == 40
    (sent,) = shop.query("select amount, reason from mixpay.manual_list")
    assert tuple(sent) == (40, "charged back: C1")
    win(shop)
    assert shop.balance("A").refundable == 60
    (claimed,) = shop.rows("claim_channel_refunds", "worker")
    assert claimed.amount == 40


def test_what_was_sent_of_the_surplus_stays_sent(shop: Shop) -> None:
    """Although its number is lower than that of what was taken anew."""
    shop.merge("T", A=100)
    shop.pay("T", "P", 160, "card")
    charge_back(shop, 20)
    (rest,) = shop.query("select * from mixpay.channel_refunds where state = 'waiting'")
    win(shop, 5)
    shop.call("complete_channel_refund", rest.channel_refund_no, "Y")
    win(shop)

    sent = "select * from mixpay.channel_refunds where channel_refund_no = %s"
    assert [row.state for row in shop.query(sent, rest.channel_refund_no)] == ["succeeded"]
    waiting = shop.query("select amount from mixpay.channel_refunds where state = 'pending'")
    assert sorted(row.amount for row in waiting) == [5, 15]


def test_what_waits_for_several_waits_for_the_first_of_them(shop: Shop) -> None:
    shop.merge("T", A=1000)
    shop.pay("T", "P", 1000, "card")
    shop.refund("A", "R", 400)
    for i in (1, 2, 3):
        charge_back(shop, 100, chargeback_no=f"C{i}")
    shop.call("return_payment", "P", "V", "no funds", 10)
    for i in (1, 2, 3):
        assert shop.channel_refund("R", "P").reason == f"charged back: C{i}"
        win(shop, chargeback_no=f"C{i}")
    waiting = shop.channel_refund("R", "P")
    assert (waiting.state, waiting.reason) == ("waiting", "returned: V")


def test_what_a_person_defers_meanwhile_waits_on(shop: Shop) -> None:
    shop.merge("T", A=1000)
    shop.pay("T", "P", 1000, "card")
    shop.refund("A", "R", 400)
    charge_back(shop, 100)
    number = shop.channel_refund("R", "P").channel_refund_no
    shop.call("defer_channel_refund", number, "the buyer is asked", day(999))
    win(shop)
    waiting = shop.channel_refund("R", "P")
    assert (waiting.state, waiting.reason, waiting.not_before) == (
        "waiting", "the buyer is asked", day(999),
    )  # fmt: skip


def test_the_books_say_of_which_order(shop: Shop) -> None:
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P", 150, "card")
    charge_back(shop, 120, order_no="A")
    win(shop, 70)
    win(shop)
    told = shop.query("select * from mixpay.history where entity = 'chargeback'")
    assert {row.order_no for row in told if row.to_state} == {"A"}


def test_the_list_says_what_it_has_taken_and_not_given_back(shop: Shop) -> None:
    shop.merge("TL", L=100)
    shop.pay("TL", "PL", 100, "card")
    shop.refund("L", "RL", 40)
    shop.complete("RL", "PL")
    shop.call("charge_back_payment", "PL", "CL", 100, "fraud", charged_at=day(80))
    shop.call("reverse_chargeback", "CL", "in part", 15)
    lost = shop.query("select cause, number, lost, happened_at from mixpay.loss_list")
    assert lost == [("chargeback", "CL", 25, day(80))]

    query = "select amount, taken, lost, reversed from mixpay.chargeback_list"
    # What it gives back covers the loss first.
    assert shop.query(f"{query} where chargeback_no = 'CL'") == [(100, 60, 25, 15)]
