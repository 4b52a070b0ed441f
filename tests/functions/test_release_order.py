from typing import NamedTuple

import pytest
from shop import Shop, day, on_hold, orders

# Until it is released, or until a moment.
HOLDS = pytest.mark.parametrize("paid", [True, day(200).isoformat()], indirect=True)


class Money(NamedTuple):
    """Where A's money is."""

    in_escrow: int
    payee: int


def money(shop: Shop) -> Money:
    balance = shop.balance("A")
    assert shop.owns("order:A").get("CNY", 0) == balance.in_escrow
    assert balance.in_escrow + balance.cleared == balance.refundable
    return Money(balance.in_escrow, shop.owns("payee:S").get("CNY", 0))


@pytest.fixture(autouse=True)
def payees(shop: Shop) -> None:
    shop.call("register_payee", "S", "Store")
    shop.call("register_payee", "V", "Vintage")


@pytest.fixture
def paid(shop: Shop, request: pytest.FixtureRequest) -> None:
    """A100 of payee S is on hold, and paid 60 by card on day 1 and 40 in cash on day 2."""
    shop.call("merge_orders", on_hold("S", getattr(request, "param", True), A=100), "T")
    shop.pay("T", "P1", 60, "card", day(1))
    shop.pay("T", "P2", 40, "cash", day(2))


@pytest.mark.usefixtures("paid")
class TestRelease:
    @HOLDS
    def test_the_money_is_in_escrow_until_then(self, shop: Shop) -> None:
        assert money(shop) == Money(100, 0)
        assert shop.line("T", "A").cleared == 0

    @HOLDS
    def test_gives_the_payee_all_that_is_in_escrow(self, shop: Shop) -> None:
        release = shop.release("A", "L")

        assert (release.release_no, release.order_no, release.amount) == ("L", "A", 100)
        assert not release.was_due
        assert money(shop) == Money(0, 100)
        assert shop.line("T", "A").cleared == 100
        assert shop.row("releases", "L") == release

    @HOLDS
    def test_in_parts(self, shop: Shop) -> None:
        assert shop.release("A", "L1", 30).amount == 30
        assert money(shop) == Money(70, 30)
        assert shop.release("A", "L2", 69).amount == 69
        assert shop.release("A", "L3").amount == 1
        assert money(shop) == Money(0, 100)

    def test_e14_more_than_is_in_escrow_fails_whole(self, shop: Shop) -> None:
        with shop.refused("MX501", 101, 100):
            shop.release("A", "L1", 101)
        shop.release("A", "L1", 60)
        with shop.refused("MX501", 41, 40):
            shop.release("A", "L2", 41)
        assert shop.release("A", "L2", 40).amount == 40

    @pytest.mark.parametrize("amount", [None, 1])
    def test_refuses_when_nothing_is_in_escrow(self, shop: Shop, amount: int | None) -> None:
        shop.release("A", "L1")
        with shop.refused("MX501", 0):
            shop.release("A", "L2", amount)

    def test_what_was_refunded_is_not_in_escrow(self, shop: Shop) -> None:
        shop.refund("A", "R", 70)
        with shop.refused("MX501", 31, 30):
            shop.release("A", "L", 31)
        assert shop.release("A", "L").amount == 30

    def test_surplus_is_not_in_escrow(self, shop: Shop) -> None:
        shop.pay("T", "P3", 25)

        assert shop.release("A", "L").amount == 100
        assert shop.owns("surplus:P3") == {"CNY": 0}
        assert shop.listed("surplus_list") == {"P3": 25}
        assert money(shop) == Money(0, 100)

    def test_refuses_while_a_dispute_is_open(self, shop: Shop) -> None:
        shop.call("open_dispute", "A", "D")
        with shop.refused("MX503", "A", "D"):
            shop.release("A", "L")
        shop.call("close_dispute", "D", "payee")
        assert shop.release("A", "L").amount == 100

    def test_refuses_what_it_does_not_know(self, shop: Shop) -> None:
        with shop.refused("MX103", "nothing"):
            shop.release("nothing", "L")
        with shop.refused("MX101", "nobody"):
            Shop(shop.conn, "nobody").release("A", "L")

    def test_does_not_find_the_order_of_another_merchant(self, shop: Shop) -> None:
        other = Shop(shop.conn, "other")
        other.call("register_merchant", "Other")
        with shop.refused("MX103", "A"):
            other.release("A", "L")
        # Nor are its numbers taken there.
        shop.release("A", "L")
        other.call("register_payee", "S", "Store")
        other.call("merge_orders", on_hold("S", A=5), "T")
        other.pay("T", "P1", 5)
        assert other.release("A", "L").amount == 5

    @pytest.mark.parametrize("amount", [0, -1, 10**15 + 1, 2**63 - 1])
    def test_e02_refuses_what_is_no_amount(self, shop: Shop, amount: int) -> None:
        with shop.refused("MX902", amount):
            shop.release("A", "L", amount)

    @pytest.mark.parametrize("number", [None, "", "a b", "x" * 65])
    def test_refuses_bad_numbers(self, shop: Shop, number: str) -> None:
        with shop.refused("MX901"):
            shop.release("A", number)
        with shop.refused("MX901"):
            shop.release(number, "L")

    @pytest.mark.parametrize("amount", [None, 100])
    def test_e03_the_same_returns_the_release(self, shop: Shop, amount: int | None) -> None:
        first = shop.release("A", "L", amount)
        for again in (None, 100):
            with shop.unchanged():
                assert shop.release("A", "L", again) == first

    def test_e03_the_same_returns_the_release_whatever_became_of_the_money(
        self, shop: Shop
    ) -> None:
        first = shop.release("A", "L", 100)
        shop.refund("A", "R", 100)
        shop.call("open_dispute", "A", "D")
        with shop.unchanged():
            assert shop.release("A", "L", 100) == first

    def test_e03_what_was_left_out_is_not_compared(self, shop: Shop) -> None:
        first = shop.release("A", "L", 30)
        with shop.unchanged():
            assert shop.release("A", "L") == first

    def test_e03_same_number_with_other_content_is_an_error(self, shop: Shop) -> None:
        shop.call("merge_orders", on_hold("S", B=30), "T2")
        shop.pay("T2", "P3", 30)
        shop.release("A", "L", 30)
        for order_no, amount in (("A", 31), ("B", 30), ("B", None)):
            with shop.refused("MX502", "L", 30, "order_no A"):
                shop.release(order_no, "L", amount)

    def test_e03_a_refused_number_is_not_burnt(self, shop: Shop) -> None:
        with shop.refused("MX501"):
            shop.release("A", "L", 101)
        assert shop.release("A", "L", 5).amount == 5

    def test_is_on_record(self, shop: Shop) -> None:
        shop.release("A", "L", 30)
        (told,) = [e for e in shop.rows("read_events") if e.entity == "release"]
        (change,) = shop.query("select * from mixpay.history where entity = 'release'")
        (entry,) = shop.query("select * from mixpay.journal where cause = 'release'")

        for it in (told, change):
            assert (it.number, it.from_state, it.to_state) == ("L", "", "released")
            assert (it.trade_no, it.order_no) == ("T", "A")
        assert (entry.from_account, entry.from_owner) == ("order", "A")
        assert (entry.to_account, entry.to_owner, entry.amount) == ("payee", "S", 30)
        assert (entry.cause_no, entry.order_no, entry.number) == ("L", "A", "T")

    def test_is_listed(self, shop: Shop) -> None:
        shop.release("A", "L", 30)
        (listed,) = shop.query("select * from mixpay.release_list")

        assert (listed.release_no, listed.order_no, listed.payee_no) == ("L", "A", "S")
        assert (listed.amount, listed.currency, listed.was_due) == (30, "CNY", False)


class TestUnpaid:
    def test_refuses_when_nothing_is_paid(self, shop: Shop) -> None:
        shop.call("merge_orders", on_hold("S", A=100), "T")
        with shop.refused("MX501", 0):
            shop.release("A", "L")

    def test_of_an_open_trade_what_is_paid_so_far(self, shop: Shop) -> None:
        shop.call("merge_orders", on_hold("S", A=100), "T")
        shop.pay("T", "P1", 40)
        assert shop.release("A", "L1").amount == 40
        assert money(shop) == Money(0, 40)
        shop.pay("T", "P2", 60)

        # Released was what was there: what comes is in escrow again.
        assert money(shop) == Money(60, 40)
        assert shop.release("A", "L2").amount == 60

    def test_what_is_not_on_hold_is_the_payees_at_once(self, shop: Shop) -> None:
        shop.call("merge_orders", on_hold("S", False, A=100), "T")
        shop.pay("T", "P", 60)

        assert money(shop) == Money(0, 60)
        with shop.refused("MX501", 0):
            shop.release("A", "L")


class TestNobody:
    def test_refuses_what_belongs_to_nobody(self, shop: Shop) -> None:
        """It stays in escrow, whether it was to be on hold or not."""
        a, b = orders(A=100, B=50)
        shop.call("merge_orders", [{**a, "hold": True}, b], "T")
        shop.pay("T", "P", 150)

        assert (shop.balance("A").in_escrow, shop.balance("B").in_escrow) == (100, 50)
        # Another merchant's order of the same number has a split.
        other = Shop(shop.conn, "other")
        other.call("register_merchant", "Other")
        other.merge("T", A=100)
        other.rows("split_order", "A", "X", [{"receiver": "x", "takes_remainder": True}])
        for order_no in "AB":
            with shop.refused("MX504", order_no):
                shop.release(order_no, "L")

    def test_a_split_says_whose_it_is(self, shop: Shop) -> None:
        (a,) = orders(A=100)
        shop.call("merge_orders", [{**a, "hold": True}], "T")
        shop.pay("T", "P", 100)
        receivers = [{"receiver": "x", "rate": 1000}, {"receiver": "y", "takes_remainder": True}]
        shop.rows("split_order", "A", "X", receivers)
        with shop.refused("MX501", 101, 100):
            shop.release("A", "L", 101)
        shop.release("A", "L", 55)

        assert (shop.owns("receiver:x"), shop.owns("receiver:y")) == ({"CNY": 5}, {"CNY": 50})
        assert shop.balance("A").in_escrow == 45


class TestSeveralTrades:
    @pytest.fixture(autouse=True)
    def deposits(self, shop: Shop) -> None:
        """A100 of payee S: 30 in T2, then 50 in T1, then 20 in T3, all on hold; T3 is half paid."""
        for trade_no, pay, amount in (("T2", 30, 30), ("T1", 50, 50), ("T3", 20, 10)):
            shop.call("merge_orders", on_hold("S", A=(100, pay)), trade_no)
            shop.pay(trade_no, f"P{trade_no}", amount)

    def cleared(self, shop: Shop) -> list[int]:
        return [shop.line(number, "A").cleared for number in ("T2", "T1", "T3")]

    def test_the_first_trade_goes_first(self, shop: Shop) -> None:
        shop.release("A", "L1", 40)
        assert self.cleared(shop) == [30, 10, 0]
        shop.release("A", "L2", 45)
        assert self.cleared(shop) == [30, 50, 5]
        assert shop.release("A", "L3").amount == 5
        assert money(shop) == Money(0, 90)

    def test_passes_over_a_trade_that_holds_nothing(self, shop: Shop) -> None:
        shop.refund("A", "R", 30)
        shop.release("A", "L", 20)

        assert self.cleared(shop) == [0, 20, 0]
        (event,) = shop.query("select * from mixpay.history where number = 'L'")
        assert event.trade_no == "T1"

    def test_is_told_once_in_the_first_trade_that_it_takes_from(self, shop: Shop) -> None:
        shop.release("A", "L")
        moves = shop.query(
            "select log_no, to_state, amount from mixpay.facts where number = 'L' "
            "order by array_position('{T2,T1,T3}', log_no), entry"
        )

        assert [tuple(move) for move in moves] == [
            ("T2", "released", None),
            ("T2", None, 30),
            ("T1", None, 50),
            ("T3", None, 10),
        ]

    def test_all_of_them_together_are_the_limit(self, shop: Shop) -> None:
        with shop.refused("MX501", 91, 90):
            shop.release("A", "L", 91)


@pytest.mark.usefixtures("paid")
class TestRefunds:
    @HOLDS
    def test_before_the_release_it_comes_out_of_what_is_in_escrow(self, shop: Shop) -> None:
        shop.refund("A", "R", 70)

        assert money(shop) == Money(30, 0)
        assert shop.channel_refund("R", "P1").cleared == 0

    @HOLDS
    def test_after_the_release_the_payee_gives_it_back(self, shop: Shop) -> None:
        shop.release("A", "L")
        shop.refund("A", "R", 70)

        assert money(shop) == Money(0, 30)
        (back,) = shop.query("select * from mixpay.journal where from_account = 'payee'")
        assert (back.from_owner, back.to_account, back.to_owner) == ("S", "order", "A")
        assert (back.amount, back.cause, back.cause_no) == (70, "refund", "R")

    @HOLDS
    def test_in_between_what_is_in_escrow_goes_first(self, shop: Shop) -> None:
        shop.release("A", "L", 60)
        shop.refund("A", "R1", 30)
        assert money(shop) == Money(10, 60)
        shop.refund("A", "R2", 25)
        assert money(shop) == Money(0, 45)
        shop.refund("A", "R3", 45)
        assert money(shop) == Money(0, 0)

    def test_each_part_knows_what_of_it_was_taken_back(self, shop: Shop) -> None:
        """The first parts are what was in escrow: 90, 30 of them released."""
        shop.release("A", "L", 30)
        shop.refund("A", "R", 90)

        parts = [shop.channel_refund("R", number) for number in ("P1", "P2")]
        assert [(part.amount, part.cleared) for part in parts] == [(60, 0), (30, 20)]

    @pytest.mark.parametrize(("payment_no", "left"), [("P1", Money(60, 10)), ("P2", Money(10, 30))])
    def test_a_part_that_fails_goes_back_where_it_came_from(
        self, shop: Shop, payment_no: str, left: Money
    ) -> None:
        shop.release("A", "L", 30)
        shop.refund("A", "R", 90)
        assert money(shop) == Money(0, 10)
        shop.fail("R", payment_no)

        assert money(shop) == left

    def test_a_refund_that_fails_leaves_all_as_it_was(self, shop: Shop) -> None:
        shop.release("A", "L", 30)
        shop.refund("A", "R", 90)
        shop.fail("R", "P1")
        shop.fail("R", "P2")

        assert money(shop) == Money(70, 30)
        assert shop.release("A", "L2").amount == 70

    @HOLDS
    def test_a_refund_that_comes_back_leaves_all_as_it_was(self, shop: Shop) -> None:
        shop.release("A", "L", 80)
        shop.refund("A", "R", 50)
        assert money(shop) == Money(0, 50)
        shop.complete("R", "P1")
        shop.bounce("R", "P1")

        assert money(shop) == Money(20, 80)

    def test_another_way_takes_the_same_again(self, shop: Shop) -> None:
        shop.release("A", "L", 80)
        shop.refund("A", "R", 50)
        shop.fail("R", "P1")
        shop.redirect("R", "P1", "bank")

        assert money(shop) == Money(0, 50)
        assert shop.channel_refund("R", "P1").cleared == 30
        shop.fail("R", "P1")
        assert money(shop) == Money(20, 80)

    def test_another_way_takes_what_is_in_escrow_by_then(self, shop: Shop) -> None:
        """It all came out of escrow; meanwhile the rest was released, and what came back."""
        shop.refund("A", "R", 50)
        shop.fail("R", "P1")
        shop.release("A", "L", 90)
        shop.redirect("R", "P1", "bank")

        assert money(shop) == Money(0, 50)
        assert shop.channel_refund("R", "P1").cleared == 40
        shop.fail("R", "P1")
        assert money(shop) == Money(10, 90)

    def test_another_way_before_it_failed_changes_nothing(self, shop: Shop) -> None:
        shop.release("A", "L", 80)
        shop.refund("A", "R", 50)
        shop.redirect("R", "P1", "bank")

        assert money(shop) == Money(0, 50)
        assert shop.channel_refund("R", "P1").cleared == 30
        shop.fail("R", "P1")
        assert money(shop) == Money(20, 80)

    def test_e06_a_late_success_takes_it_again(self, shop: Shop) -> None:
        shop.release("A", "L", 80)
        shop.refund("A", "R", 50)
        first = shop.channel_refund("R", "P1").channel_refund_no
        shop.fail("R", "P1")
        shop.release("A", "L2")
        assert money(shop) == Money(0, 100)
        shop.call("complete_channel_refund", first, "X")

        assert money(shop) == Money(0, 50)
        assert shop.channel_refund("R", "P1").cleared == 50

    def test_e06_a_late_success_without_a_place_leaves_the_payee_alone(self, shop: Shop) -> None:
        shop.release("A", "L", 80)
        shop.refund("A", "R", 50)
        first = shop.channel_refund("R", "P1").channel_refund_no
        shop.fail("R", "P1")
        shop.refund("A", "R2", 100)
        shop.rows("claim_channel_refunds", "worker")
        shop.call("complete_channel_refund", first, "X")

        assert money(shop) == Money(0, 0)
        assert shop.owns("anomaly") == {"CNY": -50}

    def test_released_while_it_was_on_its_way(self, shop: Shop) -> None:
        shop.refund("A", "R", 50)
        shop.release("A", "L")
        assert money(shop) == Money(0, 50)
        shop.fail("R", "P1")

        # It was in escrow when it went, and is again: somebody has to release it.
        assert money(shop) == Money(50, 50)
        assert shop.release("A", "L2").amount == 50

    def test_e18_a_cashier_takes_it_from_the_same(self, shop: Shop) -> None:
        shop.release("A", "L", 60)
        shop.record_refund("A", "R1", 55)

        assert money(shop) == Money(0, 45)

    def test_after_the_payout_the_payee_owes_it(self, shop: Shop) -> None:
        shop.release("A", "L")
        assert shop.settle("S1").amount == 100
        shop.refund("A", "R", 70)

        assert money(shop) == Money(0, -70)
        shop.fail("R", "P1")
        assert money(shop) == Money(0, -10)


class TestUndoing:
    def test_a_trade_that_is_closed_takes_what_is_in_escrow_first(self, shop: Shop) -> None:
        shop.call("merge_orders", on_hold("S", A=100), "T")
        shop.pay("T", "P", 60)
        shop.release("A", "L", 40)
        shop.refund("A", "R", 10)
        shop.close("T")

        assert money(shop) == Money(0, 0)
        assert shop.details(shop.reversal("T").refund_no) == {"P": 50}
        (back,) = shop.query("select * from mixpay.journal where from_account = 'payee'")
        assert (back.amount, back.cause) == (40, "trade")

    def test_a_refund_that_fails_after_that_is_in_escrow_again(self, shop: Shop) -> None:
        shop.call("merge_orders", on_hold("S", A=100), "T")
        shop.pay("T", "P", 60)
        shop.release("A", "L", 40)
        shop.refund("A", "R", 30)
        shop.close("T")
        assert money(shop) == Money(0, 0)
        shop.fail("R", "P")

        assert money(shop) == Money(20, 10)
        shop.close("T")
        assert money(shop) == Money(20, 10)

    def test_a_trade_that_is_kept_stays_released(self, shop: Shop) -> None:
        shop.call("merge_orders", on_hold("S", A=100), "T")
        shop.pay("T", "P", 60)
        shop.release("A", "L", 40)
        shop.close("T", keep=True)
        assert money(shop) == Money(20, 40)
        shop.call("merge_orders", on_hold("S", A=100), "T2")
        shop.pay("T2", "P2", 40)
        shop.release("A", "L2", 30)

        assert [shop.line(number, "A").cleared for number in ("T", "T2")] == [60, 10]
        # Closed again without keeping, only its own goes back.
        shop.close("T")
        assert money(shop) == Money(30, 10)

    def test_what_is_cancelled_is_taken_back_from_its_payee(self, shop: Shop) -> None:
        """Of A's 60, 40 are released; B's payee gets 50, and 10 go back."""
        shop.call("merge_orders", on_hold("S", A=100) + on_hold("V", False, B=50), "T")
        shop.pay("T", "P", 60)
        shop.release("A", "L", 40)
        shop.cancel("T", "A")

        assert money(shop) == Money(0, 0)
        assert shop.owns("payee:V") == {"CNY": 50}
        assert shop.details(shop.reversal("T").refund_no) == {"P": 10}
        with shop.refused("MX501", 0):
            shop.release("A", "L2")

    def test_what_another_gets_by_it_is_in_escrow_if_it_is_to_be(self, shop: Shop) -> None:
        shop.call("merge_orders", on_hold("V", False, B=60) + on_hold("S", A=100), "T")
        shop.pay("T", "P", 60)
        assert shop.owns("payee:V") == {"CNY": 60}
        shop.cancel("T", "B")

        assert shop.owns("payee:V") == {"CNY": 0}
        assert money(shop) == Money(60, 0)
        assert shop.release("A", "L").amount == 60

    def test_an_order_that_was_cancelled_can_be_on_hold_anew(self, shop: Shop) -> None:
        shop.call("merge_orders", on_hold("S", A=100) + on_hold("V", B=50), "T")
        shop.pay("T", "P", 60)
        shop.release("A", "L", 40)
        shop.refund("A", "R", 30)
        shop.cancel("T", "A")
        assert (money(shop), shop.balance("B").in_escrow) == (Money(0, 0), 30)
        shop.call("merge_orders", on_hold("S", A=100), "T2")
        shop.pay("T2", "P2", 70)
        # The refund fails after all: what of it was in escrow is again, the rest the payee's.
        shop.fail("R", "P")

        assert money(shop) == Money(90, 10)
        assert shop.release("A", "L2").amount == 90
