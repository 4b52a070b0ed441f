from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from books import Books, clock, fold, let_folds_be_small, told
from psycopg import Connection
from shop import (
    Row,
    Shop,
    day,
    open_for_a_third_week,
    open_for_a_week,
    open_for_another_week,
    orders,
)

Connect = Callable[..., Connection[Any]]
When = datetime | None


def statement(shop: Shop, account: str, after: When = None, until: When = None) -> list[Row]:
    return shop.rows("account_statement", account, after, until)


def amounts(lines: list[Row]) -> list[tuple[int, int]]:
    """Each movement, and the balance after it."""
    return [(line.amount, line.balance) for line in lines]


def agree(shop: Shop, account: str, after: When, until: When) -> None:
    """A statement has the movements of the journal, and begins and ends with the balances."""
    lines = statement(shop, account, after, until)
    expected = [
        (j.currency, j.created_at, j.source, j.number, j.entry, amount)
        for j, amount in Books(shop).sides(account)
        if (after is None or j.created_at > after) and (until is None or j.created_at <= until)
    ]
    found = [(x.currency, x.created_at, x.source, x.number, x.entry, x.amount) for x in lines]
    assert sorted(found) == sorted(expected)
    assert [x[:2] for x in found] == sorted(x[:2] for x in found)
    opening = told(shop, account, after) if after else {}
    closing = told(shop, account, until)
    for currency in {x.currency for x in lines}:
        balance = opening.get(currency, (0, 0, 0))[2]
        for line in lines:
            if line.currency == currency:
                balance += line.amount
                assert line.balance == balance
        assert balance == closing[currency][2]


def test_a_payee_s_statement(shop: Shop) -> None:
    shop.call("register_payee", "S", "Store")
    (a,) = orders(A=100)
    shop.call("merge_orders", [{**a, "payee_no": "S"}], "T")
    shop.pay("T", "P", 100, paid_at=day(3))
    shop.refund("A", "R", 30)
    shop.settle("S1")
    shop.refund("A", "R2", 20)
    shop.call("record_repayment", "payee:S", "B1", 15, "CNY", day(4))

    lines = statement(shop, "payee:S")
    assert amounts(lines) == [(100, 100), (-30, 70), (-70, 0), (-20, -20), (15, -5)]
    assert {(line.account, line.owner, line.currency) for line in lines} == {("payee", "S", "CNY")}
    assert [(x.source, x.number, x.cause, x.cause_no) for x in lines] == [
        ("trade", "T", "payment", "P"),
        ("trade", "T", "refund", "R"),
        ("settlement", "S1", "settlement", "S1"),
        ("trade", "T", "refund", "R2"),
        ("repayment", "B1", "repayment", "B1"),
    ]
    assert [(x.other_account, x.other_owner) for x in lines] == [
        ("order", "A"), ("order", "A"), ("bank", "main"), ("order", "A"), ("bank", "main")
    ]  # fmt: skip
    # When it happened stands beside when it was written.
    assert (lines[0].happened_at, lines[4].happened_at) == (day(3), day(4))
    written = [line.created_at for line in lines]
    assert written == sorted(written)
    assert day(80) < written[0]


def test_a_page_goes_on_where_the_one_before_ended(shop: Shop) -> None:
    let_folds_be_small(shop)
    shop.sell("A", 100)
    first = clock(shop)
    shop.sell("B", 30)
    shop.refund("A", "R", 10)
    second = clock(shop)
    shop.sell("C", 5)

    pages = [(None, first), (first, second), (second, None)]
    for _ in range(2):
        read = [statement(shop, "payee:S", *page) for page in pages]
        assert [amounts(lines) for lines in read] == [
            [(100, 100)], [(30, 130), (-10, 120)], [(5, 125)]
        ]  # fmt: skip
        assert [line for page in read for line in page] == statement(shop, "payee:S")
        fold(shop)
    assert statement(shop, "payee:S", second, first) == []


def test_its_last_moment_belongs_to_it_and_its_first_does_not(shop: Shop) -> None:
    for order_no in "ABC":
        shop.sell(order_no, 10)
    a, b, c = (line.created_at for line in statement(shop, "payee:S"))
    assert [x.created_at for x in statement(shop, "payee:S", a, b)] == [b]
    just_before = c - timedelta(microseconds=1)
    assert [x.created_at for x in statement(shop, "payee:S", just_before)] == [c]
    assert statement(shop, "payee:S", a, just_before)[-1].created_at == b
    assert statement(shop, "payee:S", b, b) == []


def test_one_currency_after_the_other(shop: Shop) -> None:
    shop.sell("A", 7000, "S", "JPY")
    shop.sell("B", 100)
    at = clock(shop)
    shop.sell("C", 500, "S", "JPY")
    shop.sell("D", 20, "S", "KWD")
    shop.sell("E", 1)
    lines = statement(shop, "payee:S")
    assert [(x.currency, x.amount, x.balance) for x in lines] == [
        ("CNY", 100, 100), ("CNY", 1, 101), ("JPY", 7000, 7000), ("JPY", 500, 7500), ("KWD", 20, 20)
    ]  # fmt: skip
    lines = statement(shop, "payee:S", at)
    assert [(x.currency, x.balance) for x in lines] == [("CNY", 101), ("JPY", 7500), ("KWD", 20)]


def test_of_all_accounts_of_a_kind(shop: Shop) -> None:
    """Each line says whose it is; the balance is that of all."""
    shop.sell("A", 100)
    shop.sell("B", 30, "V")
    assert [(x.owner, x.amount, x.balance) for x in statement(shop, "payee")] == [
        ("S", 100, 100),
        ("V", 30, 130),
    ]
    assert [(x.owner, x.amount) for x in statement(shop, "channel")] == [
        ("alipay", -100),
        ("alipay", -30),
    ]


def test_money_between_two_accounts_of_a_kind_is_two_lines(shop: Shop) -> None:
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P", 90)
    shop.cancel("T", "A")
    lines = statement(shop, "order")
    moved = [(x.owner, x.amount) for x in lines if x.other_account == "order"]
    assert moved == [("A", -50), ("B", 50)]
    assert lines[-1].balance == 50
    assert amounts(statement(shop, "order:A"))[-1][1] == 0
    assert amounts(statement(shop, "order:B")) == [(50, 50)]


def test_what_began_early_and_was_written_late_is_in_the_earlier_page(
    shop: Shop, connect: Connect
) -> None:
    let_folds_be_small(shop)
    early = Shop(connect(autocommit=False))
    early.query("select")
    shop.sell("A", 100)
    fold(shop)
    at = clock(shop)
    shop.sell("B", 30)
    fold(shop)
    early.sell("C", 7)
    early.conn.commit()

    for _ in range(2):
        assert amounts(statement(shop, "payee:S", None, at)) == [(7, 7), (100, 107)]
        assert amounts(statement(shop, "payee:S", at)) == [(30, 137)]
        fold(shop)


def test_an_account_that_nothing_has_moved_has_no_lines(shop: Shop) -> None:
    for account in ("payee", "payee:S", "order:Z", "channel:cash", "outside", "anomaly:Z"):
        assert statement(shop, account) == []


@pytest.mark.parametrize("seed", range(3))
def test_every_account_s_statement_is_made_of_the_journal(shop: Shop, seed: int) -> None:
    let_folds_be_small(shop)
    chance = Random(seed)
    for week in (open_for_a_week, open_for_another_week, open_for_a_third_week):
        week(shop)
        if chance.random() < 0.5:
            fold(shop)
    books = Books(shop)
    moments: list[When] = [None, *books.moments()]
    for account in books.accounts():
        agree(shop, account, None, None)
        agree(shop, account, *(chance.choice(moments) for _ in range(2)))


def test_is_of_one_merchant(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    shop.sell("A", 100)
    other.sell("A", 30)
    for account in ("payee:S", "payee", "channel", "order:A"):
        assert {abs(amount) for amount, _ in amounts(statement(shop, account))} == {100}


def test_refuses_what_cannot_be_asked(shop: Shop) -> None:
    with shop.refused("MX401"):
        shop.rows("account_statement", "payees")
    for moments in (("infinity", None), (None, "9999-01-01")):
        with shop.refused("MX905"):
            shop.rows("account_statement", "payee", *moments)
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").rows("account_statement", "payee")
    with shop.refused("MX901"):
        Shop(shop.conn, "no body").rows("account_statement", "payee")
