from collections.abc import Callable
from typing import Any

import pytest
from shop import Shop, on_hold, orders

Race = Callable[..., Any]
BLIND = pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
AGENT = {"receiver": "agent", "rate": 1000}
FIXED = {"receiver": "agent", "fixed": 30}


def merge(shop: Shop, trade_no: str, pay: int | None = None, order_no: str = "A") -> Any:
    """An order of 100 of payee S."""
    (order,) = orders(**{order_no: 100})
    return shop.call("merge_orders", [{**order, "payee_no": "S", "pay": pay}], trade_no)


def split(
    shop: Shop, split_no: str = "X", order_no: str = "A", share: dict[str, Any] = AGENT
) -> dict[str, int]:
    rows = shop.rows("split_order", order_no, split_no, [share])
    return {row.receiver: row.balance for row in rows}


def shares(shop: Shop) -> dict[str, int]:
    """What agent and payee have, as the books say."""
    accounts = ("receiver:agent", "payee:S")
    return {name: shop.owns(name).get("CNY", 0) for name in accounts}


@pytest.fixture
def open_trade(shop: Shop) -> Shop:
    """A100 of payee S in T, 50 of it paid."""
    shop.call("register_payee", "S", "Store")
    merge(shop, "T")
    shop.pay("T", "P", 50)
    return shop


@pytest.fixture
def deposit(shop: Shop) -> Shop:
    """A100 of payee S: 35 are paid in T, which keeps it; the rest is asked in T2."""
    shop.call("register_payee", "S", "Store")
    merge(shop, "T", 40)
    shop.pay("T", "P", 35)
    shop.close("T", keep=True)
    merge(shop, "T2")
    return shop


class TestMerge:
    def test_a_merge_that_waited_knows_the_split(self, shop: Shop, race: Race) -> None:
        shop.call("register_payee", "S", "Store")
        merge(shop, "T", 40)
        shop.pay("T", "P", 40)
        race(split, lambda s: merge(s, "T2"))

        assert [shop.line(no, "A").split_no for no in ("T", "T2")] == ["X", "X"]
        shop.pay("T2", "P2", 60)
        assert shares(shop) == {"receiver:agent": 10, "payee:S": 90}

    def test_a_split_that_waited_knows_the_merge(self, shop: Shop, race: Race) -> None:
        shop.call("register_payee", "S", "Store")
        merge(shop, "T", 40)
        shop.pay("T", "P", 40)
        raced = race(lambda s: merge(s, "T2"), split)

        assert raced.second == {"agent": 4, "S": 36}
        assert [shop.line(no, "A").split_no for no in ("T", "T2")] == ["X", "X"]

    def test_a_merge_does_not_know_a_split_that_is_taken_back(self, shop: Shop, race: Race) -> None:
        shop.call("register_payee", "S", "Store")
        merge(shop, "T", 40)
        shop.pay("T", "P", 40)
        race(split, lambda s: merge(s, "T2"), commit=False)

        assert shop.line("T2", "A").split_no is None
        assert split(shop) == {"agent": 4, "S": 36}
        assert shop.line("T2", "A").split_no == "X"

    def test_a_merge_that_closes_the_trade_that_is_split(self, shop: Shop, race: Race) -> None:
        shop.call("register_payee", "S", "Store")
        merge(shop, "T")
        race(split, lambda s: merge(s, "T2"))

        assert shop.row("trades", "T").state == "closed"
        assert shop.line("T2", "A").split_no == "X"


class TestPayment:
    def test_a_payment_that_waited_is_divided(self, open_trade: Shop, race: Race) -> None:
        race(split, lambda s: s.pay("T", "P2", 50))

        assert shares(open_trade) == {"receiver:agent": 10, "payee:S": 90}

    def test_a_split_that_waited_divides_the_payment(self, open_trade: Shop, race: Race) -> None:
        raced = race(lambda s: s.pay("T", "P2", 50), split)

        assert raced.second == {"agent": 10, "S": 90}
        assert shares(open_trade) == {"receiver:agent": 10, "payee:S": 90}

    def test_a_payment_is_the_payees_if_the_split_is_taken_back(
        self, open_trade: Shop, race: Race
    ) -> None:
        race(split, lambda s: s.pay("T", "P2", 50), commit=False)

        assert shares(open_trade) == {"receiver:agent": 0, "payee:S": 100}

    def test_many_payments_that_waited_are_divided(self, open_trade: Shop, race: Race) -> None:
        payments = [
            {"trade_no": "T", "payment_no": f"P{n}", "channel": "card", "amount": 25}
            for n in (1, 2)
        ]
        race(split, lambda s: s.rows("record_payments", payments))

        assert shares(open_trade) == {"receiver:agent": 10, "payee:S": 90}

    def test_a_payment_of_a_trade_in_which_the_split_moves_nothing(
        self, deposit: Shop, race: Race
    ) -> None:
        race(split, lambda s: s.pay("T2", "P2", 65))

        assert shares(deposit) == {"receiver:agent": 10, "payee:S": 90}


class TestRefund:
    def test_a_refund_that_waited_takes_from_the_receivers(
        self, open_trade: Shop, race: Race
    ) -> None:
        race(split, lambda s: s.refund("A", "R", 20))

        assert shares(open_trade) == {"receiver:agent": 3, "payee:S": 27}

    def test_a_split_that_waited_divides_what_is_left(self, open_trade: Shop, race: Race) -> None:
        raced = race(lambda s: s.refund("A", "R", 20), split)

        assert raced.second == {"agent": 3, "S": 27}
        # It comes in for the first time.
        open_trade.fail("R", "P")
        assert shares(open_trade) == {"receiver:agent": 5, "payee:S": 45}

    def test_a_failure_that_waited_gives_to_the_receivers(
        self, open_trade: Shop, race: Race
    ) -> None:
        open_trade.refund("A", "R", 20)
        race(split, lambda s: s.fail("R", "P"))

        assert shares(open_trade) == {"receiver:agent": 5, "payee:S": 45}

    def test_a_split_that_waited_divides_what_came_back(self, open_trade: Shop, race: Race) -> None:
        open_trade.refund("A", "R", 20)
        raced = race(lambda s: s.fail("R", "P"), split)

        assert raced.second == {"agent": 5, "S": 45}


class TestRelease:
    @pytest.fixture
    def escrow(self, shop: Shop) -> Shop:
        shop.call("register_payee", "S", "Store")
        shop.call("merge_orders", on_hold("S", A=100), "T")
        shop.pay("T", "P", 100)
        return shop

    def test_a_release_that_waited_is_divided(self, escrow: Shop, race: Race) -> None:
        race(split, lambda s: s.call("release_order", "A", "L", 50))

        assert shares(escrow) == {"receiver:agent": 5, "payee:S": 45}

    def test_a_split_that_waited_divides_what_was_released(self, escrow: Shop, race: Race) -> None:
        raced = race(lambda s: s.call("release_order", "A", "L", 50), split)

        assert raced.second == {"agent": 5, "S": 45}
        assert shares(escrow) == {"receiver:agent": 5, "payee:S": 45}


class TestTwoTradesDivideAtOnce:
    """One gets its balance while of the other the deposit goes back: only the split is common."""

    @pytest.fixture(autouse=True)
    def agreed(self, deposit: Shop) -> None:
        assert split(deposit, share=FIXED) == {"agent": 30, "S": 5}

    def test_what_was_given_elsewhere_first_is_not_given_again(
        self, deposit: Shop, race: Race
    ) -> None:
        race(lambda s: s.pay("T2", "P2", 65), lambda s: s.close("T"))

        assert shares(deposit) == {"receiver:agent": 0, "payee:S": 65}
        assert deposit.row("splits", "X").divided == 65

    def test_what_went_back_first_is_given_here(self, deposit: Shop, race: Race) -> None:
        race(lambda s: s.close("T"), lambda s: s.pay("T2", "P2", 65))

        assert shares(deposit) == {"receiver:agent": 30, "payee:S": 35}
        assert deposit.row("splits", "X").divided == 65

    def test_what_was_taken_back_is_not_counted(self, deposit: Shop, race: Race) -> None:
        race(lambda s: s.close("T"), lambda s: s.pay("T2", "P2", 65), commit=False)

        assert shares(deposit) == {"receiver:agent": 30, "payee:S": 70}
        assert deposit.row("splits", "X").divided == 100

    @BLIND
    def test_e33_who_cannot_see_the_other_fails(
        self, deposit: Shop, race: Race, isolation: str
    ) -> None:
        raced = race(lambda s: s.pay("T2", "P2", 65), lambda s: s.close("T"), isolation)

        assert raced.second.sqlstate == "40001"
        assert shares(deposit) == {"receiver:agent": 30, "payee:S": 70}

    def test_a_failed_refund_of_one_waits_for_what_the_other_makes_of_the_order(
        self, deposit: Shop, race: Race
    ) -> None:
        """It gives back in its own trade; but one of the two has to see that the order is paid."""
        deposit.refund("A", "R", 7)
        assert shares(deposit) == {"receiver:agent": 24, "payee:S": 4}
        race(lambda s: s.pay("T2", "P2", 65), lambda s: s.fail("R", "P"))

        assert shares(deposit) == {"receiver:agent": 30, "payee:S": 70}
        changes = deposit.query(
            "select from_state, to_state from mixpay.history where entity = 'order'"
            " order by created_at"
        )
        assert changes == [("payable", "partly_refunded"), ("partly_refunded", "paid")]


class TestNumbers:
    @pytest.fixture
    def another(self, open_trade: Shop) -> Shop:
        merge(open_trade, "TB", order_no="B")
        return open_trade

    def test_e03_the_same_split_twice_at_once(self, open_trade: Shop, race: Race) -> None:
        raced = race(split, split)

        assert raced.second == raced.first == {"agent": 5, "S": 45}
        assert shares(open_trade) == {"receiver:agent": 5, "payee:S": 45}

    def test_two_splits_of_an_order(self, open_trade: Shop, race: Race) -> None:
        raced = race(split, lambda s: split(s, "X2"))

        assert raced.second.sqlstate == "MX508"
        assert "X" in raced.second.diag.message_detail
        assert shares(open_trade) == {"receiver:agent": 5, "payee:S": 45}

    def test_the_second_is_accepted_when_the_first_gives_up(
        self, open_trade: Shop, race: Race
    ) -> None:
        raced = race(split, lambda s: split(s, "X2", share=FIXED), commit=False)

        assert raced.second == {"agent": 30, "S": 20}
        assert shares(open_trade) == {"receiver:agent": 30, "payee:S": 20}

    @pytest.mark.parametrize(
        ("isolation", "code"), [("read committed", "MX509"), ("repeatable read", "40001")]
    )
    def test_e34_the_same_number_for_two_orders(
        self, another: Shop, race: Race, isolation: str, code: str
    ) -> None:
        raced = race(split, lambda s: split(s, order_no="B"), isolation)

        assert raced.second.sqlstate == code
        assert another.line("TB", "B").split_no is None
        # The loser's order is not spoilt.
        assert split(another, "X2", "B") == {"agent": 0, "S": 0}

    def test_e34_the_second_order_gets_the_number_when_the_first_gives_up(
        self, another: Shop, race: Race
    ) -> None:
        raced = race(split, lambda s: split(s, order_no="B"), commit=False)

        assert raced.second == {"agent": 0, "S": 0}
        assert another.line("TB", "B").split_no == "X"
        assert another.line("T", "A").split_no is None


class TestBlind:
    @BLIND
    @pytest.mark.parametrize("second", ["merge", "pay", "refund", "fail", "close", "split"])
    def test_e33_who_cannot_see_the_split_fails(
        self, open_trade: Shop, race: Race, second: str, isolation: str
    ) -> None:
        open_trade.refund("A", "R", 10)
        calls: dict[str, Callable[[Shop], Any]] = {
            "merge": lambda s: merge(s, "T2"),
            "pay": lambda s: s.pay("T", "P2", 50),
            "refund": lambda s: s.refund("A", "R2", 20),
            "fail": lambda s: s.fail("R", "P"),
            "close": lambda s: s.close("T"),
            "split": split,
        }
        raced = race(split, calls[second], isolation)

        assert raced.second.sqlstate == "40001"
        assert shares(open_trade) == {"receiver:agent": 4, "payee:S": 36}

    @BLIND
    def test_e33_nor_into_a_trade_in_which_it_moved_nothing(
        self, deposit: Shop, race: Race, isolation: str
    ) -> None:
        raced = race(split, lambda s: s.pay("T2", "P2", 65), isolation)

        assert raced.second.sqlstate == "40001"
        assert shares(deposit) == {"receiver:agent": 3, "payee:S": 32}

    @BLIND
    @pytest.mark.parametrize("first", ["merge", "pay", "refund"])
    def test_e33_a_split_that_cannot_see_what_came_before_fails(
        self, shop: Shop, race: Race, first: str, isolation: str
    ) -> None:
        shop.call("register_payee", "S", "Store")
        merge(shop, "T", 40)
        shop.pay("T", "P", 20)
        shop.close("T", keep=True)
        merge(shop, "T2", 10)
        calls: dict[str, Callable[[Shop], Any]] = {
            "merge": lambda s: merge(s, "T3"),
            "pay": lambda s: s.pay("T2", "P2", 10),
            "refund": lambda s: s.refund("A", "R", 20),
        }
        raced = race(calls[first], split, isolation)

        assert raced.second.sqlstate == "40001"
        assert shop.query("select from mixpay.splits") == []
