from datetime import timedelta
from typing import Any

import pytest
from shop import Row, Shop, day, on_hold


def charge_back(
    shop: Shop, amount: int, payment_no: str = "P", chargeback_no: str = "C1", **named: Any
) -> Row:
    return shop.call("charge_back_payment", payment_no, chargeback_no, amount, "fraud", **named)


def taken(shop: Shop, chargeback_no: str = "C1") -> dict[str | None, int]:
    """What it took of each order, and of none."""
    rows = shop.query(
        "select order_no, sum(amount)::bigint as amount from mixpay.refunds "
        "where chargeback_no = %s and kind = 'chargeback' and state = 'succeeded' "
        "group by order_no",
        chargeback_no,
    )
    return {row.order_no: row.amount for row in rows}


@pytest.fixture
def refunded(shop: Shop) -> None:
    """A1000 by card, of which 400 went back."""
    shop.merge("T", A=1000)
    shop.pay("T", "P", 1000, "card")
    shop.refund("A", "R", 400)
    shop.complete("R", "P")


@pytest.mark.usefixtures("refunded")
def test_e41_takes_what_is_left_of_the_order_and_the_rest_is_lost(shop: Shop) -> None:
    made = charge_back(shop, 1000)

    assert (made.amount, made.lost, made.reversed, made.state) == (1000, 400, 0, "charged")
    assert taken(shop) == {"A": 600}
    trade = shop.row("trades", "T")
    assert (trade.state, trade.paid, trade.refunded) == ("paid", 1000, 1000)
    assert (shop.balance("A").refundable, shop.balance("A").mergeable) == (0, 0)
    assert shop.owns("loss:card") == {"CNY": -400}
    assert shop.owns("channel:card") == {"CNY": 400}
    (loss,) = shop.query("select * from mixpay.loss_list")
    assert (loss.cause, loss.number, loss.lost, loss.waiting) == ("chargeback", "C1", 400, 0)
    (listed,) = shop.query("select * from mixpay.chargeback_list")
    assert (listed.taken, listed.lost, listed.fee, listed.order_no) == (600, 400, 0, None)
    with shop.refused("MX301", 0):
        shop.refund("A", "R2", 1)


@pytest.mark.usefixtures("refunded")
def test_e41_its_fee_is_the_channels(shop: Shop) -> None:
    assert charge_back(shop, 600, fee=15).fee == 15

    assert shop.owns("channel_fee:card") == {"CNY": -15}
    assert shop.owns("channel:card") == {"CNY": 15}
    (moved,) = shop.query("select * from mixpay.journal where from_account = 'channel_fee'")
    assert (moved.cause, moved.cause_no, moved.payment_no, moved.amount) == (
        "chargeback",
        "C1",
        "P",
        15,
    )


@pytest.mark.usefixtures("refunded")
def test_e41_a_second_chargeback_of_the_payment_is_booked(shop: Shop) -> None:
    charge_back(shop, 500)
    assert charge_back(shop, 300, chargeback_no="C2").lost == 200
    assert (taken(shop), taken(shop, "C2")) == ({"A": 500}, {"A": 100})
    assert charge_back(shop, 5000, chargeback_no="C3").lost == 5000


def test_e41_before_settlement_the_payee_gets_less(shop: Shop) -> None:
    shop.sell("A", 1000)
    shop.refund("A", "R", 400)
    charge_back(shop, 1000, "PA")

    assert shop.owns("payee:S") == {"CNY": 0}
    assert shop.settle("S1").amount == 0


def test_e41_after_settlement_the_payee_owes_it(shop: Shop) -> None:
    shop.sell("A", 1000)
    shop.refund("A", "R", 400)
    assert shop.settle("S1").amount == 600
    charge_back(shop, 1000, "PA")

    assert shop.owns("payee:S") == {"CNY": -600}
    settlement = shop.settle("S2")
    assert (settlement.earned, settlement.carried_out) == (-600, -600)


def test_e41_receivers_of_a_split_give_back_as_for_a_refund(shop: Shop) -> None:
    shop.sell("A", 1000)
    shop.rows("split_order", "A", "X", [{"receiver": "agent", "rate": 1000}])
    charge_back(shop, 500, "PA")

    assert (shop.owns("payee:S"), shop.owns("receiver:agent")) == ({"CNY": 450}, {"CNY": 50})


def test_e41_escrow_goes_first(shop: Shop) -> None:
    shop.call("register_payee", "S", "Store")
    shop.call("merge_orders", on_hold("S", A=1000), "T")
    shop.pay("T", "P", 1000, "card")
    shop.release("A", "L", 300)
    charge_back(shop, 800)

    assert (shop.owns("payee:S"), shop.balance("A").in_escrow) == ({"CNY": 200}, 0)


@pytest.mark.parametrize("method", ["card", "cash"])
def test_e41_a_refund_that_is_not_sent_waits(shop: Shop, method: str) -> None:
    shop.merge("T", A=1000)
    shop.pay("T", "P", 1000, method)
    shop.refund("A", "R", 400)
    assert charge_back(shop, 1000).lost == 400

    waiting = shop.channel_refund("R", "P")
    assert (waiting.state, waiting.reason, waiting.due_at) == (
        "waiting",
        "charged back: C1",
        None,
    )
    assert shop.rows("claim_channel_refunds", "w") == []
    assert shop.listed("manual_list") == {"P": 400}
    shop.fail("R", "P")
    assert (shop.row("chargebacks", "C1").lost, taken(shop)) == (0, {"A": 1000})
    assert shop.query("select * from mixpay.loss_list") == []


@pytest.mark.parametrize("news", ["sent", "doubt"])
def test_e41_a_refund_that_is_sent_or_in_doubt_goes_on(shop: Shop, news: str) -> None:
    shop.merge("T", A=1000)
    shop.pay("T", "P", 1000, "card")
    shop.refund("A", "R", 400)
    (sent,) = shop.rows("claim_channel_refunds", "w")
    if news == "doubt":
        shop.call("doubt_channel_refund", sent.channel_refund_no, "time-out")
    assert charge_back(shop, 1000).lost == 400
    assert shop.channel_refund("R", "P").state == news

    shop.call("fail_channel_refund", sent.channel_refund_no, "refused")
    assert (shop.row("chargebacks", "C1").lost, taken(shop)) == (0, {"A": 1000})


@pytest.mark.usefixtures("refunded")
def test_money_that_comes_back_covers_the_oldest_loss_first(shop: Shop) -> None:
    charge_back(shop, 900)
    charge_back(shop, 100, chargeback_no="C2")
    shop.call("return_payment", "P", "B1", "no funds", 50)
    assert shop.owns("loss:card") == {"CNY": -450}
    shop.bounce("R", "P")

    losses = [(row.number, row.lost) for row in shop.query("select * from mixpay.loss_list")]
    assert losses == [("B1", 50)]
    assert taken(shop) == {"A": 900}


@pytest.mark.usefixtures("refunded")
def test_a_late_success_of_what_covered_is_an_anomaly(shop: Shop) -> None:
    shop.complete("R", "P", "Y1")
    shop.bounce("R", "P")
    charge_back(shop, 1000)
    shop.complete("R", "P", "another")

    assert shop.listed("anomaly_list") == {"P": 400}


def test_the_last_line_that_is_paid_first(shop: Shop) -> None:
    shop.merge("T", A=100, B=50, C=30)
    shop.pay("T", "P", 170, "card")
    charge_back(shop, 90)

    assert taken(shop) == {"C": 20, "B": 50, "A": 20}


def test_pro_rata_takes_from_all(shop: Shop) -> None:
    shop.call("register_merchant", "Shop", "pro_rata")
    shop.merge("T", A=60, B=60, C=20)
    shop.pay("T", "P", 140, "card")
    charge_back(shop, 50)

    assert taken(shop) == {"A": 22, "B": 21, "C": 7}


def test_the_order_that_is_named_and_no_other(shop: Shop) -> None:
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P", 150, "card")
    made = charge_back(shop, 120, order_no="A")

    assert (made.order_no, made.lost, taken(shop)) == ("A", 20, {"A": 100})
    shop.refund("B", "R", 50)
    shop.fail("R", "P")
    assert shop.row("chargebacks", "C1").lost == 20
    with shop.refused("MX111", "P"):
        charge_back(shop, 1, chargeback_no="C2", order_no="Z")


def test_of_the_order_that_is_named_no_more_than_it_has(shop: Shop) -> None:
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P1", 100, "wallet", day(1))
    shop.pay("T", "P", 50, "card", day(2))
    # Which payment an order's money is in is nobody's choice.
    assert charge_back(shop, 50, order_no="A").lost == 0
    assert (shop.balance("A").refundable, shop.balance("B").refundable) == (50, 50)
    assert shop.refund("B", "R", 50) == {"P1": 50}


def test_surplus_goes_first_unless_an_order_is_named(shop: Shop) -> None:
    for number in ("1", "2"):
        shop.merge(f"T{number}", **{f"A{number}": 100})
        shop.pay(f"T{number}", f"P{number}", 120, "card")
    charge_back(shop, 110, "P1")
    charge_back(shop, 110, "P2", "C2", order_no="A2")

    assert taken(shop) == {None: 20, "A1": 90}
    assert taken(shop, "C2") == {None: 10, "A2": 100}
    (rest,) = shop.query("select * from mixpay.surplus_list")
    assert (rest.payment_no, rest.amount, rest.state) == ("P2", 10, "waiting")
    assert rest.reason == "charged back: C2"


def test_surplus_waits_if_the_order_that_is_named_has_it_all(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 160, "card")
    charge_back(shop, 50, order_no="A")
    (surplus,) = shop.query("select * from mixpay.channel_refunds where amount = 60")
    assert (surplus.state, surplus.reason) == ("waiting", "charged back: C1")
    assert taken(shop) == {"A": 50}


@pytest.mark.parametrize("reason", ["returned: V, he says", "returned: V"])
def test_what_is_deferred_until_a_moment_waits_for_a_person_now(shop: Shop, reason: str) -> None:
    """Whatever was said of it: only what another one makes wait is left as it is."""
    shop.merge("T", A=1000)
    shop.pay("T", "P", 1000, "card")
    shop.refund("A", "R", 400)
    number = shop.channel_refund("R", "P").channel_refund_no
    shop.call("defer_channel_refund", number, reason, day(999))
    charge_back(shop, 100)
    waiting = shop.channel_refund("R", "P")
    assert (waiting.reason, waiting.not_before, waiting.due_at) == ("charged back: C1", None, None)


def test_an_order_of_another_trade_cannot_be_named(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 100, "card")
    shop.merge("T2", B=100)
    shop.pay("T2", "P2", 100, "card")
    with shop.refused("MX111", "B", "T"):
        charge_back(shop, 50, order_no="B")


def test_of_a_closed_trade_that_keeps_what_was_paid(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 60, "card")
    shop.close("T", keep=True)
    charge_back(shop, 60)

    assert shop.balance("A").refundable == 0
    assert shop.merge("T2", A=100).amount == 40


def test_of_an_open_trade_the_order_stays_paid(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 60, "card")
    charge_back(shop, 60)

    trade = shop.row("trades", "T")
    assert (trade.state, trade.paid, trade.refunded) == ("open", 60, 60)
    shop.pay("T", "P2", 40)
    assert shop.row("trades", "T").state == "paid"
    assert shop.refund("A", "R", 40) == {"P2": 40}


@pytest.mark.usefixtures("refunded")
def test_what_it_took_has_no_news(shop: Shop) -> None:
    charge_back(shop, 600)
    ((number,),) = shop.query(
        "select c.channel_refund_no from mixpay.channel_refund_list as c where kind = 'chargeback'"
    )
    with shop.refused("MX321", number):
        shop.call("bounce_channel_refund", number, "no")


@pytest.mark.usefixtures("refunded")
def test_the_books_say_when_and_why(shop: Shop) -> None:
    made = charge_back(shop, 700, charged_at=day(3), fee=5)

    assert (made.charged_at, made.reason) == (day(3), "fraud")
    (event,) = shop.query("select * from mixpay.events where entity = 'chargeback'")
    assert (event.number, event.from_state, event.to_state) == ("C1", "", "charged")
    assert (event.payment_no, event.reason, event.happened_at) == ("P", "fraud", day(3))
    flow = shop.query(
        "select * from mixpay.trade_flow where happened_at = %s order by entry", day(3)
    )
    assert [(f.from_account, f.to_account, f.amount) for f in flow] == [
        ("channel_fee", "channel", 5),
        ("loss", "channel", 100),
        ("order", "refund", 600),
        ("refund", "channel", 600),
    ]


@pytest.mark.usefixtures("refunded")
def test_e03_the_same_number_again_returns_the_chargeback_as_it_is(shop: Shop) -> None:
    made = charge_back(shop, 700, fee=5, charged_at=day(3), order_no="A")
    shop.merge("T2", B=10)
    shop.pay("T2", "P2", 10, "card")
    with shop.unchanged():
        assert charge_back(shop, 700, fee=5, charged_at=day(3), order_no="A") == made
        assert charge_back(shop, 700) == made
        assert shop.call("charge_back_payment", "P", "C1", 700, None) == made
        assert charge_back(shop, 700, charged_at=day(3) + timedelta(microseconds=9)) == made
    for other in (
        {"amount": 701},
        {"payment_no": "P2"},
        {"fee": 6},
        {"charged_at": day(4)},
        {"order_no": "Z"},
    ):
        with shop.refused("MX223", 700, "P"):
            charge_back(shop, **{"amount": 700, **other})


def test_what_did_not_arrive_cannot_be_charged_back(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.start("T", "P", 100)
    with shop.refused("MX226", "pending"):
        charge_back(shop, 100)


@pytest.mark.parametrize("amount", [None, 0, -1, 10**15 + 1])
@pytest.mark.usefixtures("refunded")
def test_e02_e15_refuses_what_is_no_amount(shop: Shop, amount: Any) -> None:
    with shop.refused("MX902"):
        charge_back(shop, amount)
    with shop.refused("MX902"):
        charge_back(shop, 1, fee=amount or -1)


@pytest.mark.usefixtures("refunded")
def test_refuses_bad_input(shop: Shop) -> None:
    with shop.refused("MX201", "nothing"):
        charge_back(shop, 1, "nothing")
    with shop.refused("MX101", "nobody"):
        charge_back(Shop(shop.conn, "nobody"), 1)
    for number in (None, "", "a b"):
        with shop.refused("MX901"):
            charge_back(shop, 1, chargeback_no=number)  # type: ignore[arg-type]
    with shop.refused("MX901"):
        charge_back(shop, 1, order_no="a b")
    with shop.refused("MX905", 1001):
        shop.call("charge_back_payment", "P", "C1", 1, "x" * 1001)
    with shop.refused("MX905", 1850):
        charge_back(shop, 1, charged_at="1850-01-01Z")


def test_it_does_not_use_up_what_the_channel_allows(shop: Shop) -> None:
    shop.channel("few", max_refunds=1)
    shop.merge("TF", F=100)
    shop.pay("TF", "PF", 100, "few")
    shop.call("charge_back_payment", "PF", "CF", 10, "fraud")
    shop.refund("F", "RF", 20)

    assert shop.channel_refund("RF", "PF").state == "pending"
