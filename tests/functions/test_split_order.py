from typing import Any

import pytest
from shop import Json, Row, Shop, day, on_hold, orders

FEE = {"kind": "platform_fee", "receiver": "us", "rate": 800}
KEEPS = {**FEE, "kept_on_refund": True}
BANK = {"kind": "channel_fee", "receiver": "bank", "rate": 200}
AGENT = {"receiver": "agent", "rate": 1000}
REST = {"receiver": "agent", "takes_remainder": True}


@pytest.fixture(autouse=True)
def payee(shop: Shop) -> None:
    shop.call("register_payee", "S", "Store")


def merge(shop: Shop, amount: int, *, pay: int | None = None, trade_no: str = "T") -> None:
    """A, of payee S, as it is paid."""
    (order,) = orders(A=amount)
    shop.call("merge_orders", [{**order, "payee_no": "S", "pay": pay}], trade_no)


def hold(shop: Shop, amount: int, *, pay: int | None = None, trade_no: str = "T") -> None:
    """A, of payee S, until it is released."""
    shop.call("merge_orders", on_hold("S", A=(amount, pay) if pay else amount), trade_no)


def split(shop: Shop, *shares: dict[str, Any], at: str | None = None, no: str = "X") -> list[Row]:
    return shop.rows("split_order", "A", no, list(shares), at)


def accounts(shop: Shop) -> dict[str, int]:
    """What payees, receivers and fee accounts have, and what A holds; without those at zero."""
    rows = shop.query(
        "select account || ':' || owner as name, balance from mixpay.account_balances "
        "where merchant_id = %s and account in ('payee', 'receiver', 'fee', 'channel_fee')",
        shop.merchant,
    )
    found = {row.name: row.balance for row in rows} | {"in_escrow": shop.balance("A").in_escrow}
    return {name: balance for name, balance in found.items() if balance}


def listed(shop: Shop) -> dict[str, int]:
    """Each receiver's share as the list has it."""
    rows = shop.query(
        "select receiver, balance from mixpay.split_list where merchant_id = %s order by position",
        shop.merchant,
    )
    return {row.receiver: row.balance for row in rows}


def lacking(shop: Shop) -> dict[str, int]:
    query = "select account || ':' || owner as name, lacking from mixpay.shortfall_list"
    return {row.name: row.lacking for row in shop.query(query)}


class TestShares:
    def test_rates_are_rounded_down_and_the_payee_takes_the_rest(self, shop: Shop) -> None:
        merge(shop, 999)
        split(shop, FEE, BANK)
        shop.pay("T", "P", 999)

        assert accounts(shop) == {"fee:us": 79, "channel_fee:bank": 19, "payee:S": 901}

    def test_another_takes_the_rest(self, shop: Shop) -> None:
        merge(shop, 999)
        split(shop, REST, {"kind": "payee", "receiver": "S", "rate": 9000})
        shop.pay("T", "P", 999)

        assert accounts(shop) == {"payee:S": 899, "receiver:agent": 100}

    def test_an_order_without_payee(self, shop: Shop) -> None:
        shop.merge("T", A=100)
        shop.pay("T", "P", 100)
        assert accounts(shop) == {"in_escrow": 100}
        split(shop, FEE, REST)

        assert accounts(shop) == {"fee:us": 8, "receiver:agent": 92}

    def test_a_payees_share_of_an_order_that_has_none(self, shop: Shop) -> None:
        shop.merge("T", A=100)
        shop.pay("T", "P", 100)
        split(shop, {"kind": "payee", "receiver": "S", "rate": 9000}, REST, at="payment")

        assert accounts(shop) == {"payee:S": 90, "receiver:agent": 10}

    def test_a_fixed_amount_and_a_rate_are_added(self, shop: Shop) -> None:
        merge(shop, 1000)
        split(shop, {**FEE, "fixed": 30})
        shop.pay("T", "P", 1000)

        assert accounts(shop) == {"fee:us": 110, "payee:S": 890}

    def test_a_fixed_amount_is_of_the_whole_order(self, shop: Shop) -> None:
        """The first payment is too small for it, and the next one brings the rest."""
        merge(shop, 1000)
        split(shop, {"receiver": "agent", "fixed": 300}, {"receiver": "other", "fixed": 50})
        shop.pay("T", "P1", 200)
        assert accounts(shop) == {"receiver:agent": 200}
        shop.pay("T", "P2", 120)
        assert accounts(shop) == {"receiver:agent": 300, "receiver:other": 20}
        shop.pay("T", "P3", 100)
        assert accounts(shop) == {"receiver:agent": 300, "receiver:other": 50, "payee:S": 70}

    def test_rates_may_be_all_of_it(self, shop: Shop) -> None:
        merge(shop, 101)
        split(shop, {"receiver": "half", "rate": 5000}, {"receiver": "other", "rate": 5000})
        shop.pay("T", "P1", 1)
        assert accounts(shop) == {"payee:S": 1}
        # What was rounded down is given as soon as it makes a whole, at the cost of who has it.
        shop.pay("T", "P2", 1)
        assert accounts(shop) == {"receiver:half": 1, "receiver:other": 1}
        shop.pay("T", "P3", 99)
        assert accounts(shop) == {"receiver:half": 50, "receiver:other": 50, "payee:S": 1}

    def test_e13_zero_shares_have_no_row(self, shop: Shop) -> None:
        merge(shop, 100)
        split(shop, FEE, {"receiver": "agent", "rate": 1})
        shop.pay("T", "P", 10)

        assert shop.query("select position, amount from mixpay.split_shares") == [(3, 10)]
        assert shop.query(
            "select to_owner, amount from mixpay.journal where from_account = 'order'"
        ) == [("S", 10)]
        assert listed(shop) == {"us": 0, "agent": 0, "S": 10}

    @pytest.mark.parametrize("amount", [1, 2, 3, 7, 99, 10**15 - 1, 10**15])
    def test_e13_shares_sum_exactly(self, shop: Shop, amount: int) -> None:
        merge(shop, amount)
        rates = [3333, 3333, 1, 9, 250, 3000]
        split(shop, *({"receiver": f"R{i}", "rate": rate} for i, rate in enumerate(rates)))
        shop.pay("T", "P", amount)

        expected = {f"receiver:R{i}": amount * rate // 10000 for i, rate in enumerate(rates)}
        expected["payee:S"] = amount - sum(expected.values())
        assert accounts(shop) == {name: share for name, share in expected.items() if share}

    def test_two_fees_of_one_name_have_two_accounts(self, shop: Shop) -> None:
        merge(shop, 100)
        split(shop, FEE, {**BANK, "receiver": "us"})
        shop.pay("T", "P", 100)

        assert accounts(shop) == {"fee:us": 8, "channel_fee:us": 2, "payee:S": 90}

    def test_50_receivers(self, shop: Shop) -> None:
        merge(shop, 5000)
        split(shop, *({"receiver": f"R{i}", "rate": 100} for i in range(50)))
        shop.pay("T", "P", 5000)

        assert accounts(shop) == {f"receiver:R{i}": 50 for i in range(50)} | {"payee:S": 2500}

    def test_is_returned_as_it_was_agreed(self, shop: Shop) -> None:
        merge(shop, 1000)
        shop.pay("T", "P", 400)
        first, second, third = split(shop, {**KEEPS, "fixed": 10}, AGENT)

        assert (first.merchant_id, first.split_no, first.position) == ("m", "X", 1)
        assert (first.order_no, first.takes_place) == ("A", "release")
        assert (first.kind, first.receiver) == ("platform_fee", "us")
        assert (first.fixed, first.rate) == (10, 800)
        assert (first.takes_remainder, first.kept_on_refund) == (False, True)
        assert (first.amount, first.taken_back, first.balance) == (42, 0, 42)
        assert (second.kind, second.amount) == ("receiver", 40)
        assert (third.kind, third.receiver, third.takes_remainder) == ("payee", "S", True)
        assert third.balance == 318

    def test_is_on_record(self, shop: Shop) -> None:
        merge(shop, 1000)
        split(shop, AGENT)

        assert shop.query(
            "select entity, number, order_no, from_state, to_state from mixpay.facts "
            "where entity = 'split'"
        ) == [("split", "X", "A", "", "agreed")]


class TestAtRelease:
    def test_what_is_in_escrow_is_not_divided_yet(self, shop: Shop) -> None:
        hold(shop, 1000)
        split(shop, AGENT)
        shop.pay("T", "P", 600)
        assert accounts(shop) == {"in_escrow": 600}
        shop.call("release_order", "A", "L1", 105)
        assert accounts(shop) == {"in_escrow": 495, "receiver:agent": 10, "payee:S": 95}
        shop.call("release_order", "A", "L2")
        assert accounts(shop) == {"receiver:agent": 60, "payee:S": 540}

    def test_is_divided_by_due_date(self, shop: Shop) -> None:
        shop.call("merge_orders", on_hold("S", day(1).isoformat(), A=1000), "T")
        split(shop, AGENT)
        shop.pay("T", "P", 1000)
        shop.rows("release_due")

        assert accounts(shop) == {"receiver:agent": 100, "payee:S": 900}

    def test_what_is_released_already_is_divided_by_the_call(self, shop: Shop) -> None:
        hold(shop, 1000)
        shop.pay("T", "P", 1000)
        shop.call("release_order", "A", "L", 400)
        split(shop, AGENT)

        assert accounts(shop) == {"in_escrow": 600, "receiver:agent": 40, "payee:S": 360}

    def test_what_is_not_on_hold_is_divided_by_the_call(self, shop: Shop) -> None:
        merge(shop, 1000)
        shop.pay("T", "P1", 500)
        split(shop, AGENT)
        assert accounts(shop) == {"receiver:agent": 50, "payee:S": 450}
        shop.pay("T", "P2", 500)
        assert accounts(shop) == {"receiver:agent": 100, "payee:S": 900}

    def test_what_was_paid_out_already_is_owed(self, shop: Shop) -> None:
        merge(shop, 1000)
        shop.pay("T", "P", 1000)
        shop.settle("B1")
        split(shop, AGENT)

        assert accounts(shop) == {"receiver:agent": 100, "payee:S": -100}
        assert lacking(shop) == {"payee:S": 100}


class TestAtPayment:
    def test_only_the_payees_share_is_in_escrow(self, shop: Shop) -> None:
        hold(shop, 1000)
        split(shop, AGENT, FEE, at="payment")
        shop.pay("T", "P1", 500)
        assert accounts(shop) == {"in_escrow": 410, "receiver:agent": 50, "fee:us": 40}
        shop.pay("T", "P2", 500)
        assert accounts(shop) == {"in_escrow": 820, "receiver:agent": 100, "fee:us": 80}
        shop.call("release_order", "A", "L", 20)
        assert accounts(shop) == {
            "in_escrow": 800, "receiver:agent": 100, "fee:us": 80, "payee:S": 20,
        }  # fmt: skip
        with shop.refused("MX501", 801, 800):
            shop.call("release_order", "A", "L2", 801)

    def test_another_payees_share_is_not(self, shop: Shop) -> None:
        shop.call("register_payee", "V", "Vintage")
        hold(shop, 1000)
        split(shop, {"kind": "payee", "receiver": "V", "rate": 3000}, at="payment")
        shop.pay("T", "P", 1000)

        assert accounts(shop) == {"in_escrow": 700, "payee:V": 300}

    def test_nothing_is_in_escrow_if_its_payee_gets_nothing(self, shop: Shop) -> None:
        hold(shop, 1000)
        split(shop, REST, at="payment")
        shop.pay("T", "P", 1000)

        assert accounts(shop) == {"receiver:agent": 1000}
        with shop.refused("MX501", 0):
            shop.call("release_order", "A", "L")

    def test_what_is_there_is_divided_by_the_call(self, shop: Shop) -> None:
        """What the payee had already, he keeps as far as his share goes."""
        hold(shop, 1000)
        shop.pay("T", "P", 1000)
        shop.call("release_order", "A", "L", 950)
        split(shop, AGENT, at="payment")

        assert accounts(shop) == {"receiver:agent": 100, "payee:S": 900}

    def test_what_is_in_escrow_stays_there_by_the_call(self, shop: Shop) -> None:
        hold(shop, 1000)
        shop.pay("T", "P", 1000)
        shop.call("release_order", "A", "L", 300)
        split(shop, AGENT, at="payment")

        assert accounts(shop) == {"in_escrow": 600, "receiver:agent": 100, "payee:S": 300}


class TestSeveralTrades:
    def test_a_later_trade_knows_the_split(self, shop: Shop) -> None:
        merge(shop, 999, pay=500)
        shop.pay("T", "P1", 500)
        split(shop, AGENT)
        merge(shop, 999, trade_no="T2")
        shop.pay("T2", "P2", 499)

        assert shop.line("T2", "A").split_no == "X"
        assert accounts(shop) == {"receiver:agent": 99, "payee:S": 900}

    def test_rates_are_rounded_once_for_the_order(self, shop: Shop) -> None:
        """Ten trades of 9: rounded one by one they would be none."""
        merge(shop, 90, pay=9, trade_no="T0")
        split(shop, AGENT)
        for number in range(10):
            if number:
                merge(shop, 90, pay=9, trade_no=f"T{number}")
            shop.pay(f"T{number}", f"P{number}", 9)
            assert accounts(shop).get("receiver:agent", 0) == (number + 1) * 9 // 10

    def test_a_fixed_amount_is_given_once(self, shop: Shop) -> None:
        merge(shop, 100, pay=30)
        split(shop, {"receiver": "agent", "fixed": 40})
        shop.pay("T", "P1", 30)
        merge(shop, 100, trade_no="T2")
        shop.pay("T2", "P2", 70)

        assert accounts(shop) == {"receiver:agent": 40, "payee:S": 60}
        assert shop.query("select trade_no, position, amount from mixpay.split_shares") == [
            ("T", 1, 30), ("T2", 1, 10), ("T2", 2, 60),
        ]  # fmt: skip

    def test_all_trades_that_are_there_are_divided_by_the_call(self, shop: Shop) -> None:
        merge(shop, 100, pay=35)
        shop.pay("T", "P1", 35)
        hold(shop, 100, trade_no="T2")
        shop.pay("T2", "P2", 65)
        shop.call("release_order", "A", "L", 15)
        split(shop, {"receiver": "agent", "fixed": 40})

        assert accounts(shop) == {"receiver:agent": 40, "payee:S": 10, "in_escrow": 50}

    def test_a_trade_that_gives_back_takes_from_its_own_shares(self, shop: Shop) -> None:
        merge(shop, 100, pay=40)
        split(shop, {"receiver": "agent", "fixed": 30})
        shop.pay("T", "P1", 35)
        shop.close("T", keep=True)
        merge(shop, 100, trade_no="T2")
        shop.pay("T2", "P2", 65)
        assert accounts(shop) == {"receiver:agent": 30, "payee:S": 70}
        # All that the agent had was from there; he gets it of what comes next.
        shop.close("T")
        assert accounts(shop) == {"payee:S": 65}
        merge(shop, 100, trade_no="T3")
        shop.pay("T3", "P3", 35)
        assert accounts(shop) == {"receiver:agent": 30, "payee:S": 70}


class TestUndoing:
    def test_what_goes_back_was_not_divided(self, shop: Shop) -> None:
        merge(shop, 1000)
        split(shop, AGENT)
        shop.pay("T", "P", 705)
        shop.close("T")

        assert accounts(shop) == {}
        assert listed(shop) == {"agent": 0, "S": 0}

    def test_what_is_in_escrow_goes_back_first(self, shop: Shop) -> None:
        hold(shop, 1000)
        split(shop, AGENT)
        shop.pay("T", "P", 700)
        shop.call("release_order", "A", "L", 300)
        shop.refund("A", "R", 500)
        assert accounts(shop) == {"receiver:agent": 20, "payee:S": 180}
        shop.close("T")
        assert accounts(shop) == {}

    def test_money_that_serves_another_order_is_divided_there(self, shop: Shop) -> None:
        a, b = orders(A=100, B=50)
        shop.call("merge_orders", [{**a, "payee_no": "S"}, {**b, "payee_no": "S"}], "T")
        split(shop, AGENT)
        shop.rows("split_order", "B", "XB", [FEE], "payment")
        shop.pay("T", "P", 80)
        assert accounts(shop) == {"receiver:agent": 8, "payee:S": 72}
        shop.cancel("T", "A")

        assert accounts(shop) == {"fee:us": 4, "payee:S": 46}

    def test_a_larger_share_of_an_order_on_hold_stays_in_escrow(self, shop: Shop) -> None:
        """Of two, both rates have one; when one goes, neither has; the last is in escrow."""
        shop.call("merge_orders", [*on_hold("S", A=4), *orders(B=1)], "T")
        half = {"receiver": "half", "rate": 5000}
        split(shop, half, {"receiver": "other", "rate": 5000}, at="payment")
        shop.pay("T", "P", 2)
        assert accounts(shop) == {"receiver:half": 1, "receiver:other": 1}
        shop.cancel("T", "A")

        assert accounts(shop) == {}
        assert shop.query("select from mixpay.journal where to_account = 'payee'") == []


class TestRefunds:
    def test_e22_is_taken_back_in_proportion(self, shop: Shop) -> None:
        merge(shop, 1000)
        split(shop, FEE, BANK)
        shop.pay("T", "P", 1000)
        shop.refund("A", "R", 500)

        assert accounts(shop) == {"fee:us": 40, "channel_fee:bank": 10, "payee:S": 450}
        assert [(x.amount, x.taken_back, x.balance) for x in split(shop, FEE, BANK)] == [
            (80, 40, 40), (20, 10, 10), (900, 450, 450),
        ]  # fmt: skip

    def test_e22_by_largest_remainder_ties_by_position(self, shop: Shop) -> None:
        merge(shop, 100)
        split(shop, {"receiver": "a", "fixed": 33}, {"receiver": "b", "fixed": 33})
        shop.pay("T", "P", 100)
        # 3.3, 3.3 and 3.4; then of 30, 30 and 30, one each; then of 29, 29, 29.
        for number, (amount, a, b, s) in enumerate(
            [(10, 30, 30, 30), (1, 29, 30, 30), (1, 29, 29, 30), (1, 29, 29, 29), (86, 0, 0, 1)]
        ):
            shop.refund("A", f"R{number}", amount)
            assert listed(shop) == {"a": a, "b": b, "S": s}
        shop.refund("A", "R", 1)
        assert accounts(shop) == {}

    def test_e22_a_fee_is_kept_or_given_back(self, shop: Shop) -> None:
        merge(shop, 1000)
        split(shop, KEEPS, BANK)
        shop.pay("T", "P", 1000)
        shop.refund("A", "R1", 500)
        # The payee bears the 40 that were the fee's part.
        assert accounts(shop) == {"fee:us": 80, "channel_fee:bank": 10, "payee:S": 410}
        assert listed(shop) == {"us": 80, "bank": 10, "S": 410}
        shop.refund("A", "R2", 500)
        assert accounts(shop) == {"fee:us": 80, "payee:S": -80}
        assert lacking(shop) == {"payee:S": 80}

    def test_e22_whoever_takes_the_rest_bears_what_is_kept(self, shop: Shop) -> None:
        merge(shop, 1000)
        split(shop, KEEPS, REST, {"kind": "payee", "receiver": "S", "rate": 9000})
        shop.pay("T", "P", 1000)
        assert accounts(shop) == {"fee:us": 80, "receiver:agent": 20, "payee:S": 900}
        shop.refund("A", "R", 1000)

        assert accounts(shop) == {"fee:us": 80, "receiver:agent": -80}
        assert lacking(shop) == {"receiver:agent": 80}

    def test_e22_what_is_in_escrow_goes_back_first(self, shop: Shop) -> None:
        hold(shop, 1000)
        split(shop, AGENT)
        shop.pay("T", "P", 1000)
        shop.call("release_order", "A", "L", 600)
        shop.refund("A", "R1", 300)
        assert accounts(shop) == {"in_escrow": 100, "receiver:agent": 60, "payee:S": 540}
        shop.refund("A", "R2", 200)
        assert accounts(shop) == {"receiver:agent": 50, "payee:S": 450}
        assert shop.channel_refund("R1", "P").cleared == 0
        assert shop.channel_refund("R2", "P").cleared == 100

    def test_e22_at_payment_what_is_in_escrow_is_of_the_payee(self, shop: Shop) -> None:
        hold(shop, 1000)
        split(shop, AGENT, at="payment")
        shop.pay("T", "P", 1000)
        shop.call("release_order", "A", "L", 600)
        shop.refund("A", "R1", 300)
        assert accounts(shop) == {"in_escrow": 30, "receiver:agent": 70, "payee:S": 600}
        shop.refund("A", "R2", 100)
        assert accounts(shop) == {"receiver:agent": 60, "payee:S": 540}

    def test_e22_a_shortfall_is_a_row_and_no_exception(self, shop: Shop) -> None:
        merge(shop, 1000)
        split(shop, AGENT)
        shop.pay("T", "P", 1000)
        shop.settle("B1")
        shop.call("settle_receiver", "agent", "B2", None)
        assert accounts(shop) == {}
        shop.refund("A", "R", 600)

        assert accounts(shop) == {"payee:S": -540, "receiver:agent": -60}
        assert lacking(shop) == {"payee:S": 540, "receiver:agent": 60}
        shop.call("record_repayment", "receiver:agent", "Y", 60, "CNY")
        assert lacking(shop) == {"payee:S": 540}

    def test_e22_before_the_split(self, shop: Shop) -> None:
        merge(shop, 1000)
        shop.pay("T", "P", 1000)
        shop.refund("A", "R", 500)
        split(shop, KEEPS)

        assert accounts(shop) == {"fee:us": 40, "payee:S": 460}
        assert listed(shop) == {"us": 40, "S": 460}
        shop.complete("R", "P")
        assert accounts(shop) == {"fee:us": 40, "payee:S": 460}

    @pytest.mark.parametrize("at", ["release", "payment"])
    def test_e22_under_way_at_the_split_and_then_failed(self, shop: Shop, at: str) -> None:
        merge(shop, 1000)
        shop.pay("T", "P", 1000)
        shop.refund("A", "R1", 500)
        split(shop, KEEPS, at=at)
        shop.fail("R1", "P")
        assert accounts(shop) == {"fee:us": 80, "payee:S": 920}
        # It was sent after all, after the split.
        shop.complete("R1", "P")
        assert accounts(shop) == {"fee:us": 80, "payee:S": 420}
        assert listed(shop) == {"us": 80, "S": 420}

    @pytest.mark.parametrize("at", ["release", "payment"])
    def test_e22_under_way_at_the_split_of_an_order_without_payee(
        self, shop: Shop, at: str
    ) -> None:
        """Nothing of it was anybody's; now it is the receivers', and not in escrow."""
        shop.merge("T", A=1000)
        shop.pay("T", "P", 1000)
        shop.refund("A", "R1", 500)
        split(shop, FEE, REST, at=at)
        shop.refund("A", "R2", 100)
        shop.fail("R1", "P")
        assert accounts(shop) == {"fee:us": 72, "receiver:agent": 828}
        shop.fail("R2", "P")
        assert accounts(shop) == {"fee:us": 80, "receiver:agent": 920}

    @pytest.mark.parametrize("at", ["release", "payment"])
    def test_e22_under_way_at_the_split_of_an_order_on_hold(self, shop: Shop, at: str) -> None:
        hold(shop, 1000)
        shop.pay("T", "P", 1000)
        shop.call("release_order", "A", "L", 600)
        shop.refund("A", "R", 500)  # 100 of it had been released
        split(shop, AGENT, at=at)
        assert accounts(shop) == {"receiver:agent": 50, "payee:S": 450}
        shop.fail("R", "P")

        expected = {"receiver:agent": 60, "payee:S": 540, "in_escrow": 400}
        if at == "payment":
            expected = {"receiver:agent": 100, "payee:S": 550, "in_escrow": 350}
        assert accounts(shop) == expected

    @pytest.mark.parametrize("at", ["release", "payment"])
    @pytest.mark.parametrize("released", [0, 37, 100])
    def test_e22_what_fails_gives_back_exactly(self, shop: Shop, at: str, released: int) -> None:
        """Part by part, in any order: what was in escrow is again, and all have what they had."""
        hold(shop, 100)
        split(shop, KEEPS, {"receiver": "a", "rate": 3333}, {"receiver": "b", "fixed": 11}, at=at)
        for number, amount in enumerate([7, 30, 1, 62]):
            shop.pay("T", f"P{number}", amount, paid_at=day(number + 1))
        if released:
            most = shop.balance("A").in_escrow
            shop.call("release_order", "A", "L", min(released, most))
        before, shares = accounts(shop), listed(shop)
        shop.refund("A", "R1", 71)
        shop.refund("A", "R2", 29)
        assert shop.balance("A").in_escrow == 0
        for refund_no, payment_no in [("R1", "P3"), ("R1", "P0"), ("R2", "P3"), ("R1", "P1")]:
            shop.fail(refund_no, payment_no)
        shop.complete("R1", "P2")
        shop.bounce("R1", "P2")

        assert accounts(shop) == before
        assert listed(shop) == shares

    def test_e22_of_a_kept_share_nothing_is_in_escrow(self, shop: Shop) -> None:
        """The payee keeps his half whatever happens: what is refunded of it is his at once."""
        hold(shop, 100)
        mine = {"kind": "payee", "receiver": "S", "rate": 5000, "kept_on_refund": True}
        split(shop, mine, REST, at="payment")
        shop.pay("T", "P", 100)
        assert accounts(shop) == {"in_escrow": 50, "receiver:agent": 50}
        shop.refund("A", "R1", 40)
        assert accounts(shop) == {"in_escrow": 30, "payee:S": 20, "receiver:agent": 10}
        shop.refund("A", "R2", 60)
        assert accounts(shop) == {"payee:S": 50, "receiver:agent": -50}
        shop.fail("R1", "P")
        shop.fail("R2", "P")
        assert accounts(shop) == {"in_escrow": 50, "receiver:agent": 50}

    def test_e22_sent_another_way(self, shop: Shop) -> None:
        hold(shop, 1000)
        split(shop, AGENT)
        shop.pay("T", "P", 1000)
        shop.refund("A", "R", 500)
        assert accounts(shop) == {"in_escrow": 500}
        shop.fail("R", "P")
        shop.call("release_order", "A", "L")
        shop.redirect("R", "P", "bank")
        # Now it is taken from the receivers.
        assert accounts(shop) == {"receiver:agent": 50, "payee:S": 450}
        assert shop.channel_refund("R", "P").cleared == 500
        shop.redirect("R", "P", "card")
        assert shop.channel_refund("R", "P").cleared == 500
        assert accounts(shop) == {"receiver:agent": 50, "payee:S": 450}

    def test_e22_paid_out_by_hand(self, shop: Shop) -> None:
        merge(shop, 1000)
        split(shop, KEEPS, BANK)
        shop.pay("T", "P1", 600, "card")
        shop.pay("T", "P2", 400, "cash")
        assert shop.record_refund("A", "R", 500) == {"P2": 400, "P1": 100}

        assert accounts(shop) == {"fee:us": 80, "channel_fee:bank": 10, "payee:S": 410}

    def test_e22_each_trade_takes_from_its_own_shares(self, shop: Shop) -> None:
        merge(shop, 100, pay=40)
        split(shop, {"receiver": "agent", "fixed": 30})
        shop.pay("T", "P1", 40)
        merge(shop, 100, trade_no="T2")
        shop.pay("T2", "P2", 60)
        shop.refund("A", "R1", 40)  # the first trade's
        assert accounts(shop) == {"payee:S": 60}
        shop.refund("A", "R2", 20)
        assert accounts(shop) == {"payee:S": 40}
        shop.fail("R1", "P1")
        assert accounts(shop) == {"receiver:agent": 30, "payee:S": 50}


class TestAgain:
    def test_e03_returns_the_split_as_it_is_now(self, shop: Shop) -> None:
        merge(shop, 1000)
        first = split(shop, AGENT)
        shop.pay("T", "P", 1000)
        with shop.unchanged():
            again = split(shop, AGENT)
            assert again == split(shop, AGENT, at="release")
        assert [row.amount for row in first] == [0, 0]
        assert [row.amount for row in again] == [100, 900]
        # The payee takes the rest, said or not; and a null is as good as nothing.
        rest = {"kind": "payee", "receiver": "S", "takes_remainder": True}
        with shop.unchanged():
            assert split(shop, {**AGENT, "fixed": None, "kept_on_refund": False}, rest) == again

    @pytest.mark.parametrize(
        "shares",
        [
            [{**AGENT, "rate": 1001}],
            [{**AGENT, "fixed": 1}],
            [{**AGENT, "receiver": "other"}],
            [{**AGENT, "kind": "platform_fee"}],
            [{**AGENT, "kept_on_refund": True}],
            [AGENT, FEE, BANK],
            [FEE, AGENT],
            [AGENT],
            [AGENT, FEE, {"receiver": "rest", "takes_remainder": True}],
        ],
    )
    def test_e03_refuses_other_shares(self, shop: Shop, shares: Json) -> None:
        merge(shop, 1000)
        split(shop, AGENT, FEE)
        with shop.refused("MX509", "A", "release"):
            split(shop, *shares)

    def test_e03_refuses_another_order_or_moment(self, shop: Shop) -> None:
        merge(shop, 1000)
        split(shop, AGENT, at="payment")
        (order,) = orders(B=1000)
        shop.call("merge_orders", [{**order, "payee_no": "S"}], "T2")
        with shop.refused("MX509", "A"):
            shop.rows("split_order", "B", "X", [AGENT], "payment")
        for at in ("release", None):
            with shop.refused("MX509", "A", "payment"):
                split(shop, AGENT, at=at)

    def test_refuses_a_second_split(self, shop: Shop) -> None:
        merge(shop, 1000)
        split(shop, AGENT)
        with shop.refused("MX508", "A", "X"):
            split(shop, AGENT, no="X2")

    def test_nothing_leaves_a_dispute_by_a_split(self, shop: Shop) -> None:
        hold(shop, 1000)
        shop.pay("T", "P", 1000)
        shop.call("open_dispute", "A", "D")
        with shop.refused("MX503", "A", "D"):
            split(shop, AGENT, at="payment")
        split(shop, AGENT)
        assert shop.balance("A").in_escrow == 1000


class TestRefusals:
    @pytest.fixture(autouse=True)
    def order(self, shop: Shop) -> None:
        merge(shop, 1000)
        shop.pay("T", "P", 600)

    def test_who_and_what(self, shop: Shop) -> None:
        with shop.refused("MX101", "nobody"):
            split(Shop(shop.conn, "nobody"), AGENT)
        with shop.refused("MX103", "B"):
            shop.rows("split_order", "B", "X", [AGENT], None)
        other = Shop(shop.conn, "other")
        other.call("register_merchant", "Other")
        with shop.refused("MX103", "A"):
            split(other, AGENT)
        for bad in [None, "", "a b", "x" * 65, "é"]:
            with shop.refused("MX901"):
                shop.rows("split_order", bad, "X", [AGENT], None)
            with shop.refused("MX901"):
                shop.rows("split_order", "A", bad, [AGENT], None)
            with shop.refused("MX901"):
                split(shop, {"receiver": bad, "rate": 1})
        for bad in ["", "Payment", "later"]:
            with shop.refused("MX905", bad):
                split(shop, AGENT, at=bad)

    def test_what_is_no_list_of_shares(self, shop: Shop) -> None:
        for shares in [None, {}, AGENT]:
            with shop.refused("MX903"):
                shop.rows("split_order", "A", "X", shares, None)
        for bad in ["1", "null", '"[]"', "true"]:
            with shop.refused("MX903"):
                shop.query("select * from mixpay.split_order('m', 'A', 'X', %s::jsonb)", bad)
        for many in [0, 51]:
            with shop.refused("MX904"):
                split(shop, *({"receiver": f"R{i}", "rate": 1} for i in range(many)))

    @pytest.mark.parametrize(
        ("share", "code"),
        [
            (None, "MX903"),
            (7, "MX903"),
            ([AGENT], "MX903"),
            ({}, "MX901"),
            ({"rate": 100}, "MX901"),
            ({"receiver": "agent"}, "MX903"),
            ({"receiver": 7, "rate": 100}, "MX903"),
            ({"receiver": "agent", "share": 100}, "MX903"),
            ({"receiver": "agent", "Rate": 100}, "MX903"),
            ({"receiver": "agent", "rate": "100"}, "MX903"),
            ({"receiver": "agent", "rate": 1.5}, "MX903"),
            ({"receiver": "agent", "rate": True}, "MX903"),
            ({"receiver": "agent", "rate": 0}, "MX903"),
            ({"receiver": "agent", "rate": -1}, "MX903"),
            ({"receiver": "agent", "rate": 10001}, "MX903"),
            ({"receiver": "agent", "rate": 10**20}, "MX903"),
            ({"receiver": "agent", "fixed": 0}, "MX902"),
            ({"receiver": "agent", "fixed": -5}, "MX902"),
            ({"receiver": "agent", "fixed": 10**15 + 1}, "MX902"),
            ({"receiver": "agent", "fixed": 10**17}, "MX902"),
            ({"receiver": "agent", "fixed": 10**18}, "MX903"),
            ({"receiver": "agent", "fixed": "5"}, "MX903"),
            ({"receiver": "agent", "fixed": 1.0}, "MX903"),
            ({"receiver": "agent", "takes_remainder": False}, "MX903"),
            ({"receiver": "agent", "takes_remainder": "true"}, "MX903"),
            ({"receiver": "agent", "takes_remainder": 1}, "MX903"),
            ({"receiver": "agent", "takes_remainder": True, "rate": 100}, "MX903"),
            ({"receiver": "agent", "takes_remainder": True, "fixed": 100}, "MX903"),
            ({"receiver": "agent", "takes_remainder": True, "kept_on_refund": True}, "MX903"),
            ({"receiver": "agent", "rate": 100, "kept_on_refund": "yes"}, "MX903"),
            ({"receiver": "agent", "rate": 100, "kept_on_refund": [True]}, "MX903"),
            ({"kind": "bank", "receiver": "agent", "rate": 100}, "MX905"),
            ({"kind": "", "receiver": "agent", "rate": 100}, "MX905"),
            ({"kind": "fee", "receiver": "agent", "rate": 100}, "MX905"),
            ({"kind": 1, "receiver": "agent", "rate": 100}, "MX903"),
            ({"kind": "payee", "receiver": "V", "rate": 100}, "MX102"),
            ({"kind": "payee", "receiver": "V", "takes_remainder": True}, "MX102"),
        ],
    )
    def test_what_is_no_share(self, shop: Shop, share: Any, code: str) -> None:
        with shop.refused(code):
            split(shop, FEE, share)

    def test_a_payee_of_another_merchant_has_no_share(self, shop: Shop) -> None:
        other = Shop(shop.conn, "other")
        other.call("register_merchant", "Other")
        other.call("register_payee", "V", "Theirs")
        with shop.refused("MX102", "V"):
            split(shop, FEE, {"kind": "payee", "receiver": "V", "rate": 100})

    def test_says_which_share_is_wrong(self, shop: Shop) -> None:
        with shop.refused("MX903", "share 2"):
            split(shop, FEE, {"receiver": "agent"})
        with shop.refused("MX905", "share 2"):
            split(shop, FEE, {**AGENT, "kind": "bank"})

    def test_the_same_receiver_twice(self, shop: Shop) -> None:
        with shop.refused("MX904", "agent"):
            split(shop, AGENT, FEE, {"receiver": "agent", "fixed": 5})
        # The payee takes the rest, and cannot have a share beside it.
        with shop.refused("MX904", "S"):
            split(shop, {"kind": "payee", "receiver": "S", "rate": 500})

    def test_shares_that_do_not_divide_the_order(self, shop: Shop) -> None:
        for shares in (
            [{"receiver": "agent", "fixed": 1001}],
            [{"receiver": "agent", "fixed": 921}, FEE],
            [{"receiver": "agent", "rate": 6000}, {"receiver": "other", "rate": 4001}],
        ):
            with shop.refused("MX510", 1000):
                split(shop, *shares)
        with shop.refused("MX510", 2):
            split(shop, REST, {**REST, "receiver": "other"})
        split(shop, {"receiver": "agent", "fixed": 920}, FEE)

    def test_rates_above_all_of_a_small_order(self, shop: Shop) -> None:
        shop.merge("T2", B=1)
        with shop.refused("MX510", 12000):
            shop.rows(
                "split_order",
                "B",
                "X",
                [{**AGENT, "rate": 6000}, {**FEE, "rate": 6000}, {**REST, "receiver": "rest"}],
            )

    def test_nobody_takes_the_rest_of_an_order_without_payee(self, shop: Shop) -> None:
        shop.merge("T2", B=1000)
        with shop.refused("MX510", 0):
            shop.rows("split_order", "B", "X", [AGENT])

    def test_what_no_whole_number_is(self, shop: Shop) -> None:
        """Literals that a driver does not write, but a person may."""
        for rate in ("100.0", "100.5", "1e-1", "-1e2"):
            shares = f'[{{"receiver": "agent", "rate": {rate}}}]'
            with shop.refused("MX903"):
                shop.query("select * from mixpay.split_order('m', 'A', 'X', %s::jsonb)", shares)


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize("step", [1, 7, 30])
def test_e52_refunds_in_steps_take_what_one_refund_takes(shop: Shop, hold: bool, step: int) -> None:
    """The same total from each receiver, whoever keeps his share, and as money in his account."""
    shop.call("register_payee", "SE", "Store")
    shares = [
        {"receiver": "agent", "rate": 1234},
        {"receiver": "partner", "rate": 777},
        {"receiver": "fee", "kind": "platform_fee", "fixed": 5, "kept_on_refund": True},
        {"receiver": "SE", "kind": "payee", "takes_remainder": True},
    ]
    owned = {}
    for order_no in ("STEPS", "ONCE"):
        other = Shop(shop.conn, order_no)
        other.call("register_merchant", order_no)
        other.call("register_payee", "SE", "Store")
        order = {"order_no": "A", "amount": 101, "currency": "CNY", "payee_no": "SE", "hold": hold}
        other.call("merge_orders", [order], "T")
        other.pay("T", "P1", 40, paid_at=day(1))
        other.pay("T", "P2", 61, paid_at=day(2))
        other.rows("split_order", "A", "X", shares)
        steps = [step] * (90 // step) if order_no == "STEPS" else [90 // step * step]
        for i, amount in enumerate(steps):
            other.refund("A", f"R{i}", amount)
        owned[order_no] = sorted(
            tuple(row)
            for row in other.query(
                "select account, owner, balance from mixpay.account_balances "
                "where merchant_id = %s and account in ('payee', 'receiver', 'fee', 'order')",
                order_no,
            )
        )
    assert owned["STEPS"] == owned["ONCE"]
