from collections import defaultdict

import pytest
from books import Books, agree, clock, fold, let_folds_be_small, trial
from shop import Shop, open_for_a_third_week, open_for_a_week, open_for_another_week


def sums(shop: Shop) -> dict[str, int]:
    """What each currency sums to."""
    found: dict[str, int] = defaultdict(int)
    for row in shop.rows("trial_balance"):
        assert row.balance == row.came_in - row.went_out
        found[row.currency] += row.balance
    return found


def test_every_kind_that_was_moved_has_a_row(shop: Shop) -> None:
    assert shop.rows("trial_balance") == []
    shop.sell("A", 100)
    shop.refund("A", "R", 30)
    shop.settle("S1")

    rows = [(r.account, r.owner, r.currency, r.balance) for r in shop.rows("trial_balance")]
    assert rows == [
        ("bank", "", "CNY", 70),
        ("channel", "", "CNY", -100),
        ("order", "", "CNY", 0),
        ("payee", "", "CNY", 0),
        ("refund", "", "CNY", 30),
    ]


def test_each_currency_sums_to_zero(shop: Shop) -> None:
    for week in (open_for_a_week, open_for_another_week, open_for_a_third_week):
        week(shop)
        assert sums(shop) == {"CNY": 0}
    shop.sell("JPY", 7000, "S", "JPY")
    shop.sell("KWD", 5, "V", "KWD")
    shop.refund("JPY", "RJ", 1)
    shop.settle("SJ", "S", currency="JPY")
    for _ in range(2):
        assert sums(shop) == {"CNY": 0, "JPY": 0, "KWD": 0}
        rows = [(r.currency, r.account) for r in shop.rows("trial_balance")]
        assert rows == sorted(rows)
        fold(shop)


@pytest.mark.parametrize("folded", [False, True])
def test_at_any_moment_it_is_what_was_written_until_then(shop: Shop, folded: bool) -> None:
    let_folds_be_small(shop, 40)
    open_for_a_week(shop)
    if folded:
        fold(shop)
    open_for_another_week(shop)
    if folded:
        fold(shop)
    shop.sell("LAST", 1)
    agree(shop, *Books(shop).moments()[::5])


def test_is_of_one_merchant(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    shop.sell("A", 100)
    at = clock(shop)
    other.sell("A", 30)
    fold(other)
    assert trial(shop) == trial(shop, at)
    assert trial(shop)["payee"] == {"CNY": (100, 0, 100)}
    assert trial(other)["payee"] == {"CNY": (30, 0, 30)}
    assert trial(other, at) == {}


def test_refuses_what_cannot_be_asked(shop: Shop) -> None:
    with shop.refused("MX905"):
        shop.rows("trial_balance", "infinity")
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").rows("trial_balance")
    with shop.refused("MX901"):
        Shop(shop.conn, "no body").rows("trial_balance")
