from typing import Any

import pytest
from shop import FOR_EVER, NO_CHANNELS_NUMBER, Shop, day


@pytest.fixture(autouse=True)
def trade(shop: Shop) -> None:
    shop.merge("T", A=100)


def test_books_what_was_started(shop: Shop) -> None:
    shop.start("T", "P", 60)
    payment = shop.succeed("P", "X1", paid_at=day(3))

    assert (payment.amount, payment.applied, payment.surplus) == (60, 60, 0)
    assert (payment.state, payment.paid_at, payment.seq) == ("succeeded", day(3), 1)
    assert payment.channel_txn_no == "X1"
    assert (shop.row("trades", "T").paid, shop.line("T", "A").paid) == (60, 60)


def test_paid_at_left_out_is_now(shop: Shop) -> None:
    shop.start("T", "P", 60)
    payment = shop.succeed("P")
    ((now,),) = shop.query("select now()")

    assert 0 <= (now - payment.paid_at).total_seconds() < 60


def test_books_what_arrived_and_keeps_what_was_asked(shop: Shop) -> None:
    shop.start("T", "P", 60)
    payment = shop.succeed("P", amount=55)

    assert (payment.asked, payment.amount, payment.applied) == (60, 55, 55)


def test_more_than_the_trade_needs_is_surplus_and_goes_back(shop: Shop) -> None:
    shop.pay("T", "P1", 70)
    shop.start("T", "P2", 30)
    payment = shop.succeed("P2", amount=45)

    assert (payment.amount, payment.applied, payment.surplus) == (45, 30, 15)
    refund = shop.surplus_refund("P2")
    assert (refund.amount, refund.order_no, refund.state) == (15, None, "processing")
    assert payment.refunded == 15
    assert shop.channel_refund(refund.refund_no, "P2").state == "pending"


def test_takes_the_next_seq_when_the_money_arrives(shop: Shop) -> None:
    shop.start("T", "P1", 10)
    shop.start("T", "P2", 10)
    shop.pay("T", "P3", 10)

    assert shop.succeed("P2").seq == 2
    assert shop.succeed("P1").seq == 3


def test_may_fill_the_trade(shop: Shop) -> None:
    shop.start("T", "P", 100)
    shop.succeed("P", "X")

    assert shop.row("trades", "T").state == "paid"
    assert not shop.line("T", "A").live


def test_a_channel_without_transaction_numbers_has_none(shop: Shop) -> None:
    shop.start("T", "P1", 10)
    shop.start("T", "P2", 10)
    shop.succeed("P1")

    assert shop.succeed("P2").channel_txn_no is None


def test_e03_same_news_again_changes_nothing(shop: Shop) -> None:
    shop.start("T", "P", 60)
    first = shop.succeed("P", "X1", paid_at=day(3), amount=60)
    for again in [{"paid_at": day(3)}, {"amount": 60}, {}]:
        with shop.unchanged():
            assert shop.succeed("P", "X1", **again) == first
    with shop.unchanged():
        assert shop.succeed("P") == first


@pytest.mark.parametrize(
    ("txn", "news", "numbers"),
    [
        ("X1", {"amount": 61}, (60, 61)),
        ("X2", {}, ("X1", "X2")),
    ],
)
def test_e03_other_news_after_success_is_an_error(
    shop: Shop, txn: str, news: dict[str, Any], numbers: tuple[Any, ...]
) -> None:
    shop.start("T", "P", 60)
    shop.succeed("P", "X1", paid_at=day(3))
    with shop.refused("MX208", *numbers):
        shop.succeed("P", txn, **news)


def test_e03_another_moment_of_the_same_success_is_other_news(shop: Shop) -> None:
    shop.start("T", "P", 60)
    shop.succeed("P", "X1", paid_at=day(3))
    with shop.refused("MX208", "X1"):
        shop.succeed("P", "X1", paid_at=day(4))


def test_e43_the_moment_may_come_later(shop: Shop) -> None:
    shop.start("T", "P", 60)
    first = shop.succeed("P", "X1")
    assert shop.succeed("P", "X1", paid_at=day(4)) == first._replace(paid_at=day(4))
    assert shop.named("payment", "P") == ["its moment came later"]
    with shop.refused("MX208", "X1"):
        shop.succeed("P", "X1", paid_at=day(5))


def test_e43_the_channels_number_may_come_later(shop: Shop) -> None:
    shop.start("T", "P", 60)
    first = shop.succeed("P")
    later = shop.succeed("P", "X1", amount=60)

    assert later == first._replace(channel_txn_no="X1", txn_day=FOR_EVER)
    assert shop.row("payments", "P") == later
    assert shop.named("payment", "P") == ["channel transaction X1"]
    for again in ["X1", None]:
        with shop.unchanged():
            assert shop.succeed("P", again) == later
    with shop.refused("MX208", "X1", "X2"):
        shop.succeed("P", "X2")


def test_e43_news_that_contradicts_the_rest_names_nothing(shop: Shop) -> None:
    shop.start("T", "P", 60)
    shop.succeed("P")
    with shop.refused("MX208", 60, 61):
        shop.succeed("P", "X1", amount=61)


def test_e43_the_later_number_is_not_another_payments(shop: Shop) -> None:
    shop.pay("T", "P1", 40, txn="X1")
    shop.start("T", "P2", 60)
    shop.succeed("P2")
    with shop.refused("MX207", "X1", "P1"):
        shop.succeed("P2", "X1")


def test_e43_the_number_may_come_when_the_money_is_half_refunded(shop: Shop) -> None:
    shop.start("T", "P", 60)
    shop.succeed("P")
    shop.refund("A", "R", 20)

    assert shop.succeed("P", "X1").refunded == 20
    assert shop.named("payment", "P") == ["channel transaction X1"]


def test_e08_success_after_failure_is_booked(shop: Shop) -> None:
    shop.start("T", "P", 60)
    shop.call("fail_payment", "P", "declined")

    assert shop.succeed("P", "X1").applied == 60
    states = shop.query(
        "select from_state, to_state from mixpay.history where entity = 'payment' order by entry"
    )
    assert [tuple(row) for row in states] == [
        ("", "pending"),
        ("pending", "failed"),
        ("failed", "succeeded"),
    ]


def test_e08_success_after_expiry_applies_while_the_trade_is_open(shop: Shop) -> None:
    lines = [{"order_no": "B", "amount": 10, "currency": "CNY"}]
    ((soon,),) = shop.query("select clock_timestamp() + interval '0.3 seconds'")
    shop.call("merge_orders", lines, "T2", soon)
    shop.start("T2", "P", 10)
    shop.conn.execute("select pg_sleep(0.35)")

    assert shop.succeed("P").applied == 10
    assert shop.row("trades", "T2").state == "paid"


def test_e09_success_after_the_trade_was_closed_is_surplus(shop: Shop) -> None:
    shop.start("T", "P", 100)
    shop.call("fail_payment", "P", "declined")
    shop.merge("T2", A=100)
    payment = shop.succeed("P", "X1")

    assert (payment.applied, payment.surplus, payment.refunded) == (0, 100, 100)
    assert shop.row("trades", "T").state == "closed"
    assert shop.row("trades", "T").paid == 0
    refund = shop.surplus_refund("P")
    assert shop.channel_refund(refund.refund_no, "P").channel == "alipay"


def test_e10_paid_twice_through_two_trades(shop: Shop) -> None:
    shop.start("T", "P1", 100)
    shop.call("fail_payment", "P1", "timed out")
    shop.merge("T2", A=100)
    shop.start("T2", "P2", 100)
    shop.succeed("P2", "X2")
    shop.succeed("P1", "X1")

    assert shop.balance("A").paid == 100
    assert (shop.row("payments", "P2").applied, shop.row("payments", "P1").surplus) == (100, 100)
    # The second money is not the order's: a refund takes the first.
    assert shop.refund("A", "R", 100) == {"P2": 100}


def test_a_channel_transaction_pays_once(shop: Shop) -> None:
    shop.start("T", "P1", 10)
    shop.start("T", "P2", 10)
    shop.start("T", "P3", 10, "card")
    shop.succeed("P1", "X1")
    with shop.refused("MX207", "X1", "P1", "alipay"):
        shop.succeed("P2", "X1")

    # Another channel has its own numbers, and so has another merchant.
    assert shop.succeed("P3", "X1").state == "succeeded"
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    other.merge("T", A=10)
    assert other.pay("T", "P1", 10, txn="X1").state == "succeeded"


def test_succeeds_once_for_a_recorded_payment_too(shop: Shop) -> None:
    first = shop.pay("T", "P", 60, "wallet", txn="X1")
    with shop.unchanged():
        assert shop.succeed("P", "X1") == first


def test_refuses_what_it_does_not_know(shop: Shop) -> None:
    with shop.refused("MX201", "nothing"):
        shop.succeed("nothing", "X1")
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").succeed("P", "X1")


def test_e02_refuses_what_is_no_amount(shop: Shop, subtests: pytest.Subtests) -> None:
    for amount in [0, -1, 10**15 + 1, 2**63 - 1]:
        with subtests.test(amount=amount):
            shop.start("T", "P", 60)
            with shop.refused("MX902", amount):
                shop.succeed("P", amount=amount)


def test_e27_takes_the_largest_amount(shop: Shop) -> None:
    shop.start("T", "P", 60)
    payment = shop.succeed("P", amount=10**15)

    assert (payment.applied, payment.surplus) == (100, 10**15 - 100)


def test_refuses_bad_input(shop: Shop) -> None:
    shop.start("T", "P", 60)
    for number in ["", "a b", "x" * 65]:
        with shop.refused("MX901"):
            shop.succeed(number)
    for number in NO_CHANNELS_NUMBER:
        with shop.refused("MX901", "channel_txn_no"):
            shop.succeed("P", number)
    with shop.refused("MX901"):
        shop.call("succeed_payment", None, "X1")
    with shop.refused("MX905"):
        shop.succeed("P", paid_at="infinity")
    with shop.refused("MX905", "9998"):
        shop.succeed("P", paid_at="9998-01-01")


def test_e44_a_number_that_has_paid_on_that_day_is_refused(shop: Shop) -> None:
    """By whichever call it comes, and whenever that is."""
    shop.channel("qr", txn_numbers="daily", day_zone="UTC")
    shop.merge("T9", Z=100)
    shop.pay("T9", "P7", 10, "qr", day(1), "1")
    shop.start("T9", "P8", 10, "qr")
    with shop.refused("MX207", "P7"):
        shop.succeed("P8", "1", paid_at=day(1))
    with shop.refused("MX207", "P7"):
        shop.pay("T9", "P9", 10, "qr", day(1), "1")
    # The number and the moment of one that is there may come later.
    shop.pay("T9", "P9", 10, "qr")
    with shop.refused("MX207", "P7"):
        shop.pay("T9", "P9", 10, "qr", day(1), "1")
    assert shop.succeed("P8", "1", paid_at=day(2)).txn_day == day(2).date()
    with shop.refused("MX207", "P8"):
        shop.pay("T9", "P10", 10, "qr", day(2), "1")
    # Two channels may have the same number, and the one that has paid is named.
    shop.pay("T9", "P5", 1, "alipay", None, "7")
    shop.pay("T9", "P6", 1, "card", None, "7")
    with shop.refused("MX207", "P6"):
        shop.pay("T9", "P10", 1, "card", None, "7")
