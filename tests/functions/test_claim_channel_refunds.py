from typing import Any

import pytest
from shop import Shop, day


@pytest.fixture(autouse=True)
def refund(shop: Shop) -> None:
    """R: 40 to a card, 50 to WeChat, 10 in cash."""
    shop.merge("T", A=100)
    shop.pay("T", "P1", 40, "card", day(1))
    shop.pay("T", "P2", 50, "wechat", day(2))
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
    for lease in ["0", "-1 minute", None, "2 days", "1 month", "0.5 seconds"]:
        with subtests.test(lease=lease), shop.refused("MX905"):
            claim(shop, "w1", 1, lease)


def test_refuses_bad_workers(shop: Shop, subtests: pytest.Subtests) -> None:
    for worker in [None, "", "a b", "x" * 65]:
        with subtests.test(worker=worker), shop.refused("MX901"):
            shop.rows("claim_channel_refunds", worker)


def test_refuses_an_unknown_merchant(shop: Shop) -> None:
    with shop.refused("MX101", "nobody"):
        claim(Shop(shop.conn, "nobody"))
