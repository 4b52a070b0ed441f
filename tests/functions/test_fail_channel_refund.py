import pytest
from shop import Shop, day


@pytest.fixture(autouse=True)
def refund(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.pay("T", "P1", 60, "card", day(1))
    shop.pay("T", "P2", 40, "cash", day(2))
    shop.refund("A", "R", 100)


def number_of(shop: Shop, payment_no: str) -> str:
    return shop.channel_refund("R", payment_no).channel_refund_no


def test_frees_the_amount(shop: Shop) -> None:
    failed = shop.call("fail_channel_refund", number_of(shop, "P1"), "card expired")

    assert (failed.state, failed.reason) == ("failed", "card expired")
    assert shop.row("payments", "P1").refunded == 0
    assert shop.line("T", "A").refunded == 40
    assert shop.row("trades", "T").refunded == 40
    assert shop.balance("A").refundable == 60
    # The detail stays as it was; it only counts no longer.
    (detail,) = shop.query("select * from mixpay.refund_details where payment_no = 'P1'")
    assert (detail.amount, detail.freed) == (60, True)


def test_what_was_freed_may_be_refunded_again_first_in_first_out(shop: Shop) -> None:
    shop.fail("R", "P1")

    assert shop.refund("A", "R2", 50) == {"P1": 50}


def test_the_refund_fails_when_no_part_is_on_its_way(shop: Shop) -> None:
    shop.fail("R", "P1")
    assert shop.row("refunds", "R").state == "processing"
    shop.fail("R", "P2")
    assert shop.row("refunds", "R").state == "failed"
    assert shop.balance("A").refunded == 0


def test_e06_frees_once(shop: Shop) -> None:
    first = shop.call("fail_channel_refund", number_of(shop, "P1"), "refused")
    with shop.unchanged():
        assert shop.call("fail_channel_refund", number_of(shop, "P1"), "refused") == first
    with shop.unchanged():
        assert shop.call("fail_channel_refund", number_of(shop, "P1"), "another reason") == first


def test_a_failed_surplus_stays_the_payments(shop: Shop) -> None:
    shop.pay("T", "P3", 20, "card")
    surplus = shop.surplus_refund("P3").refund_no
    shop.fail(surplus, "P3")

    assert shop.row("refunds", surplus).state == "failed"
    payment = shop.row("payments", "P3")
    assert (payment.surplus, payment.refunded, payment.surplus_refunded) == (20, 0, 0)


def test_nothing_goes_backwards_after_success(shop: Shop) -> None:
    shop.complete("R", "P1", "X1")
    with shop.refused("MX304", number_of(shop, "P1"), "X1"):
        shop.fail("R", "P1")


def test_fails_after_doubt(shop: Shop) -> None:
    shop.rows("claim_channel_refunds", "w")
    shop.call("doubt_channel_refund", number_of(shop, "P1"), "timed out")

    assert shop.fail("R", "P1").state == "failed"


def test_a_failed_part_is_not_claimed_again(shop: Shop) -> None:
    shop.fail("R", "P1")

    assert shop.rows("claim_channel_refunds", "w") == []


def test_refuses_a_worker_who_was_overtaken(shop: Shop) -> None:
    shop.rows("claim_channel_refunds", "w1")
    shop.conn.execute("update mixpay.channel_refunds set due_at = now() where due_at > now()")
    shop.rows("claim_channel_refunds", "w2")
    with shop.refused("MX305", "w2"):
        shop.call("fail_channel_refund", number_of(shop, "P1"), "refused", "w1")

    failed = shop.call("fail_channel_refund", number_of(shop, "P1"), "refused", "w2")
    assert failed.state == "failed"


def test_refuses_bad_input(shop: Shop) -> None:
    with shop.refused("MX303", "nothing"):
        shop.call("fail_channel_refund", "nothing", "refused")
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").call("fail_channel_refund", "nothing", "refused")
    with shop.refused("MX901"):
        shop.call("fail_channel_refund", None, "refused")
    with shop.refused("MX905", 1001):
        shop.call("fail_channel_refund", number_of(shop, "P1"), "x" * 1001)
