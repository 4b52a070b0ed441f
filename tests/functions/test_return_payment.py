from datetime import timedelta
from typing import Any

import pytest
from shop import Row, Shop, day, on_hold, orders


def give_back(
    shop: Shop, payment_no: str = "P", return_no: str = "B1", *arguments: Any, **named: Any
) -> Row:
    return shop.call("return_payment", payment_no, return_no, "no funds", *arguments, **named)


def state(shop: Shop, trade_no: str = "T") -> tuple[str, int, int]:
    trade = shop.row("trades", trade_no)
    return trade.state, trade.amount, trade.paid


def parts(found: Row) -> tuple[int, int, int]:
    return found.amount, found.unapplied, found.lost


def test_e40_of_an_open_trade_what_was_returned_is_lacking_again(shop: Shop) -> None:
    shop.merge("T", A=1500)
    shop.pay("T", "P", 600, "card")
    assert parts(give_back(shop)) == (600, 600, 0)

    assert state(shop) == ("open", 1500, 0)
    shop.pay("T", "P2", 900)
    assert state(shop) == ("open", 1500, 900)
    assert shop.refund("A", "R", 900) == {"P2": 900}
    shop.pay("T", "P3", 600)
    assert state(shop) == ("paid", 1500, 1500)


def test_e40_a_paid_trade_is_open_again_and_can_be_paid_again(shop: Shop) -> None:
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P", 60, "card")
    shop.pay("T", "P2", 90, "card")
    assert parts(give_back(shop)) == (60, 60, 0)

    assert state(shop) == ("open", 150, 90)
    # The last line that is paid first.
    assert shop.paid("T") == {"A": 90, "B": 0}
    assert shop.line("T", "B").live
    assert shop.balance("B").open_trade_no == "T"
    shop.start("T", "P3", 60)
    shop.succeed("P3")
    assert state(shop) == ("paid", 150, 150)
    assert not shop.line("T", "B").live
    states = shop.query(
        "select from_state, to_state from mixpay.history where entity = 'trade' order by entry"
    )
    assert [tuple(row) for row in states][1:] == [
        ("open", "paid"),
        ("paid", "open"),
        ("open", "paid"),
    ]


def test_what_was_never_taken_from_an_order_leaves_its_line_as_it_is(shop: Shop) -> None:
    shop.merge("T", A=100, B=(50, 20))
    shop.pay("T", "P", 120, "card")
    shop.pay("T", "P0", 1, "card")
    give_back(shop, "P", "B1", 20)

    assert (shop.line("T", "A").live, shop.line("T", "B").live) == (False, True)
    give_back(shop, "P", "B2", 10)
    assert shop.paid("T") == {"A": 90, "B": 0}
    assert (shop.line("T", "A").live, shop.line("T", "B").live) == (True, True)


def test_pro_rata_takes_from_all_by_largest_remainder(shop: Shop) -> None:
    shop.call("register_merchant", "Shop", "pro_rata")
    shop.merge("T", A=60, B=60, C=20)
    shop.pay("T", "P", 140, "card")
    give_back(shop, "P", "B1", 50)

    # 21.43, 21.43 and 7.14 of them.
    assert shop.paid("T") == {"A": 38, "B": 39, "C": 13}


def test_e40_an_order_that_was_merged_elsewhere_is_payable_there(shop: Shop) -> None:
    shop.merge("T", A=(100, 60), B=10)
    shop.pay("T", "P", 70, "card")
    shop.merge("T2", A=100)
    give_back(shop)

    # B lacks 10 in T; what A lacks is nobody's business there any more.
    assert state(shop) == ("open", 10, 0)
    line = shop.line("T", "A")
    assert (line.amount, line.paid, line.live) == (0, 0, False)
    assert shop.line("T2", "A").amount == 40
    shop.pay("T2", "P2", 40)
    assert shop.balance("A").mergeable == 60
    shop.merge("T3", A=100)
    assert shop.line("T3", "A").amount == 60


def test_e40_a_trade_whose_orders_are_all_merged_elsewhere_stays_paid(shop: Shop) -> None:
    shop.merge("T", A=(100, 60))
    shop.pay("T", "P", 60, "card")
    shop.merge("T2", A=100)
    give_back(shop, "P", "B1", 50)
    assert state(shop) == ("paid", 10, 10)
    shop.start("T2", "P2", 5)

    give_back(shop, "P", "B2")
    assert state(shop) == ("closed", 0, 0)
    assert not shop.row("trades", "T").keeps_paid


def test_a_trade_that_is_closed_by_it_closes_its_attempts(shop: Shop) -> None:
    shop.merge("T", A=(100, 60))
    shop.start("T", "P2", 5)
    shop.pay("T", "P", 60, "card")
    shop.merge("T2", A=100)
    give_back(shop)

    assert shop.row("payments", "P2").state == "closed"
    (entry,) = shop.query("select * from mixpay.history where number = 'T' and to_state = 'closed'")
    assert (entry.from_state, entry.reason) == ("paid", "returned: B1")


def test_of_a_closed_trade_what_stayed_on_its_orders_falls(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 60, "card")
    shop.close("T", keep=True)
    assert parts(give_back(shop)) == (60, 60, 0)

    assert state(shop) == ("closed", 100, 0)
    assert shop.merge("T2", A=100).amount == 100


def test_of_a_cancelled_order_the_line_falls(shop: Shop) -> None:
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P", 150, "card")
    shop.pay("T", "P0", 1, "card")
    give_back(shop, "P", "B0", 50)
    shop.refund("A", "R", 30)
    shop.cancel("T", "A")
    assert state(shop) == ("paid", 80, 80)
    shop.fail("R", "P")

    give_back(shop, "P", "B1", 90)
    # The 20 that the cancelling reversed; B's 50, payable again; A's 20 of 30, which is not.
    assert state(shop) == ("open", 60, 10)
    assert shop.paid("T") == {"A": 10, "B": 0}


def test_an_order_beside_it_that_is_paid_survives_the_cancelling(shop: Shop) -> None:
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P1", 100, "card", day(1))
    shop.pay("T", "P", 50, "card", day(2))
    give_back(shop)
    assert [shop.line("T", no).live for no in "AB"] == [False, True]
    shop.cancel("T", "B")

    assert state(shop) == ("paid", 100, 100)
    assert shop.balance("A").refundable == 100


def test_a_reopened_trade_is_not_swept(shop: Shop) -> None:
    expires_at = shop.query("select now() + '1 second' as at")[0].at
    shop.call("merge_orders", orders(A=100, B=50), "T", expires_at)
    shop.pay("T", "P1", 100, "card", day(1))
    shop.pay("T", "P", 50, "card", day(2))
    give_back(shop)
    shop.query("select from pg_sleep(1.1)")

    assert shop.row("trades", "T").expires_at is None
    assert shop.expire() == []
    shop.start("T", "P3", 50)


def test_an_open_trade_keeps_its_end(shop: Shop) -> None:
    expires_at = day(1) + timedelta(days=9000)
    shop.call("merge_orders", orders(A=100), "T", expires_at)
    shop.pay("T", "P", 50, "card")
    give_back(shop)

    assert shop.row("trades", "T").expires_at == expires_at


def test_what_was_refunded_is_lost(shop: Shop) -> None:
    shop.merge("T", A=1000)
    shop.pay("T", "P", 1000, "card")
    shop.refund("A", "R", 400)
    shop.complete("R", "P")
    assert parts(give_back(shop)) == (1000, 600, 400)

    assert state(shop) == ("open", 1000, 400)
    assert shop.balance("A").refundable == 0
    assert shop.owns("loss:card") == {"CNY": -400}
    assert shop.owns("channel:card") == {"CNY": 400}
    (loss,) = shop.query("select * from mixpay.loss_list")
    assert (loss.cause, loss.number, loss.payment_no, loss.lost) == ("return", "B1", "P", 400)
    assert (loss.trade_no, loss.channel, loss.currency, loss.waiting) == ("T", "card", "CNY", 0)
    (listed,) = shop.query("select * from mixpay.return_list")
    assert (listed.return_no, listed.unapplied, listed.of_surplus) == ("B1", 600, 0)
    assert (listed.lost, listed.trade_state, listed.reason) == (400, "open", "no funds")


def test_a_refund_that_bounces_covers_what_is_lost(shop: Shop) -> None:
    shop.merge("T", A=1000)
    shop.pay("T", "P", 1000, "card")
    shop.refund("A", "R", 400)
    shop.complete("R", "P")
    give_back(shop, "P", "B1", 900)
    shop.bounce("R", "P")

    assert parts(shop.row("returns", "B1")) == (900, 900, 0)
    assert shop.owns("loss:card") == {"CNY": 0}
    assert state(shop) == ("open", 1000, 100)
    assert shop.balance("A").refundable == 100
    with shop.refused("MX301", 400):
        shop.redirect("R", "P", "bank")


def test_a_pending_refund_waits_for_a_person_who_fails_it(shop: Shop) -> None:
    shop.merge("T", A=1000)
    shop.pay("T", "P", 1000, "card")
    shop.refund("A", "R", 1000)
    assert parts(give_back(shop)) == (1000, 0, 1000)

    assert state(shop) == ("paid", 1000, 1000)
    waiting = shop.channel_refund("R", "P")
    assert (waiting.state, waiting.reason) == ("waiting", "returned: B1")
    assert waiting.due_at is None
    assert shop.listed("manual_list") == {"P": 1000}
    assert shop.rows("claim_channel_refunds", "w") == []
    (loss,) = shop.query("select * from mixpay.loss_list")
    assert (loss.lost, loss.waiting) == (1000, 1000)

    shop.fail("R", "P")
    assert parts(shop.row("returns", "B1")) == (1000, 1000, 0)
    assert state(shop) == ("open", 1000, 0)
    assert shop.line("T", "A").live
    assert shop.query("select * from mixpay.loss_list") == []


def test_a_pending_refund_waits_for_a_person_who_sends_it_after_all(shop: Shop) -> None:
    shop.merge("T", A=1000)
    shop.pay("T", "P", 1000, "card")
    shop.refund("A", "R", 400)
    give_back(shop)
    shop.redirect("R", "P", "card")
    shop.rows("claim_channel_refunds", "w")
    shop.complete("R", "P")

    assert parts(shop.row("returns", "B1")) == (1000, 600, 400)
    assert shop.owns("channel:card") == {"CNY": 400}


@pytest.mark.parametrize("news", ["sent", "doubt"])
def test_what_is_sent_or_in_doubt_goes_on(shop: Shop, news: str) -> None:
    shop.merge("T", A=1000)
    shop.pay("T", "P", 1000, "card")
    shop.refund("A", "R", 400)
    (sent,) = shop.rows("claim_channel_refunds", "w")
    if news == "doubt":
        shop.call("doubt_channel_refund", sent.channel_refund_no, "time-out")
    give_back(shop)

    assert shop.channel_refund("R", "P").state == news
    assert shop.row("returns", "B1").lost == 400
    shop.call("complete_channel_refund", sent.channel_refund_no, "X")
    assert shop.row("returns", "B1").lost == 400


def test_money_by_hand_waits_for_the_return_too(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 100, "cash")
    shop.refund("A", "R", 30)
    give_back(shop)

    assert shop.channel_refund("R", "P").reason == "returned: B1"
    shop.complete("R", "P")
    assert shop.row("returns", "B1").lost == 30


def test_a_part_of_what_an_ended_trade_kept_can_be_paid_elsewhere(shop: Shop) -> None:
    """It was alone there, and is paid in part by then: its trades take turns at its totals."""
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P", 100, "card")
    shop.close("T", keep=True)
    give_back(shop, "P", "B1", 60)

    assert (shop.balance("A").paid, shop.balance("A").mergeable) == (40, 60)
    assert not shop.line("T", "A").alone
    assert shop.merge("T2", A=100).amount == 60
    shop.pay("T2", "P2", 60)
    assert shop.balance("A").state == "paid"


def test_surplus_goes_first_and_is_not_sent(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 120, "card")
    assert parts(give_back(shop)) == (120, 100, 0)

    surplus = shop.surplus_refund("P")
    assert (surplus.amount, surplus.state) == (20, "failed")
    assert shop.channel_refund(surplus.refund_no, "P").reason == "returned: B1"
    assert shop.listed("surplus_list") == {}
    payment = shop.row("payments", "P")
    assert (payment.applied, payment.surplus, payment.refunded) == (0, 120, 120)
    with shop.refused("MX301", 20):
        shop.redirect(surplus.refund_no, "P", "bank")


def test_the_rest_of_a_surplus_goes_back_when_a_person_lets_it(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 120, "card")
    assert parts(give_back(shop, "P", "B1", 5)) == (5, 0, 0)

    assert state(shop) == ("paid", 100, 100)
    assert shop.listed("surplus_list") == {"P": 15}
    (rest,) = shop.query("select * from mixpay.surplus_list")
    assert (rest.state, rest.reason) == ("waiting", "returned: B1")
    assert shop.redirect(rest.refund_no, "P", "card").state == "pending"


def test_surplus_that_waits_is_not_sent_either(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 160, "card")
    (surplus,) = shop.query("select * from mixpay.channel_refunds")
    shop.call("defer_channel_refund", surplus.channel_refund_no, "the buyer is asked")
    made = shop.call("return_payment", "P", "V", "no funds")
    assert (made.amount, made.unapplied, made.lost) == (160, 100, 0)


@pytest.mark.parametrize(("amount", "second"), [(10, "waiting"), (11, "failed")])
def test_of_two_surpluses_the_older_is_not_sent_and_the_other_one_if_it_must(
    shop: Shop, amount: int, second: str
) -> None:
    shop.merge("T", A=60, B=40)
    shop.pay("T", "P1", 60, "card", day(1))
    shop.pay("T", "P2", 50, "card", day(2))
    give_back(shop, "P1", "B1")
    shop.close("T")
    refunds = (shop.surplus_refund("P2"), shop.reversal("T"))
    assert [(refund.amount, refund.state) for refund in refunds] == [
        (10, "processing"),
        (40, "processing"),
    ]
    assert give_back(shop, "P2", "B2", amount).lost == 0

    states = [shop.channel_refund(refund.refund_no, "P2").state for refund in refunds]
    assert states == ["failed", second]


def test_surplus_that_was_sent_is_lost(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 120, "card")
    shop.complete(shop.surplus_refund("P").refund_no, "P")
    assert parts(give_back(shop)) == (120, 100, 20)

    shop.bounce(shop.surplus_refund("P").refund_no, "P")
    assert parts(shop.row("returns", "B1")) == (120, 100, 0)
    assert shop.listed("bounced_list") == {}


def test_a_surplus_that_came_back_later_covers_and_the_rest_waits(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 120, "card")
    shop.complete(shop.surplus_refund("P").refund_no, "P")
    give_back(shop, "P", "B1", 105)
    assert shop.row("returns", "B1").lost == 5
    shop.bounce(shop.surplus_refund("P").refund_no, "P")

    assert shop.row("returns", "B1").lost == 0
    (rest,) = shop.query("select * from mixpay.surplus_list")
    assert (rest.amount, rest.state, rest.reason) == (15, "waiting", "returned: B1")


def test_a_surplus_covers_two_losses(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 120, "card")
    shop.complete(shop.surplus_refund("P").refund_no, "P")
    give_back(shop, "P", "B1", 105)
    give_back(shop, "P", "B2", 8)
    shop.bounce(shop.surplus_refund("P").refund_no, "P")

    assert [shop.row("returns", no).lost for no in ("B1", "B2")] == [0, 0]
    assert shop.listed("surplus_list") == {"P": 7}


def test_more_than_what_arrived_is_booked(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 100, "card")
    assert parts(give_back(shop, "P", "B1", 130)) == (130, 100, 30)
    assert parts(give_back(shop, "P", "B2", 7)) == (7, 0, 7)
    assert shop.owns("channel:card") == {"CNY": 37}


def test_left_out_the_amount_is_what_is_left(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 100, "card")
    give_back(shop, "P", "B1", 30)
    assert give_back(shop, "P", "B2").amount == 70
    with shop.refused("MX222", "P"):
        give_back(shop, "P", "B3")
    assert give_back(shop, "P", "B2").amount == 70


def test_takes_from_payee_and_receivers_as_a_reversal_does(shop: Shop) -> None:
    shop.sell("A", 100)
    shop.rows("split_order", "A", "X", [{"receiver": "agent", "rate": 1000}])
    shop.settle("S1")
    assert shop.owns("receiver:agent") == {"CNY": 10}
    give_back(shop, "PA")

    assert (shop.owns("payee:S"), shop.owns("receiver:agent")) == ({"CNY": -90}, {"CNY": 0})
    shop.pay("TA", "P2", 100)
    assert (shop.owns("payee:S"), shop.owns("receiver:agent")) == ({"CNY": 0}, {"CNY": 10})


def test_takes_from_escrow_first(shop: Shop) -> None:
    shop.call("register_payee", "S", "Store")
    shop.call("merge_orders", on_hold("S", A=100), "T")
    shop.pay("T", "P", 100, "card")
    shop.release("A", "L", 30)
    give_back(shop, "P", "B1", 80)
    assert (shop.owns("payee:S"), shop.balance("A").in_escrow) == ({"CNY": 20}, 0)

    shop.pay("T", "P2", 80, "card")
    assert shop.balance("A").in_escrow == 80


def test_the_books_say_when_and_why(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 100, "card", day(1))
    made = give_back(shop, "P", "B1", None, day(3))

    assert (made.returned_at, made.reason) == (day(3), "no funds")
    (event,) = shop.query("select * from mixpay.events where entity = 'return'")
    assert (event.number, event.from_state, event.to_state) == ("B1", "", "returned")
    assert (event.payment_no, event.reason, event.happened_at) == ("P", "no funds", day(3))
    flow = shop.query("select * from mixpay.trade_flow order by entry offset 1")
    assert [(f.from_account, f.to_account, f.amount, f.happened_at) for f in flow] == [
        ("order", "surplus", 100, day(3)),
        ("surplus", "refund", 100, day(3)),
        ("refund", "channel", 100, day(3)),
    ]
    assert flow[-1].in_minus_out == 0
    (refund,) = shop.query("select * from mixpay.refunds")
    assert (refund.kind, refund.return_no, refund.state) == ("return", "B1", "succeeded")


def test_what_it_took_has_no_news(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 100, "card")
    give_back(shop)
    (number,) = (
        row.channel_refund_no for row in shop.query("select * from mixpay.channel_refunds")
    )
    with shop.refused("MX321", number):
        shop.call("bounce_channel_refund", number, "no")
    with shop.refused("MX321", number):
        shop.call("complete_channel_refund", number, "X")
    with shop.refused("MX321", number):
        shop.call("redirect_channel_refund", number, "bank", "no")


def test_it_does_not_use_up_what_the_channel_allows(shop: Shop) -> None:
    shop.channel("few", max_refunds=1)
    shop.merge("T", A=100)
    shop.pay("T", "P", 100, "few")
    give_back(shop, "P", "B1", 10)
    shop.refund("A", "R", 20)

    assert shop.channel_refund("R", "P").state == "pending"


def test_what_is_left_is_still_first_in_first_out(shop: Shop) -> None:
    shop.merge("T", A=100, B=100)
    shop.pay("T", "P", 100, "card", day(1))
    shop.pay("T", "P2", 100, "card", day(2))
    shop.refund("A", "R1", 90)
    give_back(shop, "P", "B1", 5)
    assert shop.refund("B", "R2", 20) == {"P": 5, "P2": 15}


def test_e03_the_same_number_again_returns_the_return_as_it_is(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 100, "card")
    shop.pay("T", "P2", 10, "card")
    shop.refund("A", "R", 40)
    made = give_back(shop, "P", "B1", 100, day(3))
    with shop.unchanged():
        assert give_back(shop, "P", "B1", 100, day(3)) == made
        assert give_back(shop) == made
        assert shop.call("return_payment", "P", "B1", None) == made
        assert give_back(shop, "P", "B1", None, day(3) + timedelta(microseconds=1)) == made
    for other in (("P2",), ("P", "B1", 99), ("P", "B1", 100, day(4))):
        with shop.refused("MX221", 100, "P"):
            give_back(shop, *other)
    shop.fail("R", "P")
    assert give_back(shop) == made._replace(unapplied=100, lost=0)


def test_what_did_not_arrive_cannot_be_returned(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.start("T", "P", 100)
    with shop.refused("MX226", "pending"):
        give_back(shop)
    shop.call("fail_payment", "P", "declined")
    with shop.refused("MX226", "failed"):
        give_back(shop)


@pytest.mark.parametrize("amount", [0, -1, 10**15 + 1])
def test_e02_refuses_what_is_no_amount(shop: Shop, amount: int) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 100, "card")
    with shop.refused("MX902", amount):
        give_back(shop, "P", "B1", amount)


def test_refuses_bad_input(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 100, "card")
    with shop.refused("MX201", "nothing"):
        give_back(shop, "nothing")
    with shop.refused("MX101", "nobody"):
        give_back(Shop(shop.conn, "nobody"))
    for number in (None, "", "a b"):
        with shop.refused("MX901"):
            give_back(shop, "P", number)  # type: ignore[arg-type]
    with shop.refused("MX905", 1001):
        shop.call("return_payment", "P", "B1", "x" * 1001)
    with shop.refused("MX905", 1850):
        give_back(shop, "P", "B1", None, "1850-01-01Z")


def test_a_loss_waits_for_what_its_own_payment_has(shop: Shop) -> None:
    """Of a refund that two payments bear, what waits of the other one cannot cover it."""
    shop.merge("TL", L=100)
    shop.pay("TL", "PL1", 1, "cash", day(1))
    shop.pay("TL", "PL2", 99, "cash", day(2))
    shop.refund("L", "RL", 100)
    assert give_back(shop, "PL1", "BL").lost == 1

    listed = shop.query("select payment_no, lost, waiting from mixpay.loss_list")
    assert listed == [("PL1", 1, 1)]
