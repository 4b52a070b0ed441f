"""What a line says is booked by the call that books such a thing, and names the line."""

from datetime import timedelta
from typing import Any

import pytest
from bills import differences, line, load, reconcile, results, rules, summary
from shop import Row, Shop, day

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def sale(shop: Shop) -> None:
    """A1000 is paid by P1 (card, day 1, X1); B50 of T2 is not paid."""
    shop.merge("T", A=1000)
    shop.pay("T", "P1", 1000, "card", day(1), "X1")
    shop.merge("T2", B=50)


def told(shop: Shop, *lines: dict[str, Any], account: str = "channel:card") -> None:
    """A statement with the line of P1 and these, and a later one, so that nothing is expected."""
    known = [line(90, "payment", 1000, day(1), txn="X1")] if account == "channel:card" else []
    load(shop, "S1", [*lines, *known], account)
    load(shop, "S2", [], account, (day(9), day(10)))
    for number in ("S1", "S2"):
        reconcile(shop, number)


def book(shop: Shop, resolution_no: Any = "N1", line_no: int = 1, **named: Any) -> Row:
    return shop.call("book_line", resolution_no, "S1", line_no, "Zoe", **named)


def test_a_late_payment(shop: Shop) -> None:
    told(shop, line(1, "payment", 50, day(2), txn="Z"))
    assert differences(shop) == [("missing_here", "1", 50)]
    booked = book(shop, trade_no="T2", number="P2")

    assert (booked.action, booked.kind, booked.number) == ("booked", "payment", "P2")
    assert (booked.amount, booked.resolved_by, booked.line_no) == (50, "Zoe", 1)
    assert booked.session == shop.query("select session_user as s")[0].s
    payment = shop.row("payments", "P2")
    assert (payment.amount, payment.paid_at, payment.channel_txn_no) == (50, day(2), "Z")
    assert shop.paid("T2") == {"B": 50}
    assert differences(shop) == []
    assert (results(shop, "S1")["1"], rules(shop, "S1")[1]) == ("matched P2", "booked")
    assert summary(shop) == (1050, 1050, 0)
    assert reconcile(shop, "S1") == {"theirs matched": 2}
    (listed,) = shop.query("select * from mixpay.resolution_list")
    assert (listed.statement_no, listed.line_no, listed.taken_back_by) == ("S1", 1, None)


def test_what_we_started_and_the_channel_says_succeeded(shop: Shop) -> None:
    shop.start("T2", "P2", 50, "card")
    shop.refund("A", "R", 30)
    number = shop.channel_refund("R", "P1").channel_refund_no
    told(
        shop,
        line(1, "payment", 50, day(2), txn="Z", our="P2"),
        line(2, "refund", -30, day(2), txn="Y", our=number),
    )
    assert [d[0] for d in differences(shop)] == ["state", "state"]
    assert book(shop).number == "P2"
    assert book(shop, "N2", 2).number == number
    assert shop.row("payments", "P2").channel_txn_no == "Z"
    assert shop.row("channel_refunds", number).state == "succeeded"
    assert differences(shop) == []
    assert summary(shop) == (1020, 1020, 0)


def test_what_is_told_of_another_line_stays(shop: Shop) -> None:
    """The channel is at it for too long: that of one before it is booked says nothing of that."""
    shop.start("T2", "P2", 50, "card")
    shop.refund("A", "R", 30)
    number = shop.channel_refund("R", "P1").channel_refund_no
    told(
        shop,
        line(1, "payment", 50, day(1), txn="Z", our="P2"),
        line(2, "refund", -30, day(2), our=number, state="processing"),
    )
    load(shop, "S9", [], period=(day(8), day(9)))
    reconcile(shop, "S9")
    before = [d for d in differences(shop) if d[1] == "2"]
    assert before == [("state", "2", 0)]
    book(shop)
    assert [d for d in differences(shop) if d[1] == "2"] == before


@pytest.mark.parametrize("state", ["processing", "failed"])
def test_what_has_not_succeeded_is_not_booked_so(shop: Shop, state: str) -> None:
    shop.start("T2", "P2", 50, "card")
    told(shop, line(1, "payment", 50, day(2), txn="Z", our="P2", state=state))
    assert differences(shop)[0][:2] == ("state", "1")
    with shop.refused("MX430", "P2", state):
        book(shop)


def test_what_has_moved_here_is_not_booked_again(shop: Shop) -> None:
    """Only the fees differ, and they are no payment."""
    shop.call("set_reconciliation", "channel:card", fee_rate=0, fee_fixed=6)
    load(shop, "S1", [line(1, "payment", 1000, day(1), txn="X1", fee=5)])
    reconcile(shop, "S1")
    assert results(shop, "S1") == {"1": "fee P1"}
    with shop.refused("MX430", "P1", 1000):
        book(shop)


def test_less_arrived_than_was_asked(shop: Shop) -> None:
    shop.start("T2", "P2", 50, "card")
    told(shop, line(1, "payment", 45, day(2), txn="Z", our="P2"))
    book(shop)
    payment = shop.row("payments", "P2")
    assert (payment.amount, payment.paid_at) == (45, day(2))
    assert differences(shop) == []


def test_a_chargeback_with_its_fee(shop: Shop) -> None:
    told(shop, line(1, "chargeback", -30, day(2), fee=9))
    book(shop, payment_no="P1")
    (row,) = shop.query("select * from mixpay.chargeback_list")
    assert (row.amount, row.fee, row.charged_at) == (30, 9, day(2))
    assert differences(shop) == []


def test_what_is_named_of_it_must_be_what_is_on_record(shop: Shop) -> None:
    shop.start("T2", "P2", 50, "card")
    shop.refund("A", "R", 30)
    number = shop.channel_refund("R", "P1").channel_refund_no
    told(
        shop,
        line(1, "payment", 50, day(2), txn="Z", our="P2"),
        line(2, "refund", -30, day(2), txn="Y", our=number),
    )
    for line_no, wrong in [
        (1, {"trade_no": "T"}),
        (1, {"number": "P3"}),
        (2, {"order_no": "B"}),
        (2, {"payment_no": "P2"}),
        (2, {"number": "R2"}),
    ]:
        with shop.refused("MX430", line_no, *wrong, *wrong.values()):
            book(shop, f"N{line_no}", line_no, **wrong)
    assert book(shop, trade_no="T2", number="P2").number == "P2"
    again = book(shop, "N2", 2, order_no="A", payment_no="P1", number="R")
    assert again.number == number
    with shop.refused("MX427", "N2"):
        book(shop, "N2", 2, order_no="B")


def test_a_refund_made_elsewhere(shop: Shop) -> None:
    told(shop, line(1, "refund", -30, day(2), txn="Y"))
    booked = book(shop, order_no="A", payment_no="P1", number="R1")
    part = shop.channel_refund("R1", "P1")
    assert (booked.kind, booked.number) == ("refund", part.channel_refund_no)
    assert (part.channel_txn_no, part.refunded_at) == ("Y", day(2))
    assert shop.row("refunds", "R1").reason == "line 1 of statement S1"
    assert differences(shop) == []
    assert reconcile(shop, "S1") == {"theirs matched": 2}


def test_a_refund_that_went_after_it_was_sent_another_way(shop: Shop) -> None:
    """The other way is given up, and the line is about the first."""
    shop.call("refund_order", "A", "R1", 30, None, ["P1"])
    first = shop.fail("R1", "P1").channel_refund_no
    shop.redirect("R1", "P1", "alipay")
    told(shop, line(1, "refund", -30, day(2), txn="Y"))
    assert book(shop, order_no="A", payment_no="P1", number="R1").number == first
    assert differences(shop) == []


@pytest.mark.parametrize(
    ("kind", "amount", "named", "view", "account"),
    [
        ("chargeback", -30, {"payment_no": "P1", "order_no": "A"}, "chargeback_list", "card"),
        ("return", -30, {"payment_no": "P1"}, "return_list", "card"),
        ("fee", -6, {"payment_no": "P1"}, "channel_fee_list", "card"),
        ("fee", 6, {}, "channel_fee_list", "card"),
        ("payout", -900, {}, "channel_payout_list", "card"),
        ("payout_reversal", 900, {"account": "bank:second"}, "channel_payout_list", "card"),
        ("adjustment", 7, {"account": "fee:card"}, "adjustment_list", "card"),
        ("unknown", -7, {"account": "channel_fee:card"}, "adjustment_list", "card"),
    ],
)
def test_whatever_the_channel_did(
    shop: Shop, kind: str, amount: int, named: dict[str, Any], view: str, account: str
) -> None:
    told(shop, line(1, kind, amount, day(2), txn="Z"))
    booked = book(shop, reason="they say so", **named)
    (row,) = shop.query(f"select * from mixpay.{view}")
    assert abs(row.amount) == abs(amount)
    if view != "channel_payout_list":
        assert row.reason == "they say so"
    assert booked.number == "N1"
    assert shop.owns(f"channel:{account}") == {"CNY": -1000 - amount}
    assert differences(shop) == []
    assert summary(shop)[2] == 0
    assert reconcile(shop, "S1") == {"theirs matched": 2}


@pytest.mark.parametrize(
    ("amount", "account", "view", "kind"),
    [
        (900, "channel:card", "channel_payout_list", "payout"),
        (-900, "channel:card", "channel_payout_list", "payout_reversal"),
        (5, "payee:S", "payout_list", "repayment"),
        (-5, "payee:S", "adjustment_list", "adjustment"),
        (-5, "fee:bank", "adjustment_list", "adjustment"),
    ],
)
def test_on_a_banks_statement(shop: Shop, amount: int, account: str, view: str, kind: str) -> None:
    shop.call("register_payee", "S", "Store")
    told(shop, line(1, "transfer", amount, day(2)), account="bank:second")
    assert book(shop, account=account).kind == kind
    if view != "payout_list":
        assert shop.query(f"select * from mixpay.{view}") != []
    assert shop.owns("bank:second") == {"CNY": -amount}
    assert differences(shop) == []


def test_e03_again_returns_the_same(shop: Shop) -> None:
    told(shop, line(1, "payment", 50, day(2), txn="Z"), line(2, "fee", -1, day(2)))
    first = book(shop, trade_no="T2")
    with shop.unchanged():
        assert book(shop, trade_no="T2") == first
        assert book(shop) == first
    with shop.refused("MX427", "N1"):
        book(shop, "N1", 2)
    with shop.refused("MX427", "N1", "trade_no T2", "trade_no T"):
        book(shop, trade_no="T")
    with shop.refused("MX428", "N1"):
        book(shop, "N2", 1)


def test_e43_a_reason_may_come_later(shop: Shop) -> None:
    told(shop, line(1, "fee", -1, day(2)))
    assert book(shop).reason is None
    assert book(shop, reason="why").reason == "why"
    assert book(shop, reason="no").reason == "why"


def test_asks_for_what_it_needs(shop: Shop) -> None:
    told(
        shop,
        line(1, "payment", 50, day(2), txn="Z"),
        line(2, "refund", -5, day(2), txn="Y"),
        line(3, "chargeback", -5, day(2)),
        line(4, "adjustment", -5, day(2)),
        line(5, "refund_reversal", 5, day(2)),
        line(6, "payment", -5, day(2)),
        line(7, "payment", 5, day(2), state="processing"),
    )
    for line_no, named in [
        (1, {}), (2, {"order_no": "A"}), (2, {"payment_no": "P1"}), (3, {}), (4, {}), (5, {}),
        (6, {"trade_no": "T2"}), (7, {"trade_no": "T2"}),
    ]:  # fmt: skip
        with shop.refused("MX430", line_no):
            book(shop, f"N{line_no}", line_no, **named)
    with shop.refused("MX202", "P1"):
        book(shop, trade_no="T2", number="P1")
    with shop.refused("MX428", "Both sides agree"):
        book(shop, "N9", 90)
    load(shop, "S3", [line(1, "refund", -2000, day(1))])
    reconcile(shop, "S3")
    with shop.refused("MX301", 2000):
        shop.call("book_line", "N3", "S3", 1, "Zoe", order_no="A", payment_no="P1")


def test_what_is_another_lines_is_not_booked_again(shop: Shop) -> None:
    """The fee is on record with this number, and has its line."""
    shop.call("record_channel_fee", "card", "F1", 6, "CNY", None, None, day(2))
    told(shop, line(1, "fee", -6, day(2), our="F1"), line(2, "fee", -6, day(2)))
    with shop.refused("MX428", "channel:card"):
        book(shop, "N1", 2, number="F1")


def test_refuses_bad_input(shop: Shop) -> None:
    told(shop, line(1, "fee", -1, day(2)))
    for bad in [None, "", " ", "a\tb", "x" * 1001]:
        with shop.refused("MX905"):
            shop.call("book_line", "N1", "S1", 1, bad)
    for bad in [None, "", "a b"]:
        with shop.refused("MX901"):
            book(shop, bad)
        with shop.refused("MX901"):
            shop.call("book_line", "N1", bad, 1, "Zoe")
    with shop.refused("MX420", "S9"):
        shop.call("book_line", "N1", "S9", 1, "Zoe")
    for line_no, part in [(2, ""), (1, "fee"), (None, "")]:
        with shop.refused("MX426", "S1"):
            shop.call("book_line", "N1", "S1", line_no, "Zoe", part)
    with shop.refused("MX401"):
        book(shop, account="x")
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").call("book_line", "N1", "S1", 1, "Zoe")


def test_a_payout_that_was_compared_with_its_batch(shop: Shop) -> None:
    """It has a line of its own now, which is stronger."""
    shop.call("record_channel_payout", "card", "B1", 995, "CNY")
    ((today,),) = shop.query("select paid_at from mixpay.channel_payouts")
    told(
        shop,
        line(1, "payout", -995, day(2)),
        line(2, "adjustment", 990, day(1), batch_no="B1"),
    )
    load(shop, "S3", [], period=(today - HOUR, today + HOUR))
    reconcile(shop, "S3")
    reconcile(shop, "S1")
    assert ("amount", "B1", 5) in differences(shop)
    book(shop, number="B1")
    (item,) = shop.query("select * from mixpay.unmatched_items where number = 'B1'")
    assert (item.result, item.theirs, item.batch_no) == ("matched", 0, None)
