from datetime import timedelta
from typing import Any

import pytest
from shop import Row, Shop, day

LIMITS: dict[str, Any] = {
    "can_refund": False,
    "can_refund_in_part": False,
    "refund_window": timedelta(days=90),
    "max_refunds": 10,
    "refund_interval": timedelta(minutes=5),
    "min_refund": 100,
    "fallback_channel": "transfer",
    "source": "https://example.com/rules",
    "txn_numbers": "daily",
    "day_zone": "Asia/Shanghai",
    "refund_to_money": True,
}
NONE: dict[str, Any] = {
    **dict.fromkeys(LIMITS),
    "can_refund": True,
    "can_refund_in_part": True,
    "txn_numbers": "unique",
    "day_zone": "UTC",
    "refund_to_money": False,
}


def register(shop: Shop, *arguments: str | None) -> Row:
    (channel,) = shop.query("select * from mixpay.register_channel(%s, %s, %s)", *arguments)
    return channel


def limits(channel: Row) -> dict[str, Any]:
    return {name: getattr(channel, name) for name in LIMITS}


def test_a_fresh_database_has_the_usual_channels(shop: Shop) -> None:
    channels = shop.query("select channel, kind from mixpay.channels order by kind, channel")

    assert [tuple(row) for row in channels] == [
        ("cash", "offline"),
        ("pos", "offline"),
        ("transfer", "offline"),
        ("alipay", "online"),
        ("bank", "online"),
        ("card", "online"),
        ("wechat", "online"),
        ("voucher", "voucher"),
        ("wallet", "wallet"),
    ]


def test_e20_wechats_published_rules_are_known(shop: Shop) -> None:
    channels = shop.query("select * from mixpay.channels where is_limited")

    assert [channel.channel for channel in channels] == ["wechat"]
    source = "https://pay.weixin.qq.com/wiki/doc/api_external/en/apis/chapter3_3_3.shtml"
    assert limits(channels[0]) == NONE | {
        # psycopg takes an interval's year for 365 days; the server takes it by the calendar.
        "refund_window": timedelta(days=365),
        "max_refunds": 50,
        "refund_interval": timedelta(minutes=1),
        "source": source,
    }
    windows = shop.query("select refund_window::text from mixpay.channels where channel = 'wechat'")
    assert windows == [("1 year",)]


def test_registers_and_updates(shop: Shop) -> None:
    register(shop, "points", "Points", "wallet")
    channel = register(shop, "points", "Points of the shop", "voucher")

    assert (channel.channel, channel.title, channel.kind) == (
        "points",
        "Points of the shop",
        "voucher",
    )


def test_stores_what_is_said_and_else_there_is_no_limit(shop: Shop) -> None:
    assert limits(shop.channel("free")) == NONE
    assert limits(shop.channel("slow", **LIMITS)) == LIMITS
    (listed,) = shop.query("select * from mixpay.channel_list where channel = 'slow'")
    assert limits(listed) == LIMITS


@pytest.mark.parametrize("limit", LIMITS)
def test_any_rule_about_refunds_makes_it_limited(shop: Shop, limit: str) -> None:
    no_rules = ("fallback_channel", "source", "txn_numbers", "day_zone", "refund_to_money")
    is_rule = limit not in no_rules

    assert shop.channel("new", **{limit: LIMITS[limit]}).is_limited == is_rule
    assert not shop.channel("new").is_limited


def test_again_makes_it_what_is_said(shop: Shop) -> None:
    shop.channel("slow", **LIMITS)

    assert limits(shop.channel("slow", min_refund=7)) == NONE | {"min_refund": 7}
    assert limits(shop.channel("slow", can_refund=None, can_refund_in_part=None)) == NONE
    assert not shop.channel("wechat").is_limited


def test_e03_again_changes_nothing(shop: Shop) -> None:
    register(shop, "points", "Points", "wallet")
    shop.channel("slow", **LIMITS)
    with shop.unchanged():
        register(shop, "points", "Points", "wallet")
        shop.channel("slow", **LIMITS)


@pytest.mark.parametrize(
    ("kind", "state"),
    [("online", "pending"), ("wallet", "pending"), ("voucher", "pending"), ("offline", "waiting")],
)
def test_its_kind_says_who_sends_refunds(shop: Shop, kind: str, state: str) -> None:
    register(shop, "new", "New", kind)
    shop.merge("T", A=5)
    shop.pay("T", "P", 5, "new", day(1))
    shop.refund("A", "R", 5)

    assert shop.channel_refund("R", "P").state == state


# What its limits do to a refund when it is made; when it is sent: test_claim_channel_refunds.


def paid_by(shop: Shop, channel: str) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P", 100, channel)


def refund(shop: Shop, refund_no: str, amount: int) -> Row:
    shop.refund("A", refund_no, amount)
    return shop.channel_refund(refund_no, "P")


CANNOT = pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ({"can_refund": False}, "no refunds: new sends no money back"),
        ({"can_refund_in_part": False}, "in part: new sends back all of a payment at once"),
        ({"min_refund": 21}, "minimum: new sends back 21 at least"),
        ({"refund_window": "90 days"}, "window: new sends money back for 90 days after a payment"),
    ],
)


@CANNOT
def test_e20_what_it_cannot_send_waits_for_a_person(
    shop: Shop, limit: dict[str, Any], reason: str
) -> None:
    shop.channel("new", **limit)
    paid_by(shop, "new")
    shop.later("91 days")
    made = refund(shop, "R", 20)

    assert (made.channel, made.state, made.reason) == ("new", "waiting", reason)
    assert (made.not_before, made.due_at) == (None, None)
    assert shop.rows("claim_channel_refunds", "w") == []
    (listed,) = shop.query("select * from mixpay.manual_list")
    assert (listed.channel_refund_no, listed.reason) == (made.channel_refund_no, reason)
    # The amount is reserved, and a person may end it.
    assert shop.balance("A").refundable == 80
    assert shop.complete("R", "P").state == "succeeded"


@CANNOT
def test_e20_e16_goes_to_its_fallback(shop: Shop, limit: dict[str, Any], reason: str) -> None:
    shop.channel("new", **limit, fallback_channel="bank")
    paid_by(shop, "new")
    shop.later("91 days")
    made = refund(shop, "R", 20)

    assert (made.channel, made.state) == ("bank", "pending")
    assert made.reason == f"fallback, {reason}"
    assert [r.channel for r in shop.rows("claim_channel_refunds", "w")] == ["bank"]
    assert shop.channel_refund("R", "P").reason == made.reason


@CANNOT
def test_e20_an_offline_fallback_is_for_a_person(
    shop: Shop, limit: dict[str, Any], reason: str
) -> None:
    shop.channel("new", **limit, fallback_channel="transfer")
    paid_by(shop, "new")
    shop.later("91 days")
    made = refund(shop, "R", 20)

    assert (made.channel, made.state, made.due_at) == ("transfer", "waiting", None)
    assert made.reason == f"manual, fallback, {reason}"
    assert shop.rows("claim_channel_refunds", "w") == []


def test_e20_a_chain_of_fallbacks_ends_where_it_can_be_sent(shop: Shop) -> None:
    shop.channel("dead", can_refund=False, fallback_channel="bank")
    shop.channel("new", min_refund=21, fallback_channel="dead")
    paid_by(shop, "new")
    made = refund(shop, "R", 20)

    assert (made.channel, made.state) == ("bank", "pending")
    for reason in ("minimum: new sends back 21 at least", "no refunds: dead sends no money back"):
        assert f"fallback, {reason}" in made.reason
    assert refund(shop, "R2", 21).channel == "new"


def test_e20_a_loop_of_fallbacks_ends_with_a_person(shop: Shop) -> None:
    shop.channel("new")
    shop.channel("dead", can_refund=False, fallback_channel="new")
    shop.channel("new", min_refund=21, fallback_channel="dead")
    paid_by(shop, "new")
    made = refund(shop, "R", 20)

    assert (made.channel, made.state, made.due_at) == ("new", "waiting", None)
    for reason in ("minimum: new sends back 21 at least", "no refunds: dead sends no money back"):
        assert reason in made.reason
    assert shop.rows("claim_channel_refunds", "w") == []


def test_e20_a_loop_of_fallbacks_that_does_not_come_back_to_the_first_ends_with_a_person(
    shop: Shop,
) -> None:
    """From new to one, from one to two, and from two to one again."""
    shop.conn.execute("set statement_timeout = '10s'")
    shop.channel("one")
    shop.channel("two", can_refund=False, fallback_channel="one")
    shop.channel("one", can_refund=False, fallback_channel="two")
    shop.channel("new")
    paid_by(shop, "new")
    early = refund(shop, "R1", 20)
    shop.channel("new", min_refund=21, fallback_channel="one")
    late = refund(shop, "R2", 20)
    assert early.state == "pending"
    assert shop.rows("claim_channel_refunds", "w") == []

    reason = (
        "minimum: new sends back 21 at least, fallback, no refunds: one sends no money back, "
        "fallback, no refunds: two sends no money back"
    )
    for made in (shop.channel_refund("R1", "P"), late):
        assert (made.channel, made.state, made.due_at, made.reason) == (
            "new",
            "waiting",
            None,
            reason,
        )
    with shop.refused("MX309", "two sends no money back"):
        shop.redirect("R1", "P", "one")
    # Of what can be sent, the loop keeps nothing.
    assert refund(shop, "R3", 21).state == "pending"


def test_e20_holds_for_surplus_too(shop: Shop) -> None:
    shop.channel("new", can_refund_in_part=False)
    shop.merge("T", A=100)
    shop.pay("T", "P", 120, "new")
    surplus = shop.channel_refund(shop.surplus_refund("P").refund_no, "P")

    assert surplus.state == "waiting"
    assert surplus.reason == "in part: new sends back all of a payment at once"
    (listed,) = shop.query("select state, reason from mixpay.surplus_list")
    assert (listed.state, listed.reason) == (surplus.state, surplus.reason)


def test_e20_what_it_can_send_does_not_wait(shop: Shop) -> None:
    shop.channel(
        "new", can_refund_in_part=False, min_refund=100, refund_window="1 day", max_refunds=1
    )
    paid_by(shop, "new")
    made = refund(shop, "R", 100)

    assert (made.channel, made.state, made.reason) == ("new", "pending", None)
    assert shop.rows("claim_channel_refunds", "w")[0].reason is None


def test_e20_the_window_begins_with_the_payment(shop: Shop) -> None:
    shop.channel("new", refund_window="1 month")
    paid_by(shop, "new")
    assert refund(shop, "R1", 1).state == "pending"
    shop.later("32 days")
    assert refund(shop, "R2", 1).state == "waiting"


def test_e20_the_window_is_over_at_its_end(shop: Shop) -> None:
    """To the microsecond, and not before: in a transaction, in which now stands still."""
    shop.channel("new", refund_window="1 day")
    shop.merge("T", A=100)
    with shop.conn.transaction():
        ((now,),) = shop.query("select now()")
        end = now - timedelta(days=1)
        shop.pay("T", "P1", 60, "new", end)
        shop.pay("T", "P2", 40, "new", end + timedelta(microseconds=1))
        shop.refund("A", "R", 100)

        assert shop.channel_refund("R", "P1").reason.startswith("window: ")
        assert shop.channel_refund("R", "P2").state == "pending"


@pytest.mark.parametrize("column", ["sent_at", "refunded_at", "created_at", "not_before"])
def test_e20_the_interval_is_over_at_its_end(shop: Shop, column: str) -> None:
    """A part that was sent, that went back, that is planned: the last moment of its row counts."""
    shop.channel("new", refund_interval="1 minute")
    paid_by(shop, "new")
    refund(shop, "R1", 1)
    if column == "refunded_at":
        shop.complete("R1", "P")
    shop.later("1 hour")
    with shop.conn.transaction():
        ((now,),) = shop.query("select now()")
        for beyond in (timedelta(microseconds=1), timedelta()):
            last_at = now - timedelta(minutes=1) + beyond
            with shop.conn.transaction(force_rollback=True):
                state = ", state = 'waiting', due_at = %(at)s" if column == "not_before" else ""
                shop.conn.execute(
                    f"update mixpay.channel_refunds set {column} = %(at)s{state}".encode(),
                    {"at": last_at},
                )
                made = refund(shop, "R2", 1)
                assert made.not_before == (last_at + timedelta(minutes=1) if beyond else None)


def test_e20_a_full_refund_is_not_in_part_although_others_share_it(shop: Shop) -> None:
    shop.channel("new", can_refund_in_part=False)
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P", 100, "new")
    shop.pay("T", "P2", 50, "new")
    shop.refund("A", "R", 100)
    shop.refund("B", "R2", 49)

    assert shop.channel_refund("R", "P").state == "pending"
    assert shop.channel_refund("R2", "P2").state == "waiting"


def test_e20_all_of_a_payment_is_with_its_surplus(shop: Shop) -> None:
    shop.channel("new", can_refund_in_part=False)
    shop.merge("T", A=100)
    shop.pay("T", "P", 110, "new")
    shop.refund("A", "R", 100)

    assert shop.channel_refund("R", "P").state == "waiting"


def test_e20_the_number_counts_what_was_not_refused(shop: Shop) -> None:
    shop.channel("new", max_refunds=2)
    paid_by(shop, "new")
    assert refund(shop, "R1", 1).state == "pending"
    shop.fail("R1", "P")
    assert [refund(shop, number, 1).state for number in ("R2", "R3", "R4")] == [
        "pending",
        "pending",
        "waiting",
    ]
    assert shop.channel_refund("R4", "P").reason == "number: new sends back 2 parts of a payment"
    # Another payment has its own.
    shop.merge("T2", B=5)
    shop.pay("T2", "P2", 5, "new")
    shop.refund("B", "S", 5)
    assert shop.channel_refund("S", "P2").state == "pending"


def test_e20_the_number_counts_what_went_through_the_channel_itself(shop: Shop) -> None:
    shop.channel("new", max_refunds=1)
    paid_by(shop, "new")
    refund(shop, "R1", 1)
    shop.redirect("R1", "P", "bank")

    assert [refund(shop, number, 1).state for number in ("R2", "R3")] == ["pending", "waiting"]


def test_e20_refunds_of_one_payment_are_planned_an_interval_apart(shop: Shop) -> None:
    shop.channel("new", refund_interval="1 minute")
    paid_by(shop, "new")
    shop.merge("T2", B=5)
    shop.pay("T2", "P2", 5, "new")
    first, second, third = (refund(shop, number, 1) for number in ("R1", "R2", "R3"))
    shop.refund("B", "S", 5)

    assert (first.state, first.not_before) == ("pending", None)
    assert (second.state, third.state) == ("waiting", "waiting")
    assert second.not_before == first.created_at + timedelta(minutes=1)
    assert third.not_before == first.created_at + timedelta(minutes=2)
    assert (third.due_at, third.reason) == (
        third.not_before,
        "interval: new wants 00:01:00 between refunds of a payment",
    )
    assert shop.channel_refund("S", "P2").state == "pending"
    waiting = shop.query("select refund_no, not_before from mixpay.waiting_list order by 1")
    assert waiting == [("R2", second.not_before), ("R3", third.not_before)]
    assert shop.query("select from mixpay.manual_list") == []


def test_e20_the_interval_begins_when_the_last_one_was_sent(shop: Shop) -> None:
    shop.channel("new", refund_interval="1 minute")
    paid_by(shop, "new")
    refund(shop, "R1", 1)
    shop.later("50 seconds")
    (sent,) = shop.rows("claim_channel_refunds", "w")

    assert refund(shop, "R2", 1).not_before == sent.sent_at + timedelta(minutes=1)
    shop.later("1 hour")
    assert refund(shop, "R3", 1).state == "pending"


def test_e20_limits_about_a_payment_are_its_own_channels(shop: Shop) -> None:
    """A fallback did not take the payment: of its rules, those about money hold."""
    shop.channel(
        "back",
        refund_window="1 day",
        max_refunds=1,
        refund_interval="1 hour",
        can_refund_in_part=False,
    )
    shop.channel("new", can_refund=False, fallback_channel="back")
    paid_by(shop, "new")
    shop.later("91 days")
    made = [refund(shop, number, 10) for number in ("R1", "R2")]

    assert [(m.channel, m.state) for m in made] == [("back", "pending")] * 2
    shop.channel("back", min_refund=11)
    assert refund(shop, "R3", 10).state == "waiting"


def test_e20_e18_what_a_person_paid_out_does_not_wait(shop: Shop) -> None:
    shop.channel("new", can_refund=False)
    paid_by(shop, "new")
    shop.call("record_refund", "A", "R", 20, "cash")

    made = shop.channel_refund("R", "P")
    assert (made.channel, made.state, made.reason) == ("cash", "succeeded", None)


def test_e20_an_offline_channel_with_limits_waits_for_a_person(shop: Shop) -> None:
    shop.channel("till", "offline", refund_interval="1 minute", max_refunds=1)
    paid_by(shop, "till")
    made = [refund(shop, number, 1) for number in ("R1", "R2")]

    assert [(m.state, m.due_at) for m in made] == [("waiting", None)] * 2
    assert made[0].reason == "manual"
    assert made[1].reason.startswith("number: ")


def test_refuses_bad_names(shop: Shop, subtests: pytest.Subtests) -> None:
    for name in [None, "", "Upper", "a b", "x" * 65, "1st", "渠道"]:
        with subtests.test(name=name), shop.refused("MX901"):
            register(shop, name, "New", "online")


def test_refuses_bad_titles_and_kinds(shop: Shop, subtests: pytest.Subtests) -> None:
    for title, kind in [
        ("", "online"),
        (None, "online"),
        ("two\nlines", "online"),
        ("New", "barter"),
        ("New", None),
    ]:
        with subtests.test(title=title, kind=kind), shop.refused("MX905"):
            register(shop, "new", title, kind)


def test_refuses_bad_limits(shop: Shop, subtests: pytest.Subtests) -> None:
    intervals = ["0", "-1 day", "0.5 seconds", "101 years", "1 year -364 days"]
    for limit in ("refund_window", "refund_interval"):
        for interval in intervals:
            with subtests.test(limit=limit, interval=interval), shop.refused("MX905", "new"):
                shop.channel("new", **{limit: interval})
    for number in (0, -1):
        with subtests.test(max_refunds=number), shop.refused("MX904", number):
            shop.channel("new", max_refunds=number)
    for amount in (0, -1, 10**15 + 1):
        with subtests.test(min_refund=amount), shop.refused("MX902", amount):
            shop.channel("new", min_refund=amount)
    with subtests.test("source"), shop.refused("MX905", 1001):
        shop.channel("new", source="x" * 1001)


def test_refuses_bad_fallbacks(shop: Shop) -> None:
    with shop.refused("MX203", "teleport"):
        shop.channel("new", fallback_channel="teleport")
    for known in (False, True):
        with shop.refused("MX905", "new"):
            shop.channel("new", fallback_channel="new")
        if not known:
            shop.channel("new")


def test_e44_how_a_channel_numbers_its_transactions(shop: Shop) -> None:
    known = shop.query("select channel, txn_numbers from mixpay.channel_list order by channel")
    assert {c.channel for c in known if c.txn_numbers != "unique"} == {"pos"}
    for bad in ["weekly", "", "Unique"]:
        with shop.refused("MX905", "txn_numbers"):
            shop.channel("till", txn_numbers=bad)
    for bad in ["Mars/Base", "", "+08", "x" * 1000]:
        with shop.refused("MX905", "zone"):
            shop.channel("till", txn_numbers="daily", day_zone=bad)
    left_out = shop.channel("till", txn_numbers=None, day_zone=None, refund_to_money=None)
    assert limits(left_out) == NONE
