from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from shop import Shop, day


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
    with shop.refused("MX205", "2026-01-01"):
        shop.start("T3", "P", 1)

    assert shop.start("T4", "P", 1).state == "pending"
    # Money that arrives still counts.
    assert shop.pay("T3", "P3", 1).applied == 1


def test_refuses_what_it_does_not_know(shop: Shop) -> None:
    with shop.refused("MX104", "nothing"):
        shop.start("nothing", "P", 1)
    with shop.refused("MX203", "teleport", "wechat"):
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
        (("T", "P", 61, "wechat"), 60),
        (("T", "P", 60, "alipay"), "wechat"),
        (("T2", "P", 60, "wechat"), "trade T:"),
        (("T", "P", 60, "wechat", "mini_program"), 60),
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
    with shop.refused("MX202", "recorded", 60):
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
            shop.call("start_payment", "T", "P", amount, "wechat")


def test_refuses_bad_numbers(shop: Shop, subtests: pytest.Subtests) -> None:
    for number in [None, "", "a b", "x" * 65, "é"]:
        with subtests.test(number=number):
            for arguments in [("T", number), (number, "P")]:
                with shop.refused("MX901"):
                    shop.call("start_payment", *arguments, 1, "wechat")
            with shop.refused("MX901"):
                shop.query("select * from mixpay.start_payment(%s, 'T', 'P', 1, 'wechat')", number)


def test_refuses_an_overlong_method(shop: Shop) -> None:
    with shop.refused("MX905", 1001):
        shop.call("start_payment", "T", "P", 1, "wechat", "x" * 1001)


def test_the_way_out_of_an_expired_trade(shop: Shop) -> None:
    lines = [{"order_no": "E", "amount": 1, "currency": "CNY"}]
    expired = shop.call("merge_orders", lines, None, day(1)).trade_no
    # Expiry is not compared: without a number, the open trade is returned.
    assert shop.call("merge_orders", lines).trade_no == expired
    with shop.refused("MX205", "2026-01-01"):
        shop.start(expired, "P", 1)

    shop.call("merge_orders", lines, "NEW")
    assert shop.start("NEW", "P", 1).state == "pending"
