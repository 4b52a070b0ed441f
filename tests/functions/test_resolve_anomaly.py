from typing import Any

import pytest
from shop import Shop, day


@pytest.fixture(autouse=True)
def anomaly(shop: Shop) -> None:
    """R 70 of P2 failed, R2 50 was refunded instead, and then R went out after all."""
    shop.merge("T", A=100)
    shop.pay("T", "P1", 30, "wallet", day(1))
    shop.pay("T", "P2", 70, "card", day(2))
    shop.refund("A", "R", 100)
    shop.complete("R", "P1")
    shop.fail("R", "P2")
    shop.refund("A", "R2", 50)
    shop.call("complete_channel_refund", number_of(shop), "X2", day(5))
    assert shop.listed("anomaly_list") == {"P2": 70}


def number_of(shop: Shop) -> str:
    return shop.channel_refund("R", "P2").channel_refund_no


def resolve(shop: Shop, resolution: Any, reason: Any = "seen") -> Any:
    return shop.call("resolve_anomaly", number_of(shop), resolution, reason)


def account(shop: Shop) -> int:
    """What stands on the account of anomalies."""
    (flow,) = shop.query(
        "select coalesce(sum(case when from_account = 'anomaly' then amount else -amount end), 0) "
        "as sum from mixpay.facts where 'anomaly' in (from_account, to_account)"
    )
    return flow.sum


@pytest.mark.parametrize(
    ("resolution", "account_name"), [("recovered", "channel"), ("written_off", "outside")]
)
def test_money_that_came_back_or_is_borne(shop: Shop, resolution: str, account_name: str) -> None:
    assert account(shop) == 70
    listed = shop.query("select channel, channel_txn_no, happened_at from mixpay.anomaly_list")
    assert listed == [("card", "X2", day(5))]
    watched = "select value from mixpay.metrics where metric = 'anomalies_open'"
    assert shop.query(watched) == [(1,)]
    resolved = resolve(shop, resolution, "the buyer paid it back")

    assert (resolved.resolution, resolved.reason) == (resolution, "the buyer paid it back")
    assert shop.listed("anomaly_list") == {}
    assert shop.query(watched) == [(0,)]
    assert account(shop) == 0
    (fact,) = shop.query("select * from mixpay.facts where to_account = 'anomaly'")
    assert (fact.from_account, fact.amount) == (account_name, 70)
    # The refunds are as they were.
    assert shop.row("channel_refunds", number_of(shop)).state == "failed"
    assert shop.row("refunds", "R").state == "partly_failed"
    assert shop.balance("A").refunded == 80


def test_a_day_has_what_is_borne_under_no_name(shop: Shop) -> None:
    resolve(shop, "written_off")
    moved = shop.query(
        "select owner, moved from mixpay.day_flow where account in ('anomaly', 'outside') "
        "order by account"
    )
    assert moved == [("", 0), ("", -70)]


def test_booked_counts_as_refunded_when_it_is_free_again(shop: Shop) -> None:
    shop.fail("R2", "P2")
    assert shop.balance("A").refundable == 70
    assert resolve(shop, "booked").resolution == "booked"

    assert shop.listed("anomaly_list") == {}
    assert account(shop) == 0
    booked = shop.row("channel_refunds", number_of(shop))
    assert (booked.state, booked.channel_txn_no, booked.refunded_at) == ("succeeded", "X2", day(5))
    assert shop.row("refunds", "R").state == "succeeded"
    assert shop.balance("A").refundable == 0
    assert shop.row("payments", "P2").refunded == 70


def test_e19_booked_keeps_the_caps(shop: Shop) -> None:
    with shop.refused("MX301", 70):
        resolve(shop, "booked")
    shop.fail("R2", "P2")
    shop.refund("A", "R3", 1)
    with shop.refused("MX301", 70):
        resolve(shop, "booked")

    # It can be resolved otherwise.
    assert resolve(shop, "written_off").resolution == "written_off"


def test_booked_may_bounce(shop: Shop) -> None:
    shop.fail("R2", "P2")
    resolve(shop, "booked")
    shop.bounce("R", "P2")

    assert shop.balance("A").refundable == 70
    assert shop.redirect("R", "P2", "bank").state == "pending"


def test_what_bounced_and_was_sent_twice_can_be_booked(shop: Shop) -> None:
    shop.complete("R2", "P2", "Y1")
    shop.bounce("R2", "P2")
    shop.refund("A", "R3", 70)
    number = shop.channel_refund("R2", "P2").channel_refund_no
    assert shop.call("complete_channel_refund", number, "Y2").state == "bounced"
    shop.fail("R3", "P2")
    assert shop.listed("anomaly_list") == {"P2": 120}
    shop.call("resolve_anomaly", number, "booked", "seen")

    assert shop.row("channel_refunds", number).state == "succeeded"
    assert shop.row("refunds", "R2").state == "succeeded"
    assert shop.balance("A").refundable == 20
    assert shop.listed("bounced_list") == {}


def test_a_surplus_may_be_an_anomaly_too(shop: Shop) -> None:
    shop.pay("T", "P3", 20, "card")
    surplus = shop.surplus_refund("P3").refund_no
    shop.fail(surplus, "P3")
    first = shop.channel_refund(surplus, "P3").channel_refund_no
    shop.redirect(surplus, "P3", "bank")
    shop.complete(surplus, "P3", "Y3")
    shop.call("complete_channel_refund", first, "X3")
    assert shop.listed("anomaly_list") == {"P2": 70, "P3": 20}
    # The buyer got it twice; the second one comes back.
    shop.bounce(surplus, "P3")
    shop.call("resolve_anomaly", first, "booked", "seen")

    assert shop.listed("anomaly_list") == {"P2": 70}
    assert shop.listed("surplus_list") == {}
    payment = shop.row("payments", "P3")
    assert (payment.surplus_refunded, payment.refunded) == (20, 20)
    assert shop.row("refunds", surplus).state == "succeeded"


@pytest.mark.parametrize("resolution", ["recovered", "written_off"])
def test_it_can_be_redirected_afterwards_if_it_is_free(shop: Shop, resolution: str) -> None:
    shop.fail("R2", "P2")
    with shop.refused("MX308", 70):
        shop.redirect("R", "P2", "bank")
    resolve(shop, resolution)
    shop.redirect("R", "P2", "bank")
    shop.complete("R", "P2")

    assert shop.row("refunds", "R").state == "succeeded"
    assert shop.balance("A").refundable == 0


@pytest.mark.parametrize("resolution", ["booked", "recovered", "written_off"])
def test_e03_again_returns_the_first(shop: Shop, resolution: str) -> None:
    shop.fail("R2", "P2")
    first = resolve(shop, resolution, "seen")
    for reason in ("seen", "another reason", None):
        with shop.unchanged():
            assert resolve(shop, resolution, reason) == first
    for other in {"booked", "recovered", "written_off"} - {resolution}:
        with shop.refused("MX311", number_of(shop), resolution):
            resolve(shop, other)
    # And its success again is old news.
    with shop.unchanged():
        shop.complete("R", "P2", "X2")


def test_a_reason_may_be_left_out(shop: Shop) -> None:
    assert resolve(shop, "recovered", None).reason is None


def test_refuses_what_is_no_anomaly(shop: Shop) -> None:
    number = shop.channel_refund("R2", "P2").channel_refund_no
    with shop.refused("MX310", number):
        shop.call("resolve_anomaly", number, "recovered", "seen")


def test_refuses_bad_input(shop: Shop) -> None:
    with shop.refused("MX303", "nothing"):
        shop.call("resolve_anomaly", "nothing", "recovered", "seen")
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").call("resolve_anomaly", "nothing", "recovered", "seen")
    for bad in [None, "", "a b", "x" * 65]:
        with shop.refused("MX901"):
            shop.call("resolve_anomaly", bad, "recovered", "seen")
    for bad in [None, "", "BOOKED", "forgotten"]:
        with shop.refused("MX905"):
            resolve(shop, bad)
    with shop.refused("MX905", 1001):
        resolve(shop, "recovered", "x" * 1001)
    number = number_of(shop)
    with shop.refused("MX905"):
        shop.call("resolve_anomaly", number, "recovered", "seen", None, day(9999))
    for resolution in ("booked", "written_off"):
        with shop.refused("MX905", resolution):
            shop.call("resolve_anomaly", number, resolution, "seen", None, day(6))
    resolve(shop, "written_off")
    with shop.refused("MX905", "written_off"):
        shop.call("resolve_anomaly", number, "written_off", "seen", None, day(6))


def test_e43_money_that_came_back_has_its_moment(shop: Shop) -> None:
    resolved = shop.call("resolve_anomaly", number_of(shop), "recovered", None, 1, day(6))
    assert resolved.recovered_at == day(6)
    (moved,) = shop.query("select * from mixpay.journal where to_account = 'anomaly'")
    assert moved.happened_at == day(6)
    listed = shop.query(
        "select refunded_at, came_back_at from mixpay.transfer_list where state = 'recovered'"
    )
    assert listed == [(day(5), day(6))]


def test_does_not_find_another_merchants(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    number = number_of(shop)
    with shop.refused("MX303", number):
        other.call("resolve_anomaly", number, "recovered", "seen")
