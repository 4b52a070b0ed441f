from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from shop import Shop, day


@pytest.fixture(autouse=True)
def refund(shop: Shop) -> None:
    """R: 30 to the wallet, 70 to a card."""
    shop.merge("T", A=100)
    shop.pay("T", "P1", 30, "wallet", day(1))
    shop.pay("T", "P2", 70, "card", day(2))
    shop.refund("A", "R", 100)


def number_of(shop: Shop, payment_no: str) -> str:
    return shop.channel_refund("R", payment_no).channel_refund_no


def redirect(shop: Shop, number: str, channel: str, reason: Any = "another way") -> Any:
    return shop.call("redirect_channel_refund", number, channel, reason)


def test_e16_sends_the_part_another_way(shop: Shop) -> None:
    number = number_of(shop, "P2")
    successor = redirect(shop, number, "bank", "card expired")

    assert (successor.channel, successor.amount, successor.state) == ("bank", 70, "pending")
    assert (successor.refund_no, successor.payment_no) == ("R", "P2")
    assert (successor.redirected_from, successor.reason) == (number, "card expired")
    assert successor.channel_refund_no > number
    was = shop.row("channel_refunds", number)
    assert (was.state, was.reason, was.due_at) == ("failed", "card expired", None)
    claimed = shop.rows("claim_channel_refunds", "w")
    assert {c.channel_refund_no for c in claimed} == {
        number_of(shop, "P1"),
        successor.channel_refund_no,
    }


def test_what_was_reserved_stays_reserved(shop: Shop) -> None:
    shop.redirect("R", "P2", "bank")

    assert shop.row("refunds", "R").state == "processing"
    assert shop.row("payments", "P2").refunded == 70
    assert shop.balance("A").refundable == 0
    assert shop.details("R") == {"P1": 30, "P2": 70}


@pytest.mark.parametrize("channel", ["card", "bank"])
def test_e21_what_failed_is_reserved_again(shop: Shop, channel: str) -> None:
    shop.complete("R", "P1")
    shop.fail("R", "P2")
    refund = shop.row("refunds", "R")
    assert (refund.state, refund.freed) == ("partly_failed", 70)
    assert shop.balance("A").refundable == 70
    shop.redirect("R", "P2", channel)
    refund = shop.row("refunds", "R")
    assert (refund.state, refund.freed, shop.balance("A").refundable) == ("processing", 0, 0)
    shop.complete("R", "P2")

    refund = shop.row("refunds", "R")
    assert (refund.state, refund.succeeded) == ("succeeded", 100)
    assert shop.row("trades", "T").refunded == shop.row("payments", "P2").refunded + 30 == 100


def test_it_may_fail_and_be_redirected_again_and_again(shop: Shop) -> None:
    for channel in ("bank", "alipay", "bank", "card"):
        shop.fail("R", "P2")
        assert shop.balance("A").refundable == 70
        shop.redirect("R", "P2", channel)
        assert shop.balance("A").refundable == 0

    assert shop.complete("R", "P2").channel == "card"


def test_a_person_can_send_it_by_hand(shop: Shop) -> None:
    successor = shop.redirect("R", "P2", "cash")

    assert (successor.state, successor.reason) == ("waiting", "manual; another way")
    assert shop.listed("manual_list") == {"P2": 70}
    assert [c.payment_no for c in shop.rows("claim_channel_refunds", "w")] == ["P1"]
    assert shop.complete("R", "P2").state == "succeeded"
    assert shop.listed("manual_list") == {}


def test_what_a_person_was_to_send_goes_by_a_channel(shop: Shop) -> None:
    shop.merge("T2", B=50)
    shop.pay("T2", "P3", 50, "cash")
    shop.refund("B", "R2", 50)
    assert shop.listed("manual_list") == {"P3": 50}
    shop.redirect("R2", "P3", "bank")

    assert shop.listed("manual_list") == {}
    assert "P3" in [c.payment_no for c in shop.rows("claim_channel_refunds", "w")]
    assert shop.complete("R2", "P3").state == "succeeded"


def test_e03_again_returns_the_successor_as_it_is_now(shop: Shop) -> None:
    number = number_of(shop, "P2")
    first = redirect(shop, number, "bank")
    for reason in ("another way", "another reason", None):
        with shop.unchanged():
            assert redirect(shop, number, "bank", reason) == first
    shop.complete("R", "P2", "Y")
    with shop.unchanged():
        assert redirect(shop, number, "bank").state == "succeeded"
    shop.bounce("R", "P2")
    with shop.unchanged():
        assert redirect(shop, number, "bank").state == "bounced"


def test_e03_again_with_the_channel_it_came_from(shop: Shop) -> None:
    shop.fail("R", "P2")
    number = number_of(shop, "P2")
    first = redirect(shop, number, "card")
    with shop.unchanged():
        assert redirect(shop, number, "card") == first


@pytest.mark.parametrize("reason", [None, "another way"])
def test_e03_again_when_the_first_one_went_after_all(shop: Shop, reason: str | None) -> None:
    number = number_of(shop, "P2")
    shop.call("redirect_channel_refund", number, "bank", None)
    shop.call("complete_channel_refund", number, "X1")
    with shop.unchanged():
        ended = shop.call("redirect_channel_refund", number, "bank", reason)
    assert (ended.redirected_from, ended.state) == (number, "failed")
    with shop.refused("MX307", number, "pos"):
        shop.call("redirect_channel_refund", number, "pos", reason)


def test_e03_another_channel_is_an_error(shop: Shop) -> None:
    number = number_of(shop, "P2")
    successor = redirect(shop, number, "bank")
    with shop.refused("MX307", number, "bank", successor.channel_refund_no, "pending"):
        redirect(shop, number, "alipay")
    # It is the successor that can go on.
    assert redirect(shop, successor.channel_refund_no, "alipay").channel == "alipay"


@pytest.mark.parametrize("state", ["sent", "doubt", "succeeded"])
def test_refuses_what_may_have_been_sent(shop: Shop, state: str) -> None:
    shop.rows("claim_channel_refunds", "w")
    if state == "doubt":
        shop.call("doubt_channel_refund", number_of(shop, "P2"), "timed out")
    elif state == "succeeded":
        shop.complete("R", "P2")
    with shop.refused("MX304", number_of(shop, "P2"), state):
        shop.redirect("R", "P2", "bank")


def test_e19_refuses_what_was_given_to_another_refund(shop: Shop) -> None:
    """Of the 70 that failed 50 are refunded anew: 20 are left."""
    shop.complete("R", "P1")
    shop.fail("R", "P2")
    assert shop.row("refunds", "R").state == "partly_failed"
    assert shop.balance("A").refunded == 30
    assert shop.refund("A", "R2", 50) == {"P2": 50}
    with shop.refused("MX301", 70):
        shop.redirect("R", "P2", "bank")
    late = shop.complete("R", "P2", "X2")

    assert late.state == "failed"
    assert shop.listed("anomaly_list") == {"P2": 70}
    assert shop.balance("A").refundable == 20
    # Also when it would be free again, the money that moved stands in the way.
    shop.fail("R2", "P2")
    with shop.refused("MX308", 70):
        shop.redirect("R", "P2", "bank")
    shop.call("resolve_anomaly", number_of(shop, "P2"), "recovered", "got it back")
    shop.redirect("R", "P2", "bank")
    assert shop.balance("A").refundable == 0


def test_e19_the_order_must_have_it_too_and_not_only_the_payment(shop: Shop) -> None:
    shop.merge("T2", B=50, C=50)
    shop.pay("T2", "P3", 100, "card")
    shop.refund("B", "R2", 50)
    shop.fail("R2", "P3")
    shop.record_refund("B", "R3", 10)
    with shop.refused("MX301", 50):
        shop.redirect("R2", "P3", "bank")


def test_e19_refuses_what_was_reversed(shop: Shop) -> None:
    shop.merge("T2", B=50)
    shop.pay("T2", "P3", 40)
    shop.refund("B", "R2", 30)
    shop.fail("R2", "P3")
    shop.close("T2")
    assert shop.details(shop.reversal("T2").refund_no) == {"P3": 40}
    with shop.refused("MX301", 30):
        shop.redirect("R2", "P3", "bank")


def test_an_open_anomaly_blocks_the_successor_too(shop: Shop) -> None:
    shop.fail("R", "P2")
    number = number_of(shop, "P2")
    shop.redirect("R", "P2", "bank")
    shop.rows("claim_channel_refunds", "w")
    shop.call("complete_channel_refund", number, "X2")
    assert shop.listed("anomaly_list") == {"P2": 70}
    shop.call("fail_channel_refund", number_of(shop, "P2"), "refused", "w")
    with shop.refused("MX308", 70):
        shop.redirect("R", "P2", "alipay")
    # What went out first is what counts, then.
    shop.call("resolve_anomaly", number, "booked", "it was one transfer")
    assert shop.balance("A").refundable == 0
    with shop.refused("MX301", 70):
        shop.redirect("R", "P2", "alipay")


def test_e06_a_late_success_ends_the_successor_that_was_not_sent(shop: Shop) -> None:
    shop.fail("R", "P2")
    number = number_of(shop, "P2")
    successor = shop.redirect("R", "P2", "bank").channel_refund_no
    late = shop.call("complete_channel_refund", number, "X2")

    assert (late.state, late.channel_txn_no) == ("succeeded", "X2")
    ended = shop.row("channel_refunds", successor)
    assert (ended.state, ended.reason) == ("failed", f"sent by {number} after all")
    assert [c.payment_no for c in shop.rows("claim_channel_refunds", "w")] == ["P1"]
    assert shop.balance("A").refundable == 0
    assert shop.listed("anomaly_list") == {}
    shop.complete("R", "P1")
    assert shop.row("refunds", "R").state == "succeeded"
    with shop.refused("MX301", 70):
        redirect(shop, successor, "alipay")


def test_e06_a_late_success_ends_the_successor_that_waits(shop: Shop) -> None:
    shop.fail("R", "P2")
    number = number_of(shop, "P2")
    shop.redirect("R", "P2", "cash")
    shop.call("complete_channel_refund", number, "X2")

    assert shop.listed("manual_list") == {}
    assert shop.row("refunds", "R").succeeded == 70


@pytest.mark.parametrize("not_before", [None, datetime(2999, 1, 1, tzinfo=UTC)])
def test_e06_a_late_success_does_not_end_a_successor_that_was_claimed_before_it_was_deferred(
    shop: Shop, not_before: datetime | None
) -> None:
    """Whoever claimed it may have sent it; so what moved has no place in the books."""
    number = shop.fail("R", "P2").channel_refund_no
    successor = shop.redirect("R", "P2", "bank").channel_refund_no
    shop.rows("claim_channel_refunds", "w")
    shop.call("defer_channel_refund", successor, "closed", not_before, "w")
    before = shop.row("channel_refunds", successor)
    late = shop.call("complete_channel_refund", number, "X2")

    assert (late.state, before.state, before.attempts) == ("failed", "waiting", 1)
    assert shop.row("channel_refunds", successor) == before
    assert shop.listed("anomaly_list") == {"P2": 70}
    # One that was deferred before anybody claimed it was not sent.
    shop.fail("R", "P1")
    first = shop.channel_refund("R", "P1").channel_refund_no
    deferred = shop.redirect("R", "P1", "bank").channel_refund_no
    shop.call("defer_channel_refund", deferred, "closed", not_before)
    assert shop.call("complete_channel_refund", first, "X1").state == "succeeded"
    assert shop.row("channel_refunds", deferred).state == "failed"


def test_e06_a_late_success_of_what_went_twice_is_an_anomaly(shop: Shop) -> None:
    shop.fail("R", "P2")
    number = number_of(shop, "P2")
    shop.redirect("R", "P2", "bank")
    shop.complete("R", "P2", "Y2")
    late = shop.call("complete_channel_refund", number, "X2")

    assert late.state == "failed"
    assert shop.listed("anomaly_list") == {"P2": 70}
    assert shop.balance("A").refunded == 100


def test_e37_a_freed_surplus_can_be_redirected_after_a_refund_of_the_order(shop: Shop) -> None:
    shop.merge("T2", B=100)
    shop.pay("T2", "Q1", 40, "card", day(1))
    shop.pay("T2", "Q2", 90, "card", day(2))
    surplus = shop.surplus_refund("Q2").refund_no
    assert shop.details(surplus) == {"Q2": 30}
    shop.fail(surplus, "Q2")
    assert shop.refund("B", "R2", 100) == {"Q1": 40, "Q2": 60}
    assert shop.listed("surplus_list") == {"Q2": 30}
    shop.redirect(surplus, "Q2", "bank")

    payment = shop.row("payments", "Q2")
    assert (payment.refunded, payment.surplus_refunded) == (90, 30)
    shop.complete(surplus, "Q2")
    assert shop.listed("surplus_list") == {}
    assert shop.row("trades", "T2").refunded == 100


def test_e20_the_rules_of_the_channel_hold(shop: Shop) -> None:
    def register(channel: str, rules: str) -> None:
        shop.query(f"select mixpay.register_channel('{channel}', 'Some', 'online', {rules})")

    register("closed", "p_can_refund => false")
    with shop.refused("MX309", number_of(shop, "P2"), "closed", "no refunds"):
        shop.redirect("R", "P2", "closed")
    register("large", "p_min_refund => 71")
    with shop.refused("MX309", "large", 71):
        shop.redirect("R", "P2", "large")
    # Its fallback is not what was asked for.
    register("large", "p_min_refund => 71, p_fallback_channel => 'bank'")
    with shop.refused("MX309", "large", 71):
        shop.redirect("R", "P2", "large")
    # Its own payments, not others', are bound to its window.
    register("late", "p_refund_window => '1 day'")
    assert shop.redirect("R", "P2", "late").state == "pending"


def test_e20_it_may_wait_for_its_moment(shop: Shop) -> None:
    shop.merge("T2", B=100)
    shop.pay("T2", "Q", 100, "wechat")
    shop.refund("B", "R2", 30)
    shop.refund("B", "R3", 20)
    assert shop.listed("waiting_list") == {"Q": 20}
    # A way without rules does not wait.
    shop.redirect("R3", "Q", "bank")
    assert shop.listed("waiting_list") == {}
    shop.rows("claim_channel_refunds", "w")
    shop.call("fail_channel_refund", shop.channel_refund("R3", "Q").channel_refund_no, "no", "w")
    # R2 was sent just now, and WeChat wants a minute between two.
    successor = shop.redirect("R3", "Q", "wechat")

    assert successor.state == "waiting"
    assert successor.not_before - datetime.now(UTC) > timedelta(seconds=30)
    assert successor.reason.startswith("interval: ")
    assert shop.listed("waiting_list") == {"Q": 20}
    assert shop.rows("claim_channel_refunds", "w") == []


def test_is_in_the_history(shop: Shop) -> None:
    shop.complete("R", "P1")
    shop.fail("R", "P2")
    number = number_of(shop, "P2")
    successor = redirect(shop, number, "bank", "account closed")
    changes = shop.query(
        "select number, from_state, to_state, reason from mixpay.history "
        "order by entry desc limit 2"
    )

    assert [tuple(change) for change in changes] == [
        ("R", "partly_failed", "processing", None),
        (successor.channel_refund_no, "", "pending", "account closed"),
    ]


def test_refuses_bad_input(shop: Shop) -> None:
    number = number_of(shop, "P1")
    with shop.refused("MX303", "nothing"):
        redirect(shop, "nothing", "bank")
    with shop.refused("MX101", "nobody"):
        redirect(Shop(shop.conn, "nobody"), "nothing", "bank")
    for channel in ("nothing", "", None):
        with shop.refused("MX203"):
            redirect(shop, number, channel)  # type: ignore[arg-type]
    for bad in [None, "", "a b", "x" * 65]:
        with shop.refused("MX901"):
            redirect(shop, bad, "bank")  # type: ignore[arg-type]
    with shop.refused("MX905", 1001):
        redirect(shop, number, "bank", "x" * 1001)


def test_does_not_find_another_merchants(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    number = number_of(shop, "P1")
    with shop.refused("MX303", number):
        redirect(other, number, "bank")


def test_e06_a_late_success_takes_a_reversed_part_off_the_list(shop: Shop) -> None:
    shop.merge("T2", B=100)
    shop.pay("T2", "Q1", 40, "card", day(1))
    shop.pay("T2", "Q2", 50, "card", day(2))
    shop.close("T2")
    reversal = shop.reversal("T2").refund_no
    shop.fail(reversal, "Q1")
    number = shop.channel_refund(reversal, "Q1").channel_refund_no
    shop.redirect(reversal, "Q1", "bank")
    shop.call("complete_channel_refund", number, "X")

    assert shop.listed("surplus_list") == {"Q2": 50}


def test_one_that_bounced_after_it_had_been_redirected_is_not_answered_with_what_ended(
    shop: Shop,
) -> None:
    shop.merge("T9", Z=100)
    shop.pay("T9", "P9", 100, "card")
    shop.refund("Z", "R9", 100)
    number = shop.channel_refund("R9", "P9").channel_refund_no
    shop.call("fail_channel_refund", number, "refused")
    successor = shop.call("redirect_channel_refund", number, "bank", "again")
    shop.call("complete_channel_refund", number, "X1")
    shop.call("bounce_channel_refund", number, "closed")
    with shop.refused("MX307", successor.channel_refund_no):
        shop.call("redirect_channel_refund", number, "bank", "again")
    again = shop.call("redirect_channel_refund", successor.channel_refund_no, "bank", "again")
    assert again.state == "pending"


def test_the_rules_of_an_offline_channel_hold_too(shop: Shop) -> None:
    shop.channel("counter", kind="offline", min_refund=50)
    shop.merge("T9", Z=100)
    shop.pay("T9", "P9", 100, "card")
    shop.refund("Z", "R9", 40)
    number = shop.channel_refund("R9", "P9").channel_refund_no
    with shop.refused("MX309", "counter"):
        shop.call("redirect_channel_refund", number, "counter", "again")
    assert shop.call("redirect_channel_refund", number, "pos", "again").state == "waiting"


@pytest.mark.parametrize("channel", ["card", "wallet", "cash"])
def test_e42_a_voucher_is_not_sent_another_way_as_money(shop: Shop, channel: str) -> None:
    shop.merge("TV", V=100)
    shop.pay("TV", "PV", 100, "voucher")
    shop.refund("V", "RV", 100)
    with shop.refused("MX313", "PV", "voucher", channel):
        shop.redirect("RV", "PV", channel)
    shop.fail("RV", "PV")
    with shop.refused("MX313", "PV", "voucher", channel):
        shop.redirect("RV", "PV", channel)
    # Vouchers of another kind are vouchers, and the same way is always open.
    shop.channel("coupon", "voucher")
    assert shop.redirect("RV", "PV", "coupon").channel == "coupon"
    shop.fail("RV", "PV")
    shop.channel("voucher", "voucher", refund_to_money=True)
    assert shop.redirect("RV", "PV", channel).channel == channel


def test_e42_a_voucher_may_be_asked_for_once_more(shop: Shop) -> None:
    shop.merge("TV", V=100)
    shop.pay("TV", "PV", 100, "voucher")
    shop.refund("V", "RV", 100)
    shop.fail("RV", "PV")

    assert shop.redirect("RV", "PV", "voucher").state == "pending"


def whys(shop: Shop, number: str) -> list[str]:
    """Why it goes another way, by what is on record of it."""
    return [
        row.reason
        for row in shop.query(
            "select reason from mixpay.history where entity = 'channel_refund' and number = %s "
            "and (from_state, to_state) = ('failed', 'failed') order by entry",
            number,
        )
    ]


@pytest.mark.parametrize("became", ["pending", "sent", "succeeded", "failed", "bounced"])
@pytest.mark.parametrize("channel", ["cash", "bank"])
def test_e43_why_it_went_another_way_comes_late(shop: Shop, channel: str, became: str) -> None:
    """It had failed for a reason of its own, and its successor has one too, or is sent."""
    number = number_of(shop, "P2")
    shop.call("fail_channel_refund", number, "refused")
    successor = redirect(shop, number, channel, None).channel_refund_no
    if became == "sent":
        shop.rows("claim_channel_refunds", "w")
    elif became == "failed":
        shop.fail("R", "P2")
    elif became != "pending":
        shop.complete("R", "P2")
        if became == "bounced":
            shop.bounce("R", "P2")
    bears = shop.row("channel_refunds", successor).reason
    assert whys(shop, number) == []
    later = redirect(shop, number, channel, "card expired")

    assert whys(shop, number) == [f"goes on as {successor}: card expired"]
    assert shop.row("channel_refunds", number).reason == "refused"
    assert later == shop.row("channel_refunds", successor)
    if later.state in ("pending", "waiting"):
        assert later.reason == ("manual; card expired" if channel == "cash" else "card expired")
    else:
        assert later.reason == bears
    for reason in ("another reason", "card expired", None):
        with shop.unchanged():
            assert redirect(shop, number, channel, reason) == later


@pytest.mark.parametrize("channel", ["cash", "bank"])
def test_e43_why_what_had_failed_went_another_way_stays(shop: Shop, channel: str) -> None:
    number = number_of(shop, "P2")
    shop.call("fail_channel_refund", number, "refused")
    successor = redirect(shop, number, channel, "card expired")

    assert whys(shop, number) == [f"goes on as {successor.channel_refund_no}: card expired"]
    with shop.unchanged():
        assert redirect(shop, number, channel, "another reason") == successor


@pytest.mark.parametrize("first", [None, "refused"])
def test_e43_a_failure_in_the_same_transaction_is_not_why(shop: Shop, first: str | None) -> None:
    number = number_of(shop, "P2")
    with shop.conn.transaction():
        shop.call("fail_channel_refund", number, first)
        successor = redirect(shop, number, "bank", None)
    redirect(shop, number, "bank", "card expired")

    assert whys(shop, number) == [f"goes on as {successor.channel_refund_no}: card expired"]
    assert shop.row("channel_refunds", number).reason == first


def test_e43_why_one_that_nobody_failed_went_another_way_comes_late(shop: Shop) -> None:
    number = number_of(shop, "P2")
    successor = redirect(shop, number, "cash", None)
    assert (successor.reason, shop.row("channel_refunds", number).reason) == ("manual", None)
    later = redirect(shop, number, "cash", "card expired")

    assert later.reason == "manual; card expired"
    assert shop.row("channel_refunds", number).reason == "card expired"
    assert whys(shop, number) == [f"goes on as {successor.channel_refund_no}: card expired"]


def test_e43_a_failure_told_later_does_not_hide_why(shop: Shop) -> None:
    """The old one fails once more by name: its own reason is one, why it went is another."""
    number = number_of(shop, "P2")
    redirect(shop, number, "bank", None)
    shop.call("fail_channel_refund", number, "refused")
    assert redirect(shop, number, "bank", "card expired").reason == "card expired"
    assert shop.row("channel_refunds", number).reason == "refused"


def test_the_flow_shows_the_channel_by_which_it_goes(shop: Shop) -> None:
    shop.merge("TF", F=10)
    shop.pay("TF", "PF", 10, "card")
    shop.refund("F", "RF", 10)
    shop.redirect("RF", "PF", "bank")
    shop.complete("RF", "PF")

    # Not of the trade, although it has its number.
    shop.call("adjust_account", "channel:bank", "TF", 1, "CNY", "found")

    rows = shop.query(
        "select to_account, channel, to_order_no from mixpay.trade_flow "
        "where trade_no = 'TF' order by entry"
    )
    assert rows[0] == ("order", "card", None)
    assert rows[-1] == ("channel", "bank", None)
