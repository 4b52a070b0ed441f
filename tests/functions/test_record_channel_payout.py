from typing import Any

import pytest
from shop import Row, Shop, day


@pytest.fixture(autouse=True)
def sale(shop: Shop) -> None:
    """A1000 of S is paid by PA (alipay)."""
    shop.sell("A", 1000)


def pay_out(shop: Shop, number: str, amount: Any, *arguments: Any, channel: str = "alipay") -> Row:
    return shop.call("record_channel_payout", channel, number, amount, "CNY", *arguments)


def flow(shop: Shop) -> dict[str, int]:
    """What moved today, of each account that is not as it was."""
    rows = shop.query("select * from mixpay.day_flow where merchant_id = %s", shop.merchant)
    assert len({(row.day, row.currency) for row in rows}) == 1
    assert sum(row.moved for row in rows) == 0
    return {f"{row.account}:{row.owner}".rstrip(":"): row.moved for row in rows if row.moved}


def banks(shop: Shop) -> list[tuple[Any, ...]]:
    rows = shop.query(
        "select bank, payouts, settlements, repayments, adjustments, balance, remark "
        "from mixpay.bank_balances where merchant_id = %s order by bank",
        shop.merchant,
    )
    return [tuple(row) for row in rows]


def test_the_money_is_at_the_bank(shop: Shop) -> None:
    made = pay_out(shop, "O1", 900, day(3))

    assert (made.payout_no, made.channel, made.amount, made.currency) == (
        ("O1", "alipay", 900, "CNY")
    )
    assert (made.bank, made.paid_at) == ("main", day(3))
    assert shop.owns("channel:alipay") == {"CNY": -100}
    assert shop.owns("bank:main") == {"CNY": -900}
    (balance,) = shop.query("select * from mixpay.channel_balances")
    assert (balance.payments, balance.payouts, balance.balance) == (1000, 900, 100)
    assert banks(shop) == [("main", 900, 0, 0, 0, 900, None)]


def test_a_day_from_channel_to_bank_to_payee(shop: Shop) -> None:
    """Of 1000, the channel takes 6, pays 944 and keeps 50; the bank pays S 1000 of it."""
    shop.call("record_channel_fee", "alipay", "F1", 6, "CNY", "PA")
    pay_out(shop, "O1", 944)
    assert flow(shop) == {
        "channel:alipay": -50, "channel_fee:alipay": -6, "bank:main": -944, "payee:S": 1000,
    }  # fmt: skip
    shop.settle("S1")
    assert flow(shop) == {"channel:alipay": -50, "channel_fee:alipay": -6, "bank:main": 56}
    assert banks(shop) == [("main", 944, 1000, 0, 0, -56, None)]
    shop.call("adjust_account", "bank:main", "J1", -56, "CNY", "from our own pocket")
    assert flow(shop) == {"channel:alipay": -50, "channel_fee:alipay": -6, "fee:adjustment": 56}
    assert banks(shop) == [("main", 944, 1000, 0, 56, 0, None)]


def test_who_records_no_payouts_is_told_what_the_bank_shows(shop: Shop) -> None:
    shop.settle("S1")
    shop.call("record_repayment", "payee:S", "B1", 7, "CNY")
    remark = "no channel payout is recorded: it shows only what was paid out"
    assert banks(shop) == [("main", 0, 1000, 7, 0, -993, remark)]
    shop.call("reverse_settlement", "S1", "no such account")
    assert banks(shop) == [("main", 0, 0, 7, 0, 7, remark)]


def test_banks_are_the_same_when_they_are_folded(shop: Shop) -> None:
    shop.call("record_channel_payout", "alipay", "O1", 600, "CNY", bank="second")
    shop.settle("S1")
    before = banks(shop)
    assert before[1] == ("second", 600, 0, 0, 0, 600, None)
    shop.until_final()
    shop.call("fold_balances")
    assert banks(shop) == before
    shop.call("record_channel_payout", "alipay", "O2", 1, "CNY", bank="second")
    assert banks(shop)[1] == ("second", 601, 0, 0, 0, 601, None)


def test_is_in_the_journal_and_an_event(shop: Shop) -> None:
    pay_out(shop, "O1", 900, day(3))

    (moved,) = shop.query("select * from mixpay.journal where source = 'channel_payout'")
    assert (moved.from_account, moved.from_owner) == ("bank", "main")
    assert (moved.to_account, moved.to_owner) == ("channel", "alipay")
    assert (moved.number, moved.entry, moved.amount) == ("O1", 1, 900)
    assert moved.happened_at == day(3)
    shop.until_final()
    event = shop.rows("read_events")[-1]
    assert (event.entity, event.number, event.to_state) == ("channel_payout", "O1", "recorded")
    assert (event.log, event.amount) == ("p", 900)
    (listed,) = shop.query("select * from mixpay.channel_payout_list")
    assert (listed.payout_no, listed.bank, listed.amount) == ("O1", "main", 900)


def test_one_that_came_back_or_money_for_refunds(shop: Shop) -> None:
    pay_out(shop, "O1", 1000)
    pay_out(shop, "O2", -200)

    assert shop.owns("channel:alipay") == {"CNY": -200}
    assert shop.owns("bank:main") == {"CNY": -800}
    (moved,) = shop.query("select * from mixpay.journal where number = 'O2'")
    assert (moved.from_account, moved.to_account, moved.amount) == ("channel", "bank", 200)


def test_more_than_the_channel_owes_is_shown(shop: Shop) -> None:
    pay_out(shop, "O1", 1001)
    (balance,) = shop.query("select * from mixpay.channel_balances")
    assert balance.balance == -1


def test_everything_a_channel_can_do_adds_up(shop: Shop) -> None:
    shop.refund("A", "R", 300)
    shop.complete("R", "PA", "Y")
    shop.refund("A", "R2", 40)
    shop.complete("R2", "PA", "Y2")
    shop.bounce("R2", "PA")
    shop.call("record_channel_fee", "alipay", "F1", 6, "CNY", "PA")
    shop.call("adjust_account", "channel:alipay", "J1", 11, "CNY", "it lost them")
    pay_out(shop, "O1", 600)

    (row,) = shop.query("select * from mixpay.channel_balances")
    assert (row.channel, row.currency) == ("alipay", "CNY")
    assert (row.payments, row.refunds, row.returns, row.chargebacks) == (1000, 300, 0, 0)
    assert (row.fees, row.payouts, row.adjustments) == (6, 600, -11)
    assert row.balance == 1000 - 300 - 6 - 600 - 11


def test_e03_again_returns_the_same(shop: Shop) -> None:
    first = pay_out(shop, "O1", 900, day(3))
    for again in [(day(3),), (None,), (), (day(3), "main")]:
        with shop.unchanged():
            assert pay_out(shop, "O1", 900, *again) == first


@pytest.mark.parametrize(
    "again",
    [
        ("alipay", "O1", 901, "CNY"),
        ("alipay", "O1", -900, "CNY"),
        ("alipay", "O1", 900, "JPY"),
        ("card", "O1", 900, "CNY"),
        ("alipay", "O1", 900, "CNY", day(4)),
        ("alipay", "O1", 900, "CNY", day(3), "second"),
    ],
)
def test_e03_other_content_is_an_error(shop: Shop, again: tuple[Any, ...]) -> None:
    pay_out(shop, "O1", 900, day(3))
    with shop.refused("MX414", "O1", "amount 900, currency CNY", "alipay", "main"):
        shop.call("record_channel_payout", *again)


def test_e02_e15_refuses_what_is_no_amount(shop: Shop) -> None:
    for amount in [0, None, 10**15 + 1, -(10**15) - 1, 2**63 - 1, -(2**63)]:
        with shop.refused("MX902", "null" if amount is None else amount):
            pay_out(shop, "O1", amount)


def test_refuses_bad_input(shop: Shop) -> None:
    with shop.refused("MX101", "nobody"):
        pay_out(Shop(shop.conn, "nobody"), "O1", 1)
    with shop.refused("MX203", "venmo"):
        pay_out(shop, "O1", 1, channel="venmo")
    for bad in [None, "", "a b", "x" * 65]:
        with shop.refused("MX901"):
            pay_out(shop, bad, 1)  # type: ignore[arg-type]
        with shop.refused("MX901"):
            pay_out(shop, "O1", 1, None, bad)
    for currency in [None, "XXX", "cny"]:
        with shop.refused("MX110", currency or "(null)"):
            shop.call("record_channel_payout", "alipay", "O1", 1, currency)
    with shop.refused("MX905", "infinity"):
        pay_out(shop, "O1", 1, "infinity")


def test_e28_each_merchant_by_itself(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    pay_out(other, "O1", 5)
    pay_out(shop, "O1", 7)

    assert banks(other) == [("main", 5, 0, 0, 0, 5, None)]
    assert banks(shop) == [("main", 7, 0, 0, 0, 7, None)]


def test_banks_and_currencies_are_told_apart(shop: Shop) -> None:
    """All of one pair of them is of one decimal place, so that nothing of another one hides."""
    pairs = [(bank, currency) for bank in ("giro", "main") for currency in ("CNY", "USD")]
    for place, (bank, currency) in enumerate(pairs):
        unit, number, fee = 100**place, f"{bank}{currency}", f"fee:{bank}"
        shop.call("record_channel_payout", "card", f"O{number}", 50 * unit, currency, None, bank)
        shop.sell(f"A{number}", 20 * unit, "V", currency)
        shop.until_final()
        shop.call("settle_payee", "V", f"S{number}", None, currency, bank)
        shop.call("adjust_account", "payee:V", f"L{number}", -9 * unit, currency, "a loss", fee)
        repayment = ("payee:V", f"B{number}", 4 * unit, currency, None, None, bank)
        shop.call("record_repayment", *repayment)
        against = f"bank:{bank}"
        shop.call("adjust_account", against, f"J{number}", -3 * unit, currency, "interest")
        shop.call("adjust_account", fee, f"K{number}", -2 * unit, currency, "costs", against)
        shop.call("adjust_account", "payee:V", f"M{number}", 5 * unit, currency, "forgiven")
    shop.sell("B", 30, "V")
    shop.until_final()
    shop.call("settle_payee", "V", "S9", None, "CNY", "giro")
    shop.call("reverse_settlement", "S9", "no such account")

    rows = shop.query("select * from mixpay.bank_balances order by bank, currency")
    assert [
        (row.bank, row.currency, row.payouts, row.settlements, row.repayments, row.adjustments)
        for row in rows
    ] == [
        (bank, currency, 50 * unit, 20 * unit, 4 * unit, 1 * unit)
        for (bank, currency), unit in zip(pairs, (1, 100, 10**4, 10**6), strict=True)
    ]
    assert all(
        row.balance == row.payouts - row.settlements + row.repayments + row.adjustments
        for row in rows
    )


def test_a_channel_says_what_each_movement_of_it_was(shop: Shop) -> None:
    """Of each kind another amount; a channel that was only paid by has nothing else."""
    shop.merge("TC", C=1000)
    for n, amount in enumerate((500, 300, 200)):
        shop.pay("TC", f"PC{n}", amount, "card", day(n + 1))
    shop.refund("C", "RC", 100, payment_nos=["PC0"])
    shop.complete("RC", "PC0")
    shop.call("return_payment", "PC1", "VC", "no funds", 30)
    shop.call("charge_back_payment", "PC2", "CC", 20, "fraud", 7)
    shop.call("record_channel_fee", "card", "FC", 4, "CNY")
    shop.call("record_channel_payout", "card", "OC", 50, "CNY")
    shop.call("adjust_account", "channel:card", "JC", 3, "CNY", "found")

    shop.call("charge_back_payment", "PC2", "CD", 60, "fraud")
    shop.call("reverse_chargeback", "CD", "won")
    columns = "payments, refunds, returns, chargebacks, fees, payouts, adjustments, balance"
    rows = shop.query(f"select {columns} from mixpay.channel_balances order by channel")
    assert rows == [(1000, 0, 0, 0, 0, 0, 0, 1000), (1000, 100, 30, 20, 11, 50, -3, 786)]
