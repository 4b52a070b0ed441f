import pytest
from shop import Row, Shop, day, on_hold


@pytest.fixture(autouse=True)
def disputed(shop: Shop) -> None:
    """A100 of payee S, paid 60 by card and 40 in cash, was released up to 30; D is open."""
    shop.call("register_payee", "S", "Store")
    shop.call("merge_orders", on_hold("S", A=100), "T")
    shop.pay("T", "P1", 60, "card", day(1))
    shop.pay("T", "P2", 40, "cash", day(2))
    shop.release("A", "L", 30)
    shop.call("open_dispute", "A", "D", "broken")


def close(
    shop: Shop,
    outcome: str | None,
    reason: str | None = None,
    amount: int | None = None,
    dispute_no: str | None = "D",
) -> Row:
    return shop.call("close_dispute", dispute_no, outcome, reason, amount)


class TestForThePayee:
    def test_the_money_can_be_released_again(self, shop: Shop) -> None:
        closed = close(shop, "payee", "it was not")

        assert (closed.state, closed.outcome, closed.closing_reason) == (
            "closed",
            "payee",
            "it was not",
        )
        assert (closed.reason, closed.refund_no) == ("broken", None)
        assert closed.closed_at is not None
        assert closed == shop.row("disputes", "D")
        assert shop.balance("A").in_escrow == 70
        assert shop.release("A", "L2").amount == 70

    def test_moves_no_money(self, shop: Shop) -> None:
        before = shop.query("select * from mixpay.journal")
        close(shop, "payee")
        assert shop.query("select * from mixpay.journal") == before

    def test_an_amount_makes_no_sense(self, shop: Shop) -> None:
        with shop.refused("MX905", 70):
            close(shop, "payee", None, 70)

    def test_e03_again_returns_the_dispute(self, shop: Shop) -> None:
        first = close(shop, "payee", "it was not")
        for reason in (None, "another reason"):
            with shop.unchanged():
                assert close(shop, "payee", reason) == first

    @pytest.mark.parametrize("amount", [None, 70])
    def test_e03_not_for_the_buyer_afterwards(self, shop: Shop, amount: int | None) -> None:
        close(shop, "payee")
        with shop.refused("MX507", "D", "payee"):
            close(shop, "buyer", None, amount)


class TestForTheBuyer:
    def test_what_is_in_escrow_goes_back(self, shop: Shop) -> None:
        closed = close(shop, "buyer", "it was")

        assert (closed.state, closed.outcome, closed.closing_reason) == (
            "closed",
            "buyer",
            "it was",
        )
        refund = shop.row("refunds", closed.refund_no)
        assert (refund.kind, refund.order_no, refund.amount) == ("order", "A", 70)
        assert (refund.state, refund.reason) == ("processing", "it was")
        assert shop.details(closed.refund_no) == {"P1": 60, "P2": 10}
        assert (shop.balance("A").in_escrow, shop.owns("payee:S")) == (0, {"CNY": 30})

    def test_less_than_that(self, shop: Shop) -> None:
        closed = close(shop, "buyer", None, 45)

        assert shop.details(closed.refund_no) == {"P1": 45}
        assert (shop.balance("A").in_escrow, shop.owns("payee:S")) == (25, {"CNY": 30})
        assert shop.release("A", "L2").amount == 25

    def test_more_than_that_the_payee_gives_back(self, shop: Shop) -> None:
        closed = close(shop, "buyer", None, 90)

        assert shop.details(closed.refund_no) == {"P1": 60, "P2": 30}
        assert (shop.balance("A").in_escrow, shop.owns("payee:S")) == (0, {"CNY": 10})
        (back,) = shop.query("select * from mixpay.journal where from_account = 'payee'")
        assert (back.amount, back.cause, back.cause_no) == (20, "refund", closed.refund_no)

    def test_e14_more_than_is_left_fails_whole(self, shop: Shop) -> None:
        shop.refund("A", "R", 20)
        with shop.refused("MX301", 81, 100, 20, 80):
            close(shop, "buyer", None, 81)
        assert shop.row("disputes", "D").state == "open"
        assert close(shop, "buyer", None, 80).state == "closed"

    def test_nothing_goes_back_when_nothing_is_in_escrow(self, shop: Shop) -> None:
        shop.refund("A", "R", 70)
        closed = close(shop, "buyer")

        assert (closed.state, closed.refund_no) == ("closed", None)
        assert shop.owns("payee:S") == {"CNY": 30}
        with shop.unchanged():
            assert close(shop, "buyer") == closed
        with shop.refused("MX507"):
            close(shop, "buyer", None, 30)

    def test_of_an_order_that_is_not_paid(self, shop: Shop) -> None:
        shop.call("merge_orders", on_hold("S", B=50), "T2")
        shop.call("open_dispute", "B", "D2")
        assert close(shop, "buyer", dispute_no="D2").refund_no is None
        shop.call("open_dispute", "B", "D3")
        with shop.refused("MX301", 1, 0):
            close(shop, "buyer", None, 1, "D3")

    def test_what_belongs_to_nobody_goes_back_too(self, shop: Shop) -> None:
        shop.merge("T2", B=50)
        shop.pay("T2", "P3", 20)
        shop.call("open_dispute", "B", "D2")

        assert shop.details(close(shop, "buyer", dispute_no="D2").refund_no) == {"P3": 20}

    def test_the_orders_first_trade_gives_first(self, shop: Shop) -> None:
        """As with every refund; what of the second is in escrow is the payee's in its place."""
        for trade_no, pay in (("U2", 30), ("U1", 50)):
            shop.call("merge_orders", on_hold("S", B=(80, pay)), trade_no)
            shop.pay(trade_no, f"P{trade_no}", pay)
        shop.release("B", "L2", 30)
        shop.call("open_dispute", "B", "D2")
        closed = close(shop, "buyer", dispute_no="D2")

        assert shop.details(closed.refund_no) == {"PU2": 30, "PU1": 20}
        assert shop.balance("B").in_escrow == 30
        assert shop.release("B", "L3").amount == 30
        assert shop.owns("payee:S") == {"CNY": 60}

    def test_of_a_split_order_everybody_gives_back(self, shop: Shop) -> None:
        shop.rows("split_order", "A", "X", [{"receiver": "x", "rate": 1000}])
        assert (shop.owns("receiver:x"), shop.owns("payee:S")) == ({"CNY": 3}, {"CNY": 27})
        close(shop, "buyer", None, 90)

        assert (shop.owns("receiver:x"), shop.owns("payee:S")) == ({"CNY": 1}, {"CNY": 9})
        assert shop.balance("A").in_escrow == 0

    @pytest.mark.parametrize("amount", [None, 70])
    def test_e03_again_returns_the_dispute(self, shop: Shop, amount: int | None) -> None:
        first = close(shop, "buyer", "it was", amount)
        for again in (None, 70):
            with shop.unchanged():
                assert close(shop, "buyer", "another reason", again) == first

    def test_e03_with_another_amount_it_is_an_error(self, shop: Shop) -> None:
        close(shop, "buyer")
        for amount in (69, 71):
            with shop.refused("MX507", "D", "buyer"):
                close(shop, "buyer", None, amount)

    def test_e03_not_for_the_payee_afterwards(self, shop: Shop) -> None:
        close(shop, "buyer")
        with shop.refused("MX507", "D", "buyer"):
            close(shop, "payee")

    def test_e02_refuses_what_is_no_amount(self, shop: Shop) -> None:
        for amount in (0, -1, 10**15 + 1):
            with shop.refused("MX902", amount):
                close(shop, "buyer", None, amount)

    def test_the_refund_is_one_like_any_other(self, shop: Shop) -> None:
        refund_no = close(shop, "buyer", None, 80).refund_no
        shop.fail(refund_no, "P1")
        assert (shop.balance("A").in_escrow, shop.owns("payee:S")) == (60, {"CNY": 20})
        shop.redirect(refund_no, "P1", "bank")
        shop.complete(refund_no, "P1")
        shop.complete(refund_no, "P2")

        assert shop.row("refunds", refund_no).state == "succeeded"
        assert (shop.balance("A").in_escrow, shop.owns("payee:S")) == (0, {"CNY": 20})


@pytest.mark.parametrize("outcome", ["buyer", "payee"])
class TestBoth:
    def test_is_on_record_where_its_beginning_is(self, shop: Shop, outcome: str) -> None:
        for trade_no in ("U2", "U1"):
            shop.call("merge_orders", on_hold("S", B=(80, 40)), trade_no)
            shop.pay(trade_no, f"P{trade_no}", 40)
        shop.call("open_dispute", "B", "D2", "broken")
        close(shop, outcome, "it is", dispute_no="D2")
        told = [e for e in shop.rows("read_events", None, 1000) if e.number == "D2"]
        changes = shop.query("select * from mixpay.history where number = 'D2' order by entry")

        for found in (told, changes):
            assert [(it.from_state, it.to_state, it.reason) for it in found] == [
                ("", "open", "broken"),
                ("open", "closed", "it is"),
            ]
            assert {(it.trade_no, it.order_no, it.entity) for it in found} == {
                ("U2", "B", "dispute")
            }

    def test_is_listed(self, shop: Shop, outcome: str) -> None:
        closed = close(shop, outcome, "it is")
        (listed,) = shop.query("select * from mixpay.dispute_list")

        assert (listed.state, listed.outcome, listed.closing_reason) == ("closed", outcome, "it is")
        assert (listed.refund_no, listed.closed_at) == (closed.refund_no, closed.closed_at)
        assert listed.in_escrow == (0 if outcome == "buyer" else 70)

    def test_refuses_what_it_does_not_know(self, shop: Shop, outcome: str) -> None:
        with shop.refused("MX505", "nothing"):
            close(shop, outcome, dispute_no="nothing")
        with shop.refused("MX101", "nobody"):
            close(Shop(shop.conn, "nobody"), outcome)
        other = Shop(shop.conn, "other")
        other.call("register_merchant", "Other")
        with shop.refused("MX505", "D"):
            close(other, outcome)

    @pytest.mark.parametrize("number", [None, "", "a b", "x" * 65])
    def test_refuses_bad_numbers(self, shop: Shop, outcome: str, number: str | None) -> None:
        with shop.refused("MX901"):
            close(shop, outcome, dispute_no=number)

    def test_refuses_an_overlong_reason(self, shop: Shop, outcome: str) -> None:
        with shop.refused("MX905", 1001):
            close(shop, outcome, "x" * 1001)


@pytest.mark.parametrize("outcome", [None, "", "seller", "BUYER"])
def test_refuses_another_outcome(shop: Shop, outcome: str | None) -> None:
    with shop.refused("MX905"):
        close(shop, outcome)
