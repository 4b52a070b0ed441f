"""The arithmetic of dividing, which reads and writes nothing, against its own definition."""

from random import Random
from typing import Any

import pytest
from psycopg import Connection
from units import first_units

PURE = ("_apportion", "_divide_shares", "_share_balances", "_take_back")


@pytest.fixture
def bare(conn: Connection[Any]) -> Connection[Any]:
    """The same functions where no table can be read."""
    conn.execute("set default_transaction_read_only = on")
    return conn


def apportion(conn: Connection[Any], amount: int, weights: list[int]) -> list[int]:
    query = "select mixpay._apportion(%s, %s::bigint[])"
    ((shares,),) = conn.execute(query, [amount, weights]).fetchall()
    return shares


STANDING = (
    "row(null, null, %(fixed)s, %(rates)s, %(keeps)s, %(amounts)s, %(taken)s,"
    " %(elsewhere)s, %(rest)s, null, null, null)"
)


def divide(conn: Connection[Any], given: int, back: int, divided: int, **standing: Any) -> Any:
    """The shares and what was taken back of them afterwards, and what each has then."""
    receivers = len(standing["rates"])
    none = [0] * receivers
    standing = {
        "fixed": none,
        "keeps": [False] * receivers,
        "amounts": none,
        "taken": none,
        "elsewhere": none,
        "rest": receivers,
        **standing,
    }
    query = (
        f"select d.amounts, d.taken_back, mixpay._share_balances(d) from mixpay._divide_shares("
        f"{STANDING}::mixpay.split_standing, %(divided)s, %(given)s, %(back)s) as d"
    )
    values = {**standing, "divided": divided, "given": given, "back": back}
    (row,) = conn.execute(query, values).fetchall()
    return row


def test_it_is_immutable(conn: Connection[Any]) -> None:
    rows = conn.execute(
        "select proname from pg_proc where pronamespace = 'mixpay'::regnamespace"
        " and provolatile = 'i' and prosrc !~* '\\mfrom (mixpay\\.)?[a-z_]+ as'"
    ).fetchall()
    assert set(PURE) <= {name for (name,) in rows}


def test_e13_largest_remainder_ties_by_position(bare: Connection[Any]) -> None:
    assert apportion(bare, 10, [6, 6, 2]) == [4, 4, 2]
    assert apportion(bare, 1, [1, 1, 1]) == [1, 0, 0]
    assert apportion(bare, 0, [5, 5]) == [0, 0]
    assert apportion(bare, 0, [0, 0]) == [0, 0]
    assert apportion(bare, 10**15, [10**15, 10**15]) == [5 * 10**14, 5 * 10**14]


def test_e13_shares_sum_exactly_and_none_is_above_its_weight(bare: Connection[Any]) -> None:
    random = Random(8)
    for _ in range(200):
        weights = [random.randrange(0, 50) for _ in range(random.randrange(1, 12))]
        amount = random.randrange(0, sum(weights) + 1)
        shares = apportion(bare, amount, weights)
        assert sum(shares) == amount
        assert all(0 <= share <= weight for share, weight in zip(shares, weights, strict=True))
        exact = [amount * weight / max(sum(weights), 1) for weight in weights]
        assert all(abs(s - e) < 1 for s, e in zip(shares, exact, strict=True))


def test_rates_are_of_all_that_was_divided_and_rounded_down(bare: Connection[Any]) -> None:
    # 2.5 % and 10 % of 1,999; who takes the remainder has the rest.
    shares, taken, balances = divide(bare, 1999, 0, 1999, rates=[250, 1000, 0])
    assert shares == [49, 199, 1751]
    assert taken == [0, 0, 0]
    assert balances == shares
    # In two parts as in one: what other lines have of the order counts.
    shares, _, _ = divide(bare, 1000, 0, 1999, rates=[250, 1000, 0], elsewhere=[24, 99, 876])
    assert shares == [25, 100, 875]


def test_a_fixed_amount_comes_first_as_far_as_the_money_reaches(bare: Connection[Any]) -> None:
    assert divide(bare, 20, 0, 20, fixed=[30, 0], rates=[0, 0])[0] == [20, 0]
    shares = divide(bare, 80, 0, 100, fixed=[30, 0], rates=[0, 0], amounts=[20, 0])[0]
    assert shares == [30, 70]


def test_e22_a_refund_takes_back_in_proportion(bare: Connection[Any]) -> None:
    split: dict[str, Any] = {"rates": [1000, 0], "amounts": [10, 90]}
    assert divide(bare, 0, 50, 100, **split)[1:] == ([5, 45], [5, 45])
    # What comes back goes to whom it was taken from.
    assert divide(bare, 0, -50, 100, **split, taken=[5, 45])[1:] == ([0, 0], [10, 90])


def test_who_keeps_his_fee_has_it_and_who_takes_the_rest_bears_that(bare: Connection[Any]) -> None:
    split: dict[str, Any] = {"rates": [1000, 0], "amounts": [10, 90], "keeps": [True, False]}
    assert divide(bare, 0, 100, 100, **split)[1:] == ([10, 90], [10, -10])


def test_e13_whatever_is_divided_sums_exactly(bare: Connection[Any]) -> None:
    random = Random(22)
    for _ in range(100):
        receivers = random.randrange(1, 6)
        rates = [random.randrange(0, 2000) for _ in range(receivers)] + [0]
        keeps = [random.random() < 0.3 for _ in range(receivers)] + [False]
        total = random.randrange(1, 10**6)
        shares, taken, balances = divide(bare, total, 0, total, rates=rates, keeps=keeps)
        assert sum(shares) == sum(balances) == total
        back = random.randrange(0, total + 1)
        shares, taken, balances = divide(
            bare, 0, back, total, rates=rates, keeps=keeps, amounts=shares
        )
        assert sum(taken) == back
        assert sum(balances) == total - back
        assert all(0 <= t <= s for t, s in zip(taken, shares, strict=True))


def take_back(conn: Connection[Any], amounts: list[int], taken: list[int], back: int) -> list[int]:
    query = "select mixpay._take_back(%s::bigint[], %s::bigint[], %s)"
    ((now,),) = conn.execute(query, [amounts, taken, back]).fetchall()
    return now


def test_e52_in_steps_and_at_once_the_same_is_taken_of_each(bare: Connection[Any]) -> None:
    random = Random(52)
    for _ in range(60):
        amounts = [random.randrange(0, 60) for _ in range(random.randrange(2, 9))]
        taken, path = [0] * len(amounts), [[0] * len(amounts)]
        while sum(taken) < sum(amounts):
            before = taken
            taken = take_back(bare, amounts, taken, min(7, sum(amounts) - sum(taken)))
            assert all(a <= b <= c for a, b, c in zip(before, taken, amounts, strict=True))
            assert taken == take_back(bare, amounts, path[0], sum(taken))
            path.append(taken)
        # And the way back, in steps and at once.
        for earlier in reversed(path[:-1]):
            taken = take_back(bare, amounts, taken, sum(earlier) - sum(taken))
            assert taken == earlier
        assert take_back(bare, amounts, amounts, -sum(amounts)) == path[0]


def test_e52_the_first_units_are_taken(bare: Connection[Any]) -> None:
    """Against a second computation, also from where the amounts were others before."""
    random = Random(7)
    for _ in range(300):
        most = random.choice([5, 100, 10**15])
        amounts = [random.randrange(0, most) for _ in range(random.randrange(1, 9))]
        taken = [random.randrange(0, amount + 1) for amount in amounts]
        total = random.randrange(sum(taken), sum(amounts) + 1)
        expected = first_units(amounts, amounts, taken, total)
        assert take_back(bare, amounts, taken, total - sum(taken)) == expected
        total = random.randrange(0, sum(taken) + 1)
        expected = first_units(amounts, taken, [0] * len(amounts), total)
        assert take_back(bare, amounts, taken, total - sum(taken)) == expected


def test_e52_what_is_taken_is_in_proportion(bare: Connection[Any]) -> None:
    """Of two receivers to the unit; of n, half a unit for each other one at most."""
    random = Random(3)
    for _ in range(200):
        amounts = [random.randrange(1, 1000) for _ in range(random.randrange(2, 7))]
        total = random.randrange(0, sum(amounts) + 1)
        taken = take_back(bare, amounts, [0] * len(amounts), total)
        assert sum(taken) == total
        for amount, got in zip(amounts, taken, strict=True):
            assert abs(got - total * amount / sum(amounts)) <= len(amounts) / 2
    assert take_back(bare, [10**15, 10**15, 1], [0, 0, 0], 10**15) == [5 * 10**14, 5 * 10**14, 0]
    assert take_back(bare, [0, 0], [0, 0], 0) == [0, 0]
