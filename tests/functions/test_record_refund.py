from typing import Any

import pytest
from shop import Shop, day


class TestOneTrade:
    """A100, paid 60 by card and 40 in cash."""

    @pytest.fixture(autouse=True)
    def trade(self, shop: Shop) -> None:
        shop.merge("T", A=100)
        shop.pay("T", "P1", 60, "card", day(1))
        shop.pay("T", "P2", 40, "cash", day(2))

    def test_e18_takes_the_money_that_came_in_by_hand_first(self, shop: Shop) -> None:
        assert shop.record_refund("A", "R1", 55) == {"P1": 15, "P2": 40}
        with shop.refused("MX301", 46, 45):
            shop.refund("A", "R2", 46)
        with shop.refused("MX301", 46, 45):
            shop.record_refund("A", "R2", 46)
        assert shop.refund("A", "R2", 45) == {"P1": 45}

        assert shop.balance("A").refundable == 0

    def test_e18_online_money_is_capped_by_hand(self, shop: Shop) -> None:
        shop.record_refund("A", "R1", 41)
        with shop.refused("MX306", 59, "P2"):
            shop.refund("A", "R2", 59, payment_nos=["P2"])

        assert shop.refund("A", "R2", 59) == {"P1": 59}

    def test_it_has_succeeded_at_once(self, shop: Shop) -> None:
        refund = shop.call("record_refund", "A", "R", 55, "cash", day(9), "torn")

        assert (refund.kind, refund.order_no, refund.amount) == ("offline", "A", 55)
        assert (refund.state, refund.succeeded, refund.freed) == ("succeeded", 55, 0)
        assert refund.reason == "torn"
        for number, amount in (("P1", 15), ("P2", 40)):
            part = shop.channel_refund("R", number)
            assert (part.channel, part.amount, part.state) == ("cash", amount, "succeeded")
            assert part.refunded_at == day(9)
        assert shop.rows("claim_channel_refunds", "w") == []
        assert shop.listed("manual_list") == {}

    def test_counts_as_refunded(self, shop: Shop) -> None:
        shop.record_refund("A", "R", 55)

        assert shop.row("trades", "T").refunded == shop.line("T", "A").refunded == 55
        assert shop.row("payments", "P1").refunded == 15
        assert shop.balance("A").mergeable == 0

    def test_e16_bears_the_channel_of_the_cashier(self, shop: Shop) -> None:
        shop.record_refund("A", "R", 55, "transfer")

        assert shop.channel_refund("R", "P1").channel == "transfer"
        assert shop.channel_refund("R", "P2").channel == "transfer"

    def test_is_in_the_history_when_it_happened(self, shop: Shop) -> None:
        shop.call("record_refund", "A", "R", 55, "cash", day(9))
        changes = shop.query(
            "select * from mixpay.history where refund_no = 'R' order by entry, entity = 'order'"
        )

        assert [(c.entity, c.from_state, c.to_state) for c in changes] == [
            ("refund", "", "succeeded"),
            ("channel_refund", "", "succeeded"),
            ("order", "paid", "partly_refunded"),
            ("channel_refund", "", "succeeded"),
        ]
        assert {c.happened_at for c in changes} == {day(9)}

    def test_e14_asking_for_too_much_fails_whole(self, shop: Shop) -> None:
        with shop.refused("MX301", 101, 100):
            shop.record_refund("A", "R", 101)

        # The number is not burnt.
        assert shop.record_refund("A", "R", 100) == {"P1": 60, "P2": 40}

    def test_knows_what_is_reserved(self, shop: Shop) -> None:
        shop.refund("A", "R1", 70)
        with shop.refused("MX301", 31, 30):
            shop.record_refund("A", "R2", 31)

        assert shop.record_refund("A", "R2", 30) == {"P2": 30}

    def test_refund_order_goes_on_where_it_left_off(self, shop: Shop) -> None:
        shop.record_refund("A", "R1", 20)

        assert shop.preview("A", 80) == [("P1", 60), ("P2", 20)]

    def test_e03_again_returns_the_refund_as_it_is_now(self, shop: Shop) -> None:
        first = shop.call("record_refund", "A", "R", 55, "cash", day(9), "torn")
        for again in [(day(9), "torn"), (day(9), "lost"), (None,), ()]:
            with shop.unchanged():
                assert shop.call("record_refund", "A", "R", 55, "cash", *again) == first
        shop.bounce("R", "P1")
        shop.redirect("R", "P1", "card")
        with shop.unchanged():
            again = shop.call("record_refund", "A", "R", 55, "cash", day(9))
        assert again.state == "processing"
        # And where a part went since is no other channel.
        shop.complete("R", "P1")
        with shop.unchanged():
            again = shop.call("record_refund", "A", "R", 55, "cash", day(9))
        assert again.state == "succeeded"

    @pytest.mark.parametrize(
        "again",
        [
            ("A", "R", 54, "cash"),
            ("A", "R", 55, "transfer"),
            ("A", "R", 55, "cash", day(8)),
            ("B", "R", 55, "cash"),
        ],
    )
    def test_e03_other_content_is_an_error(self, shop: Shop, again: tuple[Any, ...]) -> None:
        shop.merge("T2", B=100)
        shop.pay("T2", "P3", 100)
        shop.call("record_refund", "A", "R", 55, "cash", day(9))
        with shop.refused("MX302", "R", 55, "order_no A", "offline"):
            shop.call("record_refund", *again)

    def test_e03_the_number_of_another_kind_is_refused(self, shop: Shop) -> None:
        shop.refund("A", "R1", 10)
        with shop.refused("MX302", "R1", "kind order"):
            shop.record_refund("A", "R1", 10)
        shop.record_refund("A", "R2", 10)
        with shop.refused("MX302", "R2", "kind offline"):
            shop.refund("A", "R2", 10)
        shop.pay("T", "P3", 7, "cash")
        surplus = shop.surplus_refund("P3").refund_no
        with shop.refused("MX302", surplus, "surplus"):
            shop.record_refund("A", surplus, 7)

    def test_e02_e15_refuses_what_is_no_amount(self, shop: Shop, subtests: pytest.Subtests) -> None:
        for amount in [0, -1, None, 10**15 + 1, 2**63 - 1]:
            with (
                subtests.test(amount=amount),
                shop.refused("MX902", "null" if amount is None else amount),
            ):
                shop.call("record_refund", "A", "R", amount, "cash")

    def test_only_a_person_hands_out_money(self, shop: Shop) -> None:
        for channel, kind in [("card", "online"), ("wallet", "wallet"), ("voucher", "voucher")]:
            with shop.refused("MX312", channel, kind):
                shop.record_refund("A", "R", 1, channel)
        for channel in ("nothing", None):
            with shop.refused("MX203"):
                shop.call("record_refund", "A", "R", 1, channel)

    def test_refuses_bad_input(self, shop: Shop) -> None:
        with shop.refused("MX103", "nothing"):
            shop.record_refund("nothing", "R", 1)
        with shop.refused("MX101", "nobody"):
            Shop(shop.conn, "nobody").record_refund("A", "R", 1)
        for bad in [None, "", "a b", "x" * 65]:
            with shop.refused("MX901"):
                shop.call("record_refund", bad, "R", 1, "cash")
            with shop.refused("MX901"):
                shop.call("record_refund", "A", bad, 1, "cash")
        with shop.refused("MX905", 1001):
            shop.record_refund("A", "R", 1, reason="x" * 1001)
        with shop.refused("MX905", "infinity"):
            shop.call("record_refund", "A", "R", 1, "cash", "infinity")
        with shop.refused("MX905", "9998"):
            shop.call("record_refund", "A", "R", 1, "cash", "9998-01-01")

    def test_does_not_find_another_merchants(self, shop: Shop) -> None:
        other = Shop(shop.conn, "other")
        other.call("register_merchant", "Other")
        with shop.refused("MX103", "A"):
            other.record_refund("A", "R", 1)


def test_the_offline_money_of_all_trades_comes_first(shop: Shop) -> None:
    shop.merge("T1", A=(100, 50))
    shop.pay("T1", "P1", 20, "card", day(1))
    shop.pay("T1", "P2", 30, "pos", day(2))
    shop.merge("T2", A=100)
    shop.pay("T2", "P3", 30, "alipay", day(3))
    shop.pay("T2", "P4", 20, "cash", day(4))

    assert shop.record_refund("A", "R1", 45, "cash") == {"P2": 30, "P4": 15}
    assert shop.record_refund("A", "R2", 45, "cash") == {"P1": 20, "P3": 20, "P4": 5}
    assert shop.refund("A", "R3", 10) == {"P3": 10}


def test_e36_takes_no_more_than_the_order_has_left_in_each_trade(shop: Shop) -> None:
    """The cash of T1 is 120, but only 20 of it is B's."""
    shop.merge("T1", A=100, B=50)
    shop.pay("T1", "P1", 120, "cash", day(1))
    shop.close("T1", keep=True)
    shop.merge("T2", B=50, C=10)
    shop.pay("T2", "P2", 20, "card", day(2))
    shop.pay("T2", "P3", 20, "cash", day(3))

    assert shop.record_refund("B", "R1", 45, "cash") == {"P1": 20, "P2": 5, "P3": 20}
    assert shop.record_refund("A", "R2", 100, "cash") == {"P1": 100}
    assert shop.record_refund("B", "R3", 5, "cash") == {"P2": 5}
    assert shop.refund("C", "R4", 10) == {"P2": 10}


def test_what_cash_has_borne_of_a_trade_leaves_less_for_other_money_there(shop: Shop) -> None:
    shop.merge("T1", A=(150, 100), B=100)
    shop.pay("T1", "P1", 60, "cash", day(1))
    shop.pay("T1", "P2", 140, "card", day(2))
    shop.merge("T2", A=150)
    shop.pay("T2", "P3", 50, "card", day(3))

    assert shop.record_refund("A", "R", 120) == {"P1": 60, "P2": 40, "P3": 20}


def test_backdated_money_changes_later_refunds_only(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P1", 50, "card", day(10))
    assert shop.record_refund("A", "R1", 20) == {"P1": 20}
    shop.pay("T", "P0", 50, "cash", day(1))

    assert shop.preview("A", 60) == [("P0", 50), ("P1", 10)]
    assert shop.record_refund("A", "R2", 60) == {"P0": 50, "P1": 10}
    assert shop.details("R1") == {"P1": 20}


def test_e12_equal_moments_go_by_their_order(shop: Shop) -> None:
    shop.merge("T", A=30)
    for number in ("P2", "P1", "P3"):
        shop.pay("T", number, 10, "cash", day(1))

    assert shop.record_refund("A", "R", 15) == {"P1": 5, "P2": 10}


def test_money_of_an_open_trade_can_be_handed_back(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 60, "cash")
    shop.record_refund("A", "R", 20)
    shop.close("T")

    assert shop.details(shop.reversal("T").refund_no) == {"P": 40}
    assert shop.balance("A").mergeable == 80


def test_e19_surplus_is_never_the_orders(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 130, "cash")
    with shop.refused("MX301", 101, 100):
        shop.record_refund("A", "R", 101)


def test_e21_what_bounced_can_be_handed_out_again(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 100)
    shop.record_refund("A", "R1", 60, "transfer")
    shop.bounce("R1", "P")
    assert shop.row("refunds", "R1").state == "failed"
    assert shop.balance("A").refundable == 100

    assert shop.record_refund("A", "R2", 100, "cash") == {"P": 100}


def test_e03_moments_are_compared_to_the_millisecond(shop: Shop) -> None:
    shop.merge("T", A=10)
    shop.pay("T", "P", 10, "cash", day(1))
    told = day(5).replace(microsecond=123_456)
    first = shop.call("record_refund", "A", "R9", 1, "cash", told)
    with shop.unchanged():
        known = told.replace(microsecond=123_000)
        assert shop.call("record_refund", "A", "R9", 1, "cash", known) == first
    with shop.refused("MX302", "R9"):
        shop.call("record_refund", "A", "R9", 1, "cash", told.replace(microsecond=125_000))


def test_e43_a_moment_that_was_left_out_comes_later(shop: Shop) -> None:
    """Of every part, in every trade; of one part alone it may be known already."""
    shop.merge("T", A=(100, 10))
    shop.pay("T", "P", 6, "cash", day(1))
    shop.pay("T", "P2", 4, "card", day(2))
    shop.merge("T2", A=(100, 10))
    shop.pay("T2", "P3", 10, "cash", day(3))
    first = shop.call("record_refund", "A", "R9", 20, "cash")
    shop.call(
        "complete_channel_refund", shop.channel_refund("R9", "P2").channel_refund_no, None, day(5)
    )
    assert shop.call("record_refund", "A", "R9", 20, "cash", day(5)) == first

    parts = shop.query("select * from mixpay.channel_refunds where refund_no = 'R9'")
    assert [part.refunded_at for part in parts] == [day(5)] * 3
    for part in parts:
        assert shop.named("channel_refund", part.channel_refund_no) == ["its moment came later"]
    with shop.unchanged():
        assert shop.call("record_refund", "A", "R9", 20, "cash", day(5)) == first
    with shop.refused("MX302"):
        shop.call("record_refund", "A", "R9", 20, "cash", day(6))


def test_e43_another_moment_than_one_part_has_is_refused(shop: Shop) -> None:
    shop.merge("T", A=10)
    shop.pay("T", "P", 6, "cash", day(1))
    shop.pay("T", "P2", 4, "card", day(2))
    shop.call("record_refund", "A", "R9", 10, "cash")
    shop.call(
        "complete_channel_refund", shop.channel_refund("R9", "P2").channel_refund_no, None, day(5)
    )
    with shop.refused("MX302"):
        shop.call("record_refund", "A", "R9", 10, "cash", day(6))


def test_e43_a_moment_that_one_of_several_parts_has_is_refused_for_all(shop: Shop) -> None:
    shop.merge("T", A=10)
    shop.pay("T", "P1", 6, "cash", day(1))
    shop.pay("T", "P2", 4, "card", day(2))
    shop.call("record_refund", "A", "R9", 10, "cash")
    for number in (1, 2):
        part = shop.channel_refund("R9", f"P{number}").channel_refund_no
        shop.call("complete_channel_refund", part, None, day(number + 4))
    for number in (5, 6):
        with shop.refused("MX302", "R9"):
            shop.call("record_refund", "A", "R9", 10, "cash", day(number))


def test_of_several_trades_the_first_of_the_order_is_told_first(shop: Shop) -> None:
    """Whatever their numbers, and at the moment at which the money was paid out."""
    shop.merge("T9", A=(100, 50))
    shop.pay("T9", "P1", 30, "card", day(1))
    shop.pay("T9", "P2", 20, "card", day(2))
    shop.merge("T1", A=100)
    shop.pay("T1", "P3", 50, "card", day(3))
    assert shop.record_refund("A", "R", 70, refunded_at=day(9)) == {"P1": 30, "P2": 20, "P3": 20}
    told = shop.query(
        "select entity, trade_no, payment_no, happened_at from mixpay.history "
        "where refund_no = 'R' and entity in ('refund', 'channel_refund') and from_state = '' "
        "order by trade_no desc, entry"
    )

    assert [(e.entity, e.trade_no, e.payment_no) for e in told] == [
        ("refund", "T9", None),
        ("channel_refund", "T9", "P1"),
        ("channel_refund", "T9", "P2"),
        ("channel_refund", "T1", "P3"),
    ]
    assert {e.happened_at for e in told} == {day(9)}


class TestVouchers:
    """V100: 40 by voucher, oldest, 35 by card, 25 in cash."""

    @pytest.fixture(autouse=True)
    def paid(self, shop: Shop) -> None:
        shop.merge("TV", V=100)
        shop.pay("TV", "PV", 40, "voucher", day(1))
        shop.pay("TV", "PC", 35, "card", day(2))
        shop.pay("TV", "PM", 25, "cash", day(3))

    def test_e42_cash_is_borne_by_money_only(self, shop: Shop) -> None:
        shop.call("record_refund", "V", "RV", 60, "cash")

        assert shop.details("RV") == {"PM": 25, "PC": 35}
        assert shop.refund("V", "RW", 40) == {"PV": 40}
        assert shop.channel_refund("RW", "PV").channel == "voucher"

    def test_e42_a_voucher_is_not_handed_out_as_cash(self, shop: Shop) -> None:
        with shop.refused("MX313", "order V", 61, 60):
            shop.call("record_refund", "V", "RV", 61, "cash")
        shop.call("record_refund", "V", "RV", 50, "cash")
        with shop.refused("MX313", 11, 10):
            shop.call("record_refund", "V", "RW", 11, "cash")
        with shop.refused("MX301", 51, 50):
            shop.call("record_refund", "V", "RW", 51, "cash")

    def test_e42_unless_its_channel_says_so(self, shop: Shop) -> None:
        shop.channel("voucher", "voucher", refund_to_money=True)
        shop.call("record_refund", "V", "RV", 61, "cash")

        assert shop.details("RV") == {"PM": 25, "PV": 36}

    def test_e42_money_of_another_trade_counts(self, shop: Shop) -> None:
        shop.merge("T1", W=(100, 30))
        shop.pay("T1", "P1", 30, "voucher")
        shop.merge("T2", W=100)
        shop.pay("T2", "P2", 20, "card")
        with shop.refused("MX313", 21, 20):
            shop.call("record_refund", "W", "RW", 21, "cash")
        shop.call("record_refund", "W", "RW", 20, "cash")
        assert shop.details("RW") == {"P2": 20}


def test_e43_a_reason_may_come_later_and_stays(shop: Shop) -> None:
    shop.merge("LT", L=100)
    shop.pay("LT", "LP", 100, "cash")
    shop.call("record_refund", "L", "LR", 10, "cash")
    told = shop.call("record_refund", "L", "LR", 10, "cash", reason="torn")
    assert told.reason == "torn"
    with shop.unchanged():
        assert shop.call("record_refund", "L", "LR", 10, "cash", reason="lost") == told
