from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from shop import Shop, day

SOON = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def refund(shop: Shop) -> None:
    """R: 60 to a card, 40 to the wallet."""
    shop.merge("T", A=100)
    shop.pay("T", "P1", 60, "card", day(1))
    shop.pay("T", "P2", 40, "wallet", day(2))
    shop.refund("A", "R", 100)


def defer(shop: Shop, payment_no: str, *arguments: Any, refund_no: str = "R") -> Any:
    number = shop.channel_refund(refund_no, payment_no).channel_refund_no
    return shop.call("defer_channel_refund", number, *(arguments or ("not now",)))


def claim(shop: Shop, worker: str = "w", lease: str = "1 minute") -> list[str]:
    rows = shop.rows("claim_channel_refunds", worker, 100, lease)
    return [row.payment_no for row in rows]


def test_leaves_it_to_a_person(shop: Shop) -> None:
    deferred = defer(shop, "P1", "asks for a signature")

    assert (deferred.state, deferred.reason) == ("waiting", "asks for a signature")
    assert (deferred.not_before, deferred.due_at) == (None, None)
    assert claim(shop) == ["P2"]
    assert shop.listed("manual_list") == {"P1": 60}
    assert shop.listed("waiting_list") == {}
    assert shop.complete("R", "P1").state == "succeeded"
    assert shop.listed("manual_list") == {}


def test_leaves_it_to_a_later_moment(shop: Shop) -> None:
    deferred = defer(shop, "P1", "closed at night", SOON)

    assert (deferred.state, deferred.not_before, deferred.due_at) == ("waiting", SOON, SOON)
    assert claim(shop) == ["P2"]
    assert shop.listed("waiting_list") == {"P1": 60}
    assert shop.listed("manual_list") == {}


def test_a_worker_claims_it_when_the_moment_has_come(shop: Shop) -> None:
    defer(shop, "P1", "not now", day(3))

    assert sorted(claim(shop)) == ["P1", "P2"]
    assert shop.listed("waiting_list") == {}


def test_the_amount_stays_reserved(shop: Shop) -> None:
    defer(shop, "P1")

    assert shop.balance("A").refundable == 0
    assert shop.row("refunds", "R").state == "processing"
    with shop.refused("MX301", 1, 0):
        shop.refund("A", "R2", 1)


def test_what_was_claimed_and_not_sent(shop: Shop) -> None:
    claim(shop)
    deferred = defer(shop, "P1", "not now", day(3), "w")

    assert (deferred.state, deferred.attempts, deferred.worker) == ("waiting", 1, "w")
    assert claim(shop, "w2") == ["P1"]
    assert shop.channel_refund("R", "P1").attempts == 2


def test_it_may_be_redirected_or_fail(shop: Shop) -> None:
    defer(shop, "P1")
    defer(shop, "P2")
    assert shop.redirect("R", "P1", "bank").state == "pending"
    assert shop.listed("manual_list") == {"P2": 40}
    shop.fail("R", "P2")

    assert shop.listed("manual_list") == {}
    assert shop.balance("A").refundable == 40


def test_the_moment_may_change(shop: Shop) -> None:
    defer(shop, "P1", "not now", SOON)
    later = defer(shop, "P1", "nor then", SOON + timedelta(days=1))
    assert (later.reason, later.not_before) == ("nor then", SOON + timedelta(days=1))

    defer(shop, "P1", "never")
    assert shop.listed("waiting_list") == {}
    assert shop.listed("manual_list") == {"P1": 60}


def test_e03_again_changes_nothing(shop: Shop) -> None:
    first = defer(shop, "P1", "not now", SOON)
    for reason in ("not now", "another reason", None):
        with shop.unchanged():
            assert defer(shop, "P1", reason, SOON) == first
    first = defer(shop, "P2")
    with shop.unchanged():
        assert defer(shop, "P2", "another reason") == first


@pytest.mark.parametrize("state", ["doubt", "succeeded", "failed", "bounced"])
def test_refuses_what_may_have_been_sent_or_has_ended(shop: Shop, state: str) -> None:
    number = shop.channel_refund("R", "P1").channel_refund_no
    if state == "doubt":
        shop.call("doubt_channel_refund", number, "timed out")
    elif state == "failed":
        shop.fail("R", "P1")
    else:
        shop.complete("R", "P1")
    if state == "bounced":
        shop.bounce("R", "P1")
    with shop.refused("MX304", number, state):
        defer(shop, "P1")


def test_refuses_a_mark_after_the_lease(shop: Shop) -> None:
    claim(shop)
    with shop.refused("MX305", "w"):
        defer(shop, "P1", "not now", None, "other")
    shop.query("update mixpay.channel_refunds set due_at = now() returning 1")
    with shop.refused("MX305", "w"):
        defer(shop, "P1", "not now", None, "w")
    claim(shop, "w2")
    # Once it was claimed again, the worker must say who it is.
    with shop.refused("MX305", "w2"):
        defer(shop, "P1")
    assert defer(shop, "P1", "not now", None, "w2").state == "waiting"


def test_what_a_person_hands_out_waits_for_no_moment(shop: Shop) -> None:
    shop.merge("T2", B=50)
    shop.pay("T2", "P3", 50, "cash")
    shop.refund("B", "R2", 50)
    with shop.refused("MX309", "cash"):
        defer(shop, "P3", "tomorrow", day(3), refund_no="R2")
    with shop.unchanged():
        assert defer(shop, "P3", refund_no="R2").reason == "manual"

    assert "P3" not in claim(shop)
    assert shop.listed("manual_list") == {"P3": 50}


def test_is_in_the_history(shop: Shop) -> None:
    defer(shop, "P1", "not now", SOON)
    (change,) = shop.query("select * from mixpay.history where to_state = 'waiting'")

    assert (change.from_state, change.reason, change.refund_no) == ("pending", "not now", "R")


def test_refuses_bad_input(shop: Shop) -> None:
    with shop.refused("MX303", "nothing"):
        shop.call("defer_channel_refund", "nothing", "not now")
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").call("defer_channel_refund", "nothing", "not now")
    for bad in [None, "", "a b", "x" * 65]:
        with shop.refused("MX901"):
            shop.call("defer_channel_refund", bad, "not now")
    with shop.refused("MX905", 1001):
        defer(shop, "P1", "x" * 1001)
    for bad in ["infinity", "-infinity"]:
        with shop.refused("MX905", bad):
            defer(shop, "P1", "not now", bad)


def test_does_not_find_another_merchants(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    number = shop.channel_refund("R", "P1").channel_refund_no
    with shop.refused("MX303", number):
        other.call("defer_channel_refund", number, "not now")
