from collections.abc import Callable
from concurrent.futures import Future
from random import Random
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from shop import Shop, day, orders

Race = Callable[..., Any]
BLIND = pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])


def mergeable(shop: Shop, *order_nos: str) -> list[int]:
    return [shop.balance(order_no).mergeable for order_no in order_nos]


@pytest.fixture
def trade(shop: Shop) -> Shop:
    """A100 B50, paid 60: all of it A's."""
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P", 60, "card", day(1))
    return shop


@pytest.fixture
def refund(shop: Shop) -> Shop:
    """R: 30 to the wallet, which has succeeded, and 70 to a card, which has failed."""
    shop.merge("T", A=100)
    shop.pay("T", "P1", 30, "wallet", day(1))
    shop.pay("T", "P2", 70, "card", day(2))
    shop.refund("A", "R", 100)
    shop.complete("R", "P1", "X1")
    shop.fail("R", "P2")
    return shop


class TestClose:
    def test_e09_a_success_that_waited_for_the_end_is_surplus(
        self, trade: Shop, race: Race
    ) -> None:
        trade.start("T", "P2", 90)
        raced = race(lambda s: s.close("T"), lambda s: s.succeed("P2", "X"))

        assert (raced.second.applied, raced.second.surplus) == (0, 90)
        assert trade.listed("surplus_list") == {"P": 60, "P2": 90}
        assert mergeable(trade, "A", "B") == [100, 50]

    def test_e09_money_that_waited_for_a_trade_that_was_kept_is_surplus(
        self, trade: Shop, race: Race
    ) -> None:
        raced = race(lambda s: s.close("T", keep=True), lambda s: s.pay("T", "P2", 90))

        assert (raced.second.applied, raced.second.surplus) == (0, 90)
        assert mergeable(trade, "A", "B") == [40, 50]

    def test_money_that_came_first_goes_back(self, trade: Shop, race: Race) -> None:
        raced = race(lambda s: s.pay("T", "P2", 20), lambda s: s.close("T"))

        assert raced.second.state == "closed"
        assert trade.details(trade.reversal("T").refund_no) == {"P": 60, "P2": 20}
        assert mergeable(trade, "A", "B") == [100, 50]

    def test_a_trade_that_got_paid_meanwhile_is_not_closed(self, trade: Shop, race: Race) -> None:
        raced = race(lambda s: s.pay("T", "P2", 90), lambda s: s.close("T"))

        assert raced.second.sqlstate == "MX112"
        assert trade.balance("B").refundable == 50

    @pytest.mark.usefixtures("trade")
    def test_an_attempt_that_waited_for_the_end_is_refused(self, race: Race) -> None:
        raced = race(lambda s: s.close("T"), lambda s: s.start("T", "P2", 90))

        assert raced.second.sqlstate == "MX204"

    def test_an_attempt_that_came_first_is_closed(self, trade: Shop, race: Race) -> None:
        race(lambda s: s.start("T", "P2", 90), lambda s: s.close("T"))

        assert trade.row("payments", "P2").state == "closed"

    def test_a_refund_that_waited_for_the_end_finds_nothing(self, trade: Shop, race: Race) -> None:
        raced = race(lambda s: s.close("T"), lambda s: s.refund("A", "R", 20))

        assert raced.second.sqlstate == "MX301"
        assert trade.details(trade.reversal("T").refund_no) == {"P": 60}
        assert mergeable(trade, "A") == [100]

    def test_what_was_refunded_first_is_not_reversed(self, trade: Shop, race: Race) -> None:
        race(lambda s: s.refund("A", "R", 20), lambda s: s.close("T"))

        assert trade.details(trade.reversal("T").refund_no) == {"P": 40}
        assert mergeable(trade, "A") == [80]

    def test_a_failure_that_waited_for_the_end_leaves_it_to_the_order(
        self, trade: Shop, race: Race
    ) -> None:
        trade.refund("A", "R", 20)
        race(lambda s: s.close("T"), lambda s: s.fail("R", "P"))

        assert trade.details(trade.reversal("T").refund_no) == {"P": 40}
        assert (trade.balance("A").refundable, mergeable(trade, "A")) == (20, [80])

    def test_what_failed_first_is_reversed_too(self, trade: Shop, race: Race) -> None:
        trade.refund("A", "R", 20)
        race(lambda s: s.fail("R", "P"), lambda s: s.close("T"))

        assert trade.details(trade.reversal("T").refund_no) == {"P": 60}
        assert mergeable(trade, "A") == [100]

    @pytest.mark.parametrize("keep", [False, True])
    def test_e03_closed_twice_at_once(self, trade: Shop, race: Race, keep: bool) -> None:
        raced = race(lambda s: s.close("T", keep), lambda s: s.close("T", keep))

        assert raced.second == raced.first
        assert trade.listed("surplus_list") == ({} if keep else {"P": 60})

    def test_kept_and_then_not(self, trade: Shop, race: Race) -> None:
        raced = race(lambda s: s.close("T", keep=True), lambda s: s.close("T"))

        assert (raced.first.paid, raced.second.paid, raced.second.keeps_paid) == (60, 0, False)
        assert trade.listed("surplus_list") == {"P": 60}

    def test_not_kept_and_then_kept_is_refused(self, trade: Shop, race: Race) -> None:
        raced = race(lambda s: s.close("T"), lambda s: s.close("T", keep=True))

        assert raced.second.sqlstate == "MX113"
        assert trade.listed("surplus_list") == {"P": 60}

    @pytest.mark.parametrize(("keep", "amount"), [(False, 150), (True, 90)])
    def test_a_merge_that_waited_for_the_end_asks_for_what_is_left(
        self, trade: Shop, race: Race, keep: bool, amount: int
    ) -> None:
        raced = race(lambda s: s.close("T", keep), lambda s: s.merge("T2", A=100, B=50))

        assert raced.second.amount == amount
        assert mergeable(trade, "A", "B") == [0, 0]
        assert trade.line("T2", "A").live

    def test_an_end_that_waited_for_the_merge_finds_it_closed(self, shop: Shop, race: Race) -> None:
        shop.merge("T", A=100, B=50)
        raced = race(lambda s: s.merge("T2", A=100, C=5), lambda s: s.close("T"))

        assert (raced.first.state, raced.second.state) == ("open", "closed")
        assert mergeable(shop, "A", "B") == [0, 50]

    def test_an_end_that_keeps_is_refused_after_the_merge(self, shop: Shop, race: Race) -> None:
        shop.merge("T", A=100)
        raced = race(lambda s: s.merge("T2", A=100), lambda s: s.close("T", keep=True))

        assert raced.second.sqlstate == "MX113"

    def test_a_merge_still_waits_when_the_end_is_taken_back(self, trade: Shop, race: Race) -> None:
        raced = race(lambda s: s.close("T"), lambda s: s.merge("T2", A=100), commit=False)

        assert raced.second.sqlstate == "MX107"
        assert trade.row("trades", "T").state == "open"

    def test_a_merge_does_not_wait_for_a_trade_that_is_closed(
        self, trade: Shop, connect: Callable[..., Connection[Any]]
    ) -> None:
        """It asks for what was left then; what goes back meanwhile can be merged later."""
        trade.close("T", keep=True)
        other = Shop(connect(autocommit=False))
        other.close("T")
        trade.conn.execute("set lock_timeout = '1s'")
        assert trade.merge("T2", A=100).amount == 40
        other.conn.commit()

        assert mergeable(trade, "A") == [60]
        assert trade.merge("T3", A=100).amount == 100

    @BLIND
    @pytest.mark.parametrize("second", ["close", "pay", "refund", "merge", "cancel"])
    def test_e33_what_cannot_see_the_end_fails(
        self, trade: Shop, race: Race, second: str, isolation: str
    ) -> None:
        calls: dict[str, Callable[[Shop], Any]] = {
            "close": lambda s: s.close("T"),
            "pay": lambda s: s.pay("T", "P2", 90),
            "refund": lambda s: s.refund("A", "R", 20),
            "merge": lambda s: s.merge("T2", A=100, B=50),
            "cancel": lambda s: s.cancel("T", "A"),
        }
        raced = race(lambda s: s.close("T"), calls[second], isolation)

        assert raced.second.sqlstate == "40001"
        assert trade.listed("surplus_list") == {"P": 60}
        assert mergeable(trade, "A", "B") == [100, 50]


class TestCancel:
    def test_money_that_waited_serves_the_others(self, trade: Shop, race: Race) -> None:
        trade.merge("T2", C=30, D=70)
        raced = race(lambda s: s.cancel("T2", "C"), lambda s: s.pay("T2", "P2", 100))

        assert (raced.second.applied, raced.second.surplus) == (70, 30)
        assert trade.paid("T2") == {"C": 0, "D": 70}

    def test_money_that_came_first_is_moved(self, shop: Shop, race: Race) -> None:
        shop.merge("T", A=100, B=50)
        raced = race(lambda s: s.pay("T", "P", 60), lambda s: s.cancel("T", "A"))

        assert (raced.second.state, raced.second.paid) == ("paid", 50)
        assert shop.details(shop.reversal("T").refund_no) == {"P": 10}

    @pytest.mark.usefixtures("trade")
    def test_a_trade_that_got_paid_meanwhile_keeps_its_orders(self, race: Race) -> None:
        raced = race(lambda s: s.pay("T", "P2", 90), lambda s: s.cancel("T", "A"))

        assert raced.second.sqlstate == "MX204"

    def test_the_last_two_orders_at_once(self, trade: Shop, race: Race) -> None:
        raced = race(lambda s: s.cancel("T", "B"), lambda s: s.cancel("T", "A"))

        assert (raced.first.state, raced.second.state) == ("open", "closed")
        assert trade.details(trade.reversal("T").refund_no) == {"P": 60}
        assert mergeable(trade, "A", "B") == [100, 50]

    def test_the_one_that_waited_finds_the_others_money(self, trade: Shop, race: Race) -> None:
        trade.merge("T2", C=50, D=100, E=20)
        trade.pay("T2", "P2", 40)
        race(lambda s: s.cancel("T2", "C"), lambda s: s.cancel("T2", "D"))

        assert trade.paid("T2") == {"C": 0, "D": 0, "E": 20}
        assert trade.details(trade.reversal("T2").refund_no) == {"P2": 20}

    def test_e03_the_same_order_twice_at_once(self, trade: Shop, race: Race) -> None:
        raced = race(lambda s: s.cancel("T", "A"), lambda s: s.cancel("T", "A"))

        assert raced.second == raced.first
        assert trade.listed("surplus_list") == {"P": 10}

    def test_a_refund_of_it_that_waited_finds_nothing(self, trade: Shop, race: Race) -> None:
        raced = race(lambda s: s.cancel("T", "A"), lambda s: s.refund("A", "R", 20))

        assert raced.second.sqlstate == "MX301"
        assert trade.balance("B").refundable == 50

    def test_what_was_refunded_first_stays_on_its_line(self, trade: Shop, race: Race) -> None:
        raced = race(lambda s: s.refund("A", "R", 20), lambda s: s.cancel("T", "A"))

        assert (raced.second.amount, raced.second.paid, raced.second.state) == (70, 60, "open")
        assert mergeable(trade, "A") == [80]

    def test_a_merge_of_it_that_waited_gets_it(self, trade: Shop, race: Race) -> None:
        raced = race(lambda s: s.cancel("T", "A"), lambda s: s.merge("T2", A=100))

        assert raced.second.amount == 100
        assert trade.row("trades", "T").state == "paid"

    def test_the_end_of_the_trade_that_waited(self, trade: Shop, race: Race) -> None:
        trade.merge("T2", C=30, D=70)
        raced = race(lambda s: s.cancel("T2", "C"), lambda s: s.close("T2"))

        assert (raced.second.state, raced.second.amount) == ("closed", 70)

    @BLIND
    @pytest.mark.parametrize("second", ["cancel", "pay", "refund"])
    def test_e33_what_cannot_see_it_fails(
        self, trade: Shop, race: Race, second: str, isolation: str
    ) -> None:
        calls: dict[str, Callable[[Shop], Any]] = {
            "cancel": lambda s: s.cancel("T", "A"),
            "pay": lambda s: s.pay("T", "P2", 90),
            "refund": lambda s: s.refund("A", "R", 20),
        }
        raced = race(lambda s: s.cancel("T", "B"), calls[second], isolation)

        assert raced.second.sqlstate == "40001"
        assert trade.row("trades", "T").state == "open"


class TestExpire:
    @pytest.fixture(autouse=True)
    def expired(self, shop: Shop) -> None:
        for trade_no, lines in (("T1", orders(A=100)), ("T2", orders(B=100))):
            shop.call("merge_orders", lines, trade_no, day(1))

    def test_e09_money_that_waited_for_the_sweep_is_surplus(self, shop: Shop, race: Race) -> None:
        raced = race(lambda s: s.expire(), lambda s: s.pay("T1", "P", 100))

        assert raced.first == ["T1", "T2"]
        assert raced.second.surplus == 100
        assert mergeable(shop, "A") == [100]

    def test_e33_money_that_cannot_see_the_sweep_fails(self, shop: Shop, race: Race) -> None:
        raced = race(lambda s: s.expire(), lambda s: s.pay("T1", "P", 100), "repeatable read")

        assert raced.second.sqlstate == "40001"
        assert shop.pay("T1", "P", 100).surplus == 100

    def test_skips_a_trade_that_somebody_is_at_work_on(
        self, shop: Shop, connect: Callable[..., Connection[Any]]
    ) -> None:
        payer = Shop(connect(autocommit=False))
        payer.pay("T1", "P", 60)
        shop.conn.execute("set lock_timeout = '1s'")
        assert shop.expire() == ["T2"]
        payer.conn.commit()
        assert shop.expire() == ["T1"]

        assert shop.details(shop.reversal("T1").refund_no) == {"P": 60}

    def test_leaves_what_was_paid_meanwhile(
        self, shop: Shop, connect: Callable[..., Connection[Any]]
    ) -> None:
        payer = Shop(connect(autocommit=False))
        payer.pay("T1", "P", 100)
        assert shop.expire() == ["T2"]
        payer.conn.commit()

        assert shop.expire() == []
        assert shop.row("trades", "T1").state == "paid"

    def test_two_sweepers_never_get_the_same(
        self, shop: Shop, connect: Callable[..., Connection[Any]]
    ) -> None:
        one, two = Shop(connect(autocommit=False)), Shop(connect(autocommit=False))
        assert one.expire(1) == ["T1"]
        assert two.expire() == ["T2"]
        one.conn.commit()
        two.conn.commit()
        assert shop.expire() == []


class TestRecordRefund:
    @pytest.fixture(autouse=True)
    def paid(self, shop: Shop) -> None:
        shop.merge("T", A=100)
        shop.pay("T", "P1", 60, "card", day(1))
        shop.pay("T", "P2", 40, "cash", day(2))

    def test_e01_e18_a_refund_that_waited_for_the_cashier(self, shop: Shop, race: Race) -> None:
        raced = race(lambda s: s.record_refund("A", "R1", 55), lambda s: s.refund("A", "R2", 46))

        assert raced.first == {"P1": 15, "P2": 40}
        assert raced.second.sqlstate == "MX301"
        assert "45 is left" in raced.second.diag.message_detail
        assert shop.refund("A", "R2", 45) == {"P1": 45}

    def test_e01_e18_a_cashier_that_waited_for_a_refund(self, shop: Shop, race: Race) -> None:
        raced = race(lambda s: s.refund("A", "R1", 60), lambda s: s.record_refund("A", "R2", 41))

        assert raced.second.sqlstate == "MX301"
        assert shop.record_refund("A", "R2", 40) == {"P2": 40}

    def test_e01_e18_two_cashiers(self, shop: Shop, race: Race) -> None:
        raced = race(
            lambda s: s.record_refund("A", "R1", 55), lambda s: s.record_refund("A", "R2", 46)
        )

        assert raced.second.sqlstate == "MX301"
        assert shop.balance("A").refunded == 55

    def test_both_when_there_is_enough(self, race: Race) -> None:
        raced = race(lambda s: s.record_refund("A", "R1", 55), lambda s: s.refund("A", "R2", 45))

        assert raced.second == {"P1": 45}

    def test_e03_the_same_at_once(self, shop: Shop, race: Race) -> None:
        raced = race(
            lambda s: s.call("record_refund", "A", "R", 55, "cash", day(9)),
            lambda s: s.call("record_refund", "A", "R", 55, "cash", day(9)),
        )

        assert raced.second == raced.first
        assert shop.balance("A").refunded == 55

    @BLIND
    @pytest.mark.parametrize("record_first", [False, True])
    def test_e01_e33_two_that_cannot_see_each_other(
        self, shop: Shop, race: Race, record_first: bool, isolation: str
    ) -> None:
        calls = [lambda s: s.record_refund("A", "R1", 55), lambda s: s.refund("A", "R2", 46)]
        raced = race(*(calls if record_first else calls[::-1]), isolation)

        assert raced.second.sqlstate == "40001"
        assert shop.balance("A").refunded == (55 if record_first else 46)

    @pytest.mark.parametrize("record_first", [False, True])
    def test_e34_one_number_for_both_ways_of_an_order(
        self, shop: Shop, race: Race, record_first: bool
    ) -> None:
        calls = [lambda s: s.record_refund("A", "R", 20), lambda s: s.refund("A", "R", 20)]
        raced = race(*(calls if record_first else calls[::-1]))

        assert raced.second.sqlstate == "MX302"
        assert shop.balance("A").refunded == 20

    @pytest.mark.parametrize("record_first", [False, True])
    @pytest.mark.parametrize(
        ("isolation", "code"), [("read committed", "MX302"), ("repeatable read", "40001")]
    )
    def test_e34_one_number_for_both_ways_of_two_orders(
        self, shop: Shop, race: Race, record_first: bool, isolation: str, code: str
    ) -> None:
        shop.merge("T2", B=100)
        shop.pay("T2", "P3", 100)
        calls = [lambda s: s.record_refund("A", "R", 20), lambda s: s.refund("B", "R", 20)]
        raced = race(*(calls if record_first else calls[::-1]), isolation)

        assert raced.second.sqlstate == code
        assert shop.balance("A").refunded == (20 if record_first else 0)
        assert shop.balance("B").refunded == (0 if record_first else 20)


class TestRedirect:
    def test_e03_to_the_same_channel_twice_at_once(self, refund: Shop, race: Race) -> None:
        raced = race(
            lambda s: s.redirect("R", "P2", "bank"), lambda s: s.redirect("R", "P2", "bank")
        )

        assert raced.second == raced.first
        assert refund.row("payments", "P2").refunded == 70

    def test_e03_to_two_channels_at_once(self, refund: Shop, race: Race) -> None:
        raced = race(
            lambda s: s.redirect("R", "P2", "bank"), lambda s: s.redirect("R", "P2", "alipay")
        )

        assert raced.second.sqlstate == "MX307"
        assert refund.channel_refund("R", "P2").channel == "bank"

    def test_e01_a_refund_that_waited_finds_the_amount_reserved(
        self, refund: Shop, race: Race
    ) -> None:
        raced = race(lambda s: s.redirect("R", "P2", "bank"), lambda s: s.refund("A", "R2", 1))

        assert raced.second.sqlstate == "MX301"
        assert refund.balance("A").refunded == 100

    def test_e01_what_was_given_to_a_refund_is_not_redirected(
        self, refund: Shop, race: Race
    ) -> None:
        raced = race(lambda s: s.refund("A", "R2", 50), lambda s: s.redirect("R", "P2", "bank"))

        assert raced.second.sqlstate == "MX301"
        assert refund.balance("A").refunded == 80

    @BLIND
    @pytest.mark.parametrize("redirect_first", [False, True])
    def test_e01_e33_a_refund_and_a_redirect_that_cannot_see_each_other(
        self, refund: Shop, race: Race, redirect_first: bool, isolation: str
    ) -> None:
        calls = [lambda s: s.redirect("R", "P2", "bank"), lambda s: s.refund("A", "R2", 50)]
        raced = race(*(calls if redirect_first else calls[::-1]), isolation)

        assert raced.second.sqlstate == "40001"
        assert refund.balance("A").refunded == (100 if redirect_first else 80)

    @BLIND
    def test_e33_two_redirects_that_cannot_see_each_other(
        self, refund: Shop, race: Race, isolation: str
    ) -> None:
        raced = race(
            lambda s: s.redirect("R", "P2", "bank"),
            lambda s: s.redirect("R", "P2", "bank"),
            isolation,
        )

        assert raced.second.sqlstate == "40001"
        assert refund.row("payments", "P2").refunded == 70

    @pytest.mark.parametrize("redirect_first", [False, True])
    def test_e37_a_freed_surplus_and_a_refund_of_the_order(
        self, shop: Shop, race: Race, redirect_first: bool
    ) -> None:
        shop.merge("T", A=100)
        shop.pay("T", "P1", 40, "card", day(1))
        shop.pay("T", "P2", 90, "card", day(2))
        surplus = shop.surplus_refund("P2").refund_no
        shop.fail(surplus, "P2")
        calls = [
            lambda s: s.redirect(surplus, "P2", "bank").state,
            lambda s: s.refund("A", "R", 100),
        ]
        expected = ["pending", {"P1": 40, "P2": 60}]
        order = slice(None, None, 1 if redirect_first else -1)

        assert list(race(*calls[order])) == expected[order]
        assert shop.row("payments", "P2").refunded == 90

    def test_e06_a_late_success_that_waited_ends_the_successor(
        self, refund: Shop, race: Race
    ) -> None:
        number = refund.channel_refund("R", "P2").channel_refund_no
        raced = race(
            lambda s: s.redirect("R", "P2", "bank"),
            lambda s: s.call("complete_channel_refund", number, "X2"),
        )

        assert raced.second.state == "succeeded"
        assert refund.channel_refund("R", "P2").state == "failed"
        assert refund.balance("A").refunded == 100

    def test_e06_what_succeeded_after_all_is_not_redirected(self, refund: Shop, race: Race) -> None:
        raced = race(lambda s: s.complete("R", "P2", "X2"), lambda s: s.redirect("R", "P2", "bank"))

        assert raced.second.sqlstate == "MX304"
        assert refund.balance("A").refunded == 100

    def test_what_was_claimed_meanwhile_is_not_redirected(self, shop: Shop, race: Race) -> None:
        shop.merge("T", A=100)
        shop.pay("T", "P", 100, "card")
        shop.refund("A", "R", 100)
        raced = race(
            lambda s: s.rows("claim_channel_refunds", "w"), lambda s: s.redirect("R", "P", "bank")
        )

        assert len(raced.first) == 1
        assert raced.second.sqlstate == "MX304"

    def test_the_end_of_the_trade_that_waited_leaves_what_is_reserved(
        self, trade: Shop, race: Race
    ) -> None:
        trade.refund("A", "R", 20)
        trade.fail("R", "P")
        race(lambda s: s.redirect("R", "P", "bank"), lambda s: s.close("T"))

        assert trade.details(trade.reversal("T").refund_no) == {"P": 40}
        assert mergeable(trade, "A") == [80]

    def test_what_was_reversed_is_not_redirected(self, trade: Shop, race: Race) -> None:
        trade.refund("A", "R", 20)
        trade.fail("R", "P")
        raced = race(lambda s: s.close("T"), lambda s: s.redirect("R", "P", "bank"))

        assert raced.second.sqlstate == "MX301"
        assert trade.details(trade.reversal("T").refund_no) == {"P": 60}


class TestBounce:
    def test_e03_twice_at_once(self, refund: Shop, race: Race) -> None:
        raced = race(lambda s: s.bounce("R", "P1"), lambda s: s.bounce("R", "P1"))

        assert raced.second == raced.first
        assert refund.balance("A").refunded == 0
        assert refund.row("payments", "P1").refunded == 0

    def test_e21_late_news_of_the_first_transfer_as_it_goes_again(
        self, refund: Shop, race: Race
    ) -> None:
        """What waits for the second success is not taken for news of it."""
        number = refund.channel_refund("R", "P1").channel_refund_no
        bounced = (number, "account closed", "X1")
        refund.call("bounce_channel_refund", *bounced)
        raced = race(
            lambda s: s.call("complete_channel_refund", number, "AGAIN"),
            lambda s: s.call("bounce_channel_refund", *bounced),
        )
        assert raced.second == raced.first
        assert raced.second.state == "succeeded"

    def test_e21_a_redirect_that_waited_goes_another_way(self, refund: Shop, race: Race) -> None:
        raced = race(lambda s: s.bounce("R", "P1"), lambda s: s.redirect("R", "P1", "bank"))

        assert raced.second.state == "pending"
        assert refund.balance("A").refunded == 30

    def test_e21_again_after_the_redirect_changes_nothing(self, refund: Shop, race: Race) -> None:
        number = refund.bounce("R", "P1").channel_refund_no
        raced = race(
            lambda s: s.redirect("R", "P1", "bank"),
            lambda s: s.call("bounce_channel_refund", number, "account closed"),
        )

        assert raced.second.state == "failed"
        assert refund.balance("A").refunded == 30

    @pytest.mark.usefixtures("refund")
    def test_e21_a_refund_that_waited_takes_what_came_back(self, race: Race) -> None:
        raced = race(lambda s: s.bounce("R", "P1"), lambda s: s.refund("A", "R2", 100))

        assert raced.second == {"P1": 30, "P2": 70}

    @BLIND
    @pytest.mark.parametrize("second", ["bounce", "redirect", "refund"])
    def test_e33_what_cannot_see_it_fails(
        self, refund: Shop, race: Race, second: str, isolation: str
    ) -> None:
        calls: dict[str, Callable[[Shop], Any]] = {
            "bounce": lambda s: s.bounce("R", "P1"),
            "redirect": lambda s: s.redirect("R", "P2", "bank"),
            "refund": lambda s: s.refund("A", "R2", 1),
        }
        raced = race(lambda s: s.bounce("R", "P1"), calls[second], isolation)

        assert raced.second.sqlstate == "40001"
        assert refund.balance("A").refunded == 0


class TestResolve:
    @pytest.fixture
    def number(self, refund: Shop) -> str:
        """An anomaly whose amount is free again."""
        refund.refund("A", "R2", 50)
        refund.complete("R", "P2", "X2")
        refund.fail("R2", "P2")
        return refund.channel_refund("R", "P2").channel_refund_no

    @pytest.mark.parametrize("resolution", ["booked", "recovered", "written_off"])
    def test_e03_twice_at_once(
        self, refund: Shop, race: Race, number: str, resolution: str
    ) -> None:
        def resolve(shop: Shop) -> Any:
            return shop.call("resolve_anomaly", number, resolution, "seen")

        raced = race(resolve, resolve)

        assert raced.second == raced.first
        assert refund.balance("A").refunded == (100 if resolution == "booked" else 30)

    def test_e03_two_ways_at_once(self, refund: Shop, race: Race, number: str) -> None:
        raced = race(
            lambda s: s.call("resolve_anomaly", number, "booked", "seen"),
            lambda s: s.call("resolve_anomaly", number, "written_off", "seen"),
        )

        assert raced.second.sqlstate == "MX311"
        assert refund.balance("A").refunded == 100

    def test_e01_what_a_refund_took_meanwhile_is_not_booked(
        self, refund: Shop, race: Race, number: str
    ) -> None:
        raced = race(
            lambda s: s.refund("A", "R3", 1),
            lambda s: s.call("resolve_anomaly", number, "booked", "seen"),
        )

        assert raced.second.sqlstate == "MX301"
        assert refund.listed("anomaly_list") == {"P2": 70}

    def test_e01_a_refund_that_waited_finds_it_booked(self, race: Race, number: str) -> None:
        raced = race(
            lambda s: s.call("resolve_anomaly", number, "booked", "seen"),
            lambda s: s.refund("A", "R3", 1),
        )

        assert raced.second.sqlstate == "MX301"

    @BLIND
    @pytest.mark.parametrize("resolution", ["booked", "recovered"])
    def test_e33_two_that_cannot_see_each_other(
        self, refund: Shop, race: Race, number: str, resolution: str, isolation: str
    ) -> None:
        def resolve(shop: Shop) -> Any:
            return shop.call("resolve_anomaly", number, resolution, "seen")

        raced = race(resolve, resolve, isolation)

        assert raced.second.sqlstate == "40001"
        assert len(refund.query("select from mixpay.anomaly_resolutions")) == 1


def test_e11_a_crowd_that_undoes_never_deadlocks(
    shop: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
) -> None:
    """T holds more than the crowd can refund and lacks more than it can pay, so T is reversed.

    Whatever the crowd cancels serves Z, which nobody cancels. Some orders are new to everybody.
    """
    names = "ABCDEF"
    shop.merge("T", **dict.fromkeys(names, (10**6, 10**5)), Z=10**9)
    shop.pay("T", "P", 3 * 10**5)

    def try_to(call: Callable[[], Any], refused: set[str]) -> None:
        try:
            call()
        except psycopg.Error as error:
            refused.add(error.sqlstate or repr(error))

    def work(worker: int) -> set[str]:
        mine, random, refused = Shop(connect()), Random(worker), set[str]()
        for step in range(40):
            some = dict.fromkeys(random.sample([*names, f"N{step // 3}"], 3), (10**6, 100))
            name = random.choice(list(some))
            trades = mine.query("select trade_no from mixpay.trades")
            open_ = mine.query("select trade_no from mixpay.trades where state = 'open'")
            sent = mine.query("select channel_refund_no from mixpay.channel_refunds")
            number, keep = f"{worker}-{step}", random.random() < 0.5
            any_no = random.choice(trades).trade_no
            trade_no = random.choice(open_).trade_no if open_ else "none"
            sent_no = random.choice(sent).channel_refund_no if sent else "none"
            calls: list[Callable[[], Any]] = [
                lambda number=number, some=some: mine.merge(number, **some),
                lambda number=number, trade_no=trade_no: mine.pay(trade_no, number, 90),
                lambda any_no=any_no, keep=keep: mine.close(any_no, keep),
                lambda trade_no=trade_no, name=name: mine.cancel(trade_no, name),
                lambda number=number, name=name: mine.refund(name, number, 30),
                lambda number=number, name=name: mine.record_refund(name, number, 20),
                lambda sent_no=sent_no: mine.call("fail_channel_refund", sent_no, "no"),
                lambda sent_no=sent_no: mine.call("complete_channel_refund", sent_no, None),
                lambda sent_no=sent_no: mine.call("bounce_channel_refund", sent_no, "back"),
                lambda sent_no=sent_no: mine.call(
                    "redirect_channel_refund", sent_no, "bank", "another way"
                ),
            ]
            try_to(random.choice(calls), refused)
        try_to(lambda: mine.close("T", keep=False), refused)
        return refused

    workers = [background(work, worker) for worker in range(6)]
    refused = set().union(*(worker.result(timeout=120) for worker in workers))

    assert all(code.startswith("MX") for code in refused), refused
    assert (shop.row("trades", "T").state, shop.row("trades", "T").keeps_paid) == ("closed", False)
    assert shop.reversal("T").amount > 0


class TestSplits:
    """Two trades share orders that are split: all who move their money lock in the same order."""

    @pytest.mark.parametrize("call", ["cancel", "pay many", "expire"])
    def test_all_take_them_by_order_number(
        self,
        shop: Shop,
        connect: Callable[..., Connection[Any]],
        background: Callable[..., Future[Any]],
        waits: Callable[..., list[int]],
        call: str,
    ) -> None:
        shop.merge("T1", A=(200, 100), B=(200, 100))
        shop.pay("T1", "P1", 150)
        for order_no in "AB":
            rest = {"receiver": "rest", "takes_remainder": True}
            shop.call("split_order", order_no, f"X{order_no}", [rest], "payment")
        shop.close("T1", keep=True)
        # The order of the lines, payments and moments is the other way round.
        if call == "cancel":
            shop.merge("T2", Z=100, B=(200, 50), A=200)
            shop.pay("T2", "P2", 100)
        else:
            at = "2000-01-01T00:00:00Z"
            shop.call("merge_orders", orders(B=(200, 150)), "T2", expires_at=at)
            shop.call("merge_orders", orders(A=(200, 50)), "T3", expires_at="2001-01-01T00:00:00Z")
            shop.pay("T2", "P2", 10)
            shop.pay("T3", "P3", 10)
        many = [
            {"trade_no": trade_no, "payment_no": f"N{trade_no}", "channel": "card", "amount": 5}
            for trade_no in ("T2", "T3")
        ]
        calls: dict[str, Callable[[Shop], Any]] = {
            "cancel": lambda s: s.cancel("T2", "Z"),
            "pay many": lambda s: s.rows("record_payments", many),
            "expire": lambda s: s.expire(),
        }
        holder = connect(autocommit=False)
        holder.execute("select from mixpay.splits where split_no = 'XB' for no key update")
        one, two = Shop(connect()), Shop(connect())
        first = background(calls[call], one)
        waits(one.conn)
        second = background(lambda: two.close("T1", keep=False))
        assert one.conn.info.backend_pid in waits(two.conn)
        holder.commit()

        first.result()
        assert second.result().state == "closed"
