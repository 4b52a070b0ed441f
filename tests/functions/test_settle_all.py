from typing import Any

import pytest
from shop import Row, Shop


@pytest.fixture(autouse=True)
def sales(shop: Shop) -> None:
    """A100 of S, B50 of V; of C200 of S, agent has 20."""
    shop.sell("A", 100)
    shop.sell("B", 50, "V")
    shop.sell("C", 200)
    shop.rows("split_order", "C", "X", [{"receiver": "agent", "rate": 1000}])


def settle_all(shop: Shop, *arguments: Any, **named: Any) -> list[Row]:
    shop.until_final()
    return shop.rows("settle_all", *arguments, **named)


def paid(rows: list[Row]) -> dict[str, int]:
    return {f"{row.account}:{row.owner}:{row.currency}": row.amount for row in rows}


def test_pays_every_payee_and_receiver(shop: Shop) -> None:
    rows = settle_all(shop)

    assert paid(rows) == {"payee:S:CNY": 280, "payee:V:CNY": 50, "receiver:agent:CNY": 20}
    assert shop.owns("payee") == {"CNY": 0}
    assert shop.owns("receiver") == {"CNY": 0}
    assert shop.owns("bank:main") == {"CNY": 350}


def test_each_is_a_settlement_like_any_other(shop: Shop) -> None:
    rows = settle_all(shop)
    for row in rows:
        settlement = shop.row("settlements", row.settlement_no)
        assert (settlement.account, settlement.owner) == (row.account, row.owner)
        assert (settlement.amount, settlement.until_at) == (row.amount, row.until_at)
        assert (settlement.nth, settlement.state, settlement.bank) == (1, "settled", "main")
    # One moment for all: it names the payout file of the run.
    assert len({row.until_at for row in rows}) == 1
    # Numbers of ours, which sort as they were made.
    numbers = [row.settlement_no for row in rows]
    assert numbers == sorted(numbers)
    assert {len(number) for number in numbers} == {32}
    shop.call("reverse_settlement", numbers[0], "no such account")
    assert paid(settle_all(shop)) == {"payee:S:CNY": 280}


def test_the_longest_number_of_a_payee(shop: Shop) -> None:
    payee_no = "x" * 64
    shop.sell("D", 9, payee_no)
    assert paid(settle_all(shop))[f"payee:{payee_no}:CNY"] == 9


def test_e24_every_currency_on_one_day(shop: Shop) -> None:
    shop.sell("D", 700, "S", "JPY")
    assert paid(settle_all(shop)) == {
        "payee:S:CNY": 280, "payee:S:JPY": 700, "payee:V:CNY": 50, "receiver:agent:CNY": 20,
    }  # fmt: skip


def test_twice_pays_nothing_twice_and_makes_no_empty_settlement(shop: Shop) -> None:
    settle_all(shop)
    shop.until_final()
    with shop.unchanged():
        assert shop.rows("settle_all") == []
    shop.sell("D", 5, "V")
    assert paid(settle_all(shop)) == {"payee:V:CNY": 5}


def test_until_a_moment_and_again(shop: Shop) -> None:
    shop.until_final()
    ((then,),) = shop.query("select clock_timestamp()")
    shop.sell("D", 5, "V")

    rows = settle_all(shop, then)
    assert paid(rows) == {"payee:S:CNY": 280, "payee:V:CNY": 50, "receiver:agent:CNY": 20}
    assert {row.until_at for row in rows} == {then}
    shop.until_final()
    with shop.unchanged():
        assert shop.rows("settle_all", then) == []
    assert paid(settle_all(shop)) == {"payee:V:CNY": 5}
    # All are settled until later: that is no problem.
    with shop.unchanged():
        assert shop.rows("settle_all", then) == []


def test_a_debt_waits_for_what_it_is_netted_from(shop: Shop) -> None:
    settle_all(shop)
    shop.refund("B", "R", 30)
    assert settle_all(shop) == []
    shop.sell("D", 50, "V")
    (row,) = settle_all(shop)
    settlement = shop.row("settlements", row.settlement_no)
    assert (settlement.earned, settlement.amount) == (20, 20)


def test_what_is_beyond_the_largest_payout_is_for_the_next_call(shop: Shop) -> None:
    for order_no in ("D", "E"):
        shop.sell(order_no, 10**15, "RICH")
    shop.sell("F", 1, "RICH")
    rows = settle_all(shop)

    assert paid(rows) == {
        "payee:RICH:CNY": 10**15, "payee:S:CNY": 280, "payee:V:CNY": 50, "receiver:agent:CNY": 20,
    }  # fmt: skip
    assert paid(settle_all(shop)) == {"payee:RICH:CNY": 10**15}
    assert paid(settle_all(shop)) == {"payee:RICH:CNY": 1}
    assert settle_all(shop) == []


def test_as_many_as_the_limit_says(shop: Shop) -> None:
    assert paid(settle_all(shop, None, 2)) == {"payee:S:CNY": 280, "payee:V:CNY": 50}
    assert paid(settle_all(shop, None, 2)) == {"receiver:agent:CNY": 20}
    assert settle_all(shop, None, 2) == []


def test_by_another_bank(shop: Shop) -> None:
    settle_all(shop, bank="second")
    assert shop.owns("bank:second") == {"CNY": 350}


def test_what_was_adjusted_and_folded_is_paid(shop: Shop) -> None:
    shop.call("adjust_account", "payee:V", "J1", -20, "CNY", "a fine")
    shop.until_final()
    shop.call("fold_balances")
    assert paid(settle_all(shop))["payee:V:CNY"] == 30


def test_a_transaction_that_runs_is_left_for_the_next_time(shop: Shop, connect: Any) -> None:
    settle_all(shop)
    writing = Shop(connect(autocommit=False))
    writing.sell("D", 5, "V")
    shop.sell("E", 7, "V")
    # What came after it is left, too, and makes no settlement of nothing.
    assert shop.rows("settle_all") == []
    writing.conn.commit()
    assert paid(settle_all(shop)) == {"payee:V:CNY": 12}


def test_refuses_bad_input(shop: Shop) -> None:
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").rows("settle_all")
    for limit in [0, -1, None, 1001]:
        with shop.refused("MX904", "null" if limit is None else limit):
            shop.rows("settle_all", None, limit)
    for moment in ["infinity", "2999-01-01Z"]:
        with shop.refused("MX905"):
            shop.rows("settle_all", moment)
    for bad in [None, "", "a b", "x" * 65]:
        with shop.refused("MX901"):
            shop.rows("settle_all", bank=bad)


def test_e28_each_merchant_by_itself(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    other.sell("A", 7)
    assert paid(settle_all(other)) == {"payee:S:CNY": 7}
    assert len(settle_all(shop)) == 3
