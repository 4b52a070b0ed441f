from typing import Any

import pytest
from shop import CHANNELS_NUMBERS, NO_CHANNELS_NUMBER, Shop, day


@pytest.fixture(autouse=True)
def refund(shop: Shop) -> None:
    """R: 30 to the wallet, 70 to a card."""
    shop.merge("T", A=100)
    shop.pay("T", "P1", 30, "wallet", day(1))
    shop.pay("T", "P2", 70, "card", day(2))
    shop.refund("A", "R", 100)


def number_of(shop: Shop, payment_no: str) -> str:
    return shop.channel_refund("R", payment_no).channel_refund_no


def anomalies(shop: Shop) -> list[tuple[Any, ...]]:
    rows = shop.query("select amount, channel_txn_no from mixpay.anomalies")
    return [tuple(row) for row in rows]


def test_books_that_the_money_went_back(shop: Shop) -> None:
    done = shop.call("complete_channel_refund", number_of(shop, "P1"), "X1", day(5))

    assert (done.state, done.channel_txn_no, done.refunded_at) == ("succeeded", "X1", day(5))
    assert shop.row("refunds", "R").state == "processing"


def test_the_last_part_ends_the_refund(shop: Shop) -> None:
    shop.complete("R", "P1")
    shop.complete("R", "P2")

    assert shop.row("refunds", "R").state == "succeeded"


def test_works_from_every_state_that_is_not_an_end(shop: Shop) -> None:
    shop.rows("claim_channel_refunds", "w")
    assert shop.complete("R", "P1").state == "succeeded"
    shop.call("doubt_channel_refund", number_of(shop, "P2"), "timed out")
    assert shop.complete("R", "P2").state == "succeeded"


def test_a_person_ends_what_waits(shop: Shop) -> None:
    shop.merge("T2", B=5)
    shop.pay("T2", "P3", 5, "cash")
    shop.refund("B", "R2", 5)

    assert shop.complete("R2", "P3").state == "succeeded"
    assert shop.row("refunds", "R2").state == "succeeded"


def test_e50_one_that_failed_makes_the_refund_partly_failed(shop: Shop) -> None:
    shop.fail("R", "P2")
    assert shop.row("refunds", "R").state == "processing"
    shop.complete("R", "P1")

    refund = shop.row("refunds", "R")
    assert (refund.state, refund.succeeded, refund.freed) == ("partly_failed", 30, 70)
    assert shop.balance("A").refunded == 30


def test_e03_same_news_again_changes_nothing(shop: Shop) -> None:
    number = number_of(shop, "P1")
    first = shop.call("complete_channel_refund", number, "X1", day(5))
    for again in [("X1", day(5)), ("X1",), (None,)]:
        with shop.unchanged():
            assert shop.call("complete_channel_refund", number, *again) == first


@pytest.mark.parametrize("again", [("X2",), ("X1", day(6))])
def test_e03_other_news_after_success_is_an_error(shop: Shop, again: tuple[Any, ...]) -> None:
    number = number_of(shop, "P1")
    shop.call("complete_channel_refund", number, "X1", day(5))
    with shop.refused("MX304", number, "succeeded", "X1"):
        shop.call("complete_channel_refund", number, *again)


def test_e43_the_channels_number_may_come_later(shop: Shop) -> None:
    number = number_of(shop, "P1")
    first = shop.call("complete_channel_refund", number, None, day(5))
    later = shop.call("complete_channel_refund", number, "X1", day(5))

    assert later == first._replace(channel_txn_no="X1")
    assert shop.row("channel_refunds", number) == later
    assert shop.named("channel_refund", number) == ["channel transaction X1"]
    for again in [("X1", day(5)), ("X1",), (None,)]:
        with shop.unchanged():
            assert shop.call("complete_channel_refund", number, *again) == later
    with shop.refused("MX304", number, "X1"):
        shop.call("complete_channel_refund", number, "X2")


def test_e43_a_number_with_another_moment_is_other_news(shop: Shop) -> None:
    number = number_of(shop, "P1")
    shop.call("complete_channel_refund", number, None, day(5))
    with shop.refused("MX304", number, "another moment"):
        shop.call("complete_channel_refund", number, "X1", day(6))


def test_e43_the_number_may_come_after_the_money_came_back(shop: Shop) -> None:
    number = number_of(shop, "P2")
    shop.call("complete_channel_refund", number, None)
    shop.call("bounce_channel_refund", number, "account closed")
    named = shop.call("complete_channel_refund", number, "X1")

    assert (named.state, named.channel_txn_no) == ("bounced", "X1")
    # What was redirected since keeps its number, too; and another one is more money.
    assert shop.call("complete_channel_refund", number, "X2").state == "succeeded"
    assert shop.named("channel_refund", number) == ["channel transaction X1"]
    assert shop.query("select nth, channel_txn_no from mixpay.bounced_transfers") == [(1, "X1")]


def test_e43_the_number_may_come_after_it_went_another_way(shop: Shop) -> None:
    number = number_of(shop, "P2")
    shop.call("complete_channel_refund", number, None)
    shop.call("bounce_channel_refund", number, "account closed")
    shop.call("redirect_channel_refund", number, "bank", "another account")
    named = shop.call("complete_channel_refund", number, "X1")

    assert (named.state, named.channel_txn_no) == ("failed", "X1")


@pytest.mark.parametrize("resolution", [None, "recovered", "written_off"])
def test_e43_the_number_of_an_anomaly_may_come_later(shop: Shop, resolution: str | None) -> None:
    shop.fail("R", "P2")
    shop.refund("A", "R2", 50)
    number = number_of(shop, "P2")
    shop.call("complete_channel_refund", number, None)
    if resolution:
        shop.call("resolve_anomaly", number, resolution, "so")
    first = shop.row("channel_refunds", number)

    assert shop.call("complete_channel_refund", number, "X1") == first
    assert anomalies(shop) == [(70, "X1")]
    assert shop.named("channel_refund", number) == ["channel transaction X1"]
    with shop.unchanged():
        assert shop.call("complete_channel_refund", number, "X1") == first
    if resolution == "recovered":
        # Of what came back, another transaction is more money.
        assert shop.call("complete_channel_refund", number, "X2") == first
        assert anomalies(shop) == [(70, "X1"), (70, "X2")]
    else:
        with shop.refused("MX304", "X1", "X2"):
            shop.call("complete_channel_refund", number, "X2")


def test_e06_a_success_after_a_failure_is_taken_back_in(shop: Shop) -> None:
    shop.complete("R", "P1")
    shop.fail("R", "P2")
    assert shop.balance("A").refunded == 30
    late = shop.complete("R", "P2", "X2")

    assert late.state == "succeeded"
    assert shop.row("refunds", "R").state == "succeeded"
    assert shop.balance("A").refunded == 100
    assert shop.details("R") == {"P1": 30, "P2": 70}
    assert anomalies(shop) == []


def test_e06_a_success_after_the_amount_was_given_away_is_an_anomaly(shop: Shop) -> None:
    shop.complete("R", "P1")
    shop.fail("R", "P2")
    assert shop.row("refunds", "R").state == "partly_failed"
    assert shop.balance("A").refunded == 30
    assert shop.refund("A", "R2", 50) == {"P2": 50}
    number = number_of(shop, "P2")
    late = shop.call("complete_channel_refund", number, "X2")

    assert late.state == "failed"
    assert anomalies(shop) == [(70, "X2")]
    assert shop.row("refunds", "R").state == "partly_failed"
    assert shop.balance("A").refunded == 80
    (flow,) = shop.query("select sum(amount) from mixpay.trade_flow where from_account = 'anomaly'")
    assert flow.sum == 70


def test_e06_e03_an_anomaly_is_listed_once(shop: Shop) -> None:
    shop.fail("R", "P2")
    shop.refund("A", "R2", 50)
    number = number_of(shop, "P2")
    first = shop.call("complete_channel_refund", number, "X2")
    with shop.unchanged():
        assert shop.call("complete_channel_refund", number, "X2") == first
    with shop.refused("MX304", number):
        shop.call("complete_channel_refund", number, "X3")
    # Also when the amount is free again: the money moved once.
    shop.fail("R2", "P2")
    with shop.unchanged():
        shop.call("complete_channel_refund", number, "X2")


def test_e06_part_of_the_amount_is_not_enough(shop: Shop) -> None:
    shop.fail("R", "P2")
    shop.refund("A", "R2", 1)
    shop.complete("R", "P2")

    assert anomalies(shop) == [(70, None)]


def test_e06_the_order_must_have_it_too_and_not_only_the_payment(shop: Shop) -> None:
    """The payment still holds the money of another order; this order's was given away."""
    shop.merge("T2", B=50, C=50)
    shop.pay("T2", "P3", 60, "card", day(1))
    shop.pay("T2", "P4", 40, "card", day(2))
    shop.refund("B", "R2", 50)
    shop.fail("R2", "P3")
    assert shop.refund("B", "R3", 20) == {"P3": 20}
    assert shop.row("payments", "P3").refunded == 20
    shop.complete("R2", "P3")

    assert shop.query("select sum(amount) from mixpay.anomalies")[0].sum == 50


def test_e37_a_late_success_of_a_surplus_is_taken_back_in(shop: Shop) -> None:
    shop.pay("T", "P3", 20, "card")
    surplus = shop.surplus_refund("P3").refund_no
    shop.fail(surplus, "P3")
    assert shop.row("payments", "P3").surplus_refunded == 0
    shop.complete(surplus, "P3")

    assert shop.row("payments", "P3").surplus_refunded == 20
    assert shop.row("refunds", surplus).state == "succeeded"


def test_refuses_bad_input(shop: Shop) -> None:
    with shop.refused("MX303", "nothing"):
        shop.call("complete_channel_refund", "nothing", "X1")
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").call("complete_channel_refund", "nothing", "X1")
    for bad in [None, "", "a b", "x" * 65]:
        with shop.refused("MX901"):
            shop.call("complete_channel_refund", bad, "X1")
    number = number_of(shop, "P1")
    for bad in NO_CHANNELS_NUMBER:
        with shop.refused("MX901"):
            shop.call("complete_channel_refund", number, bad)
    for never in ["infinity", "9998-01-01"]:
        with shop.refused("MX905"):
            shop.call("complete_channel_refund", number, "X1", never)


@pytest.mark.parametrize("txn", CHANNELS_NUMBERS)
def test_e44_a_channels_number_is_whatever_it_says(shop: Shop, txn: str) -> None:
    assert shop.complete("R", "P1", txn).channel_txn_no == txn
    # Also where it moved out of place.
    shop.fail("R", "P2")
    shop.refund("A", "R2", 50)
    shop.complete("R", "P2", txn)
    assert anomalies(shop) == [(70, txn)]


def test_e03_moments_are_compared_to_the_millisecond(shop: Shop) -> None:
    number = number_of(shop, "P1")
    told = day(5).replace(microsecond=123_999)
    first = shop.call("complete_channel_refund", number, "X1", told)
    for known in [123_000, 124_000]:
        with shop.unchanged():
            again = told.replace(microsecond=known)
            assert shop.call("complete_channel_refund", number, "X1", again) == first
    with shop.refused("MX304", number):
        shop.call("complete_channel_refund", number, "X1", told.replace(microsecond=125_000))


def test_does_not_find_another_merchants(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    number = number_of(shop, "P1")
    with shop.refused("MX303", number):
        other.call("complete_channel_refund", number, "X1")


def test_money_that_moves_again_after_an_anomaly_was_recovered_is_booked(shop: Shop) -> None:
    shop.merge("T9", Z=100)
    shop.pay("T9", "P9", 100, "card")
    shop.refund("Z", "R8", 100)
    number = shop.channel_refund("R8", "P9").channel_refund_no
    shop.fail("R8", "P9")
    shop.refund("Z", "R9", 50)
    shop.call("complete_channel_refund", number, "X1")
    # While it stands open, more of it has no place.
    with shop.refused("MX304"):
        shop.call("complete_channel_refund", number, "X2")
    shop.call("resolve_anomaly", number, "recovered", "paid back")
    with shop.unchanged():
        shop.call("complete_channel_refund", number, "X1")
    shop.fail("R9", "P9")

    assert shop.call("complete_channel_refund", number, "X2").state == "succeeded"
    assert shop.balance("Z").refundable == 0


def test_e43_a_moment_that_was_left_out_comes_later(shop: Shop) -> None:
    shop.merge("T9", Z=100)
    shop.pay("T9", "P9", 100, "card")
    shop.refund("Z", "R7", 100)
    first = shop.complete("R7", "P9", "X1")
    number = first.channel_refund_no

    later = shop.call("complete_channel_refund", number, "X1", day(1))
    assert later == first._replace(refunded_at=day(1))
    assert shop.named("channel_refund", number) == ["its moment came later"]
    with shop.refused("MX304", "X1"):
        shop.call("complete_channel_refund", number, "X1", day(2))


def test_what_was_in_escrow_is_there_again_whatever_the_redirected_one_took(
    shop: Shop,
) -> None:
    """The part of a refund that payee and escrow bear is the successor's, whose place it takes."""
    shop.call("register_payee", "S", "Store")
    order = {"order_no": "H", "amount": 100, "currency": "CNY", "payee_no": "S", "hold": True}
    shop.call("merge_orders", [order], "TH")
    shop.pay("TH", "P3", 50)
    shop.call("release_order", "H", "L1")
    shop.refund("H", "RH", 40)
    first = shop.channel_refund("RH", "P3").channel_refund_no
    shop.call("fail_channel_refund", first, "no")
    shop.pay("TH", "P4", 50)
    shop.call("redirect_channel_refund", first, "bank", "another way")
    assert shop.balance("H").in_escrow == 10
    shop.call("complete_channel_refund", first, "X9")
    shop.call("bounce_channel_refund", first, "no such account")

    assert (shop.balance("H").in_escrow, shop.balance("H").cleared) == (50, 50)


def states(shop: Shop, refund_no: str) -> list[str]:
    changes = shop.query(
        "select to_state from mixpay.history "
        "where entity = 'refund' and number = %s order by entry",
        refund_no,
    )
    return [change.to_state for change in changes]


def test_e50_what_went_and_what_did_not_is_told_at_every_step(shop: Shop) -> None:
    shop.fail("R", "P1")
    shop.fail("R", "P2")
    shop.complete("R", "P1", "X1")
    shop.redirect("R", "P2", "bank")
    shop.fail("R", "P2")
    shop.bounce("R", "P1")
    shop.redirect("R", "P1", "wallet")
    shop.complete("R", "P1", "X3")
    shop.complete("R", "P2", "X4")
    shop.bounce("R", "P2")

    assert states(shop, "R") == [
        "processing",
        "failed",
        "partly_failed",
        "processing",
        "partly_failed",
        "failed",
        "processing",
        "partly_failed",
        "succeeded",
        "partly_failed",
    ]
    assert shop.balance("A").refundable == 70


def test_e50_of_which_nothing_went_has_failed(shop: Shop) -> None:
    shop.fail("R", "P1")
    shop.fail("R", "P2")

    assert states(shop, "R") == ["processing", "failed"]
