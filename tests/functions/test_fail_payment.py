import pytest
from shop import Shop


@pytest.fixture(autouse=True)
def payment(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.start("T", "P", 60)


def test_fails_a_pending_payment_with_its_reason_on_record(shop: Shop) -> None:
    payment = shop.call("fail_payment", "P", "declined")

    assert (payment.state, payment.amount, payment.paid_at) == ("failed", 0, None)
    (entry,) = shop.query("select * from mixpay.history where to_state = 'failed'")
    assert (entry.number, entry.from_state, entry.reason) == ("P", "pending", "declined")
    assert shop.row("trades", "T").state == "open"


def test_needs_no_reason(shop: Shop) -> None:
    assert shop.call("fail_payment", "P", None).state == "failed"


def test_e03_a_second_failure_changes_nothing(shop: Shop) -> None:
    first = shop.call("fail_payment", "P", "declined")
    with shop.unchanged():
        assert shop.call("fail_payment", "P", "another reason") == first


def test_e08_a_failure_after_success_is_refused(shop: Shop) -> None:
    shop.succeed("P", "X1")
    with shop.refused("MX208", 60):
        shop.call("fail_payment", "P", "declined")


def test_e08_a_failure_after_success_after_failure_is_refused(shop: Shop) -> None:
    shop.call("fail_payment", "P", "declined")
    shop.succeed("P")
    with shop.refused("MX208", 60):
        shop.call("fail_payment", "P", "declined")


def test_a_recorded_payment_cannot_fail(shop: Shop) -> None:
    shop.pay("T", "P2", 10)
    with shop.refused("MX208", 10):
        shop.call("fail_payment", "P2", "declined")


def test_refuses_bad_input(shop: Shop) -> None:
    with shop.refused("MX201", "nothing"):
        shop.call("fail_payment", "nothing", "declined")
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").call("fail_payment", "P", "declined")
    with shop.refused("MX901"):
        shop.call("fail_payment", None, "declined")
    with shop.refused("MX905", 1001):
        shop.call("fail_payment", "P", "x" * 1001)
