from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from books import Books, agree, clock, fold, let_folds_be_small, told
from psycopg import Connection
from shop import (
    Shop,
    day,
    on_hold,
    open_for_a_third_week,
    open_for_a_week,
    open_for_another_week,
    orders,
)

Connect = Callable[..., Connection[Any]]


def begun(connect: Connect) -> Shop:
    """A transaction that has begun and written nothing yet."""
    shop = Shop(connect(autocommit=False))
    shop.query("select")
    return shop


class TestOfEachKind:
    """A100 of S and B50 of V, on hold, are paid by 160: 10 go back. S paid 30 of A back."""

    @pytest.fixture(autouse=True)
    def trade(self, shop: Shop) -> None:
        shop.call("register_payee", "S", "Store")
        shop.call("register_payee", "V", "Vintage")
        (a,) = orders(A=100)
        shop.call("merge_orders", [{**a, "payee_no": "S"}, *on_hold("V", B=50)], "T")
        shop.pay("T", "P", 160, "card")
        shop.refund("A", "R", 30)

    def test_channel(self, shop: Shop) -> None:
        shop.complete("R", "P")
        assert told(shop, "channel:card") == {"CNY": (30, 160, -130)}
        assert told(shop, "channel") == {"CNY": (30, 160, -130)}

    def test_order(self, shop: Shop) -> None:
        assert told(shop, "order:A") == {"CNY": (130, 130, 0)}
        assert told(shop, "order:B") == {"CNY": (50, 0, 50)}
        assert told(shop, "order") == {"CNY": (180, 130, 50)}

    def test_money_that_goes_from_order_to_order(self, shop: Shop) -> None:
        shop.merge("U", C=100, D=50)
        shop.pay("U", "Q", 90)
        shop.cancel("U", "C")
        assert told(shop, "order:C") == {"CNY": (90, 90, 0)}
        assert told(shop, "order:D") == {"CNY": (50, 0, 50)}

    def test_payee(self, shop: Shop) -> None:
        shop.call("release_order", "B", "L", 20)
        assert told(shop, "payee:S") == {"CNY": (100, 30, 70)}
        assert told(shop, "payee:V") == {"CNY": (20, 0, 20)}
        assert told(shop, "payee") == {"CNY": (120, 30, 90)}

    def test_receiver_and_fee(self, shop: Shop) -> None:
        fees = [
            {"kind": "platform_fee", "receiver": "us", "fixed": 5},
            {"kind": "channel_fee", "receiver": "bank", "rate": 200},
        ]
        shop.rows("split_order", "B", "X", [{"receiver": "agent", "rate": 1000}, *fees])
        shop.call("release_order", "B", "L")
        assert told(shop, "receiver:agent") == {"CNY": (5, 0, 5)}
        assert told(shop, "receiver") == {"CNY": (5, 0, 5)}
        assert told(shop, "fee:us") == {"CNY": (5, 0, 5)}
        assert told(shop, "channel_fee:bank") == {"CNY": (1, 0, 1)}
        assert told(shop, "fee") == {"CNY": (5, 0, 5)}
        assert told(shop, "payee:V") == {"CNY": (39, 0, 39)}

    def test_surplus_and_refund(self, shop: Shop) -> None:
        back = shop.surplus_refund("P").refund_no
        assert told(shop, "surplus:P") == {"CNY": (10, 10, 0)}
        assert told(shop, "surplus") == {"CNY": (10, 10, 0)}
        assert told(shop, f"refund:{back}") == {"CNY": (10, 0, 10)}
        assert told(shop, "refund:R") == {"CNY": (30, 0, 30)}
        assert told(shop, "refund") == {"CNY": (40, 0, 40)}
        shop.fail(back, "P")
        assert told(shop, "surplus:P") == {"CNY": (20, 10, 10)}
        assert told(shop, f"refund:{back}") == {"CNY": (10, 10, 0)}

    def test_anomaly(self, shop: Shop) -> None:
        shop.fail("R", "P")
        shop.refund("A", "R2", 100)
        number = shop.complete("R", "P").channel_refund_no
        assert told(shop, f"anomaly:{number}") == {"CNY": (0, 30, -30)}
        assert told(shop, "anomaly") == {"CNY": (0, 30, -30)}

    def test_bank(self, shop: Shop) -> None:
        shop.settle("S1")
        shop.call("record_repayment", "payee:V", "B1", 5, "CNY", bank="other")
        assert told(shop, "bank:main") == {"CNY": (70, 0, 70)}
        assert told(shop, "bank:other") == {"CNY": (0, 5, -5)}
        assert told(shop, "bank") == {"CNY": (70, 5, 65)}
        assert told(shop, "payee:S") == {"CNY": (100, 100, 0)}
        assert told(shop, "payee:V") == {"CNY": (5, 0, 5)}

    def test_what_nothing_has_moved_has_no_row(self, shop: Shop) -> None:
        for account in ("fee", "payee:V", "order:Z", "refund:Z", "surplus:Z", "anomaly:Z", "fee:Z"):
            assert told(shop, account) == {}
        assert told(shop, "channel:cash") == {}
        assert told(shop, "payee:S", day(1)) == {}


@pytest.mark.parametrize("folded", [False, True])
def test_every_account_is_what_the_journal_sums_to(shop: Shop, folded: bool) -> None:
    let_folds_be_small(shop)
    for week in (open_for_a_week, open_for_another_week, open_for_a_third_week):
        week(shop)
        if folded:
            fold(shop)
    books = Books(shop)
    assert {name.partition(":")[0] for name in books.accounts() if ":" in name} == {
        "channel", "order", "payee", "receiver", "fee", "surplus", "refund", "anomaly", "bank",
        "channel_fee"
    }  # fmt: skip
    agree(shop, *Random(1).sample(books.moments(), 12))


def test_several_currencies(shop: Shop) -> None:
    shop.sell("A", 100)
    shop.sell("B", 7000, "S", "JPY")
    shop.sell("C", 20, "V", "KWD")
    shop.refund("B", "R", 1000)
    expected = {"CNY": (100, 0, 100), "JPY": (7000, 1000, 6000)}
    assert told(shop, "payee:S") == expected
    fold(shop)
    assert told(shop, "payee:S") == expected
    assert told(shop, "payee") == {**expected, "KWD": (20, 0, 20)}
    shop.sell("D", 1, "S", "KWD")
    shop.sell("E", 1, "S", "JPY")
    assert told(shop, "payee:S") == {
        "CNY": (100, 0, 100), "JPY": (7001, 1000, 6001), "KWD": (1, 0, 1)
    }  # fmt: skip
    agree(shop)


def test_a_past_moment_has_what_was_written_until_then(shop: Shop) -> None:
    """When it happened does not matter."""
    moments = [clock(shop)]
    for number, paid_at in enumerate((day(9), day(1), day(5))):
        shop.call("register_payee", "S", "Store")
        (order,) = orders(**{f"A{number}": 100})
        shop.call("merge_orders", [{**order, "payee_no": "S"}], f"T{number}")
        shop.pay(f"T{number}", f"P{number}", 100, paid_at=paid_at)
        moments.append(clock(shop))
    for at, balance in zip(moments[1:], (100, 200, 300), strict=True):
        assert told(shop, "payee:S", at) == {"CNY": (balance, 0, balance)}
    assert told(shop, "payee:S", moments[0]) == {}


def test_its_moment_belongs_to_it(shop: Shop) -> None:
    shop.sell("A", 100)
    ((at,),) = shop.query("select created_at from mixpay.journal where to_account = 'payee'")
    assert told(shop, "payee:S", at) == {"CNY": (100, 0, 100)}
    assert told(shop, "payee:S", at - timedelta(microseconds=1)) == {}
    assert told(shop, "payee:S", datetime(9998, 12, 31, tzinfo=UTC)) == {"CNY": (100, 0, 100)}


@pytest.mark.parametrize("small", [False, True])
def test_a_past_balance_is_the_same_before_and_after_folds(shop: Shop, small: bool) -> None:
    if small:
        let_folds_be_small(shop)
    moments = [clock(shop)]
    for number in range(4):
        shop.sell(f"A{number}", 100)
        moments.append(clock(shop))
        shop.refund(f"A{number}", f"R{number}", 10 + number)
        moments.append(clock(shop))
        if number in (1, 3):
            fold(shop)
        agree(shop, *moments)
    assert [told(shop, "payee:S", at).get("CNY", (0, 0, 0))[2] for at in moments] == [
        0, 100, 90, 190, 179, 279, 267, 367, 354
    ]  # fmt: skip


def test_what_began_early_and_was_written_between_folds_counts_from_its_beginning(
    shop: Shop, connect: Connect
) -> None:
    """Its moment is before that of all that was folded when it came."""
    let_folds_be_small(shop, 4)
    before = clock(shop)
    early = begun(connect)
    began = clock(shop)
    shop.sell("A", 100)
    first = clock(shop)
    assert fold(shop).fold == 1
    shop.sell("B", 30)
    second = clock(shop)
    assert fold(shop).fold == 2
    early.sell("C", 7)
    early.conn.commit()

    def balances() -> list[int]:
        moments = (before, began, first, second, None)
        return [told(shop, "payee:S", at).get("CNY", (0, 0, 0))[2] for at in moments]

    expected = [0, 7, 107, 137, 137]
    assert balances() == expected
    last = fold(shop)
    assert last.fold == 3
    assert last.earliest_at < began
    assert balances() == expected
    shop.sell("D", 1)
    assert fold(shop).fold == 4
    assert balances() == [*expected[:-1], 138]
    agree(shop, before, began, first, second)


def test_a_past_balance_changes_no_more_once_nobody_runs_that_began_before(
    shop: Shop, connect: Connect
) -> None:
    early = begun(connect)
    shop.sell("A", 100)
    at = clock(shop)
    assert told(shop, "payee:S", at) == {"CNY": (100, 0, 100)}
    early.sell("B", 7)
    early.conn.commit()
    assert told(shop, "payee:S", at) == {"CNY": (107, 0, 107)}
    late = begun(connect)
    late.sell("C", 9)
    late.conn.commit()
    assert told(shop, "payee:S", at) == {"CNY": (107, 0, 107)}
    agree(shop, at)


def test_a_transaction_sees_its_own_movements(shop: Shop, connect: Connect) -> None:
    writer = begun(connect)
    writer.sell("A", 100)
    writer.call("fold_balances")
    assert told(writer, "payee:S") == {"CNY": (100, 0, 100)}
    assert told(shop, "payee:S") == {}
    writer.conn.commit()
    assert told(shop, "payee:S") == {"CNY": (100, 0, 100)}


def test_is_of_one_merchant(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    for one, amount in ((shop, 100), (other, 30)):
        one.sell("A", amount)
    fold(other)
    for one, amount in ((shop, 100), (other, 30)):
        for account in ("payee:S", "payee", "order:A", "channel:alipay"):
            assert abs(told(one, account)["CNY"][2]) == (0 if account == "order:A" else amount)
        agree(one)


def test_owners_may_have_the_names_of_others(shop: Shop) -> None:
    """A payee, a receiver and a fee of one name are three; so are those that end with a colon."""
    shop.call("register_payee", "X", "Store")
    shop.call("register_payee", "X:", "Store")
    shop.call("merge_orders", [*on_hold("X", A=100), *on_hold("X:", B=10)], "T")
    names = [{"receiver": "X", "fixed": 20}, {"kind": "platform_fee", "receiver": "X", "fixed": 3}]
    shop.rows("split_order", "A", "X1", names)
    shop.pay("T", "P", 110)
    for order_no in ("A", "B"):
        shop.call("release_order", order_no, f"L{order_no}")
    expected = {"payee:X": 77, "receiver:X": 20, "fee:X": 3, "payee:X:": 10, "payee": 87}
    for _ in range(2):
        assert {name: told(shop, name)["CNY"][2] for name in expected} == expected
        fold(shop)


@pytest.mark.parametrize(
    "account",
    [
        "", "payees", "Payee", "payee:", " payee", "payee ", "payee\n", "payee:S\n", "payee:S T",
        "outside:S", ":S", "payee:ä", f"payee:{'S' * 65}", "payee;S", "x" * 5000, None,
    ],
)  # fmt: skip
def test_refuses_what_is_no_account(shop: Shop, account: str | None) -> None:
    with shop.refused("MX401"):
        shop.rows("account_balance", account)


@pytest.mark.parametrize("at", ["infinity", "-infinity", "1899-12-31", "9999-01-01"])
def test_refuses_what_is_no_moment(shop: Shop, at: str) -> None:
    with shop.refused("MX905"):
        shop.rows("account_balance", "payee", at)


def test_refuses_an_unknown_merchant(shop: Shop) -> None:
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").rows("account_balance", "payee")
    with shop.refused("MX901"):
        Shop(shop.conn, "no body").rows("account_balance", "payee")
