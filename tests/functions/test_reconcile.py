"""What reconcile finds, case by case; tests/test_reconciling.py compares with a model."""

from datetime import timedelta
from typing import Any

import pytest
from bills import differences, line, load, reconcile, results, rules, summary
from shop import Shop, day

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def sale(shop: Shop) -> None:
    """A1000 is paid by P1 600 (card, day 1, X1) and P2 400 (card, day 1, an hour later)."""
    shop.merge("T", A=1000)
    shop.pay("T", "P1", 600, "card", day(1), "X1")
    shop.pay("T", "P2", 400, "card", day(1) + HOUR)


def sent(shop: Shop, refund_no: str, amount: int, txn: str | None = None) -> str:
    """The number of a channel refund of P1 that has gone."""
    shop.refund("A", refund_no, amount)
    number = str(shop.channel_refund(refund_no, "P1").channel_refund_no)
    shop.call("complete_channel_refund", number, txn, day(1) + 2 * HOUR)
    return number


def test_by_the_channels_number_and_else_by_ours(shop: Shop) -> None:
    load(
        shop,
        "S1",
        [line(1, "payment", 600, day(1), txn="X1"), line(2, "payment", 400, day(1), our="P2")],
    )

    assert reconcile(shop, "S1") == {"theirs matched": 2}
    assert results(shop, "S1") == {"1": "matched P1", "2": "matched P2"}
    assert rules(shop, "S1") == {1: "channel_txn_no", 2: "our_no"}
    assert differences(shop) == []
    assert summary(shop) == (1000, 1000, 0)


def test_the_channels_number_is_stronger_than_ours(shop: Shop) -> None:
    load(
        shop,
        "S1",
        [
            line(1, "payment", 400, day(1), our="P1"),
            line(2, "payment", 600, day(1) + HOUR, txn="X1", our="P2"),
        ],
    )
    reconcile(shop, "S1")
    assert results(shop, "S1") == {"1": "missing_here", "2": "matched P1"} | {
        "1": results(shop, "S1")["1"]
    }
    assert rules(shop, "S1")[2] == "channel_txn_no"


def test_again_is_harmless(shop: Shop) -> None:
    load(shop, "S1", [line(1, "payment", 600, day(1), txn="X1"), line(2, "fee", -3, day(1))])
    first = reconcile(shop, "S1")
    before = (results(shop, "S1"), differences(shop))

    assert reconcile(shop, "S1") == first
    assert (results(shop, "S1"), differences(shop)) == before
    assert shop.query("select * from mixpay.result_changes") == []


def test_a_dry_run_writes_nothing(shop: Shop) -> None:
    load(shop, "S1", [line(1, "payment", 600, day(1), txn="X1"), line(2, "payment", 1, day(1))])
    with shop.unchanged():
        dry = reconcile(shop, "S1", dry_run=True)
    assert dry == reconcile(shop, "S1")
    assert dry["theirs matched"] == 1


@pytest.mark.parametrize("result", ["amount", "currency", "state", "fee"])
def test_what_differs(shop: Shop, result: str) -> None:
    more: dict[str, Any] = {
        "amount": {"amount": 599},
        "currency": {"currency": "USD"},
        "state": {"state": "failed"},
        "fee": {"fee": 5},
    }[result]
    shop.call("set_reconciliation", "channel:card", fee_rate=6000)
    rest = line(2, "payment", 400, day(1) + HOUR, our="P2", fee=2)
    load(shop, "S1", [{**line(1, "payment", 600, day(1), txn="X1", fee=4), **more}, rest])

    reconcile(shop, "S1")
    assert results(shop, "S1") == {"1": f"{result} P1", "2": "matched P2"}
    expected = {"amount": -1, "currency": 0, "state": -600, "fee": 0}[result]
    assert differences(shop) == [(result, "1", expected)]
    (row,) = shop.query("select * from mixpay.reconciliation_differences")
    assert row.fee_difference == (1 if result == "fee" else 0)


def test_each_difference_says_why_and_what_to_do(shop: Shop) -> None:
    shop.merge("T9", Z=100)
    for payment_no in ("S1", "S2"):
        shop.start("T9", payment_no, 50, "card")
    lines = [
        line(1, "payment", 600, day(1), txn="X1", state="failed"),
        line(2, "payment", 50, day(1), our="S1"),
        line(3, "payment", 50, day(1), our="S2", state="processing"),
        line(4, "payment", 7, day(1), txn="X9"),
        line(5, "unknown", 5, day(1), type="mystery"),
    ]
    load(shop, "S1", lines)
    reconcile(shop, "S1")
    rows = shop.query(
        "select * from mixpay.reconciliation_differences order by line_no, kind, number"
    )
    assert [(row.number, row.result, row.reason.partition(":")[0]) for row in rows] == [
        ("P1", "state", "the statement says that it failed, and it moved by our record"),
        ("S1", "state", "the statement says that it went, and nothing moved by our record"),
        ("S2", "expected", "the channel is at it, and so are we"),
        (None, "expected", "nothing of ours is found, and it may still come"),
        (None, "unknown", "the line is of a type that is not known"),
        ("P2", "expected", "no statement has it yet"),
    ]
    assert [row.what_to_do.partition(" ")[0] for row in rows] == [
        "ask", "book_line:", "wait", "wait", "look", "wait",
    ]  # fmt: skip


def test_an_amount_that_differs_does_not_hide_a_fee_that_does(shop: Shop) -> None:
    shop.call("set_reconciliation", "channel:card", fee_rate=6000)
    load(shop, "S1", [line(1, "payment", 590, day(1), txn="X1", fee=50)])
    shop.rows("reconcile", "S1")
    (row,) = shop.query("select * from mixpay.reconciliation_differences where result = 'amount'")
    assert (row.difference, row.fee_difference) == (-10, 46)
    assert row.reason == (
        "the statement says 590, and 600 is on record;"
        " the channel took 50, and 4 is on record or agreed"
    )


def test_the_fee_is_the_one_on_record_or_else_as_agreed(shop: Shop) -> None:
    shop.call("set_reconciliation", "channel:card", fee_rate=10000, fee_fixed=1)
    shop.call("record_channel_fee", "card", "F1", 8, "CNY", "P1", None, day(1))
    load(
        shop,
        "S1",
        [
            line(1, "payment", 600, day(1), txn="X1", fee=8),
            line(2, "payment", 400, day(1) + HOUR, our="P2", fee=5),
        ],
    )
    # F1 stands in the line of its payment: it needs none of its own.
    assert reconcile(shop, "S1") == {"theirs matched": 2}


def test_a_fee_in_the_line_of_a_chargeback_needs_none_of_its_own(shop: Shop) -> None:
    """However the line finds its chargeback, and if it comes with the next statement."""
    shop.call("charge_back_payment", "P1", "C1", 100, "fraud", 9, day(1))
    load(shop, "S0", [line(1, "payment", 600, day(1), txn="X1"),
                      line(2, "payment", 400, day(1), our="P2")])  # fmt: skip
    assert reconcile(shop, "S0") == {"theirs matched": 2, "ours expected": 2}
    load(shop, "S1", [line(1, "chargeback", -100, day(1), of_txn="X1", fee=9)])
    assert reconcile(shop, "S1") == {"theirs matched": 1, "earlier expected -> matched": 2}
    assert differences(shop) == []
    assert summary(shop) == (900, 900, 0)


def test_whose_fee_of_the_payment_it_is(shop: Shop) -> None:
    """What the same channel took, and not what it gave back, another one took, or another shop."""
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    other.merge("T", A=600)
    other.pay("T", "P1", 600, "card", day(1))
    other.call("record_channel_fee", "card", "F1", 5, "CNY", "P1", None, day(1))
    for number, channel, amount in (("F1", "card", 8), ("F2", "card", -3), ("F3", "bank", 2)):
        shop.call("record_channel_fee", channel, number, amount, "CNY", "P1", None, day(1))
    load(shop, "S1", [line(1, "payment", 600, day(1), txn="X1", fee=8)])
    reconcile(shop, "S1")
    assert results(shop, "S1") == {"1": "matched P1"}


def test_an_agreed_fee_is_rounded_half_up(shop: Shop) -> None:
    """Of 600 it is 1.5, and of 400 1.0."""
    shop.call("set_reconciliation", "channel:card", fee_rate=2500)
    lines = [
        line(1, "payment", 600, day(1), txn="X1", fee=2),
        line(2, "payment", 400, day(1) + HOUR, our="P2", fee=1),
    ]
    load(shop, "S1", lines)
    assert reconcile(shop, "S1") == {"theirs matched": 2}


def test_where_nothing_was_agreed_fees_are_not_compared(shop: Shop) -> None:
    load(
        shop,
        "S1",
        [
            line(1, "payment", 600, day(1), txn="X1", fee=99),
            line(2, "payment", 400, day(1), our="P2"),
        ],
    )
    assert reconcile(shop, "S1") == {"theirs matched": 2}
    (row,) = shop.query("select sum(fee_theirs)::bigint as t from mixpay.reconciliation_summary")
    assert row.t == 99


def test_expected_then_missing_when_the_lag_is_over(shop: Shop) -> None:
    load(shop, "S1", [line(1, "payment", 7, day(1), txn="Z")])
    assert reconcile(shop, "S1") == {"theirs expected": 1, "ours expected": 2}
    load(shop, "S2", [], period=(day(2), day(3)))

    assert reconcile(shop, "S2") == {
        "earlier expected -> missing_here": 1,
        "earlier expected -> missing_there": 2,
    }
    assert differences(shop) == [
        ("missing_here", "1", 7), ("missing_there", "P1", -600), ("missing_there", "P2", -400),
    ]  # fmt: skip
    assert summary(shop) == (1000, 7, -993)


@pytest.mark.parametrize("account", ["channel:card", "channel:pos", "bank:card"])
def test_only_what_is_reconciled_of_the_account_reaches_further(shop: Shop, account: str) -> None:
    load(shop, "S1", [line(1, "payment", 7, day(1), txn="Z")])
    load(shop, "S9", [], account, (day(2), day(9)))
    if account != "channel:card":
        reconcile(shop, "S9")
    assert reconcile(shop, "S1") == {"theirs expected": 1, "ours expected": 2}


def test_the_first_moment_is_a_statements_and_the_last_is_the_next_ones(shop: Shop) -> None:
    at = day(2)
    shop.merge("T2", B=50)
    shop.pay("T2", "P3", 50, "card", at)
    shop.call("record_channel_refund", "A", "R", 5, "P1", None, at)
    shop.call("charge_back_payment", "P1", "C", 7, "fraud", 2, at)
    shop.call("reverse_chargeback", "C", "won", None, at)
    shop.call("return_payment", "P2", "V", "no funds", 9, at)
    shop.call("record_channel_fee", "card", "F", 1, "CNY", None, None, at)
    for number, amount in (("O1", 90), ("O2", -3)):
        shop.call("record_channel_payout", "card", number, amount, "CNY", at)
    shop.call("register_payee", "S", "Store")
    shop.call("record_repayment", "payee:S", "Y", 4, "CNY", at)
    for account, kinds in (("channel:card", 9), ("bank:main", 3)):
        for number, period, found in (
            ("1", (at - HOUR, at), {}), ("2", (at, at + HOUR), {"ours expected": kinds}),
        ):  # fmt: skip
            load(shop, f"{account[0]}{number}", [], account, period)
            assert reconcile(shop, f"{account[0]}{number}", lag="9 days") == found


def test_a_day_boundary_resolves_itself_and_says_so(shop: Shop) -> None:
    """P1 is on the next day's statement, and its line of the day before came late to us."""
    load(shop, "S1", [line(1, "payment", 50, day(1), txn="Z", our="P3"),
                      line(2, "payment", 400, day(1), our="P2")])  # fmt: skip
    assert reconcile(shop, "S1") == {
        "theirs matched": 1, "theirs expected": 1, "ours expected": 1,
    }  # fmt: skip
    shop.merge("T2", B=50)
    shop.pay("T2", "P3", 50, "card", day(2))
    load(shop, "S2", [line(1, "payment", 600, day(2), txn="X1")])

    assert reconcile(shop, "S2") == {"theirs matched": 1, "earlier expected -> matched": 2}
    assert differences(shop) == []
    assert summary(shop) == (1050, 1050, 0)
    changed = shop.query("select * from mixpay.result_change_list order by subject")
    assert [(c.subject, c.from_result, c.to_result) for c in changed] == [
        ("line 1 of S1", "expected", "matched"), ("payment P1", "expected", "matched"),
    ]  # fmt: skip


def test_by_amount_and_moment(shop: Shop) -> None:
    shop.merge("T2", B=400)
    shop.pay("T2", "P3", 400, "card", day(1) + 3 * HOUR)
    lines = [line(1, "payment", 400, day(1) + 3 * HOUR + HOUR / 2), line(2, "payment", 400, day(1))]
    load(shop, "S1", lines)
    reconcile(shop, "S1")
    assert results(shop, "S1") == {"1": "matched P3", "2": "matched P2"}
    assert rules(shop, "S1") == {1: "amount", 2: "amount"}


def test_not_beyond_the_lag_or_the_tolerance(shop: Shop) -> None:
    load(shop, "S1", [line(1, "payment", 401, day(1) + 4 * HOUR)])
    assert reconcile(shop, "S1")["theirs expected"] == 1
    assert reconcile(shop, "S1", tolerance=1, lag="2 hours")["theirs missing_here"] == 1
    assert reconcile(shop, "S1", tolerance=1, lag="3 hours")["theirs matched"] == 1
    assert results(shop, "S1") == {"1": "matched P2"}
    (row,) = shop.query("select sum(tolerated)::bigint as t from mixpay.reconciliation_summary")
    assert row.t == 1


def test_other_numbers_are_another_payment(shop: Shop) -> None:
    """Although amount and moment agree."""
    load(
        shop,
        "S1",
        [
            line(1, "payment", 600, day(1), txn="X9"),
            line(2, "payment", 400, day(1) + HOUR, our="P9"),
        ],
    )
    assert reconcile(shop, "S1") == {"theirs expected": 2, "ours expected": 2}


def test_a_refund_is_found_by_its_payment(shop: Shop) -> None:
    number = sent(shop, "R1", 50)
    load(shop, "S1", [line(1, "refund", -50, day(1) + 3 * HOUR, of_txn="X1")])
    reconcile(shop, "S1")
    assert results(shop, "S1") == {"1": f"matched {number}"}
    assert rules(shop, "S1") == {1: "payment"}


def test_everything_that_channels_do(shop: Shop) -> None:
    number = sent(shop, "R1", 50, "Y1")
    shop.call("bounce_channel_refund", number, "closed")
    shop.call("charge_back_payment", "P1", "C1", 100, "fraud", 9, day(1))
    shop.call("reverse_chargeback", "C1", "won", None, day(1) + HOUR)
    shop.call("return_payment", "P2", "V1", "no funds", 30, day(1))
    shop.call("record_channel_fee", "card", "F1", 3, "CNY", None, None, day(1))
    shop.call("record_channel_payout", "card", "O1", 700, "CNY", day(1))
    (bounced,) = shop.query(
        "select max(happened_at) as at from mixpay.facts where to_state = 'bounced'"
    )
    load(
        shop,
        "S1",
        [
            line(1, "payment", 600, day(1), txn="X1"),
            line(2, "payment", 400, day(1), our="P2"),
            line(3, "refund", -50, day(1), txn="Y1"),
            line(4, "refund_reversal", 50, bounced.at, our=number),
            line(5, "chargeback", -100, day(1), of_txn="X1"),
            line(6, "chargeback_reversal", 100, day(1), our="C1"),
            line(7, "fee", -9, day(1), txn="C1"),
            line(8, "return", -30, day(1), of="P2"),
            line(9, "fee", -3, day(1)),
            line(10, "payout", -700, day(1), batch_no="O1"),
        ],
        period=(day(1) - HOUR, bounced.at + HOUR),
    )  # fmt: skip
    assert reconcile(shop, "S1") == {"theirs matched": 10}
    assert differences(shop) == []
    assert summary(shop)[2] == 0


def test_news_that_we_lack(shop: Shop) -> None:
    """The line says that it went; we still wait for the answer."""
    shop.merge("T2", B=50)
    shop.start("T2", "P3", 50, "card")
    shop.refund("A", "R1", 20)
    number = shop.channel_refund("R1", "P1").channel_refund_no
    load(
        shop,
        "S1",
        [
            line(1, "payment", 50, day(1), txn="Z", our="P3"),
            line(2, "refund", -20, day(1), our=number, state="processing"),
        ],
        period=(day(1) + 5 * HOUR, day(1) + 6 * HOUR),
    )
    reconcile(shop, "S1")
    assert results(shop, "S1") == {"1": "state P3", "2": f"expected {number}"}
    assert summary(shop) == (0, 50, 50)

    shop.succeed("P3", "Z", paid_at=day(1))
    shop.call("complete_channel_refund", number, None, day(1) + HOUR)
    found = reconcile(shop, "S1")
    assert found["earlier state -> matched"] == 1
    assert found["earlier expected -> matched"] == 1
    assert summary(shop) == (30, 30, 0)


def test_what_the_channel_is_at_and_what_we_are_at(shop: Shop) -> None:
    """A line that failed or is still under way is not said to have succeeded."""
    shop.merge("T2", B=50, C=60)
    shop.start("T2", "P3", 50, "card")
    shop.start("T2", "P4", 60, "card")
    lines = [
        line(1, "payment", 50, day(1), our="P3", state="failed"),
        line(2, "payment", 60, day(1), our="P4", state="processing"),
    ]
    load(shop, "S1", lines)
    reconcile(shop, "S1")
    load(shop, "S9", [], period=(day(2), day(9)))
    reconcile(shop, "S9")
    rows = shop.query(
        "select * from mixpay.reconciliation_differences where result = 'state' order by line_no"
    )
    assert [row.reason for row in rows] == [
        "the statement says that it failed, and we still wait for it",
        "the channel is still at it, and nothing moved by our record",
    ]
    assert [row.what_to_do.partition(" ")[0] for row in rows] == ["ask", "ask"]


def pending(shop: Shop) -> str:
    """Its number: a refund that is sent, and a statement that says that the channel is at it."""
    shop.refund("A", "R1", 20)
    number = str(shop.channel_refund("R1", "P1").channel_refund_no)
    load(
        shop,
        "S1",
        [line(1, "refund", -20, day(1), txn="Y1", our=number, state="processing")],
        period=(day(1) + 5 * HOUR, day(1) + 6 * HOUR),
    )
    return number


def went(shop: Shop, **more: Any) -> None:
    told = line(1, "refund", -20, day(2), txn="Y1", **more)
    load(shop, "S2", [told], period=(day(2), day(2) + HOUR))


@pytest.mark.parametrize("when", ["before", "between", "after"])
@pytest.mark.parametrize("names", [True, False])
def test_what_was_under_way_and_then_went_is_one_movement(
    shop: Shop, when: str, names: bool
) -> None:
    """The later line counts, whenever the callback comes, and whichever was compared first."""
    number = pending(shop)
    went(shop, **({"our": number} if names else {}))

    def complete(now: str) -> None:
        if now == when:
            shop.call("complete_channel_refund", number, "Y1", day(2))

    complete("before")
    reconcile(shop, "S1")
    complete("between")
    reconcile(shop, "S2")
    if when == "after":
        assert results(shop, "S2") == {"1": f"state {number}"}
        assert summary(shop) == (0, -20, -20)
    complete("after")
    for statement_no in ("S2", "S1", "S2"):
        reconcile(shop, statement_no)
        assert results(shop, "S1") == results(shop, "S2") == {"1": f"matched {number}"}
        assert differences(shop) == []
        assert summary(shop) == (-20, -20, 0)


def test_what_went_and_is_under_way_by_a_line_that_comes_later(shop: Shop) -> None:
    number = pending(shop)
    shop.call("complete_channel_refund", number, "Y1", day(2))
    went(shop)
    reconcile(shop, "S2")
    assert reconcile(shop, "S1") == {"theirs matched": 1}
    assert rules(shop, "S1") == {1: "batch"}
    assert summary(shop) == (-20, -20, 0)


def test_what_the_channel_told_twice_and_we_lack(shop: Shop) -> None:
    """Once it is booked, the line that says that the channel was at it is no duplicate."""
    told = line(1, "refund", -30, day(2), txn="Y2", state="processing")
    load(shop, "S3", [told, {**told, "line_no": 2, "state": "succeeded"}])
    reconcile(shop, "S3")
    assert results(shop, "S3") == {"1": "duplicate", "2": "expected"}
    shop.call("book_line", "N1", "S3", 2, "Zoe", order_no="A", payment_no="P1")
    reconcile(shop, "S3")
    assert set(results(shop, "S3").values()) == {f"matched {shop.channel_refund('N1', 'P1')[1]}"}
    before = differences(shop)
    shop.call("take_back_resolution", "N2", "N1", "Zoe")
    assert results(shop, "S3") == {"1": "expected", "2": "expected"}
    reconcile(shop, "S3")
    assert results(shop, "S3") == {"1": "duplicate", "2": "expected"}
    assert len(differences(shop)) == len(before) + 2


def test_a_late_line_is_looked_for_where_it_happened(shop: Shop) -> None:
    """Days later, by the channel's number of a refund, and by amount and moment of a fee."""
    number = sent(shop, "R1", 20, "Y1")
    shop.call("record_channel_fee", "card", "F1", 3, "CNY", None, None, day(1))
    load(shop, "S1", [])
    load(shop, "S9", [
        line(1, "refund", -20, day(1), txn="Y1"),
        line(2, "fee", -3, day(1) + HOUR),
    ], period=(day(9), day(9) + HOUR))  # fmt: skip
    reconcile(shop, "S9")
    assert results(shop, "S9") == {"1": f"matched {number}", "2": "matched F1"}
    assert rules(shop, "S9") == {1: "channel_txn_no", 2: "amount"}


def test_a_line_twice_is_a_duplicate(shop: Shop) -> None:
    both = line(1, "payment", 600, day(1), txn="X1"), line(2, "payment", 400, day(1), our="P2")
    load(shop, "S1", [*both, line(3, "payment", 600, day(1) + HOUR, txn="X1")])
    reconcile(shop, "S1")
    assert results(shop, "S1") == {"1": "matched P1", "2": "matched P2", "3": "duplicate"}
    load(shop, "S2", both)
    assert reconcile(shop, "S2") == {"theirs duplicate": 2}
    assert summary(shop)[2] == 600 + 1000


def test_an_earlier_line_is_the_duplicate_of_one_that_is_matched(shop: Shop) -> None:
    twice = [
        line(1, "payment", 600, day(1) + HOUR, txn="X1"),
        line(2, "payment", 600, day(1), txn="X1"),
    ]
    load(shop, "S1", twice)
    reconcile(shop, "S1")
    assert results(shop, "S1") == {"1": "duplicate", "2": "matched P1"}


@pytest.mark.parametrize(
    ("more", "account", "result"),
    [
        ({}, "channel:card", "duplicate"),
        ({"kind": "adjustment"}, "channel:card", "expected"),
        ({"amount": -6}, "channel:card", "expected"),
        ({"currency": "USD"}, "channel:card", "expected"),
        ({"channel_txn_no": "Y"}, "channel:card", "expected"),
        ({"state": "failed"}, "channel:card", "expected"),
        ({}, "channel:alipay", "expected"),
        ({}, "bank:card", "expected"),
    ],
)
def test_what_a_duplicate_has_in_common(
    shop: Shop, more: dict[str, Any], account: str, result: str
) -> None:
    told = line(1, "fee", -5, day(1), txn="Z")
    load(shop, "S1", [{**told, **more}], account)
    load(shop, "S2", [told])
    # What is not reconciled says nothing yet.
    reconcile(shop, "S2")
    assert results(shop, "S2") == {"1": "expected"}
    reconcile(shop, "S1")
    reconcile(shop, "S2")
    assert results(shop, "S2") == {"1": result}


def test_of_two_without_a_partner_the_first_one_is_no_duplicate(shop: Shop) -> None:
    """Whatever else its statement says."""
    told = line(1, "fee", -5, day(1), txn="Z")
    known = line(3, "payment", 600, day(1), txn="X1")
    load(shop, "S1", [told, {**told, "line_no": 2}, known, {**known, "line_no": 4}])
    reconcile(shop, "S1")
    assert results(shop, "S1") == {
        "1": "expected", "2": "duplicate", "3": "matched P1", "4": "duplicate",
    }  # fmt: skip


def test_what_names_ours_otherwise_is_no_duplicate(shop: Shop) -> None:
    """In another currency, as another kind, in another channel."""
    told = line(1, "payment", 400, day(1) + HOUR, our="P2")
    others: list[dict[str, Any]] = [{"currency": "USD"}, {}, {"kind": "adjustment"}]
    load(shop, "S1", [told, *({**told, "line_no": n, **x} for n, x in enumerate(others, 2))])
    reconcile(shop, "S1")
    assert results(shop, "S1") == {
        "1": "matched P2", "2": "expected", "3": "duplicate", "4": "expected",
    }  # fmt: skip
    load(shop, "S2", [told], "channel:pos")
    reconcile(shop, "S2")
    assert results(shop, "S2") == {"1": "expected"}


def test_a_number_of_another_day_names_nothing(shop: Shop) -> None:
    """However late it comes."""
    shop.merge("T2", B=10)
    shop.pay("T2", "Q", 10, "pos", day(1), "000001")
    load(shop, "S1", [line(1, "payment", 10, day(5), txn="000001")], "channel:pos")
    assert reconcile(shop, "S1") == {"theirs expected": 1}


def test_a_number_that_is_used_again_on_another_day(shop: Shop) -> None:
    for i in (1, 2):
        shop.merge(f"T1{i}", **{f"B{i}": 10})
        shop.pay(f"T1{i}", f"Q{i}", 10, "pos", day(i), "000001")
    load(
        shop,
        "S1",
        [
            line(1, "payment", 10, day(2) + HOUR, txn="000001"),
            line(2, "payment", 10, day(1) + HOUR, txn="000001"),
        ],
        "channel:pos",
    )
    assert reconcile(shop, "S1") == {"theirs matched": 2}
    assert results(shop, "S1") == {"1": "matched Q2", "2": "matched Q1"}


def test_a_day_begins_where_the_channel_is(shop: Shop) -> None:
    """20:00 and 02:00 in Shanghai are one day in Greenwich."""
    shop.channel("qr", txn_numbers="daily", day_zone="Asia/Shanghai")
    for i in (1, 2):
        shop.merge(f"T1{i}", **{f"B{i}": 10})
        shop.pay(f"T1{i}", f"Q{i}", 10, "qr", day(1) + 6 * HOUR * (i - 1), "000001")
    # The second one at midnight, and the first one again just before. The second one again, when
    # Greenwich has its next day.
    at = day(1) + 4 * HOUR
    lines = [
        line(1, "payment", 10, at, txn="000001"),
        line(2, "payment", 10, at - HOUR, txn="000001"),
        line(3, "payment", 10, at - HOUR / 60, txn="000001"),
        line(4, "payment", 10, at + 20 * HOUR, txn="000001"),
    ]
    load(shop, "S1", lines, "channel:qr")
    reconcile(shop, "S1")
    assert results(shop, "S1") == {
        "1": "matched Q2", "2": "matched Q1", "3": "duplicate", "4": "duplicate",
    }  # fmt: skip


def test_numbers_that_say_little_say_it_with_day_and_amount(shop: Shop) -> None:
    shop.channel("qr", txn_numbers="none")
    for i, amount in enumerate((10, 20), 1):
        shop.merge(f"T1{i}", **{f"B{i}": amount})
        shop.pay(f"T1{i}", f"Q{i}", amount, "qr", day(1) + i * HOUR, "7")
    at = day(1) + 3 * HOUR
    lines = [
        line(1, "payment", 20, day(1), txn="7"),
        line(2, "payment", 10, at, txn="7"),
        # No duplicates on one statement.
        line(3, "payment", 10, at, txn="7"),
    ]
    load(shop, "S1", lines, "channel:qr")
    reconcile(shop, "S1")
    assert results(shop, "S1") == {"1": "matched Q2", "2": "matched Q1", "3": "expected"}
    assert rules(shop, "S1") == {1: "channel_txn_no", 2: "channel_txn_no", 3: None}
    # On another, only what is the same in everything.
    again = [
        line(1, "payment", 10, at, txn="7"),
        line(2, "payment", 10, at + HOUR, txn="7"),
        line(3, "payment", 10, at, txn="7", our="Q9"),
        line(4, "payment", 10, at, txn="7", description="another"),
    ]
    load(shop, "S2", again, "channel:qr")
    reconcile(shop, "S2")
    assert results(shop, "S2") == {
        "1": "duplicate", "2": "expected", "3": "expected", "4": "expected",
    }  # fmt: skip


def test_what_is_unknown_is_listed(shop: Shop) -> None:
    load(shop, "S1", [line(1, "unknown", 5, day(1), type="mystery"), line(2, "other", -5, day(1))])
    assert reconcile(shop, "S1")["theirs unknown"] == 2
    told = [
        row.reason
        for row in shop.query("select * from mixpay.reconciliation_differences")
        if row.line_no
    ]
    assert "the line is of a type that is not known: mystery" in told


def test_what_moved_nothing_is_no_difference(shop: Shop) -> None:
    lines = [line(1, "fee", 0, day(5)), line(2, "payment", 5, day(5), txn="Z", state="failed")]
    load(shop, "S1", lines)
    assert reconcile(shop, "S1") == {"theirs matched": 2}


def test_a_payout_is_the_sum_of_its_batch(shop: Shop) -> None:
    shop.call("record_channel_payout", "card", "B1", 990, "CNY", day(1))
    shop.call("record_channel_payout", "card", "other", 990, "CNY", day(1))
    payments = [
        line(1, "payment", 600, day(1), txn="X1", fee=6, batch_no="B1"),
        line(2, "payment", 400, day(1), our="P2", fee=4, batch_no="B1"),
    ]
    load(shop, "S1", payments)
    assert reconcile(shop, "S1") == {
        "theirs matched": 2, "ours matched": 1, "ours expected": 1,
    }  # fmt: skip
    assert differences(shop) == [("expected", "other", 990)]
    # What the batch paid is no other line's.
    load(shop, "S2", [line(i, "payout", -990, day(1) + HOUR) for i in (1, 2)])
    reconcile(shop, "S2")
    assert results(shop, "S2") == {"1": "matched other", "2": "expected"}


def test_a_batch_that_sums_to_something_else(shop: Shop) -> None:
    shop.call("record_channel_payout", "card", "B1", 995, "CNY", day(1))
    payments = [
        line(1, "payment", 600, day(1), txn="X1", fee=6, batch_no="B1"),
        line(2, "payment", 400, day(1), our="P2", fee=4, batch_no="B1"),
    ]
    load(shop, "S1", payments)
    assert reconcile(shop, "S1") == {"theirs matched": 2, "ours amount": 1}
    assert differences(shop) == [("amount", "B1", 5)]


def test_a_bank(shop: Shop) -> None:
    shop.call("register_payee", "S", "Store")
    shop.sell("B", 70)
    settled = shop.settle("N1")
    at = settled.created_at
    shop.call("record_channel_payout", "card", "O1", 990, "CNY", at)
    shop.call("record_channel_payout", "card", "O2", 500, "CNY", at)
    shop.call("record_repayment", "payee:S", "Y1", 5, "CNY", at)
    shop.call("reverse_settlement", "N1", "no such account")
    load(
        shop,
        "B1",
        [
            line(1, "transfer", 990, at, description="CARD PAYOUT"),
            line(2, "unknown", 200, at, batch_no="O2"),
            line(3, "unknown", 300, at, batch_no="O2"),
            line(4, "transfer", -70, at, our="N1"),
            line(5, "transfer", 70, at, our="N1"),
            line(6, "transfer", 5, at),
        ],
        "bank:main",
        (at - HOUR, at + HOUR),
    )  # fmt: skip
    assert reconcile(shop, "B1") == {"theirs matched": 6}
    assert rules(shop, "B1")[2] == "batch"
    assert differences(shop) == []
    # The same payout also stands on the channel's statement.
    load(shop, "S1", [line(1, "payout", -990, at, txn="O1")], period=(at - HOUR, at + HOUR))
    assert reconcile(shop, "S1")["theirs matched"] == 1


def test_another_merchants_and_another_banks_are_not_looked_at(shop: Shop) -> None:
    """A payout, a settlement that failed, and a repayment, under the same numbers."""
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    for each, bank in ((other, "main"), (shop, "second")):
        each.sell("B", 70)
        each.until_final()
        at = each.call("settle_payee", "S", "N1", None, None, bank).created_at
        each.call("reverse_settlement", "N1", "no such account")
        each.call("record_channel_payout", "card", "O1", 90, "CNY", at, bank)
        each.call("record_repayment", "payee:S", "Y1", 5, "CNY", at, None, bank)
    load(shop, "B1", [], "bank:main", (at - HOUR, at + HOUR))
    assert reconcile(shop, "B1") == {}


def test_a_settlement_of_nothing_is_on_no_statement(shop: Shop) -> None:
    shop.call("register_payee", "S", "Store")
    at = shop.settle("N1", currency="CNY").created_at
    load(shop, "B1", [], "bank:main", (at - HOUR, at + HOUR))
    assert reconcile(shop, "B1") == {}


def test_the_batch_of_a_payout_line(shop: Shop) -> None:
    """It says which payout it is, however late it comes."""
    shop.call("record_channel_payout", "card", "O1", 990, "CNY", day(1))
    load(shop, "S1", [line(1, "payout", -990, day(9), batch_no="O1")])
    reconcile(shop, "S1")
    assert results(shop, "S1") == {"1": "matched O1"}


def test_what_is_of_no_batch(shop: Shop) -> None:
    """What failed, what is in another currency, and a payout long after."""
    for number, at in (("B1", day(1)), ("B2", day(1)), ("late", day(4))):
        shop.call("record_channel_payout", "card", number, 990, "CNY", at)
    lines = [
        line(1, "payment", 600, day(1), txn="X1", fee=6, batch_no="B1"),
        line(2, "payment", 400, day(1), our="P2", fee=4, batch_no="B1"),
        line(3, "payment", 100, day(1), txn="Z", batch_no="B1", state="failed"),
        line(4, "adjustment", 990, day(1), "USD", batch_no="B2"),
        line(5, "adjustment", 990, day(1), batch_no="B3"),
    ]
    load(shop, "S1", lines, period=(day(1) - HOUR, day(5)))
    reconcile(shop, "S1")
    assert batches(shop) == {"B1": ("B1", "matched"), "B2": ("B3", "matched")}
    assert ("missing_there", "late", 990) in differences(shop)
    # Again, and with one more that has the amount.
    shop.call("record_channel_payout", "card", "more", 990, "CNY", day(1))
    reconcile(shop, "S1")
    assert batches(shop) == {"B1": ("B1", "matched"), "B2": ("B3", "matched")}


def test_a_batch_lasts_until_its_last_line(shop: Shop) -> None:
    shop.call("record_channel_payout", "card", "O1", 990, "CNY", day(4))
    lines = [
        line(n, "adjustment", amount, day(2 * n - 1), batch_no="B1")
        for n, amount in ((1, 600), (2, 390))
    ]
    load(shop, "S1", lines, period=(day(1), day(5)))
    reconcile(shop, "S1")
    assert batches(shop) == {"O1": ("B1", "matched")}


def test_what_a_bank_of_the_channels_name_has_of_it_is_no_part_of_a_batch(shop: Shop) -> None:
    shop.call("record_channel_payout", "card", "B1", 990, "CNY", day(1), "card")
    load(shop, "T1", [line(1, "unknown", 7, day(1), batch_no="B1")], "bank:card")
    reconcile(shop, "T1")
    assert ("expected", "B1", -990) in differences(shop)
    load(shop, "S1", [line(1, "adjustment", 990, day(1), batch_no="B1")])
    reconcile(shop, "S1")
    assert batches(shop) == {"B1": ("B1", "matched")}


def test_the_earlier_batch_is_the_payout(shop: Shop) -> None:
    shop.call("record_channel_payout", "card", "O1", 990, "CNY", day(1))
    for first, second in (("B2", "B1"), ("B1", "B2")):
        lines = [
            line(1, "adjustment", 990, day(1) + 2 * HOUR, batch_no=second),
            line(2, "adjustment", 990, day(1) + HOUR, batch_no=first),
        ]
        load(shop, f"S{first}", lines)
        reconcile(shop, f"S{first}")
        assert batches(shop) == {"O1": (first, "matched")}
        shop.call("withdraw_statement", f"W{first}", f"S{first}", "Zoe", "it was a trial")


def test_a_batch_within_the_tolerance_and_what_lacks_is_no_other_batchs(shop: Shop) -> None:
    shop.call("record_channel_payout", "card", "B1", 995, "CNY", day(1))
    lines = [line(1, "adjustment", 990, day(1), batch_no="B1")]
    load(shop, "S1", lines)
    reconcile(shop, "S1", tolerance=4)
    assert batches(shop) == {"B1": ("B1", "amount")}
    load(shop, "S2", [{**lines[0], "amount": 995, "batch_no": "B9"}])
    reconcile(shop, "S2")
    assert batches(shop) == {"B1": ("B1", "amount")}
    shop.call("withdraw_statement", "W1", "S1", "Zoe", "it was a trial")
    shop.call("withdraw_statement", "W2", "S2", "Zoe", "it was a trial")
    load(shop, "S3", lines)
    reconcile(shop, "S3", tolerance=5)
    assert batches(shop) == {"B1": ("B1", "matched")}


def test_a_batch_on_two_statements(shop: Shop) -> None:
    shop.call("record_channel_payout", "card", "B1", 990, "CNY", day(1) + HOUR)
    shop.pay("T", "P3", 5, "bank", day(1), "X3")
    halves = [
        line(1, "payment", 600, day(1), txn="X1", fee=6, batch_no="B1"),
        line(1, "payment", 400, day(1) + HOUR, our="P2", fee=4, batch_no="B1"),
    ]
    elsewhere = line(1, "payment", 5, day(1), txn="X3", batch_no="B1")
    load(shop, "E1", [elsewhere], "channel:bank")
    load(shop, "S1", halves[:1])
    reconcile(shop, "E1")
    reconcile(shop, "S1")
    assert batches(shop) == {"B1": ("B1", "amount")}
    # One that is loaded and not compared counts for nothing.
    load(shop, "S2", halves[1:])
    reconcile(shop, "S1")
    assert batches(shop) == {"B1": ("B1", "amount")}
    reconcile(shop, "S2")
    assert batches(shop) == {"B1": ("B1", "matched")}
    for statement_no in ("S1", "S2"):
        reconcile(shop, statement_no)
        assert batches(shop) == {"B1": ("B1", "matched")}
    # Without either, the other is compared alone.
    shop.call("withdraw_statement", "W1", "S1", "Zoe", "it was a trial")
    assert ("expected", "B1", 990) in differences(shop)
    reconcile(shop, "S2")
    assert batches(shop) == {"B1": ("B1", "amount")}
    load(shop, "S3", halves[:1])
    reconcile(shop, "S3")
    assert batches(shop) == {"B1": ("B1", "matched")}
    # The row is of the statement that was compared last; the other one's lines are no matter.
    shop.call("withdraw_statement", "W3", "S3", "Zoe", "it was a trial")
    reconcile(shop, "S2")
    assert batches(shop) == {"B1": ("B1", "amount")}


@pytest.mark.parametrize("number", ["B1", "O1"])
def test_more_of_a_batch_that_was_matched(shop: Shop, number: str) -> None:
    """What a later statement has of it counts, too, whatever the payout's number is."""
    shop.call("record_channel_payout", "card", number, 990, "CNY", day(1) + HOUR)
    payments = [
        line(1, "payment", 600, day(1), txn="X1", fee=6, batch_no="B1"),
        line(2, "payment", 400, day(1) + HOUR, our="P2", fee=4, batch_no="B1"),
    ]
    load(shop, "S1", payments)
    reconcile(shop, "S1")
    assert batches(shop) == {number: ("B1", "matched")}
    load(shop, "S2", [line(1, "fee", -7, day(1) + 2 * HOUR, batch_no="B1")])
    found = reconcile(shop, "S2")
    if number == "B1":
        assert found["earlier matched -> amount"] == 1
        assert ("amount", "B1", 7) in differences(shop)
    else:
        assert found["earlier matched -> expected"] == 1
        assert ("expected", "O1", 990) in differences(shop)
    before = differences(shop)
    for statement_no in ("S1", "S2"):
        reconcile(shop, statement_no)
        assert differences(shop) == before


@pytest.mark.parametrize(
    "named",
    [{"our": "O1"}, {"batch_no": "B1"}, {"batch_no": "B1", "our": "O2"}],
    ids=["ours", "batch", "another"],
)
@pytest.mark.parametrize("lines_first", [True, False])
def test_a_payouts_line_is_stronger_than_its_batch(
    shop: Shop, lines_first: bool, named: dict[str, str]
) -> None:
    """Also if it comes later: then it is in one match, and the batch has no other payout."""
    shop.call("record_channel_payout", "card", "O1", 990, "CNY", day(1) + HOUR)
    if named.get("our") == "O2":
        shop.call("record_channel_payout", "card", "O2", 990, "CNY", day(1) + 2 * HOUR)
    payments = [
        line(1, "payment", 600, day(1), txn="X1", fee=6, batch_no="B1"),
        line(2, "payment", 400, day(1) + HOUR, our="P2", fee=4, batch_no="B1"),
    ]
    paid = [line(1, "payout", -990, day(1) + 2 * HOUR, **named)]
    for statement_no in ("S1", "S2") if lines_first else ("S2", "S1"):
        load(shop, statement_no, payments if statement_no == "S1" else paid)
        reconcile(shop, statement_no)
    about = named.get("our", "O1")
    assert results(shop, "S2") == {"1": f"matched {about}"}
    assert batches(shop) == {}
    missing = [("expected", "O1", 990)] if about == "O2" else []
    assert differences(shop) == missing
    assert summary(shop) == (10 - 990 * len(missing), 10, 990 * len(missing))


def test_an_open_line_of_another_statement_is_the_payouts(shop: Shop) -> None:
    """Found when another one is compared again, it is stronger than the batch of that one."""
    shop.call("record_channel_payout", "card", "B1", 995, "CNY", day(1))
    payments = [
        line(1, "payment", 600, day(1), txn="X1", fee=6, batch_no="B1"),
        line(2, "payment", 400, day(1), our="P2", fee=4, batch_no="B1"),
    ]
    load(shop, "S1", payments)
    load(shop, "S2", [line(1, "payout", -995, day(4))])
    for statement_no in ("S1", "S2"):
        reconcile(shop, statement_no)
    assert batches(shop) == {"B1": ("B1", "amount")}
    reconcile(shop, "S1", lag=timedelta(days=5))
    assert results(shop, "S2") == {"1": "matched B1"}
    assert batches(shop) == {}
    assert differences(shop) == []


def batches(shop: Shop) -> dict[str, tuple[str, str]]:
    """Of each payout that is compared with a batch: that, and the result."""
    rows = shop.query("select * from mixpay.unmatched_items where batch_no is not null")
    return {row.number: (row.batch_no, row.result) for row in rows}


def test_the_lines_of_a_banks_batch(shop: Shop) -> None:
    """None that failed, none in another currency, and not of a payout that has its line."""
    paid_out(shop, 500, 400, 300)
    bank = "bank:main", (day(1) - HOUR, day(3) + HOUR)
    load(shop, "B1", [line(1, "payout", 300, day(3), our="O-03")], *bank)
    reconcile(shop, "B1")
    lines = [
        line(1, "unknown", 200, day(1), batch_no="O-01"),
        line(2, "unknown", 300, day(1), batch_no="O-01"),
        line(3, "unknown", 300, day(1), batch_no="O-01", state="failed"),
        line(4, "unknown", 7, day(1), "USD", batch_no="O-01"),
        line(5, "unknown", 200, day(2), "USD", batch_no="O-02"),
        line(6, "unknown", 200, day(2) + HOUR, "USD", batch_no="O-02"),
        line(7, "unknown", 150, day(3), batch_no="O-03"),
        line(8, "unknown", 150, day(3) + HOUR, batch_no="O-03"),
    ]
    load(shop, "B2", lines, *bank)
    reconcile(shop, "B2", lag="9 days")
    assert {number for number, rule in rules(shop, "B2").items() if rule} == {1, 2}
    assert rules(shop, "B2")[2] == "batch"


def paid_out(shop: Shop, *amounts: int, bank: str = "main") -> None:
    """O-01, O-02, …: payouts of card on day 1, day 2, …"""
    for i, amount in enumerate(amounts, 1):
        shop.call("record_channel_payout", "card", f"O-0{i}", amount, "CNY", day(i), bank)


def parts(shop: Shop) -> dict[str, tuple[int, int, str]]:
    """Of what one line pays together: ours, its part of the line, and the result."""
    rows = shop.query("select * from mixpay.unmatched_items where line_no is not null")
    return {row.number: (row.ours, row.theirs, row.result) for row in rows}


def test_one_line_pays_the_payouts_of_a_weekend(shop: Shop) -> None:
    paid_out(shop, 300, 200, 400)
    shop.call("record_channel_payout", "cash", "K-01", 7, "CNY", day(1))
    bank = "bank:main", (day(4) - 6 * HOUR, day(4) + 6 * HOUR)
    load(shop, "B1", [line(1, "payout", 900, day(4))], *bank)

    assert reconcile(shop, "B1", lag="3 days") == {"theirs matched": 1}
    assert parts(shop) == {
        "O-01": (300, 300, "matched"), "O-02": (200, 200, "matched"), "O-03": (400, 400, "matched"),
    }  # fmt: skip
    (row,) = shop.query("select * from mixpay.statement_line_list")
    assert (row.result, row.matched_by, row.our_kind) == ("matched", "batch", "payout")
    assert (row.our_number, row.ours) == ("O-01 O-02 O-03", 900)
    assert differences(shop) == []
    assert summary(shop) == (900, 900, 0)
    # Again is harmless, and no later line is about them.
    assert reconcile(shop, "B1", lag="3 days") == {"theirs matched": 1}
    load(shop, "B2", [line(1, "payout", 200, day(4), our="O-02")], *bank)
    assert reconcile(shop, "B2", lag="3 days")["theirs expected"] == 1


def test_not_more_than_what_it_pays(shop: Shop) -> None:
    """The run whose end is nearest; of one payout that fits alone it is that one."""
    paid_out(shop, 300, 200, 100, 200)
    bank = "bank:main", (day(4) - 6 * HOUR, day(4) + 6 * HOUR)
    lines = [line(1, "payout", 300, day(4)), line(2, "payout", 500, day(4) + HOUR)]
    load(shop, "B1", lines, *bank)
    reconcile(shop, "B1", lag="4 days")
    assert results(shop, "B1") == {"1": "matched O-01", "2": "matched O-02 O-03 O-04"}


def test_what_is_side_by_side_once_others_are_gone(shop: Shop) -> None:
    """So that a run again finds nothing more."""
    paid_out(shop, 100, 200, 50, 300)
    bank = "bank:main", (day(4) - 6 * HOUR, day(4) + 6 * HOUR)
    load(shop, "B1", [line(1, "payout", 250, day(4)), line(2, "payout", 400, day(4))], *bank)
    found = reconcile(shop, "B1", lag="4 days")
    assert found == {"theirs matched": 2}
    assert results(shop, "B1") == {"1": "matched O-02 O-03", "2": "matched O-01 O-04"}
    assert reconcile(shop, "B1", lag="4 days") == found


def test_one_line_pays_several_settlements(shop: Shop) -> None:
    """Settled in one moment."""
    for payee, order in (("S", "B"), ("V", "C"), ("W", "D")):
        shop.call("register_payee", payee, "Store")
        shop.sell(order, 70, payee)
    shop.until_final()
    rows = shop.rows("settle_all")
    (at,) = {row.created_at for row in shop.query("select created_at from mixpay.settlement_list")}
    load(shop, "B1", [line(1, "transfer", -210, at)], "bank:main", (at - HOUR, at + HOUR))
    assert reconcile(shop, "B1") == {"theirs matched": 1}
    assert len(parts(shop)) == len(rows) == 3
    assert summary(shop) == (-210, -210, 0)


def test_what_a_line_names_in_words_it_pays(shop: Shop) -> None:
    """Whatever the sum: the last one bears the difference."""
    paid_out(shop, 300, 200, 500)
    bank = "bank:main", (day(1) - 6 * HOUR, day(4) + 6 * HOUR)
    said = "payouts O-01, O-02 less a fee"
    load(shop, "B1", [line(1, "payout", 499, day(4), description=said)], *bank)
    assert reconcile(shop, "B1", tolerance=1)["theirs matched"] == 1
    assert parts(shop) == {"O-01": (300, 300, "matched"), "O-02": (200, 199, "matched")}


def test_a_late_line_that_names_several(shop: Shop) -> None:
    """One of them happened before the time that its statement covers."""
    for number, at in (("O-01", day(1) - HOUR), ("O-02", day(2) - HOUR)):
        shop.call("record_channel_payout", "card", number, 50, "CNY", at)
    told = line(1, "payout", 100, day(2) - HOUR, description="pays O-01 and O-02")
    load(shop, "S1", [told], "bank:main", (day(2), day(3)))
    assert reconcile(shop, "S1") == {"theirs matched": 1}
    assert results(shop, "S1") == {"1": "matched O-01 O-02"}


def test_what_a_line_names_and_pays_too_little_of(shop: Shop) -> None:
    paid_out(shop, 300, 200)
    bank = "bank:main", (day(1) - 6 * HOUR, day(4) + 6 * HOUR)
    said = "payouts O-01, O-02"
    load(shop, "B1", [line(1, "payout", 480, day(4), description=said)], *bank)
    assert reconcile(shop, "B1") == {"theirs matched": 1, "ours amount": 1}
    assert differences(shop) == [("amount", "O-02", -20)]
    assert summary(shop) == (500, 480, -20)
    # No other line is about the one that lacks something.
    load(shop, "B2", [line(1, "payout", 200, day(2))], *bank)
    reconcile(shop, "B2")
    assert results(shop, "B2") == {"1": "missing_here"}
    shop.call("withdraw_statement", "W", "B2", "Zoe", "it was a trial")
    shop.call("set_reconciliation", "bank:main", write_off_limit=20)
    shop.call(
        "write_off_difference", "N1", "Zoe", None,
        account="bank:main", kind="payout", number="O-02",
    )  # fmt: skip
    assert differences(shop) == []
    assert reconcile(shop, "B1") == {"theirs matched": 1, "ours amount": 1}


def test_a_line_that_names_two_and_has_the_amount_of_one(shop: Shop) -> None:
    paid_out(shop, 300, 200)
    bank = "bank:main", (day(1) - 6 * HOUR, day(4) + 6 * HOUR)
    load(shop, "B1", [line(1, "payout", 200, day(2), description="O-02, after O-01")], *bank)
    reconcile(shop, "B1")
    assert results(shop, "B1") == {"1": "matched O-02"}


def test_several_lines_of_one_batch_on_two_statements(shop: Shop) -> None:
    paid_out(shop, 500)
    for i, amount in enumerate((200, 300), 1):
        period = day(i) - HOUR, day(i) + HOUR
        load(
            shop,
            f"B{i}",
            [line(1, "unknown", amount, day(i), batch_no="O-01")],
            "bank:main",
            period,
        )
        reconcile(shop, f"B{i}")
    assert results(shop, "B1") == {"1": "matched O-01"}
    assert results(shop, "B2") == {"1": "matched O-01"}
    assert summary(shop) == (500, 500, 0)


@pytest.fixture
def charged_back(shop: Shop) -> None:
    shop.call("charge_back_payment", "P1", "C1", 100, "fraud", 0, day(1))


@pytest.mark.usefixtures("charged_back")
@pytest.mark.parametrize("named", [{"our": "C1"}, {"of_txn": "X1"}, {"of": "P1"}])
def test_several_lines_of_one_chargeback_reversal(shop: Shop, named: dict[str, str]) -> None:
    shop.call("reverse_chargeback", "C1", "won", None, day(2))
    back = [line(1, "chargeback_reversal", 50, day(2), **named)]
    twice = [*back, line(2, "chargeback_reversal", 50, day(2), **named)]
    load(shop, "S1", twice, period=(day(2) - HOUR, day(2) + HOUR))
    assert reconcile(shop, "S1") == {"theirs matched": 2}
    assert rules(shop, "S1") == {1: "batch", 2: "batch"}
    assert summary(shop) == (100, 100, 0)
    assert reconcile(shop, "S1") == {"theirs matched": 2}
    # A third part is no duplicate of the others, for they are of one amount.
    load(shop, "S2", back, period=(day(2) - HOUR, day(2) + HOUR))
    assert reconcile(shop, "S2") == {"theirs expected": 1}


@pytest.mark.usefixtures("charged_back")
def test_a_reversal_on_two_statements(shop: Shop) -> None:
    """All of it is on record: the first line lacks something, and the second one mends that."""
    shop.call("reverse_chargeback", "C1", "won", None, day(2))
    for i, amount in ((2, 60), (3, 40)):
        told = [line(1, "chargeback_reversal", amount, day(i), our="C1")]
        load(shop, f"S{i}", told, period=(day(i) - HOUR, day(i) + HOUR))
    assert reconcile(shop, "S2") == {"theirs amount": 1}
    assert reconcile(shop, "S3") == {"theirs matched": 1, "earlier amount -> matched": 1}
    assert summary(shop) == (100, 100, 0)


@pytest.mark.usefixtures("charged_back")
def test_a_reversal_in_parts_on_both_sides(shop: Shop) -> None:
    for i, amount in ((2, 60), (3, 100)):
        shop.call("reverse_chargeback", "C1", "won", amount, day(i))
        told = [line(1, "chargeback_reversal", 60 if i == 2 else 40, day(i), our="C1")]
        load(shop, f"S{i}", told, period=(day(i) - HOUR, day(i) + HOUR))
        assert reconcile(shop, f"S{i}") == {"theirs matched": 1}
    assert summary(shop) == (100, 100, 0)


@pytest.mark.usefixtures("charged_back")
def test_more_of_a_reversal_that_no_statement_has(shop: Shop) -> None:
    for i, amount in ((2, 60), (3, 100)):
        shop.call("reverse_chargeback", "C1", "won", amount, day(i))
        load(shop, f"S{i}", [], period=(day(i) - HOUR, day(i) + HOUR))
        reconcile(shop, f"S{i}")
        assert [(number, off) for _, number, off in differences(shop)] == [("C1", -amount)]


@pytest.mark.usefixtures("charged_back")
@pytest.mark.parametrize("named", [{"our": "C1"}, {"of_txn": "X1"}])
def test_a_reversal_in_three_parts(shop: Shop, named: dict[str, str]) -> None:
    """The third one is of the batch that the first two are."""
    for i, amount in ((2, 60), (3, 90), (4, 100)):
        shop.call("reverse_chargeback", "C1", "won", amount, day(i))
        told = [line(1, "chargeback_reversal", {2: 60, 3: 30, 4: 10}[i], day(i), **named)]
        load(shop, f"S{i}", told, period=(day(i) - HOUR, day(i) + HOUR))
        assert reconcile(shop, f"S{i}") == {"theirs matched": 1}
    assert summary(shop) == (100, 100, 0)


@pytest.mark.parametrize("then", ["unique", "daily", "none"])
@pytest.mark.parametrize("before", ["unique", "daily", "none"])
def test_a_reversal_names_a_payment_of_whatever_kind_its_number_is(
    shop: Shop, before: str, then: str
) -> None:
    """Numbers that are on record stay as they were, when the channel numbers in another way."""
    shop.channel("till", txn_numbers=before)
    shop.merge("TC", D=300)
    shop.pay("TC", "P9", 300, "till", day(1), "X9")
    shop.call("charge_back_payment", "P9", "C9", 100, "fraud", 0, day(1))
    shop.call("reverse_chargeback", "C9", "won", None, day(2))
    shop.channel("till", txn_numbers=then)
    back = [line(i, "chargeback_reversal", 50, day(2), of_txn="X9") for i in (1, 2)]
    load(shop, "S1", back, "channel:till", (day(2) - HOUR, day(2) + HOUR))
    assert reconcile(shop, "S1") == {"theirs matched": 2}


@pytest.mark.parametrize("when", [1, 9])
def test_what_several_lines_paid_no_further_one_names(shop: Shop, when: int) -> None:
    """Neither in its time nor later."""
    paid_out(shop, 500)
    bank = "bank:main"
    halves = [line(i, "unknown", 250, day(1), batch_no="O-01") for i in (1, 2)]
    load(shop, "B1", halves, bank, (day(1) - HOUR, day(1) + HOUR))
    reconcile(shop, "B1")
    whole = [line(1, "unknown", 500, day(when), our="O-01")]
    load(shop, "B2", whole, bank, (day(when) - HOUR, day(when) + HOUR))
    assert reconcile(shop, "B2") == {"theirs expected": 1}
    assert summary(shop) == (500, 1000, 500)


@pytest.mark.usefixtures("charged_back")
def test_lines_that_are_not_what_came_back(shop: Shop) -> None:
    shop.call("reverse_chargeback", "C1", "won", None, day(2))
    lines = [line(i, "chargeback_reversal", 50 + i, day(2), our="C1") for i in (1, 2)]
    load(shop, "S1", lines, period=(day(2) - HOUR, day(2) + HOUR))
    assert reconcile(shop, "S1") == {"theirs amount": 1, "theirs expected": 1}
    assert summary(shop) == (100, 103, 3)


def test_an_anomaly_is_what_the_channel_sent(shop: Shop) -> None:
    shop.refund("A", "R1", 600)
    shop.fail("R1", "P1")
    shop.refund("A", "R2", 600)
    number = shop.channel_refund("R1", "P1").channel_refund_no
    shop.call("complete_channel_refund", number, "Y1", day(1) + HOUR)
    load(shop, "S1", [line(1, "refund", -600, day(1), txn="Y1")])
    reconcile(shop, "S1")
    assert results(shop, "S1") == {"1": f"matched {number}"}


@pytest.mark.parametrize("named", [{"our": "number"}, {"of": "P1"}, {}])
def test_an_anomaly_that_the_channel_gave_back(shop: Shop, named: dict[str, str]) -> None:
    shop.refund("A", "R1", 600)
    shop.fail("R1", "P1")
    shop.refund("A", "R2", 600)
    number = shop.channel_refund("R1", "P1").channel_refund_no
    shop.call("complete_channel_refund", number, "Y1", day(1) + HOUR)
    back = shop.call("resolve_anomaly", number, "recovered", "the buyer sent it back").created_at
    if named == {"our": "number"}:
        named = {"our": number}
    lines = [
        line(1, "payment", 600, day(1), txn="X1"),
        line(2, "refund", -600, day(1), txn="Y1"),
        line(3, "refund_reversal", 600, back + HOUR, **named),
    ]
    load(shop, "S1", lines)
    reconcile(shop, "S1")
    assert results(shop, "S1")["2"] == results(shop, "S1")["3"] == f"matched {number}"
    load(shop, "S2", [], period=(back + 72 * HOUR, back + 96 * HOUR))
    reconcile(shop, "S2")
    assert [row for row in differences(shop) if row[1] == number] == []


def test_what_came_back_stands_where_the_statement_has_it(shop: Shop) -> None:
    """Also if a service says so only weeks later."""
    number = sent(shop, "R1", 600, "Y1")
    shop.call("bounce_channel_refund", number, "closed", "Y1", day(2))
    lines = [
        line(1, "payment", 600, day(1), txn="X1"),
        line(2, "payment", 400, day(1), our="P2"),
        line(3, "refund", -600, day(1) + HOUR, txn="Y1"),
        line(4, "refund_reversal", 600, day(2), txn="Y1"),
    ]
    load(shop, "S1", lines, period=(day(1) - HOUR, day(2) + HOUR))
    assert reconcile(shop, "S1") == {"theirs matched": 4}
    assert summary(shop) == (1000, 1000, 0)


def sent_again(shop: Shop) -> tuple[str, list[Any]]:
    """Of 50 of P1 that went by Y1, came back and went by Y2: the number, and when it came back."""
    number = sent(shop, "R1", 50, "Y1")
    shop.call("bounce_channel_refund", number, "closed")
    shop.call("complete_channel_refund", number, "Y2", day(1) + 5 * HOUR)
    (row,) = shop.query("select came_back_at from mixpay.transfer_list where nth = 1")
    return number, row.came_back_at


def test_each_transfer_of_a_refund_has_its_line(shop: Shop) -> None:
    number, back = sent_again(shop)
    lines = [
        line(1, "payment", 600, day(1), txn="X1"),
        line(2, "payment", 400, day(1), our="P2"),
        line(3, "refund", -50, day(1) + 5 * HOUR, txn="Y2", our=number),
        line(4, "refund", -50, day(1) + 2 * HOUR, txn="Y1", our=number),
        line(5, "refund_reversal", 50, back, txn="Y1", our=number),
    ]
    load(shop, "S1", lines, period=(day(1) - HOUR, back + HOUR))
    assert reconcile(shop, "S1") == {"theirs matched": 5}
    found = results(shop, "S1")
    assert found["3"] == f"matched {number}#2"
    assert found["4"] == found["5"] == f"matched {number}"
    assert summary(shop) == (950, 950, 0)


@pytest.mark.parametrize("named", [{"our": True}, {"of_txn": "X1"}, {"of": "P1"}])
def test_each_transfer_of_a_refund_has_a_line_that_names_none(
    shop: Shop, named: dict[str, Any]
) -> None:
    number, back = sent_again(shop)
    if "our" in named:
        named = {"our": number}
    first, again = (line(i, "refund", -50, day(1) + i * HOUR, **named) for i in (2, 5))
    load(shop, "S1", [first], period=(day(1) - HOUR, day(1) + 10 * HOUR))
    reconcile(shop, "S1")
    load(shop, "S2", [again], period=(day(1) + 10 * HOUR, back + HOUR))
    reconcile(shop, "S2")
    assert results(shop, "S1")["2"] == f"matched {number}"
    assert results(shop, "S2") == {"5": f"matched {number}#2"}


@pytest.mark.parametrize("txn", [None, "Y2"])
@pytest.mark.parametrize("numbers", ["unique", "daily", "none"])
def test_news_of_a_further_transfer_are_one_movement(
    shop: Shop, numbers: str, txn: str | None
) -> None:
    """The channel was at it first, and names it by the number of the channel refund."""
    shop.query(
        "update mixpay.channels set txn_numbers = %s where channel = 'card' returning 1", numbers
    )
    number, _ = sent_again(shop)
    named = {"our": number} | ({"txn": txn} if txn else {})
    at = day(1) + 5 * HOUR
    load(shop, "S1", [line(1, "refund", -50, day(1) + 2 * HOUR, txn="Y1", our=number)])
    load(shop, "S2", [line(1, "refund", -50, at, state="processing", **named)])
    load(shop, "S3", [line(1, "refund", -50, at + HOUR, **named)])
    for statement_no in ("S1", "S2", "S3"):
        reconcile(shop, statement_no)
    for statement_no in ("S2", "S3"):
        assert results(shop, statement_no) == {"1": f"matched {number}#2"}
    assert summary(shop)[1] == -100


def test_a_transfer_has_one_name(shop: Shop) -> None:
    """A line may say anything: what looks like the name of a transfer and is none names nothing."""
    number, back = sent_again(shop)
    named = ["#2", "#1", "#0", "#02", "#3", "#99999999999999999999", "#", "#2#2", ""]
    lines = [
        line(i, "refund", -50, day(1) + 5 * HOUR, our=number + more)
        for i, more in enumerate(named, start=1)
    ]
    load(shop, "S1", lines, period=(day(1) - HOUR, back + HOUR))
    reconcile(shop, "S1")
    assert {i: found for i, found in results(shop, "S1").items() if number in found} == {
        "1": f"matched {number}#2",
        "9": f"matched {number}",
    }


def test_a_transfer_that_no_line_is_about_is_missing(shop: Shop) -> None:
    number, back = sent_again(shop)
    load(shop, "S1", [line(3, "refund", -50, day(1) + 5 * HOUR, txn="Y2")])
    reconcile(shop, "S1")
    load(shop, "S2", [], period=(back + 72 * HOUR, back + 96 * HOUR))
    reconcile(shop, "S2")
    told = {row[1]: row[0] for row in differences(shop)}
    assert told[number] == "missing_there"
    assert f"{number}#2" not in told


def test_each_anomaly_of_a_refund_has_its_line(shop: Shop) -> None:
    shop.refund("A", "R1", 600)
    shop.fail("R1", "P1")
    shop.refund("A", "R2", 600)
    number = shop.channel_refund("R1", "P1").channel_refund_no
    shop.call("complete_channel_refund", number, "Y1", day(1) + HOUR)
    back = shop.call("resolve_anomaly", number, "recovered", None).created_at
    shop.call("complete_channel_refund", number, "Y2", day(1) + 2 * HOUR)
    lines = [
        line(1, "refund", -600, day(1), txn="Y1"),
        line(2, "refund", -600, day(1), txn="Y2"),
        line(3, "refund_reversal", 600, back, txn="Y1"),
        line(4, "refund_reversal", 600, back, txn="Y2"),
    ]
    load(shop, "S1", lines, period=(day(1) - HOUR, back + HOUR))
    reconcile(shop, "S1")
    found = results(shop, "S1")
    assert found["1"] == found["3"] == f"matched {number}"
    assert found["2"] == f"matched {number}#2"
    assert found["4"] == "expected"


@pytest.mark.parametrize("is_anomaly", [False, True])
@pytest.mark.parametrize("numbers", ["unique", "daily", "none"])
def test_a_refund_that_is_told_late_is_found_by_the_channels_number(
    shop: Shop, numbers: str, is_anomaly: bool
) -> None:
    """Its line came weeks ago, names nothing of ours, and its statement is not compared again."""
    shop.query(
        "update mixpay.channels set txn_numbers = %s where channel = 'card' returning 1", numbers
    )
    shop.refund("A", "R1", 600)
    number = shop.channel_refund("R1", "P1").channel_refund_no
    if is_anomaly:
        shop.fail("R1", "P1")
        shop.refund("A", "R2", 600)
    lines = [line(i, "refund", -600, day(i), txn="Y1") for i in (1, 2)]
    load(shop, "S1", lines, period=(day(1) - HOUR, day(3)))
    reconcile(shop, "S1")
    assert results(shop, "S1")["1"] != f"matched {number}"
    shop.call("complete_channel_refund", number, "Y1", day(2))
    load(shop, "S2", [], period=(day(20), day(21)))
    reconcile(shop, "S2")
    which = "1" if numbers == "unique" else "2"
    assert results(shop, "S1")[which] == f"matched {number}"
    assert rules(shop, "S1")[int(which)] == "channel_txn_no"


def test_another_merchants_and_another_channels_are_not_looked_at(shop: Shop) -> None:
    shop.pay("T", "P3", 5, "bank", day(1), "X3")
    load(shop, "S1", [line(1, "payment", 5, day(1), txn="X3", our="P3")])
    assert reconcile(shop, "S1")["theirs expected"] == 1
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    load(other, "S1", [line(1, "payment", 600, day(1), txn="X1", our="P1")])
    assert reconcile(other, "S1") == {"theirs expected": 1}
    # Nor is a payment that has the number which the channel's number is of elsewhere.
    other.merge("T", A=5)
    other.pay("T", "P1", 5, "card", day(1))
    load(other, "S2", [line(1, "payment", 600, day(1), txn="X1")])
    reconcile(other, "S2")
    assert results(other, "S2") == {"1": "duplicate"}


def test_refuses_what_is_not_complete(shop: Shop) -> None:
    shop.call("open_statement", "S1", "channel:card")
    shop.call("load_statement_lines", "S1", [line(1, "payment", 600, day(1), txn="X1")])
    with shop.refused("MX425", "S1", 1):
        shop.rows("reconcile", "S1")
    with shop.refused("MX420", "S2"):
        shop.rows("reconcile", "S2")
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").rows("reconcile", "S1")
    with shop.refused("MX901"):
        shop.rows("reconcile", "a b")
    shop.call("seal_statement", "S1", 1)
    with shop.refused("MX902", -1):
        shop.rows("reconcile", "S1", tolerance=-1)
    for lag in ["-1 day", "367 days"]:
        with shop.refused("MX904"):
            shop.rows("reconcile", "S1", lag=lag)
