from datetime import timedelta
from typing import Any

import pytest
from bills import differences, line, load, reconcile, results, summary
from shop import Row, Shop, day

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def sale(shop: Shop) -> None:
    """A1000 is paid by P1 600 (card, day 1, X1) and P2 400 (card, day 1, X2)."""
    shop.merge("T", A=1000)
    shop.pay("T", "P1", 600, "card", day(1), "X1")
    shop.pay("T", "P2", 400, "card", day(1), "X2")


BOTH = [line(1, "payment", 600, day(1), txn="X1"), line(2, "payment", 400, day(1), txn="X2")]


def withdraw(
    shop: Shop, number: str = "W1", statement_no: str = "S1", reason: str | None = "the wrong map"
) -> Row:
    return shop.call("withdraw_statement", number, statement_no, "Zoe", reason)


def test_its_results_go_and_its_lines_stay(shop: Shop) -> None:
    load(shop, "S1", [*BOTH, line(3, "fee", -5, day(1))], "channel:pos")
    reconcile(shop, "S1")
    assert len(differences(shop)) == 3
    row = withdraw(shop)
    assert (row.action, row.statement_no, row.account, row.owner) == (
        "withdrawn", "S1", "channel", "pos",
    )  # fmt: skip
    assert (row.resolved_by, row.reason, row.line_no, row.amount) == (
        "Zoe", "the wrong map", None, 0,
    )  # fmt: skip
    assert differences(shop) == []
    assert summary(shop) == (0, 0, 0)
    lines = shop.query("select * from mixpay.statement_line_list")
    assert [told.result for told in lines] == [None] * 3
    (listed,) = shop.query("select * from mixpay.statement_list")
    assert (listed.resolution_no, listed.withdrawn_by, listed.reason) == (
        "W1", "Zoe", "the wrong map",
    )  # fmt: skip
    assert listed.withdrawn_at == row.created_at
    # The right one finds both.
    load(shop, "S2", BOTH)
    assert reconcile(shop, "S2") == {"theirs matched": 2}


def test_what_it_was_matched_with_is_open_for_another(shop: Shop) -> None:
    load(shop, "S1", [{**BOTH[0], "amount": 6}, BOTH[1]])
    reconcile(shop, "S1")
    load(shop, "S2", BOTH)
    assert reconcile(shop, "S2")["theirs duplicate"] == 1
    withdraw(shop)
    assert {said for said, *_ in differences(shop)} == {"expected"}
    # Both statements are of the same day: it still should have had them.
    assert summary(shop) == (1000, 1000, 0)
    assert reconcile(shop, "S2")["theirs matched"] == 2
    assert results(shop, "S2") == {"1": "matched P1", "2": "matched P2"}
    assert differences(shop) == []
    assert summary(shop) == (1000, 1000, 0)


def test_what_was_told_because_it_reached_further_may_come_after_all(shop: Shop) -> None:
    load(shop, "S1", [line(1, "payment", 7, day(1), txn="Z")])
    before = reconcile(shop, "S1"), differences(shop)
    load(shop, "S9", [], period=(day(2), day(9)))
    reconcile(shop, "S9")
    assert {said for said, *_ in differences(shop)} == {"missing_here", "missing_there"}
    withdraw(shop, statement_no="S9")
    assert (reconcile(shop, "S1"), differences(shop)) == before
    changed = shop.query("select * from mixpay.result_change_list where to_result = 'expected'")
    assert len(changed) == 3
    (account,) = shop.query("select * from mixpay.reconciled_account_list")
    (first,) = shop.query("select * from mixpay.statement_list where statement_no = 'S1'")
    assert account.reconciled_until == first.until_at


def test_what_another_statement_missed_it_misses_again(shop: Shop) -> None:
    load(shop, "S1", BOTH[:1])
    before = reconcile(shop, "S1"), differences(shop)
    late = [{**BOTH[1], "happened_at": day(2).isoformat()}]
    load(shop, "S2", late)
    assert reconcile(shop, "S2")["earlier expected -> matched"] == 1
    withdraw(shop, statement_no="S2")
    assert differences(shop) == before[1] == [("expected", "P2", -400)]
    assert reconcile(shop, "S1") == before[0]


@pytest.mark.parametrize("gone", [1, 2])
def test_what_only_its_neighbour_covers_is_looked_for_there(shop: Shop, gone: int) -> None:
    """Its lines were about what happened a day before, or after; the neighbour never missed it."""
    shop.pay("T", "P3", 7, "card", day(2), "X3")
    told = {1: [*BOTH, line(3, "payment", 7, day(1), txn="X3")], 2: []}
    if gone == 2:
        told = {1: [], 2: [{**x, "happened_at": day(2).isoformat()} for x in told[1]]}
    half = 12 * HOUR
    for i, lines in sorted(told.items(), reverse=gone == 2):
        load(shop, f"S{i}", lines, period=(day(i) - half, day(i) + half))
        reconcile(shop, f"S{i}")
    assert differences(shop) == []
    withdraw(shop, statement_no=f"S{gone}")
    expected = [("P3", -7)] if gone == 1 else [("P1", -600), ("P2", -400)]
    assert [(number, off) for _, number, off in differences(shop)] == expected


def test_what_another_covers_that_lies_far_from_it(shop: Shop) -> None:
    """The line came days late, before the statement of its day was compared."""
    load(shop, "S9", BOTH, period=(day(9), day(9) + HOUR))
    load(shop, "S1", [], period=(day(1) - HOUR, day(1) + HOUR))
    for statement_no in ("S9", "S1"):
        reconcile(shop, statement_no)
    assert differences(shop) == []
    withdraw(shop, statement_no="S9")
    assert {(number, off) for _, number, off in differences(shop)} == {("P1", -600), ("P2", -400)}


def test_the_fees_that_its_lines_named(shop: Shop) -> None:
    """Of a payment and of a chargeback; one that has a line of its own stays matched."""
    for number in (1, 2):
        shop.call("record_channel_fee", "card", f"F{number}", 3, "CNY", "P1", None, day(1))
    shop.call("charge_back_payment", "P2", "C1", 40, "fraud", 5, day(1))
    load(shop, "S1", [line(1, "fee", -3, day(1), our="F1")])
    before = reconcile(shop, "S1"), differences(shop)
    named = [{**BOTH[0], "fee": 6}, BOTH[1], line(3, "chargeback", -40, day(1), our="C1", fee=5)]
    load(shop, "S2", named)
    reconcile(shop, "S2")
    assert differences(shop) == []
    changes = len(shop.query("select * from mixpay.result_change_list"))
    withdraw(shop, statement_no="S2")
    assert differences(shop) == before[1]
    assert results(shop, "S1") == {"1": "matched F1"}
    # Both payments, the chargeback, its fee and F2.
    assert len(shop.query("select * from mixpay.result_change_list")) == changes + 5


def test_what_somebody_saw_and_it_had(shop: Shop) -> None:
    """It is seen, and no statement has it any more; and open, once that is taken back."""
    load(shop, "S1", BOTH[:1])
    reconcile(shop, "S1")
    shop.call("mark_received", "E1", "Zoe", "channel:card", "payment", "P2")
    before = summary(shop)
    load(shop, "S2", BOTH[1:])
    reconcile(shop, "S2")
    withdraw(shop, statement_no="S2")
    assert summary(shop) == before
    assert differences(shop) == []
    shop.call("take_back_resolution", "E2", "E1", "Zoe")
    assert differences(shop) == [("expected", "P2", -400)]


def test_what_was_under_way_before_its_line_came(shop: Shop) -> None:
    shop.call("record_channel_refund", "A", "R", 20, "P1", "Y", day(1), "asked")
    told = line(3, "refund", -20, day(1), txn="Y", state="processing")
    load(shop, "S1", [*BOTH, told])
    reconcile(shop, "S1")
    before = results(shop, "S1"), summary(shop)
    load(shop, "S2", [{**told, "state": "succeeded"}])
    reconcile(shop, "S2")
    withdraw(shop, statement_no="S2")
    assert results(shop, "S1")["3"] == "expected"
    reconcile(shop, "S1")
    assert (results(shop, "S1"), summary(shop)) == before


def test_what_several_lines_and_several_of_ours_are_about(shop: Shop) -> None:
    """A batch on two statements parts; what one line paid is open."""
    for number, amount, at in (("O-01", 300, day(1)), ("O-02", 200, day(1)), ("O-03", 50, day(2))):
        shop.call("record_channel_payout", "card", number, amount, "CNY", at)
    lines = [line(1, "payout", 500, day(1)), line(2, "unknown", 20, day(1), batch_no="O-03")]
    load(shop, "S1", lines, "bank:main", (day(1) - HOUR, day(1) + HOUR))
    before = reconcile(shop, "S1"), differences(shop)
    rest = [line(1, "unknown", 30, day(2), batch_no="O-03")]
    load(shop, "S2", rest, "bank:main", (day(2) - HOUR, day(2) + HOUR))
    reconcile(shop, "S2")
    assert differences(shop) == []

    withdraw(shop, statement_no="S2")
    assert (reconcile(shop, "S1"), differences(shop)) == before
    withdraw(shop, "W2")
    assert differences(shop) == []
    assert shop.query("select * from mixpay.unmatched_items") == []


def test_another_batch_stands(shop: Shop) -> None:
    for number, amount in (("O-03", 50), ("O-04", 60)):
        shop.call("record_channel_payout", "card", number, amount, "CNY", day(1))
    parts = [line(n, "unknown", 20, day(1), batch_no=f"O-0{n + 2}") for n in (1, 2)]
    load(shop, "S1", parts, "bank:main")
    load(shop, "S2", [{**parts[0], "amount": 30}], "bank:main")
    load(shop, "S3", [{**parts[1], "amount": 40}], "bank:main")
    for statement_no in ("S1", "S2", "S3"):
        reconcile(shop, statement_no)
    assert differences(shop) == []
    withdraw(shop, statement_no="S2")
    assert results(shop, "S1") == {"1": "expected", "2": "matched O-04"}
    assert results(shop, "S3") == {"2": "matched O-04"}
    assert {(number, off) for _, number, off in differences(shop)} == {("1", 20), ("O-03", -50)}


def open_of(shop: Shop) -> set[str]:
    """Lines of reconciled statements without a partner, and what of ours has none."""
    lines = shop.query(
        "select l.* from mixpay.statement_line_list as l inner join mixpay.statement_list as s"
        " using (merchant_id, statement_no)"
        " where s.resolution_no is null and l.result is distinct from 'matched'"
    )
    items = shop.query("select * from mixpay.unmatched_items where result <> 'matched'")
    return {f"{x.statement_no} {x.line_no}{x.part} {x.amount}" for x in lines} | {
        f"{x.account} {x.kind} {x.ours}" for x in items
    }


@pytest.mark.parametrize(
    ("gone", "opened"),
    [
        ("C1", {"channel payment 600", "channel fee -3"}),
        (
            "C2",
            {
                *("C1 4b -20", "C1 6 -50", "channel refund -20", "channel payout -50"),
                *("channel payment 400", "channel fee -4"),
            },
        ),
        (
            "C3",
            {
                *("C1 5 -30", "C1 7 -60", "C1 8 -70", "channel refund -30", "channel payout -60"),
                *("channel payout -70", "channel chargeback -40", "channel chargeback_fee -5"),
            },
        ),
        (
            "B1",
            {"B2 1 30", "B3 1 40", "bank payout 50", "bank payout 60", "bank payout 70"},
        ),
        ("B2", {"B1 1 20", "bank payout 50"}),
        ("B3", {"B1 2 20", "bank payout 60"}),
    ],
)
def test_only_what_its_lines_were_about_is_open_again(
    shop: Shop, gone: str, opened: set[str]
) -> None:
    """A payment, a chargeback and a payout have one number; channel and bank have one name. And all
    was missed before."""
    for number, fee in ((1, 3), (2, 4)):
        shop.call(
            "record_channel_fee", "card", f"F{number}", fee, "CNY", f"P{number}", None, day(1)
        )
    shop.call("charge_back_payment", "P1", "P2", 40, "fraud", 5, day(1))
    for number, amount in ((1, 20), (2, 30)):
        shop.call(
            "record_channel_refund", "A", f"R{number}", amount, "P1", f"Y{number}", day(1), "asked"
        )
    for number, amount in (("O-01", 50), ("O-02", 60), ("P2", 70)):
        shop.call("record_channel_payout", "card", number, amount, "CNY", day(1), "card")
    news = {
        4: line(4, "refund", -20, day(1), txn="Y1", part="b"),
        5: line(5, "refund", -30, day(1), txn="Y2"),
        **{
            n: line(n, "payout", amount, day(1), our=number)
            for n, number, amount in ((6, "O-01", -50), (7, "O-02", -60), (8, "P2", -70))
        },
    }
    parts = [(1, 20, "O-01"), (2, 20, "O-02"), (1, 30, "O-01"), (1, 40, "O-02")]
    paid = [line(n, "payout", amount, day(1), batch_no=number) for n, amount, number in parts]
    statements = {
        "C1": [
            {**BOTH[0], "fee": 3},
            # Another part of a line.
            line(4, "unknown", -1, day(1)),
            *({**told, "state": "processing"} for told in news.values()),
        ],
        "C2": [{**BOTH[1], "fee": 4}, news[4], news[6], line(9, "payment", 1, day(1), txn="Z")],
        "C3": [line(3, "chargeback", -40, day(1), our="P2", fee=5), news[5], news[7], news[8]],
        "B1": [*paid[:2], line(3, "payout", 70, day(1), our="P2")],
        "B2": paid[2:3],
        "B3": paid[3:],
    }
    accounts = {"C": "channel:card", "B": "bank:card"}
    for name, account in accounts.items():
        load(shop, f"{name}0", [], account, (day(1) - HOUR, day(1) + HOUR))
        reconcile(shop, f"{name}0")
    for statement_no, lines in statements.items():
        load(shop, statement_no, lines, accounts[statement_no[0]])
        reconcile(shop, statement_no)
    before = open_of(shop)
    assert before == {"C1 4 -1", "C2 9 1"}
    withdraw(shop, statement_no=gone)
    assert open_of(shop) - before == opened


def test_what_a_batch_paid_out(shop: Shop) -> None:
    shop.call("record_channel_payout", "card", "B1", 1000, "CNY", day(1))
    load(shop, "S1", [{**told, "batch_no": "B1"} for told in BOTH])
    assert reconcile(shop, "S1") == {"theirs matched": 2, "ours matched": 1}
    withdraw(shop)
    assert shop.query("select * from mixpay.unmatched_items") == []
    load(shop, "S2", [{**told, "batch_no": "B1"} for told in BOTH])
    assert reconcile(shop, "S2") == {"theirs matched": 2, "ours matched": 1}


def test_before_it_is_complete_or_reconciled(shop: Shop) -> None:
    shop.call("open_statement", "S1", "channel:pos")
    shop.call("load_statement_lines", "S1", BOTH)
    withdraw(shop)
    # What is there may come again, and nothing else.
    shop.call("load_statement_lines", "S1", BOTH)
    with shop.refused("MX433", "S1", "W1"):
        shop.call("load_statement_lines", "S1", [line(3, "fee", -1, day(1))])
    with shop.refused("MX433", "S1", "W1"):
        shop.call("seal_statement", "S1", 2)
    with shop.refused("MX433", "S1", "W1"):
        shop.rows("reconcile", "S1")
    load(shop, "S2", BOTH)
    withdraw(shop, "W2", "S2")
    with shop.refused("MX433", "S2", "W2"):
        shop.rows("reconcile", "S2", dry_run=True)


@pytest.mark.parametrize("what", ["booked", "written_off", "ignored", "received"])
def test_what_was_resolved_is_taken_back_first(shop: Shop, what: str) -> None:
    shop.call("set_reconciliation", "channel:card", write_off_limit=9)
    shop.merge("T2", B=7)
    load(shop, "S1", [line(1, "payment", 7, day(1), txn="Z"), BOTH[1]])
    reconcile(shop, "S1")
    resolve: dict[str, Any] = {
        "booked": lambda: shop.call("book_line", "N1", "S1", 1, "Zoe", trade_no="T2", number="P3"),
        "written_off": lambda: shop.call("write_off_difference", "N1", "Zoe", None, "S1", 1),
        "ignored": lambda: shop.call("ignore_difference", "N1", "Zoe", None, "S1", 1),
        "received": lambda: shop.call(
            "mark_received", "N1", "Zoe", "channel:card", "payment", "P1"
        ),
    }
    resolve[what]()
    with shop.refused("MX434", "S1", "N1", 1):
        withdraw(shop)
    # Of another statement nothing was resolved.
    load(shop, "S9", [line(1, "payment", 9, day(1), txn="Z9")])
    reconcile(shop, "S9")
    withdraw(shop, "W9", "S9")
    shop.call("take_back_resolution", "N2", "N1", "Bo")
    withdraw(shop)
    assert differences(shop) == []
    assert summary(shop)[1:] == (0, 0)
    # What was booked by mistake, and its opposite, are nobody's to look for.
    load(shop, "S2", BOTH)
    assert reconcile(shop, "S2") == {"theirs matched": 2}
    assert differences(shop) == []


def test_nothing_of_it_is_resolved_any_more(shop: Shop) -> None:
    load(shop, "S1", [*BOTH, line(3, "payment", 7, day(1), txn="Z")])
    reconcile(shop, "S1")
    shop.call("ignore_difference", "N1", "Zoe", None, "S1", 3)
    shop.call("take_back_resolution", "N2", "N1", "Zoe")
    withdraw(shop)
    for number in ("N1", "N3"):
        for call in ("ignore_difference", "write_off_difference"):
            with shop.refused("MX433", "S1", "W1"):
                shop.call(call, number, "Zoe", None, "S1", 3)
        with shop.refused("MX433", "S1", "W1"):
            shop.call("book_line", number, "S1", 3, "Zoe", trade_no="T")


def test_another_account_is_not_touched(shop: Shop) -> None:
    load(shop, "S1", [line(1, "payment", 7, day(1), txn="Z")])
    load(shop, "B1", [line(1, "transfer", 8, day(1))], "bank:main")
    reconcile(shop, "S1")
    told = differences(shop)
    reconcile(shop, "B1")
    assert differences(shop) != told
    withdraw(shop, statement_no="B1")
    assert differences(shop) == told


def test_e03_e43_once(shop: Shop) -> None:
    load(shop, "S1", BOTH)
    first = withdraw(shop, reason=None)
    with shop.unchanged():
        assert withdraw(shop, reason=None) == first
    assert withdraw(shop, reason="why").reason == "why"
    assert withdraw(shop, reason="another").reason == "why"
    with shop.refused("MX433", "S1", "W1"):
        withdraw(shop, "W2")
    load(shop, "S2", BOTH)
    with shop.refused("MX427", "W1"):
        withdraw(shop, "W1", "S2")
    with shop.refused("MX432", "S1", "W1"):
        shop.call("take_back_resolution", "N2", "W1", "Bo")


def test_e28_each_merchant_by_itself(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    for each in (shop, other):
        load(each, "S1", [line(1, "payment", 7, day(1), txn="Z")])
        reconcile(each, "S1")
    told = differences(shop)
    withdraw(other)
    assert differences(other) == []
    assert differences(shop) == told


def test_refuses_bad_input(shop: Shop) -> None:
    with shop.refused("MX420", "S1"):
        withdraw(shop)
    for bad in [None, "", "a b"]:
        with shop.refused("MX901"):
            withdraw(shop, bad)  # type: ignore[arg-type]
        with shop.refused("MX901"):
            withdraw(shop, "W1", bad)  # type: ignore[arg-type]
    with shop.refused("MX905"):
        shop.call("withdraw_statement", "W1", "S1", " ", None)
    with shop.refused("MX905"):
        withdraw(shop, reason="a\tb")
    with shop.refused("MX101", "nobody"):
        withdraw(Shop(shop.conn, "nobody"))


def test_what_was_resolved_of_a_batch_stands_for_each_of_its_statements(shop: Shop) -> None:
    shop.call("record_channel_payout", "card", "B1", 990, "CNY", day(1) + HOUR)
    for i, payment in enumerate(BOTH, start=1):
        load(shop, f"S{i}", [{**payment, "batch_no": "B1"}])
        reconcile(shop, f"S{i}")
    of_payout = {"account": "channel:card", "kind": "payout", "number": "B1"}
    shop.call("ignore_difference", "N1", "Zoe", "a fee", **of_payout)
    for statement_no in ("S1", "S2"):
        with shop.refused("MX434", statement_no, "N1", 1):
            withdraw(shop, statement_no=statement_no)
    shop.call("take_back_resolution", "N2", "N1", "Zoe")
    withdraw(shop)
    reconcile(shop, "S2")
    assert ("amount", "B1", 590) in differences(shop)
