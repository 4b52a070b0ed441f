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


def test_e05_a_time_out_stays_in_doubt_and_reserved(shop: Shop) -> None:
    shop.rows("claim_channel_refunds", "w")
    assert shop.listed("doubt_list") == {}
    doubt = shop.call("doubt_channel_refund", number_of(shop, "P1"), "timed out", "w")

    assert shop.listed("doubt_list") == {"P1": 60}
    due = "select due_at, not_before from mixpay.channel_refund_list where state = 'doubt'"
    assert shop.query(due) == [(doubt.due_at, None)]
    assert (doubt.state, doubt.reason) == ("doubt", "timed out")
    assert shop.row("refunds", "R").state == "processing"
    assert shop.row("payments", "P1").refunded == 60
    with shop.refused("MX301", 100, 0):
        shop.refund("A", "R2", 1)


def test_backs_off_longer_each_time(shop: Shop) -> None:
    waits = []
    for _ in range(3):
        shop.conn.execute("update mixpay.channel_refunds set due_at = now() where due_at > now()")
        shop.rows("claim_channel_refunds", "w")
        doubt = shop.call("doubt_channel_refund", number_of(shop, "P1"), "timed out", "w")
        (at,) = shop.query(
            "select max(created_at) as now from mixpay.history where to_state = 'doubt'"
        )
        waits.append((doubt.due_at - at.now).total_seconds())
        with shop.unchanged():
            assert shop.rows("claim_channel_refunds", "w") == []

    assert waits == [10, 20, 40]
    # However often, at most an hour.
    shop.conn.execute(
        "update mixpay.channel_refunds set attempts = 9223372036854775805, due_at = now() "
        "where due_at > now()"
    )
    shop.rows("claim_channel_refunds", "w")
    doubt = shop.call("doubt_channel_refund", number_of(shop, "P1"), "timed out", "w")
    (at,) = shop.query("select max(created_at) as now from mixpay.history where to_state = 'doubt'")
    assert (doubt.due_at - at.now).total_seconds() == 3600


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("0", 0), ("90 seconds", 90), ("1 day", 86400), ("24 hours", 86400)],
)
def test_may_say_when_to_try_again(shop: Shop, retry_after: str, seconds: int) -> None:
    shop.rows("claim_channel_refunds", "w")
    doubt = shop.call(
        "doubt_channel_refund", number_of(shop, "P1"), "busy", "w", retry_after=retry_after
    )
    ((since,),) = shop.query("select max(created_at) from mixpay.history where to_state = 'doubt'")

    assert (doubt.due_at - since).total_seconds() == seconds
    assert len(shop.rows("claim_channel_refunds", "w")) == (0 if seconds else 1)


def test_refuses_a_back_off_out_of_bounds(shop: Shop, subtests: pytest.Subtests) -> None:
    for retry_after in ["-1 second", "86401 seconds", "2 days", "1 month", "1 day -48:00"]:
        with subtests.test(retry_after=retry_after), shop.refused("MX905"):
            shop.call(
                "doubt_channel_refund", number_of(shop, "P1"), "busy", retry_after=retry_after
            )


def test_every_doubt_is_on_record_and_a_repeated_one_changes_nothing(shop: Shop) -> None:
    first = shop.call("doubt_channel_refund", number_of(shop, "P1"), "timed out")
    with shop.unchanged():
        again = shop.call("doubt_channel_refund", number_of(shop, "P1"), "still nobody knows")
    entries = shop.query(
        "select reason from mixpay.history where to_state = 'doubt' order by entry"
    )

    assert again == first
    assert [entry.reason for entry in entries] == ["timed out"]


def test_refuses_a_mark_after_the_lease(shop: Shop) -> None:
    shop.rows("claim_channel_refunds", "w")
    shop.conn.execute("update mixpay.channel_refunds set due_at = now() where due_at > now()")
    for mark in ("doubt_channel_refund", "fail_channel_refund"):
        with shop.refused("MX305", "w"):
            shop.call(mark, number_of(shop, "P1"), "timed out", "w")


def test_once_claimed_again_only_who_has_it_may_mark_it(shop: Shop) -> None:
    shop.rows("claim_channel_refunds", "w1")
    shop.conn.execute("update mixpay.channel_refunds set due_at = now() where due_at > now()")
    shop.rows("claim_channel_refunds", "w2")
    with shop.refused("MX305", "w2"):
        shop.call("fail_channel_refund", number_of(shop, "P1"), "who says so?")
    assert (
        shop.call("fail_channel_refund", number_of(shop, "P1"), "refused", "w2").state == "failed"
    )


@pytest.mark.parametrize("end", ["complete", "fail"])
def test_refuses_to_doubt_an_end(shop: Shop, end: str) -> None:
    getattr(shop, end)("R", "P1")
    with shop.refused("MX304", number_of(shop, "P1")):
        shop.call("doubt_channel_refund", number_of(shop, "P1"), "timed out")


def test_refuses_to_doubt_what_waits_for_a_person(shop: Shop) -> None:
    with shop.refused("MX304", "waiting"):
        shop.call("doubt_channel_refund", number_of(shop, "P2"), "timed out")


def test_refuses_a_worker_who_was_overtaken(shop: Shop) -> None:
    shop.rows("claim_channel_refunds", "w1")
    shop.conn.execute("update mixpay.channel_refunds set due_at = now() where due_at > now()")
    shop.rows("claim_channel_refunds", "w2")
    with shop.refused("MX305", "w2"):
        shop.call("doubt_channel_refund", number_of(shop, "P1"), "timed out", "w1")

    assert shop.call("doubt_channel_refund", number_of(shop, "P1"), "timed out", "w2")


def test_refuses_bad_input(shop: Shop) -> None:
    with shop.refused("MX303", "nothing"):
        shop.call("doubt_channel_refund", "nothing", "timed out")
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").call("doubt_channel_refund", "nothing", "timed out")
    with shop.refused("MX901"):
        shop.call("doubt_channel_refund", None, "timed out")
    with shop.refused("MX905", 1001):
        shop.call("doubt_channel_refund", number_of(shop, "P1"), "x" * 1001)


def test_one_that_was_never_claimed_counts_as_sent(shop: Shop) -> None:
    """So that whoever claims it asks the channel first."""
    shop.merge("T9", Z=100)
    shop.pay("T9", "P9", 100, "card")
    shop.refund("Z", "R9", 100)
    number = shop.channel_refund("R9", "P9").channel_refund_no
    assert shop.call("doubt_channel_refund", number, "sent by hand").attempts == 1


def test_a_worker_whose_lease_is_over_cannot_end_what_another_doubts(shop: Shop) -> None:
    shop.merge("T9", Z=100)
    shop.pay("T9", "P9", 100, "card")
    shop.refund("Z", "R9", 100)
    number = shop.channel_refund("R9", "P9").channel_refund_no
    shop.rows("claim_channel_refunds", "slow")
    shop.conn.execute(
        "update mixpay.channel_refunds set due_at = now() - interval '1 s' where state = 'sent'"
    )
    shop.rows("claim_channel_refunds", "next")
    shop.call("doubt_channel_refund", number, "time-out", "next")
    with shop.refused("MX305", "next"):
        shop.call("fail_channel_refund", number, "refused", "slow")


def test_waits_ten_seconds_after_the_first_attempt(shop: Shop) -> None:
    """Claimed or not: who sent it without a claim sent it once."""
    unclaimed = shop.call("doubt_channel_refund", number_of(shop, "P1"), "timed out")
    assert (unclaimed.due_at - unclaimed.sent_at).total_seconds() == 10
    assert unclaimed.attempts == 1
