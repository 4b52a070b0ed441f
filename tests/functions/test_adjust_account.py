from typing import Any

import pytest
from shop import Row, Shop


@pytest.fixture(autouse=True)
def sale(shop: Shop) -> None:
    """A1000 of S is paid; of B100, agent has 10."""
    shop.sell("A", 1000)
    shop.sell("B", 100)
    shop.rows("split_order", "B", "X", [{"receiver": "agent", "rate": 1000}])


def adjust(shop: Shop, account: str, number: str, amount: Any, *arguments: Any) -> Row:
    return shop.call("adjust_account", account, number, amount, "CNY", "because", *arguments)


def test_a_bonus_is_paid_out(shop: Shop) -> None:
    made = adjust(shop, "payee:S", "J1", 30)

    assert (made.adjustment_no, made.account, made.owner) == ("J1", "payee", "S")
    assert (made.against_account, made.against_owner) == ("fee", "adjustment")
    assert (made.amount, made.currency, made.reason) == (30, "CNY", "because")
    assert shop.owns("payee:S") == {"CNY": 1120}
    assert shop.owns("fee:adjustment") == {"CNY": -30}
    assert shop.settle("S1").amount == 1120


def test_a_fine_is_netted(shop: Shop) -> None:
    adjust(shop, "payee:S", "J1", -30)

    assert shop.owns("fee:adjustment") == {"CNY": 30}
    assert shop.settle("S1").amount == 1060


def test_e45_a_seller_who_took_the_cash(shop: Shop) -> None:
    """He took 300 at the door: they are no longer his, and the till does not have them."""
    shop.merge("T", C=300)
    shop.pay("T", "P", 300, "cash")
    assert shop.owns("channel:cash") == {"CNY": -300}
    adjust(shop, "payee:S", "J1", -300, "channel:cash")

    assert shop.owns("channel:cash") == {"CNY": 0}
    assert shop.owns("payee:S") == {"CNY": 790}
    settlement = shop.settle("S1")
    assert (settlement.earned, settlement.amount) == (790, 790)
    (cash,) = shop.query("select * from mixpay.channel_balances where channel = 'cash'")
    assert (cash.payments, cash.adjustments, cash.balance) == (300, -300, 0)
    # Said to be a fee that the till took, it is an adjustment still.
    adjust(shop, "channel_fee:cash", "J2", -5, "channel:cash")
    (cash,) = shop.query("select * from mixpay.channel_balances where channel = 'cash'")
    assert (cash.fees, cash.adjustments, cash.balance) == (0, -305, -5)


def test_e45_more_than_he_has_is_a_debt(shop: Shop) -> None:
    shop.settle("S1")
    adjust(shop, "payee:S", "J1", -300, "channel:cash")

    assert [tuple(row) for row in shop.query(
        "select account, owner, lacking from mixpay.shortfall_list"
    )] == [("payee", "S", 300)]  # fmt: skip
    assert shop.settle("S2").carried_out == -300
    shop.sell("C", 500)
    settlement = shop.settle("S3")
    assert (settlement.carried_in, settlement.earned, settlement.amount) == (-300, 500, 200)


def test_settlement_lines_show_each_with_its_reason(shop: Shop) -> None:
    adjust(shop, "payee:S", "J1", 30)
    adjust(shop, "payee:S", "J2", -12, "bank:main")
    adjust(shop, "fee:us", "J3", 5, "payee:S")
    settlement = shop.settle("S1")

    lines = shop.query(
        "select kind, order_no, adjustment_no, reason, came_in, went_out, amount "
        "from mixpay.settlement_lines order by kind, adjustment_no, order_no"
    )
    assert [tuple(line) for line in lines] == [
        ("adjustment", None, "J1", "because", 30, 0, 30),
        ("adjustment", None, "J2", "because", 0, 12, -12),
        ("adjustment", None, "J3", "because", 0, 5, -5),
        ("order", "A", None, None, 1000, 0, 1000),
        ("order", "B", None, None, 190, 100, 90),
    ]
    assert settlement.earned == 1000 + 90 + 30 - 12 - 5
    # What comes later is in the next one, once.
    adjust(shop, "payee:S", "J4", 1)
    assert shop.settle("S2").amount == 1
    (line,) = shop.query("select * from mixpay.settlement_lines where settlement_no = 'S2'")
    assert (line.adjustment_no, line.amount) == ("J4", 1)


def test_payee_balances_show_them(shop: Shop) -> None:
    adjust(shop, "payee:S", "J1", 30)
    adjust(shop, "fee:us", "J2", 5, "payee:S")
    (row,) = shop.query("select * from mixpay.payee_balances where payee_no = 'S'")
    assert (row.net, row.adjusted, row.payable) == (1090, 25, 1115)


def test_until_a_moment(shop: Shop) -> None:
    """What was adjusted after it is left for the next settlement."""
    shop.until_final()
    ((before,),) = shop.query("select clock_timestamp()")
    adjust(shop, "payee:S", "J1", 30)

    assert shop.settle("S1", until=before).amount == 1090
    assert shop.settle("S2").amount == 30


def test_a_receiver_is_paid_it(shop: Shop) -> None:
    adjust(shop, "receiver:agent", "J1", 4)

    shop.until_final()
    assert shop.call("settle_receiver", "agent", "S1", None).amount == 14


def test_is_in_the_journal_and_an_event(shop: Shop) -> None:
    made = adjust(shop, "payee:S", "J1", -30, "loss:card")

    (moved,) = shop.query("select * from mixpay.journal where source = 'adjustment'")
    assert (moved.from_account, moved.from_owner) == ("payee", "S")
    assert (moved.to_account, moved.to_owner) == ("loss", "card")
    assert (moved.number, moved.entry, moved.amount) == ("J1", 1, 30)
    assert (moved.cause, moved.cause_no, moved.reason) == ("adjustment", "J1", "because")
    assert moved.created_at == made.created_at
    shop.until_final()
    event = shop.rows("read_events")[-1]
    assert (event.entity, event.number, event.to_state) == ("adjustment", "J1", "recorded")
    assert (event.log, event.amount, event.trade_no) == ("a", 30, None)
    (listed,) = shop.query("select * from mixpay.adjustment_list")
    assert (listed.adjustment_no, listed.amount, listed.against_account) == ("J1", -30, "loss")


def test_accounts_of_every_kind_that_can_be_adjusted(shop: Shop) -> None:
    for number, account in enumerate(
        ["fee:anything", "channel_fee:x", "channel:card", "bank:main", "loss:card", "rounding:cash"]
    ):
        adjust(shop, account, f"J{number}", 7, "payee:S")
        assert shop.owns(account) == {"CNY": 7}
    assert shop.owns("payee:S") == {"CNY": 1090 - 6 * 7}


def test_a_fee_that_was_adjusted_may_be_repaid(shop: Shop) -> None:
    adjust(shop, "payee:S", "J1", 30)
    shop.call("record_repayment", "fee:adjustment", "B1", 30, "CNY")

    assert shop.owns("fee:adjustment") == {"CNY": 0}


def test_another_currency(shop: Shop) -> None:
    shop.call("adjust_account", "payee:S", "J1", 9, "JPY", "a prize")

    assert shop.owns("payee:S") == {"CNY": 1090, "JPY": 9}
    assert shop.settle("S1", currency="JPY").amount == 9


def test_e03_again_returns_the_same(shop: Shop) -> None:
    first = adjust(shop, "payee:S", "J1", -30)
    with shop.unchanged():
        assert adjust(shop, "payee:S", "J1", -30, "fee:adjustment") == first
        again = shop.call("adjust_account", "payee:S", "J1", -30, "CNY", "another reason")
        assert again == first


@pytest.mark.parametrize(
    "again",
    [
        ("payee:S", "J1", 30, "CNY", "x"),
        ("payee:S", "J1", -31, "CNY", "x"),
        ("payee:S", "J1", -30, "JPY", "x"),
        ("receiver:agent", "J1", -30, "CNY", "x"),
        ("payee:S", "J1", -30, "CNY", "x", "fee:us"),
        ("fee:adjustment", "J1", 30, "CNY", "x", "payee:S"),
    ],
)
def test_e03_other_content_is_an_error(shop: Shop, again: tuple[Any, ...]) -> None:
    adjust(shop, "payee:S", "J1", -30)
    with shop.refused("MX412", "J1", "payee:S", "amount -30, currency CNY", "fee:adjustment"):
        shop.call("adjust_account", *again)


def test_e02_e15_refuses_what_is_no_amount(shop: Shop) -> None:
    for amount in [0, None, 10**15 + 1, -(10**15) - 1, 2**63 - 1, -(2**63)]:
        with shop.refused("MX902", "null" if amount is None else amount):
            adjust(shop, "payee:S", "J1", amount)
    assert adjust(shop, "payee:S", "J1", -(10**15)).amount == -(10**15)


def test_refuses_accounts_that_cannot_be_adjusted(shop: Shop) -> None:
    for account in ["payee", "order:A", "outside", "surplus:PA", "refund:R", "anomaly:N"]:
        with shop.refused("MX401", account):
            adjust(shop, account, "J1", 1)
        with shop.refused("MX401", account):
            adjust(shop, "payee:S", "J1", 1, account)
    for account in ["", "nothing:S", "payee:", "payee:a b", "PAYEE:S", None]:
        with shop.refused("MX401"):
            adjust(shop, account, "J1", 1)  # type: ignore[arg-type]
    with shop.refused("MX401", "payee:S"):
        adjust(shop, "payee:S", "J1", 1, "payee:S")
    with shop.refused("MX401", "fee:adjustment"):
        adjust(shop, "fee:adjustment", "J1", 1)
    with shop.refused("MX102", "V"):
        adjust(shop, "payee:V", "J1", 1)
    with shop.refused("MX407", "receiver:nobody"):
        adjust(shop, "receiver:nobody", "J1", 1)
    with shop.refused("MX203", "venmo"):
        adjust(shop, "payee:S", "J1", 1, "channel:venmo")


def test_refuses_bad_input(shop: Shop) -> None:
    with shop.refused("MX101", "nobody"):
        adjust(Shop(shop.conn, "nobody"), "payee:S", "J1", 1)
    for bad in [None, "", "a b", "x" * 65]:
        with shop.refused("MX901"):
            adjust(shop, "payee:S", bad, 1)  # type: ignore[arg-type]
    for currency in [None, "XXX", "cny"]:
        with shop.refused("MX110", currency or "(null)"):
            shop.call("adjust_account", "payee:S", "J1", 1, currency, "x")
    with shop.refused("MX905", 1001):
        shop.call("adjust_account", "payee:S", "J1", 1, "CNY", "x" * 1001)


def test_does_not_find_another_merchants(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    with shop.refused("MX102", "S"):
        adjust(other, "payee:S", "J1", 1)
    with shop.refused("MX407", "agent"):
        adjust(other, "receiver:agent", "J1", 1)
