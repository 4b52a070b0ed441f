import pytest
from shop import Shop, day


def mergeable(shop: Shop, *order_nos: str) -> list[int]:
    return [shop.balance(order_no).mergeable for order_no in order_nos]


@pytest.fixture
def trade(shop: Shop) -> None:
    """A and B, paid 60 by card on day 2 and 40 in cash on day 1: B has got nothing yet."""
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P2", 60, "card", day(2))
    shop.pay("T", "P1", 40, "cash", day(1))


def test_closes_a_trade_that_nothing_was_paid_into(shop: Shop) -> None:
    shop.merge("T", A=100, B=50)
    closed = shop.close("T")

    assert (closed.state, closed.amount, closed.paid, closed.keeps_paid) == (
        "closed",
        150,
        0,
        False,
    )
    assert not shop.line("T", "A").live
    assert shop.query("select from mixpay.refunds") == []
    assert mergeable(shop, "A", "B") == [100, 50]


@pytest.mark.usefixtures("trade")
class TestWithoutKeeping:
    def test_sends_what_was_paid_back_to_each_payment(self, shop: Shop) -> None:
        closed = shop.close("T")
        reversal = shop.reversal("T")

        assert (closed.state, closed.amount, closed.paid, closed.refunded) == ("closed", 150, 0, 0)
        assert (reversal.order_no, reversal.amount, reversal.state) == (None, 100, "processing")
        assert shop.details(reversal.refund_no) == {"P1": 40, "P2": 60}
        assert shop.paid("T") == {"A": 0, "B": 0}

    def test_un_applies(self, shop: Shop) -> None:
        shop.close("T")
        for number, amount in (("P1", 40), ("P2", 60)):
            payment = shop.row("payments", number)
            assert (payment.state, payment.applied, payment.surplus) == ("succeeded", 0, amount)
            assert (payment.refunded, payment.surplus_refunded) == (amount, amount)

    def test_each_part_goes_through_its_own_channel(self, shop: Shop) -> None:
        shop.close("T")
        number = shop.reversal("T").refund_no
        card, cash = (shop.channel_refund(number, payment_no) for payment_no in ("P2", "P1"))

        assert (card.channel, card.amount, card.state) == ("card", 60, "pending")
        assert (cash.channel, cash.amount, cash.state) == ("cash", 40, "waiting")
        assert shop.listed("manual_list") == {"P1": 40}

    def test_is_work_until_it_is_back(self, shop: Shop) -> None:
        shop.close("T")
        number = shop.reversal("T").refund_no
        assert shop.listed("surplus_list") == {"P1": 40, "P2": 60}
        shop.complete(number, "P1")
        assert shop.listed("surplus_list") == {"P2": 60}
        shop.fail(number, "P2")
        assert shop.listed("surplus_list") == {"P2": 60}
        assert shop.row("payments", "P2").surplus_refunded == 0
        shop.redirect(number, "P2", "bank")
        shop.complete(number, "P2")

        assert shop.listed("surplus_list") == {}
        assert shop.listed("manual_list") == {}
        assert shop.row("refunds", number).state == "succeeded"

    def test_the_orders_can_be_merged_and_paid_again_at_once(self, shop: Shop) -> None:
        shop.close("T")

        assert mergeable(shop, "A", "B") == [100, 50]
        assert shop.merge("T2", B=50, A=100).amount == 150
        assert shop.pay("T2", "P3", 150).surplus == 0
        assert shop.row("trades", "T2").state == "paid"
        assert mergeable(shop, "A", "B") == [0, 0]

    def test_what_was_refunded_stays_refunded(self, shop: Shop) -> None:
        assert shop.refund("A", "R", 50) == {"P1": 40, "P2": 10}
        closed = shop.close("T")

        assert (closed.amount, closed.paid, closed.refunded) == (150, 50, 50)
        assert shop.details(shop.reversal("T").refund_no) == {"P2": 50}
        assert (shop.line("T", "A").amount, shop.line("T", "A").paid) == (100, 50)
        # Refunded money stays paid: it does not reopen an order.
        assert mergeable(shop, "A", "B") == [50, 50]
        assert shop.merge("T2", A=100).amount == 50

    def test_what_could_not_be_refunded_stays_the_orders(self, shop: Shop) -> None:
        shop.refund("A", "R", 50)
        shop.close("T")
        shop.fail("R", "P2")

        assert (shop.balance("A").refundable, mergeable(shop, "A")) == (10, [50])
        assert shop.refund("A", "R2", 10) == {"P2": 10}

    def test_e19_keeps_the_caps_afterwards(self, shop: Shop) -> None:
        shop.close("T")
        with shop.refused("MX301", 1, 0):
            shop.refund("A", "R", 1)
        with shop.refused("MX301", 1, 0):
            shop.refund("A", "R", 1, payment_nos=["P1"])
        shop.merge("T2", A=100)
        shop.pay("T2", "P3", 100)
        with shop.refused("MX306", 1, "P1"):
            shop.refund("A", "R", 1, payment_nos=["P1"])
        with shop.refused("MX306", 100, "P1"):
            shop.refund("A", "R", 100, payment_nos=["P1", "P2"])

        assert shop.refund("A", "R", 100) == {"P3": 100}

    def test_e19_a_reversal_that_failed_is_not_the_orders(self, shop: Shop) -> None:
        shop.close("T")
        shop.fail(shop.reversal("T").refund_no, "P2")
        with shop.refused("MX301", 1, 0):
            shop.refund("A", "R", 1)

    def test_says_why(self, shop: Shop) -> None:
        shop.call("close_trade", "T", "the buyer left")
        (change,) = shop.query("select * from mixpay.history where to_state = 'closed'")

        assert (change.entity, change.number, change.from_state) == ("trade", "T", "open")
        assert change.reason == "the buyer left"
        assert shop.reversal("T").reason == "the buyer left"

    def test_e03_again_returns_the_trade_as_it_is_now(self, shop: Shop) -> None:
        first = shop.close("T")
        for again in [("the buyer left",), (None,), ("abandoned", False), ("abandoned", None)]:
            with shop.unchanged():
                assert shop.call("close_trade", "T", *again) == first
        shop.pay("T", "P3", 5)
        with shop.unchanged():
            assert shop.close("T").last_seq == 3

    def test_e03_what_went_back_cannot_be_kept(self, shop: Shop) -> None:
        shop.close("T")
        with shop.refused("MX113", "T", 0):
            shop.close("T", keep=True)


@pytest.mark.usefixtures("trade")
class TestKeeping:
    def test_what_was_paid_stays_on_the_orders(self, shop: Shop) -> None:
        closed = shop.close("T", keep=True)

        assert (closed.state, closed.paid, closed.keeps_paid) == ("closed", 100, True)
        assert shop.paid("T") == {"A": 100, "B": 0}
        assert shop.listed("surplus_list") == {}
        assert mergeable(shop, "A", "B") == [0, 50]

    def test_a_later_merge_asks_for_the_rest(self, shop: Shop) -> None:
        shop.close("T", keep=True)
        assert shop.merge("T2", B=50).amount == 50
        shop.pay("T2", "P3", 50)

        assert shop.refund("A", "R1", 100) == {"P1": 40, "P2": 60}
        assert shop.refund("B", "R2", 50) == {"P3": 50}

    def test_closing_again_without_keeping_sends_back_what_is_left(self, shop: Shop) -> None:
        shop.close("T", keep=True)
        shop.refund("A", "R", 30)
        closed = shop.close("T")

        assert (closed.state, closed.paid, closed.refunded) == ("closed", 30, 30)
        assert not closed.keeps_paid
        assert shop.details(shop.reversal("T").refund_no) == {"P1": 10, "P2": 60}
        assert mergeable(shop, "A", "B") == [70, 50]
        assert shop.merge("T2", A=100).amount == 70

    def test_closing_again_leaves_what_a_later_trade_holds(self, shop: Shop) -> None:
        shop.merge("T3", C=90, D=10)
        shop.pay("T3", "P3", 50)
        shop.close("T3", keep=True)
        shop.merge("T4", C=90)
        shop.pay("T4", "P4", 40)
        shop.close("T3")

        assert shop.row("trades", "T4").state == "paid"
        assert mergeable(shop, "C", "D") == [50, 10]
        assert shop.refund("C", "R", 40) == {"P4": 40}

    def test_closing_again_with_everything_refunded_sends_nothing(self, shop: Shop) -> None:
        shop.close("T", keep=True)
        shop.refund("A", "R", 100)

        assert not shop.close("T").keeps_paid
        assert shop.query("select from mixpay.refunds where kind = 'reversal'") == []

    def test_e03_again_returns_the_trade_as_it_is_now(self, shop: Shop) -> None:
        first = shop.close("T", keep=True)
        with shop.unchanged():
            assert shop.call("close_trade", "T", "another reason", True) == first
        shop.close("T")
        with shop.refused("MX113", "T", 0):
            shop.close("T", keep=True)

    def test_money_for_it_is_surplus(self, shop: Shop) -> None:
        shop.close("T", keep=True)
        payment = shop.pay("T", "P3", 50)

        assert (payment.applied, payment.surplus) == (0, 50)
        assert shop.listed("surplus_list") == {"P3": 50}
        assert shop.row("trades", "T").paid == 100


def test_a_paid_trade_is_refunded_and_not_closed(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 100)
    shop.refund("A", "R", 30)
    for keep in (False, True):
        with shop.refused("MX112", "T", 100, 30):
            shop.close("T", keep)


def test_kept_money_of_two_trades(shop: Shop) -> None:
    """A100 B50 in T1, 120 paid and left there; B50 C10 in T2. B has 20 in T1 and 30 in T2."""
    shop.merge("T1", A=100, B=50)
    shop.pay("T1", "P1", 120, "card", day(1))
    shop.close("T1", keep=True)
    assert mergeable(shop, "A", "B") == [0, 30]
    assert shop.merge("T2", B=50, C=10).amount == 40
    shop.pay("T2", "P2", 40, "card", day(2))
    assert shop.preview("B", 45) == [("P1", 20), ("P2", 25)]
    assert shop.refund("B", "R", 45) == {"P1": 20, "P2": 25}

    # P1 still holds A's 100, and P2 what is left of B, and C.
    assert shop.refund("B", "R2", 5) == {"P2": 5}
    assert shop.refund("A", "R3", 100) == {"P1": 100}
    assert shop.refund("C", "R4", 10) == {"P2": 10}


def test_e36_two_orders_with_deposits_in_trades_that_share_a_pool(shop: Shop) -> None:
    """Of each trade no more goes back than each order has left there."""
    shop.merge("T1", A=(100, 60), B=(100, 60))
    shop.pay("T1", "P1", 50, "card", day(1))
    shop.pay("T1", "P2", 40, "card", day(2))
    shop.close("T1", keep=True)
    assert shop.paid("T1") == {"A": 60, "B": 30}
    assert mergeable(shop, "A", "B") == [40, 70]
    shop.merge("T2", B=100, A=100)
    shop.pay("T2", "P3", 80, "card", day(3))
    assert shop.paid("T2") == {"B": 70, "A": 10}
    assert shop.refund("B", "R1", 45) == {"P1": 30, "P3": 15}
    # What is left of T1 is A's.
    shop.close("T1")
    assert shop.details(shop.reversal("T1").refund_no) == {"P1": 20, "P2": 40}
    assert mergeable(shop, "A", "B") == [60, 0]
    shop.close("T2")

    assert shop.details(shop.reversal("T2").refund_no) == {"P3": 65}
    assert mergeable(shop, "A", "B") == [100, 55]
    assert shop.merge("T3", A=100, B=100).amount == 155


def test_pending_attempts_are_closed(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.start("T", "P1", 100)
    shop.start("T", "P2", 30)
    shop.call("fail_payment", "P2", "refused")
    shop.close("T")

    assert shop.row("payments", "P1").state == "closed"
    assert shop.row("payments", "P2").state == "failed"
    assert shop.row("trades", "T").state == "closed"
    with shop.refused("MX204", "T", "closed"):
        shop.start("T", "P3", 100)


@pytest.mark.parametrize("keep", [False, True])
def test_e09_the_late_success_of_a_closed_attempt_is_surplus(shop: Shop, keep: bool) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P0", 20)
    shop.start("T", "P1", 80)
    shop.close("T", keep)
    late = shop.succeed("P1", "X1")

    assert (late.state, late.applied, late.surplus) == ("succeeded", 0, 80)
    assert shop.listed("surplus_list")["P1"] == 80
    assert shop.balance("A").paid == (20 if keep else 0)
    shop.complete(shop.surplus_refund("P1").refund_no, "P1")
    assert "P1" not in shop.listed("surplus_list")


def test_e08_a_failure_after_closing_changes_nothing(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.start("T", "P1", 100)
    shop.close("T")
    with shop.unchanged():
        assert shop.call("fail_payment", "P1", "refused").state == "closed"
    shop.succeed("P1")
    with shop.refused("MX208", "P1", 100):
        shop.call("fail_payment", "P1", "refused")


def test_e10_paid_twice_through_two_trades(shop: Shop) -> None:
    shop.merge("T1", A=100)
    shop.start("T1", "P1", 100)
    shop.close("T1")
    shop.merge("T2", A=100)
    shop.pay("T2", "P2", 100)
    late = shop.succeed("P1", "X1")

    assert (late.applied, late.surplus) == (0, 100)
    assert (shop.balance("A").paid, mergeable(shop, "A")) == (100, [0])
    assert shop.listed("surplus_list") == {"P1": 100}
    assert shop.refund("A", "R", 100) == {"P2": 100}


def test_e31_closes_a_trade_with_many_payments(shop: Shop) -> None:
    shop.merge("T", A=1000, B=2000)
    for part in range(2):
        payments = [
            {"trade_no": "T", "payment_no": f"P{part}-{i}", "channel": "card", "amount": 1}
            for i in range(1000)
        ]
        shop.rows("record_payments", payments)
    shop.refund("A", "R", 1)
    assert shop.close("T").paid == 1
    (reversal,) = shop.query(
        "select count(*), sum(amount) from mixpay.refund_details where refund_no = %s",
        shop.reversal("T").refund_no,
    )

    assert (reversal.count, reversal.sum) == (1999, 1999)
    assert mergeable(shop, "A", "B") == [999, 2000]


def test_sends_back_what_a_cancelled_order_still_has(shop: Shop) -> None:
    """Its refund failed after it was cancelled, so its line has money that is not refunded."""
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P1", 60)
    shop.refund("A", "R", 20)
    shop.cancel("T", "A")
    shop.fail("R", "P1")
    closed = shop.close("T")

    assert shop.details(shop.reversal("T").refund_no) == {"P1": 60}
    assert (closed.amount, closed.paid, closed.refunded) == (50, 0, 0)
    assert shop.line("T", "A").amount == 0
    assert mergeable(shop, "A", "B") == [100, 50]


def test_a_late_success_after_that_is_an_anomaly(shop: Shop) -> None:
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P1", 60)
    shop.refund("A", "R", 20)
    shop.cancel("T", "A")
    shop.fail("R", "P1")
    shop.close("T")

    assert shop.complete("R", "P1", "X").state == "failed"
    assert shop.listed("anomaly_list") == {"P1": 20}


def test_a_trade_that_was_abandoned_by_a_merge_is_closed_already(shop: Shop) -> None:
    shop.merge("T1", A=100)
    shop.merge("T2", A=100)
    with shop.unchanged():
        assert shop.close("T1").state == "closed"
    with shop.refused("MX113", "T1"):
        shop.close("T1", keep=True)


def test_pro_rata_lines_go_back_whole(shop: Shop) -> None:
    shop.call("register_merchant", "Shop", "pro_rata")
    shop.merge("T", A=6, B=6, C=2)
    shop.pay("T", "P1", 10, "card", day(1))
    shop.pay("T", "P2", 1, "card", day(2))
    assert shop.paid("T") == {"A": 5, "B": 4, "C": 2}
    shop.refund("B", "R", 3)
    shop.close("T")

    assert shop.paid("T") == {"A": 0, "B": 3, "C": 0}
    assert shop.details(shop.reversal("T").refund_no) == {"P1": 7, "P2": 1}
    assert mergeable(shop, "A", "B", "C") == [6, 3, 2]


def test_refuses_bad_input(shop: Shop) -> None:
    shop.merge("T", A=100)
    with shop.refused("MX104", "nothing"):
        shop.close("nothing")
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").close("T")
    for bad in [None, "", "a b", "x" * 65]:
        with shop.refused("MX901"):
            shop.call("close_trade", bad, "abandoned")
    with shop.refused("MX905", 1001):
        shop.call("close_trade", "T", "x" * 1001)


def test_does_not_find_another_merchants(shop: Shop) -> None:
    shop.merge("T", A=100)
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    with shop.refused("MX104", "T"):
        other.close("T")
