import pytest
from shop import Shop, day


def mergeable(shop: Shop, *order_nos: str) -> list[int]:
    return [shop.balance(order_no).mergeable for order_no in order_nos]


def line(shop: Shop, order_no: str) -> tuple[int, int, int, bool]:
    row = shop.line("T", order_no)
    return row.amount, row.paid, row.refunded, row.live


class TestNothingPaid:
    @pytest.fixture(autouse=True)
    def trade(self, shop: Shop) -> None:
        shop.merge("T", A=100, B=50, C=10)

    def test_takes_the_order_out(self, shop: Shop) -> None:
        trade = shop.cancel("T", "A")

        assert (trade.state, trade.amount, trade.paid) == ("open", 60, 0)
        assert line(shop, "A") == (0, 0, 0, False)
        assert shop.query("select from mixpay.refunds") == []

    def test_the_order_can_be_merged_again_at_once(self, shop: Shop) -> None:
        shop.cancel("T", "A")

        assert mergeable(shop, "A", "B") == [100, 0]
        assert shop.merge("T2", A=100).amount == 100
        assert shop.row("trades", "T").state == "open"

    def test_the_others_are_paid_without_it(self, shop: Shop) -> None:
        shop.cancel("T", "B")
        shop.pay("T", "P", 110)

        assert shop.row("trades", "T").state == "paid"
        assert shop.paid("T") == {"A": 100, "B": 0, "C": 10}

    def test_pending_attempts_stay(self, shop: Shop) -> None:
        shop.start("T", "P", 160)
        shop.cancel("T", "A")
        paid = shop.succeed("P")

        assert (paid.applied, paid.surplus) == (60, 100)
        assert shop.listed("surplus_list") == {"P": 100}

    def test_the_last_one_closes_the_trade(self, shop: Shop) -> None:
        shop.start("T", "P", 10)
        shop.cancel("T", "A")
        shop.cancel("T", "C")
        trade = shop.cancel("T", "B")

        assert (trade.state, trade.amount, trade.keeps_paid) == ("closed", 0, False)
        assert line(shop, "B") == (0, 0, 0, False)
        assert shop.row("payments", "P").state == "closed"
        assert mergeable(shop, "A", "B", "C") == [100, 50, 10]
        shop.merge("T2", A=100, B=50, C=10)
        assert shop.succeed("P").surplus == 10

    def test_says_why(self, shop: Shop) -> None:
        shop.call("cancel_order", "T", "A", "torn")
        (change,) = shop.query("select * from mixpay.history where order_no = 'A'")

        assert (change.from_state, change.to_state, change.reason) == ("open", "open", "torn")

    def test_e03_again_returns_the_trade_whatever_became_of_it(self, shop: Shop) -> None:
        first = shop.cancel("T", "A")
        with shop.unchanged():
            assert shop.call("cancel_order", "T", "A", "another reason") == first
        # It is in another trade meanwhile, and stays there.
        shop.merge("T2", A=100)
        with shop.unchanged():
            assert shop.cancel("T", "A") == first
        shop.pay("T", "P", 60)
        with shop.unchanged():
            assert shop.cancel("T", "A").state == "paid"

    def test_e03_again_after_the_trade_was_closed(self, shop: Shop) -> None:
        shop.cancel("T", "A")
        shop.close("T")
        with shop.unchanged():
            assert shop.cancel("T", "A").state == "closed"

    def test_refuses_bad_input(self, shop: Shop) -> None:
        with shop.refused("MX104", "nothing"):
            shop.cancel("nothing", "A")
        with shop.refused("MX101", "nobody"):
            Shop(shop.conn, "nobody").cancel("T", "A")
        shop.merge("T2", D=5)
        for stranger in ("D", "nothing"):
            with shop.refused("MX111", "T", stranger, 3):
                shop.cancel("T", stranger)
        for bad in [None, "", "a b", "x" * 65]:
            with shop.refused("MX901"):
                shop.call("cancel_order", bad, "A", "torn")
            with shop.refused("MX901"):
                shop.call("cancel_order", "T", bad, "torn")
        with shop.refused("MX905", 1001):
            shop.call("cancel_order", "T", "A", "x" * 1001)

    def test_does_not_find_another_merchants(self, shop: Shop) -> None:
        other = Shop(shop.conn, "other")
        other.call("register_merchant", "Other")
        with shop.refused("MX104", "T"):
            other.cancel("T", "A")


def test_its_money_serves_the_others_first(shop: Shop) -> None:
    """A100 B50, paid 40 and 20: B gets 50, and 10 goes back to the oldest payment."""
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P1", 40, "card", day(1))
    shop.pay("T", "P2", 20, "alipay", day(2))
    assert shop.paid("T") == {"A": 60, "B": 0}
    trade = shop.cancel("T", "A")

    assert (trade.state, trade.amount, trade.paid, trade.refunded) == ("paid", 50, 50, 0)
    assert line(shop, "A") == (0, 0, 0, False)
    assert line(shop, "B") == (50, 50, 0, False)
    reversal = shop.reversal("T")
    assert (reversal.amount, reversal.state) == (10, "processing")
    assert shop.details(reversal.refund_no) == {"P1": 10}
    p1 = shop.row("payments", "P1")
    assert (p1.applied, p1.surplus, p1.surplus_refunded) == (30, 10, 10)
    assert shop.listed("surplus_list") == {"P1": 10}
    shop.complete(reversal.refund_no, "P1")
    assert shop.listed("surplus_list") == {}

    assert mergeable(shop, "A", "B") == [100, 0]
    assert shop.merge("T2", A=100).amount == 100
    assert shop.refund("B", "R", 50) == {"P1": 30, "P2": 20}


class TestRefundedInPart:
    """A100 B50, paid 60, 20 of A refunded, A cancelled."""

    @pytest.fixture(autouse=True)
    def trade(self, shop: Shop) -> None:
        shop.merge("T", A=100, B=50)
        shop.pay("T", "P", 60)
        shop.refund("A", "R", 20)
        trade = shop.cancel("T", "A")
        assert (trade.state, trade.amount, trade.paid, trade.refunded) == ("open", 70, 60, 20)

    def test_what_was_refunded_stays_on_its_line(self, shop: Shop) -> None:
        assert line(shop, "A") == (20, 20, 20, False)
        assert line(shop, "B") == (50, 40, 0, True)
        assert shop.query("select from mixpay.refunds where kind = 'reversal'") == []
        assert (shop.balance("A").refundable, mergeable(shop, "A")) == (0, [80])

    def test_the_refund_that_fails_can_be_made_again(self, shop: Shop) -> None:
        shop.fail("R", "P")

        assert shop.row("refunds", "R").state == "failed"
        assert (shop.balance("A").refundable, mergeable(shop, "A")) == (20, [80])
        assert shop.merge("T2", A=100).amount == 80
        shop.pay("T2", "P2", 80)
        with shop.refused("MX301", 101, 100):
            shop.refund("A", "R2", 101)
        assert shop.refund("A", "R2", 100) == {"P": 20, "P2": 80}

    def test_the_refund_that_fails_can_be_redirected(self, shop: Shop) -> None:
        shop.fail("R", "P")
        shop.redirect("R", "P", "bank")
        shop.complete("R", "P")

        assert line(shop, "A") == (20, 20, 20, False)
        assert shop.balance("A").refundable == 0

    def test_the_trade_is_paid_when_the_rest_is(self, shop: Shop) -> None:
        shop.pay("T", "P2", 10)
        trade = shop.row("trades", "T")

        assert (trade.state, trade.amount, trade.paid, trade.refunded) == ("paid", 70, 70, 20)
        assert shop.refund("B", "R2", 50) == {"P": 40, "P2": 10}

    def test_cancelling_the_last_order_closes_the_trade(self, shop: Shop) -> None:
        trade = shop.cancel("T", "B")

        assert (trade.state, trade.amount, trade.paid, trade.refunded) == ("closed", 20, 20, 20)
        assert shop.details(shop.reversal("T").refund_no) == {"P": 40}
        assert line(shop, "B") == (0, 0, 0, False)
        assert mergeable(shop, "A", "B") == [80, 50]

    def test_cancelling_the_last_order_sends_back_what_failed_before(self, shop: Shop) -> None:
        shop.fail("R", "P")
        trade = shop.cancel("T", "B")

        assert (trade.state, trade.amount, trade.paid, trade.refunded) == ("closed", 0, 0, 0)
        assert shop.details(shop.reversal("T").refund_no) == {"P": 60}
        assert mergeable(shop, "A", "B") == [100, 50]


def test_the_last_order_keeps_what_is_refunded_of_it(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 60)
    shop.refund("A", "R", 20)
    trade = shop.cancel("T", "A")

    assert (trade.state, trade.amount, trade.paid, trade.refunded) == ("closed", 20, 20, 20)
    assert line(shop, "A") == (20, 20, 20, False)
    assert shop.details(shop.reversal("T").refund_no) == {"P": 40}
    assert mergeable(shop, "A") == [80]
    with shop.unchanged():
        assert shop.cancel("T", "A") == trade


def test_the_trade_is_paid_when_the_others_were(shop: Shop) -> None:
    """They lack nothing: what this one has got goes back whole."""
    shop.merge("T", B=50, A=100)
    shop.pay("T", "P1", 30, "card", day(1))
    shop.pay("T", "P2", 30, "card", day(2))
    trade = shop.cancel("T", "A")

    assert (trade.state, trade.amount, trade.paid) == ("paid", 50, 50)
    assert shop.details(shop.reversal("T").refund_no) == {"P1": 10}
    assert mergeable(shop, "A", "B") == [100, 0]


def test_the_reversal_takes_money_that_holds_something(shop: Shop) -> None:
    """P1 was refunded in part, P2 wholly: the reversal passes over them as a refund does."""
    shop.merge("T", A=100, B=20)
    for number, amount in (("P1", 30), ("P2", 20), ("P3", 40)):
        shop.pay("T", number, amount, "card", day(int(number[1])))
    shop.refund("A", "R", 20, payment_nos=["P2"])
    shop.refund("A", "R2", 10)
    assert shop.cancel("T", "A").state == "paid"

    assert shop.details(shop.reversal("T").refund_no) == {"P1": 20, "P3": 20}
    assert line(shop, "A") == (30, 30, 30, False)
    assert shop.refund("B", "R3", 20) == {"P3": 20}


def test_pro_rata_divides_it_by_what_the_others_lack(shop: Shop) -> None:
    shop.call("register_merchant", "Shop", "pro_rata")
    shop.merge("T", A=60, B=60, C=20)
    shop.pay("T", "P", 70)
    assert shop.paid("T") == {"A": 30, "B": 30, "C": 10}
    trade = shop.cancel("T", "B")

    # 30 among 30 and 10.
    assert shop.paid("T") == {"A": 53, "B": 0, "C": 17}
    assert (trade.state, trade.amount, trade.paid) == ("open", 80, 70)
    assert mergeable(shop, "A", "B", "C") == [0, 60, 0]
    # 53 among the 3 that C lacks.
    trade = shop.cancel("T", "A")
    assert (trade.state, trade.amount, trade.paid) == ("paid", 20, 20)
    assert shop.details(shop.reversal("T").refund_no) == {"P": 50}


def test_pro_rata_gives_single_units_to_the_first(shop: Shop) -> None:
    shop.call("register_merchant", "Shop", "pro_rata")
    shop.merge("T", A=10, B=10, C=10, D=1)
    shop.pay("T", "P", 4)
    assert shop.paid("T") == {"A": 2, "B": 1, "C": 1, "D": 0}
    shop.cancel("T", "A")

    assert shop.paid("T") == {"A": 0, "B": 2, "C": 2, "D": 0}


def test_the_others_money_is_on_record(shop: Shop) -> None:
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P", 60)
    shop.cancel("T", "A")
    moves = shop.query(
        "select order_no, to_order_no, to_account, amount from mixpay.trade_flow "
        "where from_account = 'order' order by entry"
    )

    assert [tuple(move) for move in moves] == [
        ("A", "B", "order", 50),
        ("A", None, "surplus", 10),
    ]


def test_two_trades_of_an_order(shop: Shop) -> None:
    """Cancelled in the second, the order keeps what it has in the first one."""
    shop.merge("T1", A=(100, 40))
    shop.pay("T1", "P1", 40, "card", day(1))
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P2", 30, "card", day(2))
    shop.cancel("T", "A")

    assert (shop.balance("A").paid, mergeable(shop, "A")) == (40, [60])
    assert shop.paid("T") == {"A": 0, "B": 30}
    assert shop.refund("A", "R", 40) == {"P1": 40}
    assert shop.refund("B", "R2", 30) == {"P2": 30}


@pytest.mark.parametrize("keep", [False, True])
def test_refuses_in_a_trade_that_is_not_open(shop: Shop, keep: bool) -> None:
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P", 60)
    shop.close("T", keep)
    with shop.refused("MX204", "T", "closed"):
        shop.cancel("T", "A")
    shop.merge("T2", C=5)
    shop.pay("T2", "P2", 5)
    with shop.refused("MX204", "T2", "paid"):
        shop.cancel("T2", "C")


def test_a_kept_trade_with_a_cancelled_order_goes_back_as_a_whole(shop: Shop) -> None:
    shop.merge("T", A=100, B=50, C=50)
    shop.pay("T", "P", 70)
    shop.refund("A", "R", 20)
    shop.cancel("T", "A")
    shop.close("T", keep=True)
    assert shop.paid("T") == {"A": 20, "B": 50, "C": 0}
    shop.fail("R", "P")
    shop.close("T")

    assert shop.details(shop.reversal("T").refund_no) == {"P": 70}
    assert mergeable(shop, "A", "B", "C") == [100, 50, 50]
    assert shop.merge("T2", A=100, B=50, C=50).amount == 200


def test_e51_an_order_in_dispute_is_not_cancelled(shop: Shop) -> None:
    shop.merge("TD", X=100, Y=50)
    shop.pay("TD", "PD", 60)
    shop.call("open_dispute", "X", "D1", "not as described")
    with shop.refused("MX503", "X", "D1"):
        shop.cancel("TD", "X")
    # The others may go, and their money serves it.
    assert shop.cancel("TD", "Y").amount == 100
    with shop.refused("MX503", "X", "D1"):
        shop.cancel("TD", "X")
    shop.call("close_dispute", "D1", "payee")

    assert shop.cancel("TD", "X").state == "closed"


def test_e51_what_was_cancelled_before_the_dispute_stays_so(shop: Shop) -> None:
    shop.merge("TD", X=100, Y=50)
    shop.pay("TD", "PD", 60)
    first = shop.cancel("TD", "X")
    shop.call("open_dispute", "X", "D1")

    assert shop.cancel("TD", "X").state == first.state


@pytest.mark.parametrize("end", ["close", "expire"])
def test_e51_what_goes_back_to_the_buyer_goes_on(shop: Shop, end: str) -> None:
    shop.merge("TD", X=100)
    shop.pay("TD", "PD", 60)
    shop.call("open_dispute", "X", "D1")
    shop.refund("X", "R1", 10)
    if end == "close":
        shop.close("TD")
    else:
        shop.conn.execute(
            "update mixpay.trades set expires_at = now() - interval '1 day' where trade_no = 'TD'"
        )
        assert shop.expire() == ["TD"]

    assert shop.row("trades", "TD").state == "closed"
    assert shop.row("payments", "PD").refunded == 60
