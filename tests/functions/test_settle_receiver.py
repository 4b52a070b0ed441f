from typing import Any

import pytest
from shop import Row, Shop


@pytest.fixture(autouse=True)
def trade(shop: Shop) -> None:
    """A1000 of S is split: 100 to agent, 50 to S2, a payee, and 20 to us, the platform."""
    shop.call("register_payee", "S2", "Another store")
    shop.sell("A", 1000)
    shares = [
        {"receiver": "agent", "rate": 1000},
        {"kind": "payee", "receiver": "S2", "rate": 500},
        {"kind": "platform_fee", "receiver": "us", "rate": 200},
    ]
    shop.rows("split_order", "A", "X", shares)


def settle(shop: Shop, settlement_no: str, receiver: str = "agent", *arguments: Any) -> Row:
    shop.until_final()
    return shop.call("settle_receiver", receiver, settlement_no, None, *arguments)


def test_pays_out_what_it_has_got(shop: Shop) -> None:
    settlement = settle(shop, "S1")

    assert (settlement.account, settlement.owner) == ("receiver", "agent")
    assert (settlement.carried_in, settlement.earned, settlement.amount) == (0, 100, 100)
    assert shop.owns("receiver:agent") == {"CNY": 0}
    assert shop.owns("payee:S") == {"CNY": 830}
    (line,) = shop.query("select * from mixpay.settlement_lines")
    assert (line.kind, line.order_no, line.amount) == ("order", "A", 100)
    (payout,) = shop.query("select * from mixpay.payout_list")
    assert (payout.payee_no, payout.receiver, payout.title) == (None, "agent", None)
    assert (payout.amount, str(payout.units)) == (100, "1.00")


def test_e22_a_refund_after_it_is_netted(shop: Shop) -> None:
    settle(shop, "S1")
    shop.refund("A", "R", 500)
    assert shop.owns("receiver:agent") == {"CNY": -50}
    assert (settle(shop, "S2").amount, settle(shop, "S3").carried_in) == (0, -50)
    shop.sell("B", 1000)
    shop.rows("split_order", "B", "Y", [{"receiver": "agent", "fixed": 70}])

    assert (settle(shop, "S4").amount, shop.owns("receiver:agent")) == (20, {"CNY": 0})


def test_a_payee_of_the_same_name_is_somebody_else(shop: Shop) -> None:
    shop.sell("B", 7, "agent")
    assert settle(shop, "S1").amount == 100
    assert shop.settle("S2", "agent").amount == 7
    assert [shop.row("settlements", number).nth for number in ("S1", "S2")] == [1, 1]
    with shop.refused("MX402", "S1", "receiver:agent"):
        shop.settle("S1", "agent")
    with shop.refused("MX402", "S2", "payee:agent"):
        settle(shop, "S2")


def test_refuses_what_is_no_receiver(shop: Shop) -> None:
    """A payee is settled as such, and a fee stays with the merchant."""
    for receiver in ("S2", "us", "nobody"):
        with shop.refused("MX407", receiver):
            settle(shop, "S1", receiver)
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    with shop.refused("MX407", "agent", "other"):
        settle(other, "S1")


def test_e24_each_currency_by_itself(shop: Shop) -> None:
    shop.sell("B", 300, currency="JPY")
    shop.rows("split_order", "B", "Y", [{"receiver": "agent", "fixed": 9}])
    with shop.refused("MX404", "CNY", "JPY"):
        settle(shop, "S1")

    assert settle(shop, "S1", "agent", "JPY").amount == 9
    assert settle(shop, "S2", "agent", "CNY").amount == 100


def test_e03_again_returns_the_settlement(shop: Shop) -> None:
    first = settle(shop, "S1")
    shop.refund("A", "R", 500)
    shop.until_final()
    with shop.unchanged():
        assert settle(shop, "S1") == first
    with shop.refused("MX402", "S1", "CNY"):
        settle(shop, "S1", "agent", "JPY")


def test_until_does_not_go_back(shop: Shop) -> None:
    ((earlier,),) = shop.query("select clock_timestamp()")
    settle(shop, "S1")
    with shop.refused("MX403", "agent", "S1"):
        shop.call("settle_receiver", "agent", "S2", earlier)


def test_e02_a_payout_is_not_above_the_bound(shop: Shop) -> None:
    shop.sell("B", 10**15)
    shop.rows("split_order", "B", "Y", [{"receiver": "agent", "fixed": 10**15}])
    assert [settle(shop, number).amount for number in ("S1", "S2")] == [10**15, 100]


def test_refuses_bad_input(shop: Shop) -> None:
    with shop.refused("MX101", "nobody"):
        settle(Shop(shop.conn, "nobody"), "S1")
    for bad in [None, "", "a b", "x" * 65]:
        with shop.refused("MX901"):
            shop.call("settle_receiver", bad, "S1", None)
        with shop.refused("MX901"):
            shop.call("settle_receiver", "agent", bad, None)
    with shop.refused("MX905"):
        shop.call("settle_receiver", "agent", "S1", "infinity")
    with shop.refused("MX110", "XXX"):
        settle(shop, "S1", "agent", "XXX")
