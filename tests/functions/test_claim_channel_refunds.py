from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection
from shop import Row, Shop, day


@pytest.fixture(autouse=True)
def refund(shop: Shop) -> None:
    """R: 40 to a card, 50 to Alipay, 10 in cash."""
    shop.merge("T", A=100)
    shop.pay("T", "P1", 40, "card", day(1))
    shop.pay("T", "P2", 50, "alipay", day(2))
    shop.pay("T", "P3", 10, "cash", day(3))
    shop.refund("A", "R", 100)


def claim(shop: Shop, worker: str = "w1", *arguments: Any) -> list[str]:
    return [r.payment_no for r in shop.rows("claim_channel_refunds", worker, *arguments)]


def wait_for_it(shop: Shop, payment_no: str) -> None:
    """As if its lease or back-off were over."""
    shop.conn.execute(
        "update mixpay.channel_refunds set due_at = now() - interval '1 second' "
        "where payment_no = %s",
        [payment_no],
    )


def test_claims_what_nobody_has_sent(shop: Shop) -> None:
    refunds = shop.rows("claim_channel_refunds", "w1")

    assert [(r.payment_no, r.amount, r.state) for r in refunds] == [
        ("P1", 40, "sent"),
        ("P2", 50, "sent"),
    ]
    assert {(r.worker, r.attempts) for r in refunds} == {("w1", 1)}


def test_never_claims_what_waits_for_a_person(shop: Shop) -> None:
    assert "P3" not in claim(shop)
    assert shop.channel_refund("R", "P3").state == "waiting"


def test_claims_nothing_twice(shop: Shop) -> None:
    assert claim(shop, "w1", 1) == ["P1"]
    assert claim(shop, "w2", 1) == ["P2"]
    with shop.unchanged():
        assert claim(shop, "w3") == []


def test_claims_again_when_the_lease_is_over(shop: Shop) -> None:
    (first, _) = shop.rows("claim_channel_refunds", "w1")
    assert claim(shop, "w2") == []
    wait_for_it(shop, "P1")
    (again,) = shop.rows("claim_channel_refunds", "w2")

    assert (again.payment_no, again.worker, again.attempts) == ("P1", "w2", 2)
    assert again.channel_refund_no == first.channel_refund_no


def test_e04_a_retry_reuses_the_channel_refund_number(shop: Shop) -> None:
    (first,) = shop.rows("claim_channel_refunds", "w1", 1)
    shop.call("doubt_channel_refund", first.channel_refund_no, "timed out")
    wait_for_it(shop, "P1")
    (again,) = shop.rows("claim_channel_refunds", "w2", 1)

    assert again.channel_refund_no == first.channel_refund_no
    assert len(shop.query("select from mixpay.channel_refunds where payment_no = 'P1'")) == 1


def test_claims_surplus_too(shop: Shop) -> None:
    shop.pay("T", "P4", 7, "alipay")

    assert claim(shop) == ["P1", "P2", "P4"]


def test_does_not_claim_what_has_ended(shop: Shop) -> None:
    shop.complete("R", "P1")
    shop.fail("R", "P2")

    assert claim(shop) == []


def test_claims_only_what_goes_through_the_named_channels(shop: Shop) -> None:
    assert claim(shop, "w1", 100, "1 minute", ["wallet"]) == []
    assert claim(shop, "w1", 100, "1 minute", ["wallet", "alipay"]) == ["P2"]
    # Others do not use up the limit; an unknown channel has nothing.
    assert claim(shop, "w1", 1, "1 minute", ["bank", "card"]) == ["P1"]


CLAIM = "select from mixpay.claim_channel_refunds('m', 'w', p_channels => %s::text[])"


def test_all_of_null_and_no_quiet_day_of_no_channels(shop: Shop) -> None:
    for channels in ([], ["card"] * 1001, [["card"], ["cash"]]):
        with shop.refused("MX904", "channels"):
            shop.query(CLAIM, channels)
    with shop.refused("MX203"):
        shop.query(CLAIM, ["card", None])
    assert claim(shop, "w1", 100, "1 minute", None) == ["P1", "P2"]


def test_the_oldest_work_goes_first(shop: Shop) -> None:
    shop.conn.execute(
        "update mixpay.channel_refunds set due_at = due_at - interval '1 hour' "
        "where payment_no = 'P2'"
    )

    assert claim(shop, "w1", 1) == ["P2"]
    assert claim(shop, "w1", 1) == ["P1"]


def test_the_limit_counts_only_what_is_not_locked(
    shop: Shop, connect: Callable[..., Connection[Any]]
) -> None:
    shop.merge("T2", B=5)
    shop.pay("T2", "P5", 5, "card")
    shop.refund("B", "S", 5)
    holder = connect(autocommit=False)
    holder.execute("select from mixpay.trades where trade_no = 'T' for no key update")
    shop.conn.execute("set lock_timeout = '1s'")

    assert claim(shop, "w1", 1) == ["P5"]
    assert claim(shop, "w1", 1) == []
    holder.rollback()
    assert claim(shop, "w1") == ["P1", "P2"]


def test_does_not_claim_another_merchants(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")

    assert claim(other) == []


def test_refuses_bad_limits(shop: Shop, subtests: pytest.Subtests) -> None:
    for limit in [0, -1, None, 1001, 2**63 - 1]:
        with (
            subtests.test(limit=limit),
            shop.refused("MX904", "null" if limit is None else limit),
        ):
            claim(shop, "w1", limit)


def test_refuses_bad_leases(shop: Shop, subtests: pytest.Subtests) -> None:
    for lease in ["0", "-1 minute", None, "86401 seconds", "2 days", "1 month", "0.5 seconds"]:
        with subtests.test(lease=lease), shop.refused("MX905"):
            claim(shop, "w1", 1, lease)


def test_refuses_bad_workers(shop: Shop, subtests: pytest.Subtests) -> None:
    for worker in [None, "", "a b", "x" * 65]:
        with subtests.test(worker=worker), shop.refused("MX901"):
            shop.rows("claim_channel_refunds", worker)


def test_refuses_an_unknown_merchant(shop: Shop) -> None:
    with shop.refused("MX101", "nobody"):
        claim(Shop(shop.conn, "nobody"))


# The rules of a channel are compared once more with what was not sent.


@pytest.fixture
def slow(shop: Shop) -> Shop:
    """Q, 100 through slow, and nothing else to send."""
    for payment_no in ("P1", "P2", "P3"):
        shop.complete("R", payment_no)
    shop.channel("slow", refund_window="1 day", refund_interval="1 minute")
    shop.merge("TQ", Q=100)
    shop.pay("TQ", "Q", 100, "slow")
    return shop


def ask(shop: Shop, refund_no: str, amount: int = 1) -> Row:
    shop.refund("Q", refund_no, amount)
    return shop.channel_refund(refund_no, "Q")


def claimed(shop: Shop) -> list[str]:
    """Whatever is claimed stays so for an hour."""
    return [r.refund_no for r in shop.rows("claim_channel_refunds", "w", 100, "1 hour")]


def test_e20_what_waits_is_claimed_at_its_moment(slow: Shop) -> None:
    ask(slow, "R1")
    waiting = ask(slow, "R2")
    assert claimed(slow) == ["R1"]
    slow.later("50 seconds")
    with slow.unchanged():
        assert claimed(slow) == []
    slow.later("11 seconds")
    assert claimed(slow) == ["R2"]
    sent = slow.channel_refund("R2", "Q")

    assert sent.channel_refund_no == waiting.channel_refund_no
    assert (sent.state, sent.reason, sent.attempts) == ("sent", None, 1)
    assert sent.not_before is not None
    states = slow.query(
        "select from_state, to_state from mixpay.history where number = %s order by entry",
        sent.channel_refund_no,
    )
    assert states == [("", "waiting"), ("waiting", "sent")]


def test_e20_the_window_passed_meanwhile_so_it_waits_for_a_person(slow: Shop) -> None:
    ask(slow, "R1")
    slow.later("25 hours")
    assert claimed(slow) == []
    waiting = slow.channel_refund("R1", "Q")

    assert (waiting.state, waiting.due_at, waiting.not_before) == ("waiting", None, None)
    assert waiting.reason == "window: slow sends money back for 1 day after a payment"
    assert slow.row("refunds", "R1").state == "processing"
    assert slow.balance("Q").refundable == 99
    with slow.unchanged():
        assert claimed(slow) == []
    assert len(slow.query("select from mixpay.manual_list")) == 1


def test_e20_the_window_passed_meanwhile_so_it_goes_to_the_fallback(slow: Shop) -> None:
    old = ask(slow, "R1")
    slow.channel("slow", refund_window="1 day", fallback_channel="bank")
    slow.later("25 hours")
    assert claimed(slow) == []
    (gone,) = slow.query(
        "select * from mixpay.channel_refunds where channel_refund_no = %s", old.channel_refund_no
    )
    new = slow.channel_refund("R1", "Q")

    reason = "fallback, window: slow sends money back for 1 day after a payment"
    assert (gone.state, gone.reason, gone.due_at) == ("failed", reason, None)
    assert (new.channel, new.state, new.reason) == ("bank", "pending", reason)
    assert (new.redirected_from, new.amount) == (old.channel_refund_no, old.amount)
    assert slow.row("refunds", "R1").state == "processing"
    assert slow.balance("Q").refunded == 1
    assert claimed(slow) == ["R1"]
    assert slow.complete("R1", "Q").state == "succeeded"
    assert slow.row("refunds", "R1").state == "succeeded"


def test_e20_what_waited_in_vain_goes_to_an_offline_fallback(slow: Shop) -> None:
    ask(slow, "R1")
    ask(slow, "R2")
    slow.channel(
        "slow", refund_window="1 day", refund_interval="1 minute", fallback_channel="transfer"
    )
    assert claimed(slow) == ["R1"]
    slow.later("25 hours")
    # R1 was sent: it is asked for again where it may be.
    assert claimed(slow) == ["R1"]
    made = slow.channel_refund("R2", "Q")

    assert (made.channel, made.state, made.due_at) == ("transfer", "waiting", None)
    assert made.reason.startswith("manual, fallback, window: ")
    assert [r.refund_no for r in slow.query("select * from mixpay.manual_list")] == ["R2"]


def test_e20_two_refunds_of_one_payment_are_not_sent_at_once(slow: Shop) -> None:
    ask(slow, "R1")
    ask(slow, "R2")
    ask(slow, "R3")
    # All three became due while no worker ran.
    slow.later("1 hour")
    assert claimed(slow) == ["R1"]
    (sent, *waiting) = [slow.channel_refund(number, "Q") for number in ("R1", "R2", "R3")]

    for row in waiting:
        assert row.state == "waiting"
        assert row.not_before == row.due_at == sent.sent_at + timedelta(minutes=1)
        assert row.reason == "interval: slow wants 00:01:00 between refunds of a payment"
    slow.later("1 minute")
    assert claimed(slow) == ["R2"]
    slow.later("30 seconds")
    assert claimed(slow) == []


def test_e20_the_interval_holds_back_no_other_payment(slow: Shop) -> None:
    slow.merge("TU", U=10)
    slow.pay("TU", "U", 10, "slow")
    ask(slow, "R1")
    slow.refund("U", "S", 10)

    assert claimed(slow) == ["R1", "S"]


def test_e20_a_retry_does_not_wait(slow: Shop) -> None:
    first = ask(slow, "R1")
    ask(slow, "R2")
    slow.rows("claim_channel_refunds", "w")
    slow.call("doubt_channel_refund", first.channel_refund_no, "busy", retry_after="0")
    # Neither by the interval, nor by a window that has passed, nor by new rules.
    assert claimed(slow) == ["R1"]
    slow.channel("slow", can_refund=False, fallback_channel="bank")
    slow.later("25 hours")
    (again,) = slow.rows("claim_channel_refunds", "w")

    assert (again.channel_refund_no, again.channel) == (first.channel_refund_no, "slow")
    assert again.attempts == 3
    assert slow.channel_refund("R2", "Q").channel == "bank"


def test_e20_what_is_in_doubt_counts_from_when_it_was_sent(slow: Shop) -> None:
    first = ask(slow, "R1")
    ask(slow, "R2")
    assert claimed(slow) == ["R1"]
    slow.later("2 minutes")
    slow.call("doubt_channel_refund", first.channel_refund_no, "busy", "w", retry_after="1 hour")
    assert claimed(slow) == ["R2"]


def test_e20_new_rules_count_for_what_was_not_sent_yet(slow: Shop) -> None:
    for number in ("R1", "R2", "R3"):
        slow.channel("slow")
        ask(slow, number)
    slow.channel("slow", max_refunds=2)

    assert claimed(slow) == ["R1", "R2"]
    made = slow.channel_refund("R3", "Q")
    assert (made.state, made.due_at) == ("waiting", None)
    assert made.reason == "number: slow sends back 2 parts of a payment"


def test_e20_the_number_counts_what_was_sent_without_a_claim(slow: Shop) -> None:
    slow.channel("slow")
    ask(slow, "R1")
    slow.complete("R1", "Q")
    ask(slow, "R2")
    slow.channel("slow", max_refunds=1)

    assert claimed(slow) == []
    assert slow.channel_refund("R2", "Q").reason.startswith("number: ")


def test_e20_the_interval_begins_with_what_was_sent_without_a_claim(slow: Shop) -> None:
    ask(slow, "R1")
    ask(slow, "R2")
    slow.later("2 minutes")
    done = slow.complete("R1", "Q")
    assert claimed(slow) == []

    assert slow.channel_refund("R2", "Q").not_before == done.refunded_at + timedelta(minutes=1)


def test_e20_the_interval_of_a_channel_is_not_its_fallbacks(slow: Shop) -> None:
    """R2 may not go through slow: then it need not wait for slow."""
    ask(slow, "R1", 50)
    ask(slow, "R2", 5)
    slow.later("2 minutes")
    slow.channel("slow", refund_interval="1 minute", min_refund=10, fallback_channel="bank")
    assert claimed(slow) == ["R1"]
    made = slow.channel_refund("R2", "Q")

    assert (made.channel, made.state) == ("bank", "pending")
    assert made.reason == "fallback, minimum: slow sends back 10 at least"
    assert claimed(slow) == ["R2"]


def test_e20_a_channel_without_limits_any_more_sends_what_waited(slow: Shop) -> None:
    ask(slow, "R1")
    ask(slow, "R2")
    slow.later("2 minutes")
    slow.channel("slow")

    assert claimed(slow) == ["R1", "R2"]


def test_e20_wechat_sends_parts_of_a_payment_a_minute_apart(slow: Shop) -> None:
    slow.merge("TW", W=60)
    slow.pay("TW", "W", 60, "wechat")
    for number in range(51):
        slow.refund("W", f"W{number:02}", 1)
    for number in range(50):
        assert claimed(slow) == [f"W{number:02}"]
        slow.complete(f"W{number:02}", "W")
        slow.later("1 minute")
    assert claimed(slow) == []
    last = slow.channel_refund("W50", "W")

    assert (last.state, last.due_at) == ("waiting", None)
    assert last.reason == "number: wechat sends back 50 parts of a payment"
    slow.later("1 year")
    slow.refund("W", "W51", 1)
    assert slow.channel_refund("W51", "W").reason == (
        "window: wechat sends money back for 1 year after a payment"
    )


def test_e20_what_was_deferred_unsent_is_compared_with_the_rules(slow: Shop) -> None:
    first = ask(slow, "R1")
    slow.channel("slow", refund_window="1 day", fallback_channel="bank")
    assert claimed(slow) == ["R1"]
    slow.call("defer_channel_refund", first.channel_refund_no, "closed", day(1), "w")
    slow.later("25 hours")

    assert claimed(slow) == []
    assert slow.channel_refund("R1", "Q").channel == "bank"


def test_e20_what_was_deferred_unsent_does_not_count_beside_itself(slow: Shop) -> None:
    slow.channel("slow", max_refunds=1, refund_interval="1 day")
    first = ask(slow, "R1")
    assert claimed(slow) == ["R1"]
    slow.call("defer_channel_refund", first.channel_refund_no, "closed", day(1), "w")

    assert claimed(slow) == ["R1"]


def test_e20_e05_what_may_have_been_sent_goes_no_other_way(slow: Shop) -> None:
    """A lease that ended without a word: the channel may have sent it, whatever was said since."""
    first = ask(slow, "R1")
    slow.channel("slow", refund_window="1 day", fallback_channel="bank")
    assert claimed(slow) == ["R1"]
    slow.later("2 hours")
    assert claimed(slow) == ["R1"]
    slow.call("defer_channel_refund", first.channel_refund_no, "closed", day(1), "w")
    slow.later("25 hours")

    assert claimed(slow) == ["R1"]
    assert slow.channel_refund("R1", "Q").channel_refund_no == first.channel_refund_no


def test_a_channel_that_became_offline_meanwhile_is_left_to_a_person(shop: Shop) -> None:
    shop.merge("T9", Z=100)
    shop.pay("T9", "P9", 100, "alipay")
    shop.refund("Z", "R9", 100)
    shop.query("select * from mixpay.register_channel('alipay', 'Alipay', 'offline')")

    claimed = shop.rows("claim_channel_refunds", "w")
    assert "P9" not in [row.payment_no for row in claimed]
    refund = shop.channel_refund("R9", "P9")
    assert (refund.state, refund.reason) == ("waiting", "manual")


def test_refuses_a_channel_that_there_is_not(shop: Shop) -> None:
    with shop.refused("MX203", "wechatt"):
        shop.rows("claim_channel_refunds", "w", channels=["wechatt"])


# A moment that equals a bound: in one transaction, in which now stands still.

TO_THE_MICROSECOND = pytest.mark.parametrize(
    ("beyond", "is_there"),
    [(timedelta(microseconds=1), False), (timedelta(), True)],
    ids=["a microsecond before", "at the moment"],
)


def now(shop: Shop) -> datetime:
    ((moment,),) = shop.query("select now()")
    assert isinstance(moment, datetime)
    return moment


@TO_THE_MICROSECOND
def test_what_is_new_is_due_at_its_moment(shop: Shop, beyond: timedelta, is_there: bool) -> None:
    with shop.conn.transaction():
        shop.conn.execute(
            "update mixpay.channel_refunds set due_at = %s where state = 'pending'",
            [now(shop) + beyond],
        )
        assert claim(shop) == (["P1", "P2"] if is_there else [])


@TO_THE_MICROSECOND
def test_at_the_end_of_its_lease_the_next_one_has_it_and_the_last_one_has_not(
    shop: Shop, beyond: timedelta, is_there: bool
) -> None:
    marks: list[tuple[Any, ...]] = [
        ("doubt_channel_refund", "timed out", "w1"),
        ("fail_channel_refund", "refused", "w1"),
        ("defer_channel_refund", "not now", None, "w1"),
    ]
    (sent, _) = shop.rows("claim_channel_refunds", "w1")
    number = sent.channel_refund_no
    with shop.conn.transaction():
        shop.conn.execute(
            "update mixpay.channel_refunds set due_at = %s where channel_refund_no = %s",
            [now(shop) + beyond, number],
        )
        for mark, *arguments in marks:
            # It is taken back, whatever it does.
            with shop.conn.transaction(force_rollback=True):
                if is_there:
                    with shop.refused("MX305", "w1"), shop.conn.transaction():
                        shop.call(mark, number, *arguments)
                else:
                    assert shop.call(mark, number, *arguments).state != "sent"
        assert claim(shop, "w2") == (["P1"] if is_there else [])


@TO_THE_MICROSECOND
def test_e20_what_waits_is_claimed_at_its_moment_to_the_microsecond(
    shop: Shop, beyond: timedelta, is_there: bool
) -> None:
    with shop.conn.transaction():
        number = shop.channel_refund("R", "P1").channel_refund_no
        shop.call("defer_channel_refund", number, "closed at night", now(shop) + beyond)
        assert claim(shop) == (["P1", "P2"] if is_there else ["P2"])


@TO_THE_MICROSECOND
def test_e20_the_interval_is_over_at_its_end(slow: Shop, beyond: timedelta, is_there: bool) -> None:
    slow.channel("slow")
    first = ask(slow, "R1")
    ask(slow, "R2")
    slow.channel("slow", refund_interval="1 minute")
    with slow.conn.transaction():
        sent_at = now(slow) - timedelta(minutes=1) + beyond
        slow.call("complete_channel_refund", first.channel_refund_no, None, sent_at)
        assert claimed(slow) == (["R2"] if is_there else [])
        waiting = slow.channel_refund("R2", "Q")
        assert waiting.not_before == (None if is_there else sent_at + timedelta(minutes=1))


@TO_THE_MICROSECOND
def test_e20_the_window_is_over_at_its_end(slow: Shop, beyond: timedelta, is_there: bool) -> None:
    slow.channel("slow")
    with slow.conn.transaction():
        slow.merge("TU", U=10)
        slow.pay("TU", "U", 10, "slow", now(slow) - timedelta(days=1) + beyond)
        slow.refund("U", "S", 10)
        slow.channel("slow", refund_window="1 day")
        assert claimed(slow) == ([] if is_there else ["S"])


def test_e42_a_voucher_whose_window_passed_waits_for_a_person(slow: Shop) -> None:
    shop = slow
    shop.channel("coupon", "voucher", refund_window="1 day", fallback_channel="bank")
    shop.merge("TV", V=10)
    shop.pay("TV", "PV", 10, "coupon")
    shop.refund("V", "RV", 10)
    assert shop.channel_refund("RV", "PV").state == "pending"
    shop.later("25 hours")
    assert claimed(shop) == []
    made = shop.channel_refund("RV", "PV")

    assert (made.channel, made.state, made.due_at) == ("coupon", "waiting", None)
    assert made.reason.endswith("fallback, voucher: coupon gives back no money, as bank would")
    assert shop.row("refunds", "RV").state == "processing"
