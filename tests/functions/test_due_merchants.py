from datetime import timedelta

import pytest
from shop import Shop


def due(shop: Shop, *arguments: str | int | None, **named: int | list[str]) -> list[str]:
    """Of all merchants: it names none."""
    values = [*arguments, *named.values()]
    places = ["%s" for _ in arguments] + [f"p_{name} => %s" for name in named]
    rows = shop.query(f"select * from mixpay.due_merchants({', '.join(places)})", *values)
    return [row.merchant_id for row in rows]


def merchant(shop: Shop, merchant_id: str, channel: str = "card") -> Shop:
    """One with a refund of 5 on its way."""
    other = Shop(shop.conn, merchant_id)
    other.call("register_merchant", "Other")
    other.merge("T", A=5)
    other.pay("T", "P", 5, channel)
    other.refund("A", "R", 5)
    return other


def test_nobody_has_anything_to_send(shop: Shop) -> None:
    shop.merge("T", A=5)
    shop.pay("T", "P", 5)

    assert due(shop) == []


def test_names_those_with_work_that_is_due_in_their_order(shop: Shop) -> None:
    for name in ("c", "a", "B", "b"):
        merchant(shop, name)
    merchant(shop, "z", "cash")

    assert due(shop) == ["B", "a", "b", "c"]


def test_says_since_when(shop: Shop) -> None:
    other = merchant(shop, "a")
    first = other.channel_refund("R", "P").due_at
    other.merge("T2", B=5)
    other.pay("T2", "P2", 5, "card")
    other.refund("B", "R2", 5)

    assert shop.query("select * from mixpay.due_merchants()") == [("a", first)]


def test_what_is_claimed_is_due_when_its_lease_ends(shop: Shop) -> None:
    other = merchant(shop, "a")
    other.rows("claim_channel_refunds", "w", lease="1 hour")
    assert due(shop) == []
    other.later("61 minutes")
    assert due(shop) == ["a"]
    other.rows("claim_channel_refunds", "w")
    other.complete("R", "P")
    assert due(shop) == []


def test_what_waits_for_its_moment_is_due_then(shop: Shop) -> None:
    shop.channel("slow", refund_interval="1 minute")
    other = merchant(shop, "a", "slow")
    other.merge("T2", B=5)
    other.pay("T2", "P2", 10, "slow")
    other.refund("B", "R2", 5)
    other.complete("R", "P")
    surplus = other.channel_refund(other.surplus_refund("P2").refund_no, "P2")
    other.call("complete_channel_refund", surplus.channel_refund_no, None)
    assert other.channel_refund("R2", "P2").state == "waiting"
    assert due(shop) == []
    other.later("2 minutes")
    assert due(shop) == ["a"]


def test_goes_round(shop: Shop) -> None:
    for name in ("a", "b", "c", "d"):
        merchant(shop, name)
    merchant(shop, "bb", "cash")

    assert due(shop, limit=2) == ["a", "b"]
    assert due(shop, "b", 1) == ["c"]
    assert due(shop, "c") == ["d"]
    assert due(shop, "d") == []
    # One that went away since, or never was.
    assert due(shop, "bzz", 1) == ["c"]
    assert due(shop, None, 1) == due(shop, "", 1) == ["a"]


def test_a_merchant_whose_work_is_not_due_takes_no_place(shop: Shop) -> None:
    for name in ("a", "b", "c"):
        merchant(shop, name)
    Shop(shop.conn, "a").rows("claim_channel_refunds", "w")

    assert due(shop, limit=1) == ["b"]


def test_refuses_bad_limits(shop: Shop, subtests: pytest.Subtests) -> None:
    for limit in [0, -1, None, 1001, 2**63 - 1]:
        with (
            subtests.test(limit=limit),
            shop.refused("MX904", "null" if limit is None else limit),
        ):
            due(shop, None, limit)


def test_names_only_those_with_work_for_the_named_channels(shop: Shop) -> None:
    merchant(shop, "m1", "card")
    merchant(shop, "m2", "alipay")

    assert due(shop, channels=["alipay"]) == ["m2"]
    assert due(shop, channels=["bank"]) == []
    assert due(shop, channels=["card", "alipay"]) == ["m1", "m2"]
    for channels in ([], ["card"] * 1001):
        with shop.refused("MX904", "channels"):
            shop.query("select from mixpay.due_merchants(p_channels => %s::text[])", channels)
    for channels in (["caard"], [None]):
        with shop.refused("MX203"):
            shop.query("select from mixpay.due_merchants(p_channels => %s::text[])", channels)


@pytest.mark.parametrize(
    ("beyond", "names"), [(timedelta(microseconds=1), []), (timedelta(), ["a"])]
)
def test_work_is_due_at_its_very_moment(shop: Shop, beyond: timedelta, names: list[str]) -> None:
    other = merchant(shop, "a")
    number = other.channel_refund("R", "P").channel_refund_no
    with shop.conn.transaction():
        ((now,),) = shop.query("select now()")
        other.call("defer_channel_refund", number, "closed at night", now + beyond)
        assert due(shop) == names
