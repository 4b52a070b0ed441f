from typing import Any

import pytest
from bills import differences, line, load, reconcile, results, summary
from shop import Row, Shop, day


@pytest.fixture(autouse=True)
def told(shop: Shop) -> None:
    """P1 has no line; a statement says something else, and one cent too little of P2."""
    shop.merge("T", A=1000)
    shop.pay("T", "P1", 600, "card", day(1), "X1")
    shop.pay("T", "P2", 400, "card", day(1), "X2")
    shop.merge("T2", B=50)
    shop.merge("T3", C=50)
    shop.call("set_reconciliation", "channel:card", write_off_limit=1)


def say(shop: Shop, kind: str, amount: int, **more: Any) -> None:
    lines = [line(1, kind, amount, day(1), **more), line(2, "payment", 399, day(1), txn="X2")]
    load(shop, "S1", lines)
    load(shop, "S2", [], period=(day(2), day(3)))
    for number in ("S1", "S2"):
        reconcile(shop, number)


def take_back(shop: Shop, number: str = "N2", takes_back: str = "N1", **named: Any) -> Row:
    return shop.call("take_back_resolution", number, takes_back, "Bo", **named)


def test_what_moved_nothing_is_open_again(shop: Shop) -> None:
    say(shop, "payment", 7, txn="Z")
    before = differences(shop)
    item = {"account": "channel:card", "kind": "payment", "number": "P1"}
    shop.call("ignore_difference", "N1", "Zoe", None, "S1", 1)
    shop.call("mark_received", "N3", "Zoe", **item)
    assert len(differences(shop)) == 1
    back = take_back(shop, reason="no")
    assert (back.action, back.takes_back, back.resolved_by) == ("taken_back", "N1", "Bo")
    assert (back.reason, back.line_no) == ("no", 1)
    take_back(shop, "N4", "N3")
    assert differences(shop) == before
    # And may be resolved anew.
    shop.call("ignore_difference", "N5", "Zoe", None, "S1", 1)
    rows = shop.query("select * from mixpay.resolution_list order by resolution_no")
    assert [row.taken_back_by for row in rows] == ["N2", None, "N4", None, None]


def test_what_another_merchant_took_back_is_told_of_its_own_alone(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    for one in (shop, other):
        load(one, "S1", [line(1, "payment", 7, day(1), txn="Z")])
        reconcile(one, "S1")
        one.call("ignore_difference", "N1", "Zoe", None, "S1", 1)
    take_back(other)
    told = "select merchant_id, taken_back_by from mixpay.resolution_list order by 1, 2"
    assert shop.query(told) == [("m", None), ("other", "N2"), ("other", None)]


def test_what_was_written_off_is_adjusted_back(shop: Shop) -> None:
    say(shop, "payment", 7, txn="Z")
    shop.call("write_off_difference", "N1", "Zoe", None, "S1", 2)
    assert shop.owns("rounding:reconciliation") == {"CNY": -1}
    assert take_back(shop).amount == -1
    assert shop.owns("rounding:reconciliation") == {"CNY": 0}
    assert ("amount", "2", -1) in differences(shop)


def test_a_payment_goes_where_it_belongs(shop: Shop) -> None:
    say(shop, "payment", 50, txn="Z")
    open_before, sums = differences(shop), summary(shop)
    shop.call("book_line", "N1", "S1", 1, "Zoe", trade_no="T2", number="P3")
    take_back(shop)
    assert shop.paid("T2") == {"B": 0}
    (returned,) = shop.query("select * from mixpay.return_list")
    assert (returned.payment_no, returned.return_no, returned.amount) == ("P3", "N2", 50)
    for _ in range(2):
        reconcile(shop, "S1")
        assert differences(shop) == open_before
        assert summary(shop)[1:] == sums[1:]

    shop.call("book_line", "N3", "S1", 1, "Zoe", trade_no="T3", number="P4")
    assert shop.paid("T3") == {"C": 50}
    assert results(shop, "S1")["1"] == "matched P4"
    reconcile(shop, "S1")
    assert summary(shop)[2] == sums[2] - 50
    # And once more.
    take_back(shop, "N4", "N3")
    reconcile(shop, "S1")
    assert differences(shop) == open_before


@pytest.mark.parametrize(
    ("kind", "amount", "named"),
    [
        ("refund", -30, {"order_no": "A", "payment_no": "P1"}),
        ("chargeback", -30, {"payment_no": "P1"}),
        ("fee", -6, {"payment_no": "P1"}),
        ("payout", -900, {}),
        ("adjustment", 7, {"account": "fee:card"}),
    ],
)
def test_whatever_was_booked(shop: Shop, kind: str, amount: int, named: dict[str, Any]) -> None:
    say(shop, kind, amount, txn="Z")
    before, sums, owned = differences(shop), summary(shop), shop.owns("channel:card")
    shop.call("book_line", "N1", "S1", 1, "Zoe", **named)
    assert shop.owns("channel:card") != owned
    take_back(shop)
    assert shop.owns("channel:card") == owned
    reconcile(shop, "S1")
    assert differences(shop) == before
    assert summary(shop)[1:] == sums[1:]


def test_a_chargeback_takes_its_fee_with_it(shop: Shop) -> None:
    say(shop, "chargeback", -30, txn="Z", fee=4)
    before, sums = differences(shop), summary(shop)
    for booked, back in (("N1", "N2"), ("N3", "N4")):
        shop.call("book_line", booked, "S1", 1, "Zoe", payment_no="P1")
        assert shop.owns("channel_fee:card") == {"CNY": -4}
        take_back(shop, back, booked)
        assert shop.owns("channel_fee:card") == {"CNY": 0}
        assert shop.owns("channel:card") == {"CNY": -1000}
        for _ in range(2):
            reconcile(shop, "S1")
            assert differences(shop) == before
            assert summary(shop)[1:] == sums[1:]
    shop.call("book_line", "N5", "S1", 1, "Zoe", payment_no="P1")
    assert shop.owns("channel_fee:card") == {"CNY": -4}
    assert results(shop, "S1")["1"] == "matched N5"


def test_a_fee_that_the_line_of_another_payment_names_is_not_its_fee(shop: Shop) -> None:
    """The opposite of a chargeback's fee names the payment, whose line names a fee of its own."""
    load(shop, "S0", [line(1, "payment", 1000, day(1), txn="X1", fee=0)])
    reconcile(shop, "S0")
    say(shop, "chargeback", -30, txn="Z", fee=4)
    before = summary(shop)
    shop.call("book_line", "N1", "S1", 1, "Zoe", payment_no="P1")
    take_back(shop, "N2", "N1")
    for _ in range(2):
        assert summary(shop) == before
        reconcile(shop, "S1")


def test_what_has_no_opposite_says_what_to_do(shop: Shop) -> None:
    say(shop, "return", -30)
    shop.call("book_line", "N1", "S1", 1, "Zoe", payment_no="P1")
    with shop.refused("MX432", "N1"):
        take_back(shop)


def test_what_was_on_record_before(shop: Shop) -> None:
    shop.start("T2", "P3", 50, "card")
    say(shop, "payment", 50, txn="Z", our="P3")
    shop.call("book_line", "N1", "S1", 1, "Zoe")
    with shop.refused("MX432", "P3"):
        take_back(shop)


def test_e03_e43_once(shop: Shop) -> None:
    say(shop, "payment", 7, txn="Z")
    shop.call("ignore_difference", "N1", "Zoe", None, "S1", 1)
    first = take_back(shop)
    with shop.unchanged():
        assert take_back(shop) == first
    assert take_back(shop, reason="why").reason == "why"
    with shop.refused("MX432", "N1", "N2"):
        take_back(shop, "N3")
    with shop.refused("MX432", "N2"):
        take_back(shop, "N3", "N2")
    shop.call("ignore_difference", "N4", "Zoe", None, "S1", 1)
    with shop.refused("MX427", "N2"):
        take_back(shop, "N2", "N4")


@pytest.mark.parametrize("action", ["booked", "received", "written_off", "ignored"])
def test_e03_what_was_taken_back_is_not_sent_again(shop: Shop, action: str) -> None:
    """Nothing would be resolved by it, and the row does not say so."""
    say(shop, "fee", -6)

    def resolve(number: str) -> Row:
        if action == "booked":
            return shop.call("book_line", number, "S1", 1, "Zoe")
        if action == "received":
            return shop.call("mark_received", number, "Zoe", "channel:card", "payment", "P1")
        if action == "written_off":
            return shop.call("write_off_difference", number, "Zoe", None, "S1", 2)
        return shop.call("ignore_difference", number, "Zoe", None, "S1", 1)

    assert resolve("N1").action == action
    take_back(shop)
    with shop.refused("MX435", "N1", "N2", action):
        resolve("N1")
    assert resolve("N3").action == action


def test_refuses_bad_input(shop: Shop) -> None:
    with shop.refused("MX431", "N1"):
        take_back(shop)
    for bad in [None, "", "a b"]:
        with shop.refused("MX901"):
            take_back(shop, bad)
        with shop.refused("MX901"):
            take_back(shop, "N2", bad)
    with shop.refused("MX905"):
        shop.call("take_back_resolution", "N2", "N1", " ")
    with shop.refused("MX101", "nobody"):
        take_back(Shop(shop.conn, "nobody"))


def test_a_refund_that_came_back_and_went_again_stays(shop: Shop) -> None:
    """What was booked by mistake is the first transfer; nothing is said of the second."""
    shop.merge("T8", H=600)
    shop.pay("T8", "P8", 600, "card", day(1), "X8")
    load(shop, "S8", [line(1, "refund", -50, day(1), txn="Y1")])
    reconcile(shop, "S8")
    number = shop.call(
        "book_line", "B8", "S8", 1, "Zoe", order_no="H", payment_no="P8", number="R8"
    ).number
    shop.call("bounce_channel_refund", number, "closed")
    again = shop.call("complete_channel_refund", number, "Y2", day(2))
    shop.call("take_back_resolution", "B9", "B8", "Zoe", "not ours")
    assert shop.channel_refund("R8", "P8").nth == again.nth == 2
    assert shop.channel_refund("R8", "P8").state == "succeeded"
    assert results(shop, "S8") == {"1": "expected"}
