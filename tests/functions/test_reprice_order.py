from typing import Any

import pytest
from shop import Shop, day, on_hold, orders


def reprice(shop: Shop, amount: int, order_no: str = "A", number: str = "N", **named: Any) -> Any:
    return shop.call("reprice_order", order_no, number, amount, named.pop("reason", "a discount"))


def trade(shop: Shop, trade_no: str = "T") -> tuple[str, int, int]:
    row = shop.row("trades", trade_no)
    return row.state, row.amount, row.paid


def line(shop: Shop, order_no: str = "A", trade_no: str = "T") -> tuple[int, int, int, bool]:
    row = shop.line(trade_no, order_no)
    return row.amount, row.paid, row.refunded, row.live


class TestNothingPaid:
    @pytest.fixture(autouse=True)
    def merged(self, shop: Shop) -> None:
        shop.merge("T", A=100, B=50)

    @pytest.mark.parametrize("amount", [1, 80, 100, 130])
    def test_the_open_trade_follows(self, shop: Shop, amount: int) -> None:
        order = reprice(shop, amount)

        assert (order.order_no, order.amount) == ("A", amount)
        assert line(shop) == (amount, 0, 0, True)
        assert trade(shop) == ("open", amount + 50, 0)
        assert shop.balance("A").mergeable == 0
        shop.pay("T", "P", amount + 50)
        assert shop.paid("T") == {"A": amount, "B": 50}
        assert trade(shop)[0] == "paid"

    def test_falls_and_rises_and_falls(self, shop: Shop) -> None:
        for number, amount in enumerate((10, 300, 200, 400)):
            reprice(shop, amount, number=f"N{number}")
            assert line(shop) == (amount, 0, 0, True)
        rows = shop.query(
            "select nth, from_amount, amount, currency, reason from mixpay.repricing_list"
        )
        assert [tuple(row) for row in rows] == [
            (1, 100, 10, "CNY", "a discount"),
            (2, 10, 300, "CNY", "a discount"),
            (3, 300, 200, "CNY", "a discount"),
            (4, 200, 400, "CNY", "a discount"),
        ]
        assert (shop.line("T", "A").asked, shop.line("T", "A").raised) == (100, 300)

    def test_history_says_so(self, shop: Shop) -> None:
        reprice(shop, 80, reason="scratched")
        (change,) = shop.query("select * from mixpay.history where order_no = 'A'")

        assert (change.entity, change.number, change.trade_no) == ("repricing", "N", "T")
        assert (change.from_state, change.to_state) == ("", "repriced")
        assert change.reason == "80 instead of 100: scratched"

    def test_pending_attempts_stay(self, shop: Shop) -> None:
        shop.start("T", "P", 150)
        reprice(shop, 80)
        assert (shop.succeed("P").applied, shop.listed("surplus_list")) == (130, {"P": 20})

    def test_a_trade_past_its_end_is_repriced_until_it_is_swept(self, shop: Shop) -> None:
        shop.conn.execute("update mixpay.trades set expires_at = '2020-01-01'")
        reprice(shop, 80)
        assert trade(shop) == ("open", 130, 0)
        shop.expire()
        reprice(shop, 90, number="N2")
        assert (trade(shop), shop.balance("A").mergeable) == (("closed", 130, 0), 90)

    def test_not_above_what_a_trade_can_have(self, shop: Shop) -> None:
        with shop.refused("MX902", 10**15 + 50):
            reprice(shop, 10**15)
        reprice(shop, 10**15 - 50)


class TestAfterADeposit:
    """A100 by a trade of 30, which is paid, and one of 70, B50 with it."""

    @pytest.fixture(autouse=True)
    def merged(self, shop: Shop) -> None:
        shop.merge("T1", A=(100, 30))
        shop.pay("T1", "P1", 30, "wallet", day(1))
        shop.merge("T", A=100, B=50)

    def test_e47_the_price_falls(self, shop: Shop) -> None:
        reprice(shop, 80)

        assert (line(shop), trade(shop)) == ((50, 0, 0, True), ("open", 100, 0))
        assert trade(shop, "T1") == ("paid", 30, 30)
        balance = shop.balance("A")
        assert (balance.paid, balance.unpaid, balance.mergeable) == (30, 50, 0)

    def test_e47_the_price_rises(self, shop: Shop) -> None:
        reprice(shop, 120)
        assert (line(shop), trade(shop)) == ((90, 0, 0, True), ("open", 140, 0))

    def test_e47_to_the_deposit_nothing_is_left_to_pay(self, shop: Shop) -> None:
        reprice(shop, 30)
        assert (line(shop), trade(shop)) == ((0, 0, 0, True), ("open", 50, 0))
        shop.pay("T", "P2", 50)
        assert shop.paid("T") == {"A": 0, "B": 50}
        assert trade(shop) == ("paid", 50, 50)

    def test_e47_below_the_deposit_it_is_refused(self, shop: Shop) -> None:
        with shop.refused("MX114", 29, 30):
            reprice(shop, 29)
        # The way out: he gets the difference back.
        assert shop.refund("A", "R", 1) == {"P1": 1}

    def test_what_is_paid_serves_the_other_orders_first(self, shop: Shop) -> None:
        shop.pay("T", "P2", 60, "card", day(2))
        reprice(shop, 70)

        assert (line(shop), line(shop, "B")) == ((40, 40, 0, True), (50, 20, 0, True))
        assert trade(shop) == ("open", 90, 60)
        assert shop.query("select from mixpay.refunds") == []

    def test_what_they_do_not_need_goes_back(self, shop: Shop) -> None:
        shop.pay("T", "P2", 60, "card", day(2))
        shop.pay("T", "P3", 50, "bank", day(3))
        reprice(shop, 35)

        assert (line(shop), line(shop, "B")) == ((5, 5, 0, False), (50, 50, 0, False))
        assert trade(shop) == ("paid", 55, 55)
        assert shop.details(shop.reversal("T").refund_no) == {"P2": 55}
        assert shop.listed("surplus_list") == {"P2": 55}

    def test_a_closed_trade_that_keeps_what_was_paid(self, shop: Shop) -> None:
        shop.pay("T", "P2", 60, "card", day(2))
        shop.close("T", keep=True)
        with shop.refused("MX114", 90, 89):
            reprice(shop, 89)
        reprice(shop, 90)
        assert shop.balance("A").mergeable == 0
        # The way out: what is reversed is not kept.
        shop.close("T", keep=False)
        assert reprice(shop, 40, number="N2").amount == 40
        assert shop.merge("T2", A=40).amount == 10


class TestInPart:
    """A line of a deposit is not to pay more because the order costs more."""

    @pytest.fixture(autouse=True)
    def merged(self, shop: Shop) -> None:
        shop.merge("T", A=(100, 30))

    @pytest.mark.parametrize(("amount", "share"), [(120, 30), (31, 30), (30, 30), (10, 10)])
    def test_it_only_falls(self, shop: Shop, amount: int, share: int) -> None:
        reprice(shop, amount)
        assert line(shop) == (share, 0, 0, True)
        assert shop.balance("A").mergeable == amount - share


class TestInNoTrade:
    def test_paid_and_raised_it_is_payable_again(self, shop: Shop) -> None:
        shop.merge("T", A=100)
        shop.pay("T", "P", 100)
        reprice(shop, 130)

        assert trade(shop) == ("paid", 100, 100)
        assert shop.merge("T2", A=130).amount == 30
        shop.pay("T2", "P2", 30)
        assert shop.refund("A", "R", 130) == {"P": 100, "P2": 30}

    def test_paid_and_lowered_it_is_refused(self, shop: Shop) -> None:
        shop.merge("T", A=100)
        shop.pay("T", "P", 100)
        shop.refund("A", "R", 60)
        with shop.refused("MX114", 99, 100):
            reprice(shop, 99)

    def test_the_last_trade_has_it_on_record(self, shop: Shop) -> None:
        shop.merge("T1", A=100)
        shop.merge("T0", A=100)
        shop.close("T0")
        reprice(shop, 80)
        (change,) = shop.query("select * from mixpay.history where entity = 'repricing'")
        assert change.trade_no == "T0"


class TestPaidAbove:
    """A100 B50, paid 120: all of A's, 20 of B's."""

    @pytest.fixture(autouse=True)
    def merged(self, shop: Shop) -> None:
        shop.merge("T", A=100, B=50)
        shop.pay("T", "P1", 60, "card", day(1))
        shop.pay("T", "P2", 60, "cash", day(2))

    def test_it_is_what_the_other_lacks(self, shop: Shop) -> None:
        reprice(shop, 70)

        assert (line(shop), line(shop, "B")) == ((70, 70, 0, False), (50, 50, 0, False))
        assert trade(shop) == ("paid", 120, 120)
        changes = shop.query(
            "select entity, to_state from mixpay.history where reason like '70 %%'"
        )
        assert [tuple(row) for row in changes] == [
            ("repricing", "repriced"),
            ("order", "paid"),
            ("trade", "paid"),
        ]
        assert shop.query("select from mixpay.refunds") == []

    def test_the_oldest_goes_back(self, shop: Shop) -> None:
        reprice(shop, 50)
        assert (line(shop), line(shop, "B")) == ((50, 50, 0, False), (50, 50, 0, False))
        assert trade(shop) == ("paid", 100, 100)
        reversal = shop.reversal("T")
        assert shop.details(reversal.refund_no) == {"P1": 20}
        assert reversal.reason == "50 instead of 100: a discount"
        assert shop.balance("A").mergeable == 0

    def test_not_below_what_is_refunded(self, shop: Shop) -> None:
        shop.refund("A", "R", 40)
        with shop.refused("MX114", 39, 40):
            reprice(shop, 39)
        reprice(shop, 40)
        assert line(shop) == (40, 40, 40, False)
        assert trade(shop) == ("paid", 90, 90)
        assert shop.details(shop.reversal("T").refund_no) == {"P1": 20, "P2": 10}

    def test_the_order_that_is_paid_in_part(self, shop: Shop) -> None:
        """Nobody else lacks anything, so all above goes back, and the trade is paid."""
        reprice(shop, 10, "B")
        assert (line(shop, "B"), trade(shop)) == ((10, 10, 0, False), ("paid", 110, 110))
        assert shop.details(shop.reversal("T").refund_no) == {"P1": 10}

    def test_just_what_is_paid_fills_the_trade(self, shop: Shop) -> None:
        reprice(shop, 20, "B")
        assert (line(shop, "B"), trade(shop)) == ((20, 20, 0, False), ("paid", 120, 120))

    def test_in_dispute_money_stays(self, shop: Shop) -> None:
        shop.call("register_payee", "S", "Store")
        shop.call("merge_orders", on_hold("S", C=100), "TC")
        shop.pay("TC", "PC", 60)
        shop.call("open_dispute", "C", "D", "broken")
        with shop.refused("MX503", "D"):
            reprice(shop, 59, "C")
        reprice(shop, 60, "C")
        assert trade(shop, "TC") == ("paid", 60, 60)


class TestWhoseItIs:
    @pytest.fixture(autouse=True)
    def payee(self, shop: Shop) -> None:
        shop.call("register_payee", "S", "Store")

    def of(self, **amounts: int) -> list[dict[str, Any]]:
        return [{**order, "payee_no": "S"} for order in orders(**amounts)]

    def test_the_payee_gives_back_what_he_had(self, shop: Shop) -> None:
        shop.call("merge_orders", self.of(A=100) + orders(B=50), "T")
        shop.pay("T", "P", 120)
        reprice(shop, 60)
        assert shop.owns("payee:S") == {"CNY": 60}
        assert shop.owns("order:B") == {"CNY": 50}
        assert shop.listed("surplus_list") == {"P": 10}

    def test_what_is_in_escrow_goes_first(self, shop: Shop) -> None:
        shop.call("merge_orders", on_hold("S", A=100) + orders(B=50), "T")
        shop.pay("T", "P", 120)
        shop.release("A", "L", 30)
        reprice(shop, 60)
        assert (shop.owns("payee:S"), shop.owns("order:A")) == ({"CNY": 30}, {"CNY": 30})
        reprice(shop, 80, number="N2")
        assert shop.balance("A").mergeable == 20

    @pytest.mark.parametrize("takes_place", ["payment", "release"])
    def test_a_split_divides_what_is_left(self, shop: Shop, takes_place: str) -> None:
        shop.call("merge_orders", self.of(A=100) + orders(B=50), "T")
        fixed = {"receiver": "agent", "fixed": 40}
        shop.rows("split_order", "A", "X", [fixed, {"receiver": "us", "rate": 1000}], takes_place)
        shop.pay("T", "P", 120)
        assert shop.owns("receiver:agent") == {"CNY": 40}
        with shop.refused("MX510", 43, 44):
            reprice(shop, 43)
        reprice(shop, 60)
        assert shop.owns("receiver") == {"CNY": 46}
        assert shop.owns("payee:S") == {"CNY": 14}
        # The same content is still the same split.
        shop.rows("split_order", "A", "X", [fixed, {"receiver": "us", "rate": 1000}], takes_place)

    def test_by_what_each_lacks(self, shop: Shop) -> None:
        shop.call("register_merchant", "Shop", "pro_rata")
        shop.merge("T", A=60, B=60, C=20)
        shop.pay("T", "P", 100)
        assert shop.paid("T") == {"A": 43, "B": 43, "C": 14}
        reprice(shop, 25)
        assert shop.paid("T") == {"A": 25, "B": 56, "C": 19}
        assert trade(shop) == ("open", 105, 100)


class TestMerges:
    """Repeated, a merge is what it was; a new one knows the new amount."""

    def test_e03_a_merge_of_before_is_repeated(self, shop: Shop) -> None:
        first = shop.merge("T", A=100, B=50)
        reprice(shop, 80)
        again = shop.merge("T", A=100, B=50)
        assert (again.trade_no, again.amount) == (first.trade_no, 130)
        with shop.refused("MX106", "T"):
            shop.merge("T", A=80, B=50)

    def test_e03_each_merge_is_compared_with_what_it_cost_then(self, shop: Shop) -> None:
        shop.merge("T0", A=(100, 10))
        shop.pay("T0", "P0", 10)
        reprice(shop, 80, number="N1")
        shop.merge("T1", A=(80, 20))
        shop.pay("T1", "P1", 20)
        reprice(shop, 120, number="N2")
        reprice(shop, 110, number="N3")
        shop.merge("T2", A=110)
        for trade_no, sent in (("T0", (100, 10)), ("T1", (80, 20)), ("T2", 110)):
            with shop.unchanged():
                assert shop.merge(trade_no, A=sent).trade_no == trade_no
        for trade_no in ("T0", "T1"):
            with shop.refused("MX106", trade_no):
                shop.merge(trade_no, A=110)
        merges = shop.query("select merge_count from mixpay.repricings order by nth")
        assert [row.merge_count for row in merges] == [1, 2, 2]

    def test_a_new_merge_must_bring_the_new_amount(self, shop: Shop) -> None:
        shop.merge("T", A=100)
        reprice(shop, 80)
        with shop.refused("MX105", 80, 100):
            shop.merge("T2", A=100)
        assert shop.merge("T2", A=80).amount == 80
        assert trade(shop)[0] == "closed"

    def test_without_a_number_it_is_the_open_trade(self, shop: Shop) -> None:
        made = shop.merge(None, A=100, B=50)
        reprice(shop, 120)
        assert shop.merge(None, A=120, B=50).trade_no == made.trade_no


class TestRefused:
    @pytest.fixture(autouse=True)
    def merged(self, shop: Shop) -> None:
        shop.merge("T", A=100, B=50)

    def test_e03_again_returns_the_order_as_it_is_now(self, shop: Shop) -> None:
        reprice(shop, 80)
        with shop.unchanged():
            assert reprice(shop, 80, reason="another reason").amount == 80
        reprice(shop, 90, number="N2")
        with shop.unchanged():
            assert reprice(shop, 80).amount == 90

    def test_e03_the_number_with_other_content(self, shop: Shop) -> None:
        reprice(shop, 80)
        with shop.refused("MX115", "A", 80):
            reprice(shop, 81)
        with shop.refused("MX115", "A", 80):
            reprice(shop, 80, "B")

    def test_a_refused_call_does_not_use_its_number_up(self, shop: Shop) -> None:
        shop.pay("T", "P", 150)
        with shop.refused("MX114", 50, 100):
            reprice(shop, 50)
        assert reprice(shop, 120).amount == 120

    @pytest.mark.parametrize("amount", [0, -1, None, 10**15 + 1])
    def test_e02_what_is_no_amount(self, shop: Shop, amount: int) -> None:
        with shop.refused("MX902"):
            reprice(shop, amount)

    def test_what_is_unknown_or_no_number(self, shop: Shop) -> None:
        with shop.refused("MX103", "Z"):
            reprice(shop, 1, "Z")
        with shop.refused("MX901"):
            reprice(shop, 1, "")
        with shop.refused("MX901"):
            reprice(shop, 1, number="a b")
        with shop.refused("MX905"):
            reprice(shop, 1, reason="a\nb")
        with shop.refused("MX101", "x"):
            reprice(Shop(shop.conn, "x"), 1)

    def test_the_same_amount_is_on_record_and_changes_nothing_else(self, shop: Shop) -> None:
        reprice(shop, 100)
        assert (line(shop), trade(shop)) == ((100, 0, 0, True), ("open", 150, 0))


class TestReturned:
    def test_a_line_that_lives_again_knows_what_the_order_costs(self, shop: Shop) -> None:
        shop.merge("T", A=100)
        shop.pay("T", "P", 100)
        reprice(shop, 130)
        shop.call("return_payment", "P", "V", "no funds")
        assert (line(shop), shop.balance("A").mergeable) == ((100, 0, 0, True), 30)
        reprice(shop, 50, number="N2")
        assert (line(shop), trade(shop)) == ((50, 0, 0, True), ("open", 50, 0))


def test_shares_that_leave_nothing_for_the_rest_still_divide_it(shop: Shop) -> None:
    shop.merge("T", A=100)
    shares = [{"receiver": "agent", "fixed": 50}, {"receiver": "rest", "takes_remainder": True}]
    shop.rows("split_order", "A", "X", shares)
    with shop.refused("MX510", 50, 49):
        reprice(shop, 49)
    assert reprice(shop, 50).amount == 50


def test_of_its_trades_the_one_that_is_open_follows(shop: Shop) -> None:
    """Although it is the older one: it was paid, and some of that was returned."""
    shop.merge("T", A=(100, 60))
    shop.pay("T", "P", 60)
    shop.merge("T2", A=(100, 40))
    shop.close("T2")
    shop.call("return_payment", "P", "V", "no funds", 20)
    assert (line(shop), trade(shop)) == ((60, 40, 0, True), ("open", 60, 40))
    reprice(shop, 50)
    assert (line(shop), trade(shop)) == ((50, 40, 0, True), ("open", 50, 40))
    assert trade(shop, "T2") == ("closed", 40, 0)
