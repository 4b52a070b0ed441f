from typing import Any

import pytest
from shop import Row, Shop, day


@pytest.fixture(autouse=True)
def sale(shop: Shop) -> None:
    """A1000 is paid by P (wechat)."""
    shop.merge("T", A=1000)
    shop.pay("T", "P", 1000, "wechat")


def charge(shop: Shop, number: str, amount: Any, *arguments: Any, channel: str = "wechat") -> Row:
    return shop.call("record_channel_fee", channel, number, amount, "CNY", *arguments)


def test_the_channel_owes_that_much_less(shop: Shop) -> None:
    made = charge(shop, "F1", 6, "P", "0.6 %", day(3))

    assert (made.fee_no, made.channel, made.amount, made.currency) == ("F1", "wechat", 6, "CNY")
    assert (made.payment_no, made.reason, made.charged_at) == ("P", "0.6 %", day(3))
    assert shop.owns("channel:wechat") == {"CNY": -994}
    assert shop.owns("channel_fee:wechat") == {"CNY": -6}
    (balance,) = shop.query("select * from mixpay.channel_balances")
    assert (balance.payments, balance.fees, balance.balance) == (1000, 6, 994)


def test_is_in_the_journal_and_an_event(shop: Shop) -> None:
    charge(shop, "F1", 6, "P", "0.6 %", day(3))

    (moved,) = shop.query("select * from mixpay.journal where source = 'channel_fee'")
    assert (moved.from_account, moved.from_owner) == ("channel_fee", "wechat")
    assert (moved.to_account, moved.to_owner) == ("channel", "wechat")
    assert (moved.number, moved.entry, moved.amount, moved.payment_no) == ("F1", 1, 6, "P")
    assert (moved.happened_at, moved.reason) == (day(3), "0.6 %")
    shop.until_final()
    event = shop.rows("read_events")[-1]
    assert (event.entity, event.number, event.to_state) == ("channel_fee", "F1", "recorded")
    assert (event.log, event.amount, event.payment_no) == ("f", 6, "P")
    (listed,) = shop.query("select * from mixpay.channel_fee_list")
    assert (listed.fee_no, listed.channel, listed.amount) == ("F1", "wechat", 6)


def test_uses_up_what_a_split_set_aside(shop: Shop) -> None:
    """The platform's fee of the same name is another account."""
    shop.sell("B", 1000)
    fees = [
        {"kind": "channel_fee", "receiver": "wechat", "rate": 60},
        {"kind": "platform_fee", "receiver": "wechat", "rate": 100},
    ]
    shop.rows("split_order", "B", "X", fees)
    assert shop.owns("channel_fee:wechat") == {"CNY": 6}
    charge(shop, "F1", 5)
    assert shop.owns("channel_fee:wechat") == {"CNY": 1}
    assert shop.owns("fee:wechat") == {"CNY": 10}
    charge(shop, "F2", 4)
    assert shop.owns("channel_fee:wechat") == {"CNY": -3}
    assert shop.query("select * from mixpay.shortfall_list") == []
    # The merchant may bring it in.
    shop.call("record_repayment", "channel_fee:wechat", "B1", 3, "CNY")
    assert shop.owns("channel_fee:wechat") == {"CNY": 0}


def test_one_that_the_channel_gives_back(shop: Shop) -> None:
    charge(shop, "F1", 6, "P")
    shop.refund("A", "R", 500)
    charge(shop, "F2", -3, "P", "of refund R")

    assert shop.owns("channel_fee:wechat") == {"CNY": -3}
    (moved,) = shop.query("select * from mixpay.journal where number = 'F2'")
    assert (moved.from_account, moved.to_account, moved.amount) == ("channel", "channel_fee", 3)


def test_of_no_single_payment_and_of_another_channel(shop: Shop) -> None:
    assert charge(shop, "F1", 30, channel="card").payment_no is None
    assert charge(shop, "F2", 1, "P", channel="card").payment_no == "P"
    assert shop.owns("channel:card") == {"CNY": 31}


def test_e03_again_returns_the_same(shop: Shop) -> None:
    first = charge(shop, "F1", 6, "P", "0.6 %", day(3))
    for again in [("P", "0.6 %", day(3)), ("P", "other words", None), (None, None), ()]:
        with shop.unchanged():
            assert charge(shop, "F1", 6, *again) == first


@pytest.mark.parametrize(
    "again",
    [
        ("wechat", "F1", 7, "CNY"),
        ("wechat", "F1", -6, "CNY"),
        ("alipay", "F1", 6, "CNY"),
        ("wechat", "F1", 6, "CNY", "P2"),
        ("wechat", "F1", 6, "CNY", "P", None, day(4)),
    ],
)
def test_e03_other_content_is_an_error(shop: Shop, again: tuple[Any, ...]) -> None:
    shop.merge("T2", B=1)
    shop.pay("T2", "P2", 1, "wechat")
    charge(shop, "F1", 6, "P", None, day(3))
    with shop.refused("MX413", "F1", "amount 6, currency CNY", "wechat", "P"):
        shop.call("record_channel_fee", *again)


def test_e03_a_moment_is_compared_to_the_millisecond(shop: Shop) -> None:
    first = charge(shop, "F1", 6, "P", None, day(3).replace(microsecond=123456))
    with shop.unchanged():
        again = charge(shop, "F1", 6, "P", None, day(3).replace(microsecond=123000))
    assert again == first


def test_e02_e15_refuses_what_is_no_amount(shop: Shop) -> None:
    for amount in [0, None, 10**15 + 1, -(10**15) - 1, 2**63 - 1, -(2**63)]:
        with shop.refused("MX902", "null" if amount is None else amount):
            charge(shop, "F1", amount)


def test_e24_refuses_another_currency_than_the_payments(shop: Shop) -> None:
    with shop.refused("MX416", "P", "CNY", "JPY"):
        shop.call("record_channel_fee", "wechat", "F1", 6, "JPY", "P")
    shop.call("record_channel_fee", "wechat", "F1", 6, "JPY")
    assert shop.owns("channel:wechat") == {"CNY": -1000, "JPY": 6}


def test_refuses_bad_input(shop: Shop) -> None:
    with shop.refused("MX101", "nobody"):
        charge(Shop(shop.conn, "nobody"), "F1", 1)
    with shop.refused("MX203", "venmo"):
        charge(shop, "F1", 1, channel="venmo")
    with shop.refused("MX201", "P9"):
        charge(shop, "F1", 1, "P9")
    for bad in [None, "", "a b", "x" * 65]:
        with shop.refused("MX901"):
            charge(shop, bad, 1)  # type: ignore[arg-type]
    for bad in ["", "a b", "x" * 65]:
        with shop.refused("MX901"):
            charge(shop, "F1", 1, bad)
    for currency in [None, "XXX", "cny"]:
        with shop.refused("MX110", currency or "(null)"):
            shop.call("record_channel_fee", "wechat", "F1", 1, currency)
    with shop.refused("MX905", "infinity"):
        charge(shop, "F1", 1, None, None, "infinity")
    with shop.refused("MX905", 1001):
        charge(shop, "F1", 1, None, "x" * 1001)


def test_does_not_find_another_merchants(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    with shop.refused("MX201", "P"):
        charge(other, "F1", 1, "P")
    assert charge(other, "F1", 1).amount == 1
    assert shop.owns("channel:wechat") == {"CNY": -1000}
