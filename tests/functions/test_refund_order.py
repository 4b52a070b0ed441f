from typing import Any

import pytest
from shop import Shop, day


@pytest.fixture
def trade(shop: Shop) -> None:
    """A and B, paid 60 by card on day 1 and 90 in cash on day 2."""
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P1", 60, "card", day(1))
    shop.pay("T", "P2", 90, "cash", day(2))


@pytest.mark.usefixtures("trade")
class TestOneTrade:
    def test_takes_from_the_oldest_payment_first(self, shop: Shop) -> None:
        # Whichever order it once paid: P1 paid A, and now bears B's refund.
        assert shop.refund("B", "R1", 45) == {"P1": 45}
        assert shop.refund("A", "R2", 80) == {"P1": 15, "P2": 65}

    def test_counts_at_once(self, shop: Shop) -> None:
        shop.refund("A", "R1", 70)

        assert shop.row("refunds", "R1").state == "processing"
        assert shop.line("T", "A").refunded == 70
        assert shop.row("trades", "T").refunded == 70
        assert shop.row("payments", "P1").refunded == 60
        assert shop.balance("A").refundable == 30

    def test_sends_each_part_back_through_its_own_channel(self, shop: Shop) -> None:
        shop.refund("A", "R1", 70)
        card, cash = (shop.channel_refund("R1", number) for number in ("P1", "P2"))

        assert (card.channel, card.amount, card.state, card.reason) == (
            "card",
            60,
            "pending",
            None,
        )
        # A person hands cash back.
        assert (cash.channel, cash.amount, cash.state, cash.reason) == (
            "cash",
            10,
            "waiting",
            "manual",
        )

    def test_e14_asking_for_too_much_fails_whole(self, shop: Shop) -> None:
        with shop.refused("MX301", 101, 100, 0):
            shop.refund("A", "R1", 101)
        shop.refund("A", "R1", 60)
        with shop.refused("MX301", 41, 60, 40):
            shop.refund("A", "R2", 41)

        assert shop.refund("A", "R2", 40) == {"P2": 40}

    def test_takes_no_more_than_the_order_is_paid(self, shop: Shop) -> None:
        shop.merge("T2", C=100)
        shop.pay("T2", "P3", 30)
        with shop.refused("MX301", 31, 30):
            shop.refund("C", "R1", 31)

        assert shop.refund("C", "R1", 30) == {"P3": 30}

    def test_an_unpaid_order_has_nothing_to_refund(self, shop: Shop) -> None:
        shop.merge("T2", C=100)
        with shop.refused("MX301", 1, 0):
            shop.refund("C", "R1", 1)

    def test_refuses_what_it_does_not_know(self, shop: Shop) -> None:
        with shop.refused("MX103", "nothing"):
            shop.refund("nothing", "R1", 1)
        with shop.refused("MX101", "nobody"):
            Shop(shop.conn, "nobody").refund("A", "R1", 1)

    def test_does_not_find_the_order_of_another_merchant(self, shop: Shop) -> None:
        other = Shop(shop.conn, "other")
        other.call("register_merchant", "Other")
        with shop.refused("MX103", "A"):
            other.refund("A", "R1", 1)

    def test_e43_a_reason_may_come_later_and_stays(self, shop: Shop) -> None:
        shop.call("refund_order", "A", "R1", 90)
        told = shop.call("refund_order", "A", "R1", 90, "torn")
        assert told.reason == "torn"
        with shop.unchanged():
            assert shop.call("refund_order", "A", "R1", 90, "lost") == told
        (again,) = shop.rows("refund_orders", [{"order_no": "A", "refund_no": "R1", "amount": 90}])
        assert again == told
        shop.call("refund_order", "A", "R2", 1)
        late = {"order_no": "A", "refund_no": "R2", "amount": 1, "reason": "late"}
        assert shop.rows("refund_orders", [late])[0].reason == "late"

    def test_e03_same_number_and_content_returns_the_refund_as_it_is_now(self, shop: Shop) -> None:
        first = shop.call("refund_order", "A", "R1", 100, "torn")
        with shop.unchanged():
            assert shop.call("refund_order", "A", "R1", 100) == first
        with shop.unchanged():
            # A reason is never compared.
            assert shop.call("refund_order", "A", "R1", 100, "lost") == first
        shop.complete("R1", "P1")
        shop.complete("R1", "P2")
        with shop.unchanged():
            assert shop.call("refund_order", "A", "R1", 100).state == "succeeded"

    @pytest.mark.parametrize(
        "again",
        [
            ("A", "R1", 61),
            ("B", "R1", 60),
            ("A", "R1", 60, None, ["P1"]),
        ],
    )
    def test_e03_same_number_with_other_content_is_an_error(
        self, shop: Shop, again: tuple[Any, ...]
    ) -> None:
        shop.refund("A", "R1", 60)
        with shop.refused("MX302", "R1", 60, "order_no A"):
            shop.call("refund_order", *again)

    def test_e03_the_number_of_a_surplus_refund_is_refused(self, shop: Shop) -> None:
        shop.pay("T", "P3", 7)
        number = shop.surplus_refund("P3").refund_no
        with shop.refused("MX302", number, "surplus", 7):
            shop.refund("A", number, 7)

    def test_e03_a_refused_number_is_not_burnt(self, shop: Shop) -> None:
        with shop.refused("MX301"):
            shop.refund("A", "R1", 101)

        assert shop.refund("B", "R1", 50) == {"P1": 50}

    def test_e02_refuses_what_is_no_amount(self, shop: Shop, subtests: pytest.Subtests) -> None:
        for amount in [0, -1, None, 10**15 + 1, 2**63 - 1]:
            with (
                subtests.test(amount=amount),
                shop.refused("MX902", "null" if amount is None else amount),
            ):
                shop.call("refund_order", "A", "R1", amount)

    def test_refuses_bad_numbers(self, shop: Shop, subtests: pytest.Subtests) -> None:
        for number in [None, "", "a b", "x" * 65]:
            with subtests.test(number=number):
                with shop.refused("MX901"):
                    shop.call("refund_order", "A", number, 1)
                with shop.refused("MX901"):
                    shop.call("refund_order", number, "R1", 1)

    def test_refuses_an_overlong_reason(self, shop: Shop) -> None:
        with shop.refused("MX905", 1001):
            shop.call("refund_order", "A", "R1", 1, "x" * 1001)

    def test_e19_named_payments_are_taken_from_in_that_order(self, shop: Shop) -> None:
        assert shop.refund("A", "R1", 95, payment_nos=["P2", "P1"]) == {"P1": 5, "P2": 90}
        assert shop.row("refunds", "R1").payment_nos == ["P2", "P1"]

    def test_e19_named_payments_keep_the_caps(self, shop: Shop) -> None:
        with shop.refused("MX306", 61, 1, "P1"):
            shop.refund("A", "R1", 61, payment_nos=["P1"])
        with shop.refused("MX301", 101, 100):
            shop.refund("A", "R1", 101, payment_nos=["P1", "P2"])

    def test_a_named_payment_must_be_one_of_the_orders_trades(self, shop: Shop) -> None:
        shop.merge("T2", C=100)
        shop.pay("T2", "P3", 100)
        with shop.refused("MX306", "P3"):
            shop.refund("A", "R1", 10, payment_nos=["P3"])
        for stranger in ("P3", "nothing"):
            with shop.refused("MX306", stranger):
                shop.refund("A", "R1", 10, payment_nos=["P1", stranger])

    def test_refuses_badly_named_payments(self, shop: Shop, subtests: pytest.Subtests) -> None:
        for payment_nos in [["P1", "P1"], ["P1", None], [["P1", "P2"]]]:
            with subtests.test(payment_nos=payment_nos), shop.refused("MX904"):
                shop.query(
                    "select * from mixpay.refund_order('m', 'A', 'R1', 1, null, %s)", payment_nos
                )

    def test_refuses_an_empty_list_of_payments(self, shop: Shop) -> None:
        with shop.refused("MX904", 0):
            shop.query("select * from mixpay.refund_order('m', 'A', 'R1', 1, null, '{}')")


@pytest.mark.usefixtures("trade")
def test_e18_refunded_cash_does_not_come_back_by_card(shop: Shop) -> None:
    shop.refund("A", "R1", 100)
    shop.refund("B", "R2", 50)
    for table in ("P1", "P2"):
        payment = shop.row("payments", table)
        assert payment.refunded == payment.amount


def test_e12_equal_paid_at_keeps_a_stable_order(shop: Shop) -> None:
    shop.merge("T", A=100)
    # By seq, so in the order in which we heard of the money, whatever their numbers.
    for number in ("P9", "P1", "P5", "P3"):
        shop.pay("T", number, 25, "card", day(1))

    assert shop.preview("A", 100) == [("P9", 25), ("P1", 25), ("P5", 25), ("P3", 25)]
    assert shop.refund("A", "R1", 30) == {"P9": 25, "P1": 5}
    assert shop.refund("A", "R2", 30) == {"P1": 20, "P5": 10}


def test_more_money_of_the_moment_that_refunds_have_come_to(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P2", 50, "card", day(1))
    assert shop.refund("A", "R1", 30) == {"P2": 30}
    shop.pay("T", "P1", 50, "card", day(1))

    assert shop.refund("A", "R2", 30) == {"P1": 10, "P2": 20}
    assert shop.refund("A", "R3", 40) == {"P1": 40}


def test_takes_the_oldest_money_although_it_was_entered_late(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P1", 50, "card", day(10))
    assert shop.refund("A", "R1", 20) == {"P1": 20}
    shop.pay("T", "P0", 50, "cash", day(1))

    assert shop.refund("A", "R2", 60) == {"P0": 50, "P1": 10}


def test_deposit_now_and_balance_later(shop: Shop) -> None:
    shop.merge("T1", A=(100, 30), B=(50, 50))
    shop.pay("T1", "P1", 80, "alipay", day(1))
    shop.merge("T2", A=100)
    # Older money in the later trade does not overtake: the order's first trade is first.
    shop.pay("T2", "P2", 70, "card", day(-5))

    assert shop.refund("A", "R1", 20) == {"P1": 20}
    assert shop.refund("A", "R2", 50) == {"P1": 10, "P2": 40}
    assert shop.refund("B", "R3", 50) == {"P1": 50}
    assert shop.refund("A", "R4", 30) == {"P2": 30}
    assert (shop.line("T1", "A").refunded, shop.line("T2", "A").refunded) == (30, 70)


def test_e36_two_orders_with_deposits_in_trades_that_share_a_pool(shop: Shop) -> None:
    shop.merge("T1", A=(100, 40), B=(100, 60))
    shop.pay("T1", "P1", 50, "alipay", day(1))
    shop.pay("T1", "P2", 50, "card", day(2))
    shop.merge("T2", B=100, A=100)
    shop.pay("T2", "P3", 100, "alipay", day(3))

    # A has 40 in T1 and 60 in T2; B has 60 and 40; each pool serves both.
    assert shop.refund("A", "R1", 70) == {"P1": 40, "P3": 30}
    assert shop.refund("B", "R2", 70) == {"P1": 10, "P2": 50, "P3": 10}
    with shop.refused("MX301", 31, 30):
        shop.refund("A", "R3", 31)
    assert shop.refund("A", "R3", 30) == {"P3": 30}
    assert shop.refund("B", "R4", 30) == {"P3": 30}


def test_e13_details_sum_exactly(shop: Shop) -> None:
    shop.merge("T", A=1000)
    for number in range(40):
        shop.pay("T", f"P{number:02}", 25, "card", day(number + 1))
    for number, amount in enumerate([1, 24, 26, 333, 500, 116]):
        details = shop.refund("A", f"R{number}", amount)
        assert sum(details.values()) == amount
        assert all(share > 0 for share in details.values())


def test_e16_each_channel_refund_names_its_own_payments_channel(shop: Shop) -> None:
    channels = ["wechat", "alipay", "card", "bank", "wallet", "voucher", "cash", "pos", "transfer"]
    shop.merge("T", A=9)
    for number, channel in enumerate(channels):
        shop.pay("T", f"P{number}", 1, channel, day(number + 1))
    shop.refund("A", "R", 9)

    for number, channel in enumerate(channels):
        refund = shop.channel_refund("R", f"P{number}")
        offline = channel in ("cash", "pos", "transfer")
        assert (refund.channel, refund.amount) == (channel, 1)
        assert refund.state == ("waiting" if offline else "pending")


def test_e17_points_and_vouchers_go_back_as_what_they_were(shop: Shop) -> None:
    shop.call("register_merchant", "Shop")
    (points,) = shop.query(
        "select * from mixpay.register_channel('points', 'Points of the shop', 'wallet')"
    )
    shop.merge("T", A=100)
    shop.pay("T", "P1", 20, points.channel, day(1))
    shop.pay("T", "P2", 30, "voucher", day(2))
    shop.pay("T", "P3", 50, "card", day(3))

    assert shop.refund("A", "R", 60) == {"P1": 20, "P2": 30, "P3": 10}
    assert shop.channel_refund("R", "P1").channel == "points"
    assert shop.channel_refund("R", "P2").channel == "voucher"


def test_e26_29_payments_on_one_order(shop: Shop) -> None:
    shop.merge("T", A=2900)
    for number in range(29):
        shop.pay("T", f"P{number:02}", 100, "voucher" if number else "card", day(number + 1))
    assert shop.row("trades", "T").state == "paid"

    assert shop.refund("A", "R1", 1450) == {f"P{n:02}": 100 for n in range(14)} | {"P14": 50}
    assert shop.refund("A", "R2", 1450) == {"P14": 50} | {f"P{n:02}": 100 for n in range(15, 29)}
    with shop.refused("MX301", 1, 2900, 0):
        shop.refund("A", "R3", 1)


def test_e37_a_freed_surplus_is_not_the_orders(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P1", 40, "card", day(1))
    shop.pay("T", "P2", 90, "alipay", day(2))
    surplus = shop.surplus_refund("P2")
    assert surplus.amount == 30
    shop.fail(surplus.refund_no, "P2")

    assert shop.row("payments", "P2").refunded == 0
    with shop.refused("MX301", 101, 100):
        shop.refund("A", "R", 101)
    assert shop.refund("A", "R", 100) == {"P1": 40, "P2": 60}
    # The surplus is still there, and may still be sent.
    assert shop.query("select surplus_left from mixpay.payment_balances where payment_no = 'P2'")[
        0
    ] == (30,)
    assert shop.complete(surplus.refund_no, "P2").state == "succeeded"
    assert shop.row("payments", "P2").refunded == 90


def test_the_first_worked_case(shop: Shop) -> None:
    shop.merge("T", A=10000, B=5000)
    shop.pay("T", "P1", 6000, "alipay", day(1))
    shop.pay("T", "P2", 9000, "cash", day(2))

    assert shop.refund("B", "R1", 4500) == {"P1": 4500}
    assert shop.refund("A", "R2", 8000) == {"P1": 1500, "P2": 6500}
    with shop.refused("MX301", 501, 5000, 4500, 500):
        shop.refund("B", "R3", 501)
    assert shop.refund("B", "R3", 500) == {"P2": 500}
    assert shop.refund("A", "R4", 2000) == {"P2": 2000}
    assert shop.row("trades", "T").refunded == 15000


def test_e19_named_payments_of_two_trades_are_taken_in_the_order_named(shop: Shop) -> None:
    shop.merge("T1", A=(200, 100), B=50)
    shop.pay("T1", "P1", 90, paid_at=day(1))
    shop.pay("T1", "P3", 60, paid_at=day(2))
    shop.merge("T2", A=200)
    shop.pay("T2", "P9", 100, paid_at=day(3))

    assert shop.refund("A", "R1", 10, payment_nos=["P9", "P1"]) == {"P9": 10}
    assert shop.refund("A", "R2", 150, payment_nos=["P3", "P9"]) == {"P3": 60, "P9": 90}
    # P9 is spent; P1 still holds 90, and A has 40 left in its trade.
    assert shop.refund("A", "R3", 40, payment_nos=["P9", "P1"]) == {"P1": 40}
    explained = shop.query(
        "select payment_no, amount, named from mixpay.refund_explained where refund_no = 'R2' "
        "order by nth, place"
    )
    assert explained == [("P3", 60, True), ("P9", 90, True)]


def test_e01_takes_nothing_out_of_trades_that_are_not_locked(shop: Shop) -> None:
    """An order that is merged for the first time while a refund of it looks for its trades.

    The refund has found none to lock, and then sees the order, which is paid by others meanwhile.
    """
    shop.merge("TN", N=100)
    shop.pay("TN", "PN", 100)
    for offline_first in (False, True):
        with shop.refused("MX301", 20, 0):
            shop.query(
                "select * from mixpay._plan_refund("
                "'m', 'N', mixpay._order_lines('m', 'N', '{}'), null, 20, null, %s)",
                offline_first,
            )


def test_e42_a_voucher_does_not_fall_back_to_money(shop: Shop) -> None:
    """It waits for a person, who reads why; a further fallback that gives vouchers is taken."""
    shop.channel("bonus", "voucher")
    shop.channel("old", "voucher", can_refund=False, fallback_channel="card")
    shop.channel("stub", "offline", can_refund=False, fallback_channel="bonus")
    shop.channel("older", "voucher", can_refund=False, fallback_channel="stub")
    shop.channel("kind", "voucher", can_refund=False, fallback_channel="card", refund_to_money=True)
    shop.merge("TV", V=90)
    for channel in ("old", "older", "kind"):
        shop.pay("TV", f"P-{channel}", 30, channel)
    shop.refund("V", "RV", 90)
    old, older, kind = (shop.channel_refund("RV", f"P-{c}") for c in ("old", "older", "kind"))

    assert (old.channel, old.state, old.due_at) == ("old", "waiting", None)
    assert old.reason == (
        "no refunds: old sends no money back, fallback, "
        "voucher: old gives back no money, as card would"
    )
    assert (older.channel, older.state) == ("bonus", "pending")
    assert (kind.channel, kind.state) == ("card", "pending")


def test_a_refund_is_explained_by_the_log_of_its_own_merchant(shop: Shop) -> None:
    """Whoever else has a trade and a refund of these numbers."""
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    other.merge("T", A=100)
    other.pay("T", "P1", 100)
    other.refund("A", "R", 100)
    shop.merge("T", A=100)
    for n in range(1, 5):
        shop.pay("T", f"P{n}", 25, "card", day(n))
    shop.refund("A", "R", 100)

    explained = (
        "select payment_no, refundable, amount from mixpay.refund_explained "
        "where merchant_id = 'm' order by place"
    )
    assert shop.query(explained) == [(f"P{n}", 25, 25) for n in range(1, 5)]


def test_no_payment_that_was_all_surplus_explains_a_refund(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P1", 100, "card", day(1))
    shop.pay("T", "P2", 30, "card", day(2))
    shop.refund("A", "R", 40)

    rows = shop.query("select payment_no, refundable, amount from mixpay.refund_explained")
    assert rows == [("P1", 100, 40)]


def test_named_payments_give_of_each_trade_what_the_order_has_left_there(shop: Shop) -> None:
    shop.merge("T1", A=(100, 50), B=50)
    for payment_no, amount in (("P1", 20), ("P2", 20), ("P3", 60)):
        shop.pay("T1", payment_no, amount)
    shop.merge("T2", A=100)
    shop.pay("T2", "Q", 50)

    taken = shop.refund("A", "R", 100, payment_nos=["P1", "P2", "P3", "Q"])
    assert taken == {"P1": 20, "P2": 20, "P3": 10, "Q": 50}


def test_named_payments_give_nothing_of_what_the_order_was_refunded_in_their_trade(
    shop: Shop,
) -> None:
    shop.merge("T1", A=(100, 50), B=50)
    shop.pay("T1", "P1", 40, paid_at=day(1))
    shop.pay("T1", "P2", 60, paid_at=day(2))
    shop.merge("T2", A=100)
    shop.pay("T2", "Q", 50)
    assert shop.refund("A", "R1", 30) == {"P1": 30}

    with shop.refused("MX306", 60, 40):
        shop.refund("A", "R2", 60, payment_nos=["P2"])
    assert shop.refund("A", "R2", 60, payment_nos=["P2", "Q"]) == {"P2": 20, "Q": 40}


def test_named_payments_are_the_same_however_the_array_counts(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P1", 50)
    shop.pay("T", "P2", 50)
    call = "select * from mixpay.refund_order('m', 'A', 'R', 60, null, %s::text[])"
    (first,) = shop.query(call, "[0:1]={P2,P1}")

    assert shop.details("R") == {"P1": 10, "P2": 50}
    with shop.unchanged():
        for counted in ("{P2,P1}", "[5:6]={P2,P1}"):
            assert shop.query(call, counted) == [first]
