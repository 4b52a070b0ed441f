from typing import Any

import pytest
from shop import Row, Shop, day


@pytest.fixture(autouse=True)
def debts(shop: Shop) -> None:
    """A100 of S was split, 10 to agent and the rest to S, paid out and refunded.

    Of B100, agent has 30 of what was refunded, and the platform bears it.
    """
    shop.sell("A", 100)
    shop.rows("split_order", "A", "X", [{"receiver": "agent", "rate": 1000}])
    shop.settle("S1")
    shop.call("settle_receiver", "agent", "S2", None)
    shop.refund("A", "R", 100)
    shop.sell("B", 100)
    shares = [
        {"receiver": "agent", "fixed": 30, "kept_on_refund": True},
        {"kind": "platform_fee", "receiver": "us", "takes_remainder": True},
    ]
    shop.rows("split_order", "B", "Y", shares)
    shop.until_final()
    shop.call("settle_receiver", "agent", "S3", None)
    shop.refund("B", "RB", 100)


def repay(shop: Shop, account: str, repayment_no: str, amount: Any, *arguments: Any) -> Row:
    return shop.call("record_repayment", account, repayment_no, amount, "CNY", *arguments)


def lacking(shop: Shop) -> dict[str, int]:
    rows = shop.query("select * from mixpay.shortfall_list where merchant_id = %s", shop.merchant)
    return {f"{row.account}:{row.owner}": row.lacking for row in rows}


def test_clears_the_list_of_who_owes(shop: Shop) -> None:
    assert lacking(shop) == {"payee:S": 90, "fee:us": 30}
    assert shop.owns("receiver:agent") == {"CNY": 0}
    repay(shop, "payee:S", "B1", 50)
    assert lacking(shop) == {"payee:S": 40, "fee:us": 30}
    repay(shop, "fee:us", "B2", 30, None, "the merchant bears it")
    repay(shop, "payee:S", "B3", 40)

    assert lacking(shop) == {}
    assert shop.owns("payee:S") == {"CNY": 0}
    assert shop.owns("fee:us") == {"CNY": 0}


def test_is_in_the_journal_with_its_true_date(shop: Shop) -> None:
    made = repay(shop, "payee:S", "B1", 50, day(3), "by bank")

    assert (made.repayment_no, made.account, made.owner) == ("B1", "payee", "S")
    assert (made.amount, made.currency, made.reason) == (50, "CNY", "by bank")
    assert made.repaid_at == day(3)
    (moved,) = shop.query("select * from mixpay.journal where source = 'repayment'")
    assert (moved.happened_at, moved.created_at) == (day(3), made.created_at)
    assert (moved.number, moved.entry) == ("B1", 1)
    assert (moved.from_account, moved.from_owner) == ("bank", "main")
    assert (moved.to_account, moved.to_owner) == ("payee", "S")
    assert (moved.amount, moved.currency, moved.reason) == (50, "CNY", "by bank")
    assert (moved.cause, moved.cause_no) == ("repayment", "B1")


def test_the_next_settlement_nets_what_is_left(shop: Shop) -> None:
    repay(shop, "payee:S", "B1", 50)
    settlement = shop.settle("S4")

    assert (settlement.carried_in, settlement.earned, settlement.carried_out) == (50, -90, -40)


def test_what_is_more_than_was_owed_is_paid_out(shop: Shop) -> None:
    assert shop.settle("S4").carried_out == -90
    repay(shop, "payee:S", "B1", 100)
    settlement = shop.settle("S5")

    assert (settlement.carried_in, settlement.earned, settlement.amount) == (10, 0, 10)
    assert shop.settle("S6").amount == 0


def test_of_a_receiver(shop: Shop) -> None:
    repay(shop, "receiver:agent", "B1", 12)

    assert shop.owns("receiver:agent") == {"CNY": 12}
    shop.until_final()
    assert shop.call("settle_receiver", "agent", "S4", None).amount == 12


def test_e03_again_returns_the_same(shop: Shop) -> None:
    first = repay(shop, "payee:S", "B1", 50, day(3), "by bank")
    for again in [(day(3), "by bank"), (day(3), "in cash"), (None,), ()]:
        with shop.unchanged():
            assert repay(shop, "payee:S", "B1", 50, *again) == first


@pytest.mark.parametrize(
    "again",
    [
        ("payee:S", "B1", 51, "CNY"),
        ("payee:S", "B1", 50, "JPY"),
        ("payee:V", "B1", 50, "CNY"),
        ("receiver:agent", "B1", 50, "CNY"),
        ("payee:S", "B1", 50, "CNY", day(4)),
    ],
)
def test_e03_other_content_is_an_error(shop: Shop, again: tuple[Any, ...]) -> None:
    shop.call("register_payee", "V", "Vintage")
    repay(shop, "payee:S", "B1", 50, day(3))
    with shop.refused("MX410", "B1", "amount 50, currency CNY", "payee:S"):
        shop.call("record_repayment", *again)
    with shop.refused("MX410", "B1", "bank main", "bank second"):
        shop.call("record_repayment", "payee:S", "B1", 50, "CNY", day(3), bank="second")


def test_its_numbers_are_not_the_settlements(shop: Shop) -> None:
    assert repay(shop, "payee:S", "S1", 50).amount == 50
    assert shop.row("settlements", "S1").amount == 90


def test_e02_e15_refuses_what_is_no_amount(shop: Shop) -> None:
    for amount in [0, -1, None, 10**15 + 1, 2**63 - 1]:
        with shop.refused("MX902", "null" if amount is None else amount):
            repay(shop, "payee:S", "B1", amount)
    assert repay(shop, "payee:S", "B1", 10**15).amount == 10**15


def test_refuses_accounts_that_nobody_repays_to(shop: Shop) -> None:
    for account in ["payee", "order:A", "channel:card", "outside", "surplus:PA", "refund:R"]:
        with shop.refused("MX401", account):
            repay(shop, account, "B1", 1)
    for account in ["", "nothing:S", "payee:", "payee:a b", "PAYEE:S", "outside:S"]:
        with shop.refused("MX401"):
            repay(shop, account, "B1", 1)
    with shop.refused("MX401", "null"):
        shop.call("record_repayment", None, "B1", 1, "CNY")
    # To move something of one is to name it; of another one's, or another merchant's, it is not.
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    other.call("adjust_account", "fee:theirs", "J", 1, "CNY", "so", "fee:theirs2")
    shop.call("adjust_account", "fee:mine", "J", 1, "CNY", "so", "fee:mine2")
    assert repay(shop, "fee:mine", "BM", 1).amount == repay(shop, "fee:mine2", "BM2", 1).amount
    nobodys = ["receiver:us", "fee:agent", "receiver:S", "fee:nobody", "fee:card"]
    for account in [*nobodys, "fee:theirs", "fee:theirs2", "receiver:mine", "receiver:mine2"]:
        with shop.refused("MX407", account.partition(":")[2]):
            repay(shop, account, "B1", 1)
    with shop.refused("MX102", "agent"):
        repay(shop, "payee:agent", "B1", 1)


def test_refuses_bad_input(shop: Shop) -> None:
    with shop.refused("MX101", "nobody"):
        repay(Shop(shop.conn, "nobody"), "payee:S", "B1", 1)
    for bad in [None, "", "a b", "x" * 65]:
        with shop.refused("MX901"):
            repay(shop, "payee:S", bad, 1)  # type: ignore[arg-type]
    for currency in [None, "XXX", "cny"]:
        with shop.refused("MX110", currency or "(null)"):
            shop.call("record_repayment", "payee:S", "B1", 1, currency)
    with shop.refused("MX905", "infinity"):
        repay(shop, "payee:S", "B1", 1, "infinity")
    with shop.refused("MX905", "9998"):
        repay(shop, "payee:S", "B1", 1, "9998-01-01")
    with shop.refused("MX905", 1001):
        repay(shop, "payee:S", "B1", 1, None, "x" * 1001)


def test_does_not_find_another_merchants(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    with shop.refused("MX102", "S"):
        repay(other, "payee:S", "B1", 1)
    with shop.refused("MX407", "agent"):
        repay(other, "receiver:agent", "B1", 1)


def test_counts_when_the_debt_does_that_it_repays(shop: Shop) -> None:
    shop.until_final()
    ((before,),) = shop.query("select clock_timestamp()")
    shop.sell("C", 50)
    shop.settle("S9", until=before)
    shop.refund("C", "RC", 50)
    repay(shop, "payee:S", "RP1", 90)

    # He owed 90 then, and had not paid it back.
    shop.settle("S10", until=before)
    assert shop.row("settlements", "S10").amount == 0
    assert shop.row("settlements", "S10").carried_out == -90
    shop.until_final()
    assert shop.settle("S11").amount == 0
    assert shop.owns("payee:S") == {"CNY": 0}


def test_e03_moments_are_compared_to_the_millisecond(shop: Shop) -> None:
    told = day(5).replace(microsecond=123_456)
    first = repay(shop, "payee:S", "B9", 1, told)
    with shop.unchanged():
        assert repay(shop, "payee:S", "B9", 1, told.replace(microsecond=123_000)) == first
    with shop.refused("MX410", "B9"):
        repay(shop, "payee:S", "B9", 1, told.replace(microsecond=125_000))


def test_e43_a_moment_that_was_left_out_comes_later(shop: Shop) -> None:
    first = repay(shop, "payee:S", "B9", 1)
    assert repay(shop, "payee:S", "B9", 1, day(5)) == first._replace(repaid_at=day(5))
    with shop.refused("MX410"):
        repay(shop, "payee:S", "B9", 1, day(6))
