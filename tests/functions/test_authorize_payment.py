from datetime import timedelta

import pytest
from shop import Shop, day, orders

SOON = day(90) + timedelta(days=7)


@pytest.fixture(autouse=True)
def payment(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.start("T", "P", 60, "card")


def to_do(shop: Shop) -> dict[str, str]:
    rows = shop.query("select payment_no, to_do from mixpay.authorization_list")
    return {row.payment_no: row.to_do for row in rows}


def changes(shop: Shop, payment_no: str = "P") -> list[tuple[str, str]]:
    rows = shop.query(
        "select from_state, to_state from mixpay.history where entity = 'payment' and number = %s"
        " order by entry",
        payment_no,
    )
    return [(row.from_state, row.to_state) for row in rows]


def test_the_channel_holds_it_and_it_is_not_ours(shop: Shop) -> None:
    payment = shop.call("authorize_payment", "P", "a-1", SOON)

    assert (payment.state, payment.authorized, payment.amount) == ("authorized", 60, 0)
    assert (payment.authorization_no, payment.authorization_expires_at) == ("a-1", SOON)
    assert changes(shop) == [("", "pending"), ("pending", "authorized")]
    reasons = shop.query("select reason from mixpay.history where to_state = 'authorized'")
    assert reasons == [("authorized: 60",)]
    trade = shop.query("select * from mixpay.trade_balances")[0]
    assert (trade.paid, trade.authorized, trade.state) == (0, 60, "open")
    assert to_do(shop) == {"P": "capture or void"}
    assert shop.query("select from mixpay.journal") == []


@pytest.mark.parametrize(("beyond", "expired"), [(0, True), (1, False)])
def test_e49_it_has_expired_at_its_very_end(shop: Shop, beyond: int, expired: bool) -> None:
    """To the microsecond, and not before: in a transaction, in which now stands still."""
    with shop.conn.transaction():
        ((now,),) = shop.query("select now()")
        shop.call("authorize_payment", "P", "a-1", now + timedelta(microseconds=beyond))
        (listed,) = shop.query("select expired, to_do from mixpay.authorization_list")
    assert listed == (expired, "fail" if expired else "capture or void")


def test_another_amount_than_was_started_may_be_reserved(shop: Shop) -> None:
    assert shop.call("authorize_payment", "P", "a-1", None, 75).authorized == 75
    assert shop.succeed("P", "c-1").amount == 75


def test_it_is_an_attempt_under_way(shop: Shop) -> None:
    shop.call("authorize_payment", "P", "a-1")
    listed = shop.query("select state, trade_state, expired from mixpay.authorization_list")
    assert listed == [("authorized", "open", False)]
    with shop.refused("MX107", "T", 1):
        shop.call("merge_orders", orders(A=100), "T2")


def test_e49_capturing_a_part_ends_it(shop: Shop) -> None:
    shop.call("authorize_payment", "P", "a-1")
    payment = shop.succeed("P", "c-1", amount=45)

    assert (payment.state, payment.amount, payment.authorized) == ("succeeded", 45, 60)
    assert (payment.channel_txn_no, payment.authorization_no) == ("c-1", "a-1")
    assert to_do(shop) == {}
    assert shop.row("trades", "T").paid == 45


def test_e49_two_captures_are_two_payments(shop: Shop) -> None:
    shop.call("authorize_payment", "P", "a-1")
    shop.succeed("P", "c-1", amount=45)
    second = shop.call("record_payment", "T", "P2", "card", 15, None, "c-2", captures="P")

    assert (second.captures, second.amount, second.channel_txn_no) == ("P", 15, "c-2")
    assert shop.row("trades", "T").paid == 60
    with shop.unchanged():
        again = shop.call("record_payment", "T", "P2", "card", 15, None, "c-2", captures="P")
        assert again == second
    item = {"trade_no": "T", "payment_no": "P4", "channel": "card", "amount": 5, "captures": "P"}
    (third,) = shop.rows("record_payments", [item])
    assert (third.captures, third.amount) == ("P", 5)
    shop.pay("T", "P3", 10, "card")
    with shop.refused("MX202"):
        shop.call("record_payment", "T", "P3", "card", 10, captures="P")


def test_e49_an_authorization_that_expires_is_listed_and_fails(shop: Shop) -> None:
    shop.call("authorize_payment", "P", "a-1", day(1))
    assert to_do(shop) == {"P": "fail"}
    payment = shop.call("fail_payment", "P", "expired")

    assert payment.state == "failed"
    assert payment.voided_at is not None
    assert to_do(shop) == {}
    assert changes(shop)[-1] == ("authorized", "failed")
    with shop.unchanged():
        assert shop.call("fail_payment", "P", "expired") == payment
    # Money that arrives after all is booked.
    assert shop.succeed("P", "c-1").amount == 60


def test_a_trade_that_closes_lists_what_is_to_be_voided(shop: Shop) -> None:
    shop.call("authorize_payment", "P", "a-1")
    shop.start("T", "Q", 40)
    shop.call("close_trade", "T", "abandoned")

    assert changes(shop)[-1] == ("authorized", "closed")
    assert changes(shop, "Q")[-1] == ("pending", "closed")
    assert to_do(shop) == {"P": "void"}
    payment = shop.call("fail_payment", "P", "voided")
    assert (payment.state, to_do(shop)) == ("closed", {})
    assert changes(shop)[-1] == ("closed", "closed")
    with shop.unchanged():
        assert shop.call("fail_payment", "P", "voided") == payment


@pytest.mark.parametrize("state", ["failed", "closed"])
def test_e08_news_that_comes_too_late_is_listed_and_nothing_goes_backwards(
    shop: Shop, state: str
) -> None:
    if state == "failed":
        shop.call("fail_payment", "P", "declined")
    else:
        shop.call("close_trade", "T", "abandoned")
    payment = shop.call("authorize_payment", "P", "a-1")

    assert (payment.state, payment.authorized) == (state, 60)
    assert to_do(shop) == {"P": "void"}
    assert changes(shop)[-1] == (state, state)
    with shop.unchanged():
        assert shop.call("authorize_payment", "P", "a-1") == payment
    shop.call("fail_payment", "P", "voided")
    assert to_do(shop) == {}


def test_e08_news_after_the_capture_takes_nothing_back(shop: Shop) -> None:
    """A callback that was overtaken: a further capture still finds what it captures."""
    captured = shop.call("succeed_payment", "P", "c-1", day(2), 40)
    payment = shop.call("authorize_payment", "P", "a-1", SOON)
    assert (payment.authorized, payment.authorization_no) == (60, "a-1")
    assert (payment.state, payment.amount, payment.paid_at) == ("succeeded", 40, captured.paid_at)
    assert changes(shop)[-1] == ("succeeded", "succeeded")
    assert to_do(shop) == {}
    with shop.unchanged():
        assert shop.call("authorize_payment", "P", "a-1", SOON) == payment
        assert shop.call("succeed_payment", "P", "c-1", day(2), 40) == payment
    named = {"channel_txn_no": "c-2", "captures": "P"}
    assert shop.call("record_payment", "T", "P2", "card", 20, day(2), **named).captures == "P"


def test_e08_a_moment_may_come_after_news_that_was_overtaken(shop: Shop) -> None:
    shop.succeed("P", "c-1")
    shop.call("authorize_payment", "P", "a-1")
    assert shop.succeed("P", "c-1", paid_at=day(2)).paid_at == day(2)
    with shop.refused("MX208", "c-1"):
        shop.succeed("P", "c-1", paid_at=day(3))


def test_e03_the_same_news_again_changes_nothing(shop: Shop) -> None:
    first = shop.call("authorize_payment", "P", "a-1", SOON, 60)
    with shop.unchanged():
        assert shop.call("authorize_payment", "P", "a-1", SOON, 60) == first
        assert shop.call("authorize_payment", "P", None) == first


def test_e43_number_and_end_may_come_later(shop: Shop) -> None:
    shop.call("authorize_payment", "P", None)
    payment = shop.call("authorize_payment", "P", "a-1", SOON)
    assert (payment.authorization_no, payment.authorization_expires_at) == ("a-1", SOON)
    shop.succeed("P", "c-1")
    assert shop.call("authorize_payment", "P", "a-1").state == "succeeded"


@pytest.mark.parametrize(
    ("txn", "expires_at", "amount"),
    [("a-2", None, None), (None, day(3), None), (None, None, 61)],
)
def test_other_news_is_refused(shop: Shop, txn: str, expires_at: object, amount: int) -> None:
    shop.call("authorize_payment", "P", "a-1", SOON)
    with shop.refused("MX211", 60, "a-1"):
        shop.call("authorize_payment", "P", txn, expires_at, amount)


def test_money_that_was_recorded_was_never_reserved(shop: Shop) -> None:
    shop.pay("T", "P2", 10)
    with shop.refused("MX211"):
        shop.call("authorize_payment", "P2", "a-1")


def test_captures_what_was_authorized_by_the_channel_for_the_trade(shop: Shop) -> None:
    with shop.refused("MX212", "P"):
        shop.call("record_payment", "T", "P2", "card", 5, captures="P")
    shop.call("authorize_payment", "P", "a-1")
    with shop.refused("MX212", "card"):
        shop.call("record_payment", "T", "P2", "alipay", 5, captures="P")
    shop.merge("T2", B=10)
    with shop.refused("MX212", "T"):
        shop.call("record_payment", "T2", "P2", "card", 5, captures="P")
    with shop.refused("MX212", "no such payment"):
        shop.call("record_payment", "T", "P2", "card", 5, captures="nothing")
    with shop.refused("MX901"):
        shop.call("record_payment", "T", "P2", "card", 5, captures="")


def test_refuses_bad_input(shop: Shop) -> None:
    with shop.refused("MX201", "nothing"):
        shop.call("authorize_payment", "nothing", "a-1")
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").call("authorize_payment", "P", "a-1")
    with shop.refused("MX901"):
        shop.call("authorize_payment", None, "a-1")
    with shop.refused("MX901"):
        shop.call("authorize_payment", "P", "")
    with shop.refused("MX902"):
        shop.call("authorize_payment", "P", "a-1", None, 0)
    # Of two, the amount is told first, as it always was.
    with shop.refused("MX902"):
        shop.call("authorize_payment", "P", "", None, 0)
    with shop.refused("MX905"):
        shop.call("authorize_payment", "P", "a-1", "infinity")
