from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from shop import Row, Shop, day


@pytest.fixture(autouse=True)
def trade(shop: Shop) -> None:
    shop.merge("T", A=100)


def test_is_pending_until_the_money_arrives(shop: Shop) -> None:
    payment = shop.start("T", "P", 60, "alipay")

    assert (payment.trade_no, payment.channel, payment.asked) == ("T", "alipay", 60)
    assert (payment.amount, payment.applied, payment.surplus) == (0, 0, 0)
    assert (payment.state, payment.paid_at, payment.seq) == ("pending", None, None)
    assert shop.row("trades", "T").paid == 0


def test_any_number_of_attempts_may_be_pending(shop: Shop) -> None:
    for number in range(5):
        shop.start("T", f"P{number}", 100)
    for number in range(5):
        shop.succeed(f"P{number}")

    assert shop.row("payments", "P0").applied == 100
    assert [shop.row("payments", f"P{n}").surplus for n in range(1, 5)] == [100] * 4


def test_refuses_more_than_is_lacking(shop: Shop) -> None:
    with shop.refused("MX206", 101, 100):
        shop.start("T", "P", 101)
    shop.pay("T", "P1", 30)
    with shop.refused("MX206", 71, 30, 70):
        shop.start("T", "P", 71)

    assert shop.start("T", "P", 70).state == "pending"


def test_refuses_a_trade_that_is_not_open(shop: Shop) -> None:
    shop.merge("T2", A=100)
    with shop.refused("MX204", "closed"):
        shop.start("T", "P", 1)
    shop.pay("T2", "P2", 100)
    with shop.refused("MX204", "paid"):
        shop.start("T2", "P", 1)


def test_refuses_a_trade_that_has_expired(shop: Shop) -> None:
    shop.merge("T2", B=1)
    past, future = day(1), datetime.now(UTC) + timedelta(hours=1)
    for number, expires_at in (("T3", past), ("T4", future)):
        lines = [{"order_no": number, "amount": 1, "currency": "CNY"}]
        shop.call("merge_orders", lines, number, expires_at)
    with shop.refused("MX205", day(1).date().isoformat()):
        shop.start("T3", "P", 1)

    assert shop.start("T4", "P", 1).state == "pending"
    # Money that arrives still counts.
    assert shop.pay("T3", "P3", 1).applied == 1


def test_a_trade_has_expired_at_its_very_end(shop: Shop) -> None:
    """To the microsecond, and not before: in a transaction, in which now stands still."""
    lines = [{"order_no": "E", "amount": 1, "currency": "CNY"}]
    with shop.conn.transaction():
        ((now,),) = shop.query("select now()")
        shop.call("merge_orders", lines, "T2", now)
        with shop.refused("MX205", "T2"), shop.conn.transaction():
            shop.start("T2", "P", 1)
        shop.call("merge_orders", lines, "T3", now + timedelta(microseconds=1))
        assert shop.start("T3", "P", 1).state == "pending"


def test_refuses_what_it_does_not_know(shop: Shop) -> None:
    with shop.refused("MX104", "nothing"):
        shop.start("nothing", "P", 1)
    with shop.refused("MX203", "teleport", "alipay"):
        shop.start("T", "P", 1, "teleport")
    with shop.refused("MX210", "null"):
        shop.start("T", "P", 1, None)
    with shop.refused("MX210", "points"):
        shop.call("start_payment", "T", "P", 1, method="points")
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").start("T", "P", 1)


def test_does_not_find_the_trade_of_another_merchant(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    with shop.refused("MX104", "T"):
        other.start("T", "P", 1)


def test_e03_same_number_and_content_returns_the_payment_as_it_is_now(shop: Shop) -> None:
    first = shop.start("T", "P", 60)
    with shop.unchanged():
        assert shop.start("T", "P", 60) == first
    shop.call("fail_payment", "P", "declined")
    with shop.unchanged():
        assert shop.start("T", "P", 60).state == "failed"
    shop.pay("T", "P2", 100)
    shop.succeed("P")
    with shop.unchanged():
        # Neither the paid trade nor what it lacks matters any more.
        assert shop.start("T", "P", 60).surplus == 60


@pytest.mark.parametrize(
    ("again", "detail"),
    [
        (("T", "P", 61, "alipay"), 60),
        (("T", "P", 60, "card"), "alipay"),
        (("T2", "P", 60, "alipay"), "trade_no T,"),
        (("T", "P", 60, "alipay", "mini_program"), 60),
    ],
)
def test_e03_same_number_with_other_content_is_an_error(
    shop: Shop, again: tuple[Any, ...], detail: str
) -> None:
    shop.merge("T2", B=100)
    shop.start("T", "P", 60)
    with shop.refused("MX202", "P", detail):
        shop.call("start_payment", *again)


def test_e03_the_number_of_a_recorded_payment_is_refused(shop: Shop) -> None:
    shop.pay("T", "P", 60)
    with shop.refused("MX202", "record_payment", 60):
        shop.start("T", "P", 60)


def test_e03_a_refused_number_is_not_burnt(shop: Shop) -> None:
    with shop.refused("MX206"):
        shop.start("T", "P", 101)

    assert shop.start("T", "P", 100, "card").channel == "card"


def test_e02_refuses_what_is_no_amount(shop: Shop, subtests: pytest.Subtests) -> None:
    for amount in [0, -1, None, 10**15 + 1, 2**63 - 1, -(2**63)]:
        with (
            subtests.test(amount=amount),
            shop.refused("MX902", "null" if amount is None else amount),
        ):
            shop.call("start_payment", "T", "P", amount, "alipay")


def test_refuses_bad_numbers(shop: Shop, subtests: pytest.Subtests) -> None:
    for number in [None, "", "a b", "x" * 65, "é"]:
        with subtests.test(number=number):
            for arguments in [("T", number), (number, "P")]:
                with shop.refused("MX901"):
                    shop.call("start_payment", *arguments, 1, "alipay")
            with shop.refused("MX901"):
                shop.query("select * from mixpay.start_payment(%s, 'T', 'P', 1, 'wechat')", number)


def test_the_way_out_of_an_expired_trade(shop: Shop) -> None:
    lines = [{"order_no": "E", "amount": 1, "currency": "CNY"}]
    expired = shop.call("merge_orders", lines, None, day(1)).trade_no
    # Expiry is not compared: without a number, the open trade is returned.
    assert shop.call("merge_orders", lines).trade_no == expired
    with shop.refused("MX205", day(1).date().isoformat()):
        shop.start(expired, "P", 1)

    shop.call("merge_orders", lines, "NEW")
    assert shop.start("NEW", "P", 1).state == "pending"


# Routing.


def by_qr(shop: Shop, payment_no: str = "P", amount: int = 60, trade_no: str = "T") -> Row:
    return shop.call("start_payment", trade_no, payment_no, amount, method="qr")


def route(shop: Shop, channel: str, *arguments: Any, **named: Any) -> None:
    shop.call("set_route", "qr", channel, *arguments, **named)


def why(shop: Shop, payment_no: str = "P") -> str | None:
    (row,) = shop.query("select * from mixpay.payment_routes where payment_no = %s", payment_no)
    return row.reason


def test_a_route_leads_from_the_method_to_a_channel_and_says_why(shop: Shop) -> None:
    route(shop, "wallet", 7)
    payment = by_qr(shop)

    assert (payment.channel, payment.method, payment.state) == ("wallet", "qr", "pending")
    # What names its channel took no route.
    shop.start("T", "P2", 1, "card")
    assert shop.query("select payment_no from mixpay.payment_routes") == [("P",)]
    assert why(shop) == "route: qr to wallet, priority 7, point 0 of 0 to 1"
    (entry,) = shop.query("select reason from mixpay.history where number = 'P'")
    assert entry.reason == why(shop)
    # What becomes of it is not how it was routed.
    shop.call("fail_payment", "P", "no answer")
    assert why(shop) == entry.reason


def test_the_smallest_priority_that_can_take_it(shop: Shop) -> None:
    route(shop, "wallet", 1, max_amount=50)
    route(shop, "card", 2, min_amount=55)
    route(shop, "alipay", 3)
    route(shop, "bank", 0, 0)

    assert [by_qr(shop, f"P{n}", n).channel for n in (50, 51, 54, 55)] == [
        "wallet",
        "alipay",
        "alipay",
        "card",
    ]


def test_a_route_is_for_its_currency(shop: Shop) -> None:
    route(shop, "wallet", 1, currency="JPY")
    route(shop, "alipay", 2)
    shop.merge("Y", "JPY", Y=100)

    assert by_qr(shop).channel == "alipay"
    assert by_qr(shop, "PY", trade_no="Y").channel == "wallet"


def test_takes_the_channel_that_explain_route_tells(shop: Shop) -> None:
    for channel, weight in (("wallet", 1), ("card", 2), ("alipay", 3)):
        route(shop, channel, weight=weight)
    for n in range(20):
        told = shop.rows("explain_route", "qr", "CNY", 1, f"P{n}")
        assert [by_qr(shop, f"P{n}", 1).channel] == [row.channel for row in told if row.chosen]


def test_no_route_is_told_with_the_reasons(shop: Shop) -> None:
    with shop.refused("MX210", "qr", "there are none"):
        by_qr(shop)
    route(shop, "wallet", weight=0)
    route(shop, "card", currency="JPY")
    route(shop, "bank", min_amount=61)
    route(shop, "alipay", max_amount=59)
    with shop.refused(
        "MX210",
        "qr",
        "wallet: it is out of use",
        "card: it is for JPY",
        "bank: it takes 61 at least",
        "alipay: it takes 59 at most",
    ):
        by_qr(shop)
    # The number is not burnt.
    route(shop, "wallet")
    assert by_qr(shop).channel == "wallet"


def test_routes_of_another_method_or_merchant_lead_nowhere(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    route(other, "wallet")
    shop.call("set_route", "mini", "wallet")
    with shop.refused("MX210", "there are none"):
        by_qr(shop)


def test_e03_the_same_number_keeps_its_channel_though_routes_changed(shop: Shop) -> None:
    route(shop, "wallet")
    first = by_qr(shop)
    route(shop, "wallet", weight=0)
    with shop.unchanged():
        assert by_qr(shop) == first
    route(shop, "card")
    with shop.unchanged():
        assert by_qr(shop) == first
        # What was left to a default is not compared.
        assert shop.start("T", "P", 60, None) == first
        assert shop.start("T", "P", 60, "wallet") == first
    with shop.refused("MX202", "P", "wallet"):
        shop.start("T", "P", 60, "card")
    with shop.refused("MX202", "P"):
        shop.call("start_payment", "T", "P", 60, method="mini")

    assert by_qr(shop, "P2", 1).channel == "card"
    assert why(shop) == "route: qr to wallet, priority 100, point 0 of 0 to 1"


def test_a_named_channel_needs_no_route(shop: Shop) -> None:
    route(shop, "wallet")
    payment = shop.call("start_payment", "T", "P", 60, "card", "qr")

    assert (payment.channel, payment.method) == ("card", "qr")
    assert why(shop) is None


def test_refuses_a_method_that_can_have_no_route(shop: Shop) -> None:
    for method in ("", "a b", "x" * 65):
        with shop.refused("MX901"):
            shop.call("start_payment", "T", "P", 1, method=method)
        with shop.refused("MX901"):
            shop.call("start_payment", "T", "P", 1, "card", method)
