"""Somebody refunded in the channel's own dashboard: the money has gone, and the books are told."""

from typing import Any

import psycopg
import pytest
from shop import Shop, day


def record(shop: Shop, order_no: str, refund_no: str, amount: int, *more: Any, **named: Any) -> Any:
    return shop.call("record_channel_refund", order_no, refund_no, amount, *more, **named)


@pytest.fixture
def trade(shop: Shop) -> Shop:
    """A60 and B40, paid 70 by card and then 30 by alipay."""
    shop.merge("T", A=60, B=40)
    shop.pay("T", "P", 70, "card", day(1))
    shop.pay("T", "Q", 30, "alipay", day(2))
    return shop


def test_it_has_gone_back_by_the_payment_that_is_named(trade: Shop) -> None:
    refund = record(trade, "A", "re_1", 25, "Q", "x1", day(9), "a friendly clerk")

    assert (refund.kind, refund.order_no, refund.amount) == ("order", "A", 25)
    assert (refund.state, refund.succeeded, refund.payment_nos) == ("succeeded", 25, ["Q"])
    assert trade.details("re_1") == {"Q": 25}
    part = trade.channel_refund("re_1", "Q")
    assert (part.channel, part.state, part.channel_txn_no) == ("alipay", "succeeded", "x1")
    assert (part.refunded_at, part.due_at) == (day(9), None)
    assert (trade.balance("A").refunded, trade.balance("B").refunded) == (25, 0)
    assert (trade.row("payments", "Q").refunded, trade.row("trades", "T").refunded) == (25, 25)
    assert trade.rows("claim_channel_refunds", "worker") == []


def test_is_in_history_and_journal_when_it_happened(trade: Shop) -> None:
    record(trade, "A", "re_1", 25, "Q", "x1", day(9))

    changes = trade.query(
        "select * from mixpay.history where refund_no = 're_1' order by entry, entity = 'order'"
    )
    assert [(c.entity, c.to_state) for c in changes] == [
        ("refund", "succeeded"),
        ("channel_refund", "succeeded"),
        ("order", "partly_refunded"),
    ]
    assert {c.happened_at for c in changes} == {day(9)}
    assert trade.owns("channel:alipay") == {"CNY": 5 - 10}


@pytest.mark.parametrize(
    "limits",
    [
        {"can_refund": False},
        {"can_refund": False, "fallback_channel": "cash"},
        {"refund_window": "1 day", "fallback_channel": "cash"},
        {"max_refunds": 1},
        {"min_refund": 50},
        {"can_refund_in_part": False},
        {"refund_interval": "1 year"},
    ],
    ids=str,
)
def test_the_rules_of_the_channel_decide_nothing(shop: Shop, limits: dict[str, Any]) -> None:
    """It has gone back through this channel, so the channel could."""
    shop.channel("own", **limits)
    shop.merge("T", A=100)
    shop.pay("T", "P", 100, "own")
    shop.later("2 days")
    for number in (1, 2):
        record(shop, "A", f"re_{number}", 10, "P", f"x{number}")
        part = shop.channel_refund(f"re_{number}", "P")
        assert (part.channel, part.state, part.reason) == ("own", "succeeded", None)

    assert shop.owns("channel:own") == {"CNY": -80}
    assert shop.listed("waiting_list") == shop.listed("manual_list") == {}


def test_counts_as_one_of_the_refunds_that_a_channel_allows(shop: Shop) -> None:
    shop.channel("own", max_refunds=1)
    shop.merge("T", A=100)
    shop.pay("T", "P", 100, "own")
    record(shop, "A", "re_1", 10, "P")
    shop.refund("A", "R", 10)

    assert shop.channel_refund("R", "P").state == "waiting"


@pytest.mark.parametrize("kind", ["pos", "cash", "voucher", "wallet"])
def test_a_payment_of_any_channel(shop: Shop, kind: str) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 100, kind)
    record(shop, "A", "re_1", 100, "P")

    assert shop.channel_refund("re_1", "P").channel == kind
    assert shop.balance("A").refundable == 0


def test_takes_back_from_payee_and_receivers(shop: Shop) -> None:
    shop.sell("A", 100)
    shop.rows("split_order", "A", "X", [{"receiver": "agent", "rate": 1000}], "payment")
    shop.sell("B", 50)
    record(shop, "A", "re_1", 50, "PA")
    record(shop, "B", "re_2", 20, "PB")

    assert shop.owns("receiver:agent") == {"CNY": 5}
    assert shop.owns("payee:S") == {"CNY": 45 + 30}


def test_an_order_of_two_trades(shop: Shop) -> None:
    shop.merge("T1", A=(100, 40))
    shop.pay("T1", "P1", 40, "card", day(1))
    shop.merge("T2", A=100)
    shop.pay("T2", "P2", 60, "card", day(2))
    record(shop, "A", "re_1", 50, "P2")

    assert shop.details("re_1") == {"P2": 50}
    assert shop.refund("A", "R", 50) == {"P1": 40, "P2": 10}


def test_the_notice_comes_again(trade: Shop) -> None:
    first = record(trade, "A", "re_1", 25, "Q", "x1", day(9), "a friendly clerk")
    with trade.unchanged():
        assert record(trade, "A", "re_1", 25, "Q", "x1", day(9)) == first
        assert record(trade, "A", "re_1", 25, "Q", "x1") == first
        assert record(trade, "A", "re_1", 25, "Q") == first


def test_e43_the_number_of_the_transfer_comes_later(trade: Shop) -> None:
    record(trade, "A", "re_1", 25, "Q")
    record(trade, "A", "re_1", 25, "Q", "x1")

    number = trade.channel_refund("re_1", "Q").channel_refund_no
    assert trade.channel_refund("re_1", "Q").channel_txn_no == "x1"
    assert trade.named("channel_refund", number) == ["channel transaction x1"]
    with trade.refused("MX304"):
        record(trade, "A", "re_1", 25, "Q", "x2")


def test_a_number_that_was_used_for_something_else(trade: Shop) -> None:
    record(trade, "A", "re_1", 25, "Q", "x1", day(9))
    for order_no, amount, payment_no in (("B", 25, "Q"), ("A", 24, "Q"), ("A", 25, "P")):
        with trade.refused("MX302", 25, "A"):
            record(trade, order_no, "re_1", amount, payment_no)
    with trade.refused("MX304"):
        record(trade, "A", "re_1", 25, "Q", "x1", day(8))
    trade.refund("A", "R", 5)
    with trade.refused("MX302"):
        record(trade, "A", "R", 5, "P")


def test_news_of_a_refund_that_was_asked_for_here(trade: Shop) -> None:
    """The service asked for it under this number, and the channel's notice comes this way."""
    trade.refund("A", "re_1", 25, payment_nos=["Q"])
    refund = record(trade, "A", "re_1", 25, "Q", "x1", day(9))

    assert refund.state == "succeeded"
    assert trade.channel_refund("re_1", "Q").channel_txn_no == "x1"
    assert trade.balance("A").refunded == 25
    assert trade.rows("claim_channel_refunds", "worker") == []


def test_a_late_notice_of_one_that_bounced(trade: Shop) -> None:
    record(trade, "A", "re_1", 25, "Q", "x1", day(9))
    trade.bounce("re_1", "Q")

    # Old news is none; another transfer is another one.
    assert record(trade, "A", "re_1", 25, "Q", "x1").state == "failed"
    assert trade.balance("A").refunded == 0
    assert record(trade, "A", "re_1", 25, "Q", "x2").state == "succeeded"
    assert trade.balance("A").refunded == 25


@pytest.mark.parametrize(
    ("order_no", "amount", "payment_no", "left"),
    [("A", 31, "Q", 30), ("A", 61, "P", 60), ("B", 41, "P", 40)],
)
def test_e14_more_than_is_left_is_no_refund_of_the_order(
    trade: Shop, order_no: str, amount: int, payment_no: str, left: int
) -> None:
    with trade.refused("MX301", amount, left):
        record(trade, order_no, "re_1", amount, payment_no)
    with pytest.raises(psycopg.Error) as caught:
        record(trade, order_no, "re_1", amount, payment_no)
    assert "charge_back_payment" in caught.value.diag.message_hint

    # The number is not burnt.
    assert record(trade, order_no, "re_1", left, payment_no).succeeded == left


def test_surplus_is_no_money_of_an_order(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 130, "card")
    with shop.refused("MX301", 101, 100):
        record(shop, "A", "re_1", 101, "P")


def test_a_payment_of_another_order(trade: Shop) -> None:
    trade.merge("T2", C=40)
    trade.pay("T2", "P2", 40)
    for payment_no in ("P", "none"):
        with trade.refused("MX306", payment_no):
            record(trade, "C", "re_1", 40, payment_no)


def test_e02_e15_refuses_what_it_cannot_read(trade: Shop) -> None:
    for amount in (None, 0, -1):
        with trade.refused("MX902"):
            record(trade, "A", "re_1", amount, "P")
    for code, *arguments in (
        ("MX901", "A", None, 1, "P"),
        ("MX901", "A", "re 1", 1, "P"),
        ("MX901", "A", "re_1", 1, None),
        ("MX901", "A", "re_1", 1, "P", "x" * 300),
        ("MX103", "X", "re_1", 1, "P"),
        ("MX905", "A", "re_1", 1, "P", "x", "infinity"),
        ("MX905", "A", "re_1", 1, "P", "x", None, "a\nb"),
    ):
        with trade.refused(code):
            record(trade, *arguments)
    with trade.refused("MX101"):
        record(Shop(trade.conn, "nobody"), "A", "re_1", 1, "P")
