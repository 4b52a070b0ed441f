from datetime import timedelta

import pytest
from shop import Shop, day


@pytest.fixture(autouse=True)
def refund(shop: Shop) -> None:
    """R: 60 to a card, which has succeeded, and 20 to the wallet."""
    shop.merge("T", A=100)
    shop.pay("T", "P1", 60, "card", day(1))
    shop.pay("T", "P2", 40, "wallet", day(2))
    shop.refund("A", "R", 80)
    shop.call("complete_channel_refund", number_of(shop, "P1"), "X1", day(3))


def number_of(shop: Shop, payment_no: str) -> str:
    return shop.channel_refund("R", payment_no).channel_refund_no


def transfers(shop: Shop) -> list[tuple[int, str, str]]:
    """How P1's part of R went, and what became of that."""
    return shop.query(
        "select nth, channel_txn_no, state from mixpay.transfer_list where payment_no = 'P1' "
        "and refund_no = 'R' order by nth"
    )


def test_e21_reopens_the_amount(shop: Shop) -> None:
    bounced = shop.call("bounce_channel_refund", number_of(shop, "P1"), "account closed")

    assert (bounced.state, bounced.reason) == ("bounced", "account closed")
    assert bounced.channel_txn_no == "X1"
    assert shop.row("payments", "P1").refunded == 0
    assert shop.line("T", "A").refunded == shop.row("trades", "T").refunded == 20
    assert shop.balance("A").refundable == 80
    # Refunded or not, it stays paid.
    assert shop.balance("A").mergeable == 0
    assert shop.details("R") == {"P1": 60, "P2": 20}


def test_e21_what_came_back_can_be_refunded_again(shop: Shop) -> None:
    shop.bounce("R", "P1")
    with shop.refused("MX301", 81, 80):
        shop.refund("A", "R2", 81)
    assert shop.refund("A", "R2", 80) == {"P1": 60, "P2": 20}
    with shop.refused("MX301", 60):
        shop.redirect("R", "P1", "bank")


def test_e21_of_what_went_again_the_first_transaction_is_no_news(shop: Shop) -> None:
    number = number_of(shop, "P1")
    for nth in (2, 3):
        shop.bounce("R", "P1")
        sent = shop.call("complete_channel_refund", number, f"X{nth}")
        assert (sent.state, sent.channel_txn_no) == ("succeeded", f"X{nth}")
        for earlier in range(1, nth):
            with shop.unchanged():
                assert shop.call("complete_channel_refund", number, f"X{earlier}") == sent
        with shop.refused("MX304", "X9", f"X{nth}"):
            shop.call("complete_channel_refund", number, "X9")
    back = shop.bounce("R", "P1")
    for earlier in (1, 2, 3):
        with shop.unchanged():
            assert shop.call("complete_channel_refund", number, f"X{earlier}") == back
    assert shop.owns("channel:card") == {"CNY": -60}
    assert transfers(shop) == [(1, "X1", "bounced"), (2, "X2", "bounced"), (3, "X3", "bounced")]


def test_e43_what_is_past_may_get_its_number_by_its_moment(shop: Shop) -> None:
    shop.merge("T8", H=10)
    shop.pay("T8", "P8", 10, "card", day(1))
    shop.refund("H", "R8", 10)
    number = shop.channel_refund("R8", "P8").channel_refund_no
    shop.call("complete_channel_refund", number, None, day(3) + timedelta(microseconds=1234))
    shop.bounce("R8", "P8")
    again = shop.call("complete_channel_refund", number, "X2", day(4))
    list_of = "select nth, channel_txn_no, state from mixpay.transfer_list where refund_no = 'R8'"
    # Many clients know no less than a millisecond.
    early = day(3) + timedelta(milliseconds=1)
    with shop.unchanged():
        assert shop.call("complete_channel_refund", number, None, early) == again
    with shop.refused("MX304", "X9"):
        shop.call("complete_channel_refund", number, "X9", day(5))
    back = shop.bounce("R8", "P8")
    assert shop.call("complete_channel_refund", number, "X1", early) == back
    assert shop.named("channel_refund", number) == ["channel transaction X1"]
    for late in (("X1",), ("X1", early), (None, early), ("X2",), (None,)):
        with shop.unchanged():
            assert shop.call("complete_channel_refund", number, *late) == back
    assert shop.query(f"{list_of} order by nth") == [(1, "X1", "bounced"), (2, "X2", "bounced")]
    assert shop.owns("channel:card") == {"CNY": -10}


def test_when_it_came_back_is_no_matter_of_later_news(shop: Shop) -> None:
    """A channel's clock may go before: its moment may be after the one at which it came back."""
    shop.refund("A", "R2", 20)
    number = shop.channel_refund("R2", "P2").channel_refund_no
    (row,) = shop.query("select now() + interval '1 hour' as soon")
    shop.call("complete_channel_refund", number, None, row.soon)
    shop.bounce("R2", "P2")
    back = "select came_back_at from mixpay.transfer_list where refund_no = 'R2'"
    (before,) = shop.query(back)
    shop.call("complete_channel_refund", number, "Y1")
    assert shop.query(back) == [before]
    assert before.came_back_at < row.soon


def test_e21_late_news_of_an_earlier_transfer_leaves_the_last_one(shop: Shop) -> None:
    number = number_of(shop, "P1")
    for nth in (2, 3):
        shop.call("bounce_channel_refund", number, "closed", f"X{nth - 1}", day(3 + nth))
        sent = shop.call("complete_channel_refund", number, f"X{nth}", day(4 + nth))
        for earlier in range(1, nth):
            told = (f"X{earlier}", day(4 + earlier))
            for again in (told, told[:1]):
                with shop.unchanged():
                    assert shop.call("bounce_channel_refund", number, "closed", *again) == sent
            with shop.refused("MX304", "another moment"):
                shop.call("bounce_channel_refund", number, "closed", told[0], day(30))
        with shop.refused("MX304", "X9", f"X{nth}"):
            shop.call("bounce_channel_refund", number, "closed", "X9")
    back = shop.call("bounce_channel_refund", number, "closed", "X3")
    assert (back.state, back.channel_txn_no) == ("bounced", "X3")
    assert shop.query(
        "select nth, came_back_at from mixpay.transfer_list where payment_no = 'P1' order by nth"
    )[:2] == [(1, day(5)), (2, day(6))]
    assert transfers(shop) == [(1, "X1", "bounced"), (2, "X2", "bounced"), (3, "X3", "bounced")]
    assert shop.owns("channel:card") == {"CNY": -60}


def test_e43_the_number_comes_with_the_news_that_it_came_back(shop: Shop) -> None:
    shop.merge("T8", H=10)
    shop.pay("T8", "P8", 10, "card", day(1))
    shop.refund("H", "R8", 10)
    number = shop.channel_refund("R8", "P8").channel_refund_no
    shop.call("complete_channel_refund", number, None, day(3))
    back = shop.call("bounce_channel_refund", number, "closed", "X1", day(4))
    assert (back.state, back.channel_txn_no, back.bounced_at) == ("bounced", "X1", day(4))
    # It goes again, twice without a number, which the bank tells only with the second bounce.
    shop.call("complete_channel_refund", number, "X2", day(5))
    shop.call("bounce_channel_refund", number, "closed", "X2")
    with shop.refused("MX304", "X3", "X2"):
        shop.call("bounce_channel_refund", number, "closed", "X3")
    # The moment of one that is past may come later, too.
    shop.call("complete_channel_refund", number, "X3", day(7))
    again = shop.call("bounce_channel_refund", number, "closed", "X2", day(6))
    assert (again.state, again.channel_txn_no) == ("succeeded", "X3")
    listed = (
        "select nth, came_back_at from mixpay.transfer_list where refund_no = 'R8' order by nth"
    )
    assert shop.query(listed) == [(1, day(4)), (2, day(6)), (3, None)]


def test_e03_the_same_bounce_again_is_no_news_of_the_next_transfer(shop: Shop) -> None:
    """Its moment says which one it is, where nobody names a number."""
    number = number_of(shop, "P1")
    shop.call("bounce_channel_refund", number, "closed", None, day(4))
    sent = shop.call("complete_channel_refund", number, "X2", day(5))
    close = day(4) + timedelta(microseconds=900)
    for moment in (day(4), close):
        with shop.unchanged():
            assert shop.call("bounce_channel_refund", number, "closed", None, moment) == sent
    back = shop.call("bounce_channel_refund", number, "closed", None, day(6))
    assert (back.state, back.channel_txn_no, back.bounced_at) == ("bounced", "X2", day(6))
    shop.refund("A", "R2", 50)
    listed = shop.call("complete_channel_refund", number, "X3", day(7))
    shop.call("resolve_anomaly", number, "recovered", "sent back", 3, day(8))
    for moment in (day(4), day(6), day(8)):
        with shop.unchanged():
            assert shop.call("bounce_channel_refund", number, "closed", None, moment) == listed


def test_e03_of_one_that_only_was_an_anomaly_neither(shop: Shop) -> None:
    number = number_of(shop, "P2")
    shop.fail("R", "P2")
    shop.refund("A", "R2", 40)
    for nth in (1, 2):
        listed = shop.call("complete_channel_refund", number, f"X{nth}", day(2 + 2 * nth))
        for back in range(1, nth):
            with shop.unchanged():
                again = shop.call("bounce_channel_refund", number, None, None, day(3 + 2 * back))
                assert again == listed
        assert shop.listed("anomaly_list") == {"P2": 20}
        shop.call("bounce_channel_refund", number, "closed", None, day(3 + 2 * nth))
        assert shop.listed("anomaly_list") == {}


def test_e43_the_moment_says_whose_number_comes_late(shop: Shop) -> None:
    shop.merge("T8", H=10)
    shop.pay("T8", "P8", 10, "card", day(1))
    shop.refund("H", "R8", 10)
    number = shop.channel_refund("R8", "P8").channel_refund_no
    # The channel numbers none of them at first.
    for nth in (1, 2):
        shop.call("complete_channel_refund", number, f"X{nth}", day(1 + 2 * nth))
        shop.call("bounce_channel_refund", number, "closed", f"X{nth}", day(2 + 2 * nth))
    shop.conn.execute("set session_replication_role = replica")
    for table in ("channel_refunds", "bounced_transfers"):
        shop.conn.execute(f"update mixpay.{table} set channel_txn_no = null")
    shop.conn.execute("reset session_replication_role")
    shop.call("bounce_channel_refund", number, "closed", "X1", day(4))
    assert shop.query(
        "select channel_txn_no, came_back_at from mixpay.transfer_list "
        "where refund_no = 'R8' order by nth"
    ) == [("X1", day(4)), (None, day(6))]
    shop.call("bounce_channel_refund", number, "closed", "X2", day(6))
    assert shop.row("channel_refunds", number).channel_txn_no == "X2"


def test_e06_an_anomaly_that_came_back_is_recovered(shop: Shop) -> None:
    number = number_of(shop, "P1")
    shop.bounce("R", "P1")
    shop.refund("A", "R2", 50)
    sent = shop.call("complete_channel_refund", number, "X2", day(5))
    assert shop.listed("anomaly_list") == {"P1": 60}
    # The first one again; it is the one that stands on the channel refund.
    with shop.unchanged():
        shop.bounce("R", "P1")
    for told in (("X2", day(6)), ("X2",)):
        assert shop.call("bounce_channel_refund", number, "closed", *told) == sent
    assert shop.listed("anomaly_list") == {}
    (resolved,) = shop.query("select * from mixpay.anomaly_resolutions")
    assert (resolved.resolution, resolved.nth) == ("recovered", 2)
    assert (resolved.reason, resolved.recovered_at) == ("closed", day(6))
    assert transfers(shop) == [(1, "X1", "bounced"), (2, "X2", "recovered")]
    with shop.refused("MX311", "recovered"):
        shop.call("bounce_channel_refund", number, "closed", "X2", day(7))


def test_e06_the_anomaly_of_what_had_failed_needs_no_number(shop: Shop) -> None:
    number = number_of(shop, "P2")
    shop.fail("R", "P2")
    shop.refund("A", "R2", 40)
    shop.call("complete_channel_refund", number, None)
    assert shop.listed("anomaly_list") == {"P2": 20}
    failed = shop.call("bounce_channel_refund", number, "closed", "Y1", day(5))
    assert (failed.state, failed.refunded_at) == ("failed", None)
    with shop.unchanged():
        shop.bounce("R", "P2")
    (listed,) = shop.query(
        "select * from mixpay.transfer_list where channel_refund_no = %s", number
    )
    assert (listed.state, listed.channel_txn_no) == ("recovered", "Y1")
    assert listed.came_back_at == day(5)


def test_e21_of_an_anomaly_that_is_booked_neither(shop: Shop) -> None:
    number = number_of(shop, "P1")
    shop.bounce("R", "P1")
    assert shop.refund("A", "R2", 80) == {"P1": 60, "P2": 20}
    shop.call("complete_channel_refund", number, "X2")
    shop.fail("R2", "P1")
    shop.call("resolve_anomaly", number, "booked", "it was this one")
    booked = shop.channel_refund("R", "P1")
    assert (booked.state, booked.channel_txn_no) == ("succeeded", "X2")
    with shop.unchanged():
        assert shop.call("complete_channel_refund", number, "X1") == booked
    assert transfers(shop) == [(1, "X1", "bounced"), (2, "X2", "succeeded")]


def test_e21_a_refund_that_succeeded_has_failed_then(shop: Shop) -> None:
    shop.complete("R", "P2")
    assert shop.row("refunds", "R").state == "succeeded"
    shop.bounce("R", "P1")
    refund = shop.row("refunds", "R")
    assert (refund.state, refund.succeeded, refund.freed) == ("partly_failed", 20, 60)
    shop.redirect("R", "P1", "bank")
    refund = shop.row("refunds", "R")
    assert (refund.state, refund.succeeded, refund.freed) == ("processing", 20, 0)
    assert shop.balance("A").refundable == 20
    shop.complete("R", "P1", "Y1")

    refund = shop.row("refunds", "R")
    assert (refund.state, refund.succeeded, refund.freed) == ("succeeded", 80, 0)


def test_e21_a_refund_of_which_a_part_is_on_its_way_stays_so(shop: Shop) -> None:
    shop.bounce("R", "P1")
    assert shop.row("refunds", "R").state == "processing"
    listed = "select succeeded, freed, under_way from mixpay.refund_list"
    assert shop.query(listed) == [(0, 60, 20)]
    shop.complete("R", "P2")
    assert shop.row("refunds", "R").state == "partly_failed"
    assert shop.query(listed) == [(20, 60, 0)]


def test_is_listed_until_it_goes_another_way(shop: Shop) -> None:
    assert shop.listed("bounced_list") == {}
    shop.bounce("R", "P1")
    (row,) = shop.query("select * from mixpay.bounced_list")
    assert (row.amount, row.free, row.order_no, row.reason) == (60, 60, "A", "account closed")
    assert row.refunded_at == day(3)
    shop.redirect("R", "P1", "bank")

    assert shop.listed("bounced_list") == {}


def test_is_listed_until_its_amount_is_given_out(shop: Shop) -> None:
    shop.bounce("R", "P1")
    shop.refund("A", "R2", 20)
    (row,) = shop.query("select * from mixpay.bounced_list")
    assert (row.amount, row.free) == (60, 40)
    shop.refund("A", "R3", 60)

    assert shop.listed("bounced_list") == {}


def test_e03_again_changes_nothing(shop: Shop) -> None:
    number = number_of(shop, "P1")
    first = shop.call("bounce_channel_refund", number, "account closed")
    for reason in ("account closed", "another reason", None):
        with shop.unchanged():
            assert shop.call("bounce_channel_refund", number, reason) == first
    # Also when the amount has gone another way.
    shop.redirect("R", "P1", "bank")
    with shop.unchanged():
        assert shop.call("bounce_channel_refund", number, "account closed").state == "failed"
    shop.complete("R", "P1", "Y1")
    with shop.unchanged():
        assert shop.call("bounce_channel_refund", number, "account closed").state == "failed"


def test_e21_the_successor_may_bounce_too(shop: Shop) -> None:
    shop.bounce("R", "P1")
    shop.redirect("R", "P1", "bank")
    shop.complete("R", "P1", "Y1")
    shop.bounce("R", "P1")
    assert shop.balance("A").refundable == 80
    assert shop.listed("bounced_list") == {"P1": 60}
    shop.redirect("R", "P1", "alipay")
    shop.complete("R", "P1", "Z1")

    assert shop.balance("A").refundable == 20
    assert len(shop.query("select from mixpay.channel_refunds where payment_no = 'P1'")) == 3


def test_e06_a_second_success_by_another_transaction_is_taken_back_in(shop: Shop) -> None:
    number = number_of(shop, "P1")
    shop.bounce("R", "P1")
    # The first success again is old news.
    for old in ("X1", None):
        with shop.unchanged():
            assert shop.complete("R", "P1", old).state == "bounced"
    again = shop.call("complete_channel_refund", number, "X2", day(9))

    assert (again.state, again.channel_txn_no, again.refunded_at) == ("succeeded", "X2", day(9))
    assert shop.balance("A").refundable == 20
    assert shop.listed("bounced_list") == {}
    # And it may come back once more.
    assert shop.bounce("R", "P1").state == "bounced"
    assert shop.balance("A").refundable == 80


def test_e06_a_second_success_of_what_was_given_out_is_an_anomaly(shop: Shop) -> None:
    shop.bounce("R", "P1")
    shop.refund("A", "R2", 50)

    assert shop.complete("R", "P1", "X2").state == "bounced"
    assert shop.listed("anomaly_list") == {"P1": 60}
    with shop.refused("MX308", 60):
        shop.redirect("R", "P1", "bank")
    # What is listed is old news, too, and more of it has no place.
    for old in ("X1", "X2"):
        with shop.unchanged():
            assert shop.complete("R", "P1", old).state == "bounced"
    with shop.refused("MX304", "X2", "X3"):
        shop.complete("R", "P1", "X3")


def test_e06_each_transfer_of_what_was_given_out_is_an_anomaly(shop: Shop) -> None:
    shop.bounce("R", "P1")
    shop.refund("A", "R2", 50)
    number = number_of(shop, "P1")
    first = shop.complete("R", "P1", "X2")
    shop.call("resolve_anomaly", number, "recovered", "sent back")
    # It came back, and goes out once more.
    assert shop.complete("R", "P1", "X3") == first
    assert transfers(shop) == [(1, "X1", "bounced"), (2, "X2", "recovered"), (3, "X3", "anomaly")]
    assert shop.query("select nth, channel_txn_no from mixpay.anomaly_list") == [(3, "X3")]
    for old in ("X1", "X2", "X3", None):
        with shop.unchanged():
            assert shop.complete("R", "P1", old) == first
    with shop.refused("MX304", "X3", "X4"):
        shop.complete("R", "P1", "X4")
    with shop.refused("MX308", 60):
        shop.redirect("R", "P1", "bank")
    with shop.refused("MX314", 2):
        shop.call("resolve_anomaly", number, "recovered", "sent back")
    with shop.refused("MX310", 1):
        shop.call("resolve_anomaly", number, "recovered", "sent back", 1)
    with shop.unchanged():
        assert shop.call("resolve_anomaly", number, "recovered", "again", 2).reason == "sent back"
    with shop.refused("MX311", "recovered"):
        shop.call("resolve_anomaly", number, "written_off", "borne", 2)
    shop.fail("R2", "P1")
    assert shop.call("resolve_anomaly", number, "booked", None, 3).nth == 3
    booked = shop.channel_refund("R", "P1")
    assert (booked.state, booked.channel_txn_no, booked.nth) == ("succeeded", "X3", 3)
    assert transfers(shop) == [(1, "X1", "bounced"), (2, "X2", "recovered"), (3, "X3", "succeeded")]
    # The reasons stay apart.
    assert shop.call("resolve_anomaly", number, "booked", "it was this one", 3).nth == 3
    assert shop.query("select nth, reason from mixpay.anomaly_resolutions order by nth") == [
        (2, "sent back"),
        (3, "it was this one"),
    ]
    assert shop.owns("channel:card") == {"CNY": 0}


def test_e06_what_was_recovered_may_be_taken_back_in(shop: Shop) -> None:
    shop.bounce("R", "P1")
    shop.refund("A", "R2", 50)
    shop.complete("R", "P1", "X2")
    shop.call("resolve_anomaly", number_of(shop, "P1"), "recovered", None)
    shop.fail("R2", "P1")
    again = shop.complete("R", "P1", "X3")
    assert (again.state, again.channel_txn_no, again.nth) == ("succeeded", "X3", 3)
    assert transfers(shop) == [(1, "X1", "bounced"), (2, "X2", "recovered"), (3, "X3", "succeeded")]
    back = shop.bounce("R", "P1")
    # Late news of what is past changes nothing.
    for old in ("X1", "X2", "X3"):
        with shop.unchanged():
            assert shop.complete("R", "P1", old) == back


def test_a_surplus_that_came_back_is_still_surplus(shop: Shop) -> None:
    shop.pay("T", "P3", 25, "card")
    number = shop.surplus_refund("P3").refund_no
    shop.complete(number, "P3")
    assert shop.listed("surplus_list") == {}
    shop.bounce(number, "P3")

    payment = shop.row("payments", "P3")
    assert (payment.surplus, payment.refunded, payment.surplus_refunded) == (25, 0, 0)
    assert shop.listed("surplus_list") == shop.listed("bounced_list") == {"P3": 25}
    assert shop.row("trades", "T").refunded == 80
    assert shop.balance("A").refundable == 20
    shop.redirect(number, "P3", "bank")
    shop.complete(number, "P3")
    assert shop.listed("surplus_list") == shop.listed("bounced_list") == {}


def test_e21_of_a_late_success_that_ended_its_successor(shop: Shop) -> None:
    """P2's part fails, is redirected, succeeds after all, and comes back."""
    number = number_of(shop, "P2")
    shop.fail("R", "P2")
    successor = shop.redirect("R", "P2", "bank").channel_refund_no
    shop.call("complete_channel_refund", number, "X2")
    assert shop.row("channel_refunds", successor).state == "failed"
    shop.call("bounce_channel_refund", number, "account closed")
    assert shop.balance("A").refundable == 40
    assert shop.listed("bounced_list") == {"P2": 20}
    # It went another way already: that one goes on.
    with shop.refused("MX307", successor):
        shop.call("redirect_channel_refund", number, "alipay", "another way")
    shop.redirect("R", "P2", "alipay")
    assert shop.listed("bounced_list") == {}
    shop.complete("R", "P2", "Y2")

    assert shop.balance("A").refundable == 20
    assert shop.listed("bounced_list") == {}


@pytest.mark.parametrize("state", ["pending", "sent", "doubt", "failed"])
def test_refuses_what_has_not_succeeded(shop: Shop, state: str) -> None:
    number = number_of(shop, "P2")
    if state == "failed":
        shop.fail("R", "P2")
    elif state != "pending":
        shop.rows("claim_channel_refunds", "w")
        if state == "doubt":
            shop.call("doubt_channel_refund", number, "timed out")
    with shop.refused("MX304", number, state):
        shop.bounce("R", "P2")


def test_refuses_bad_input(shop: Shop) -> None:
    with shop.refused("MX303", "nothing"):
        shop.call("bounce_channel_refund", "nothing", "account closed")
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").call("bounce_channel_refund", "nothing", "account closed")
    for bad in [None, "", "a b", "x" * 65]:
        with shop.refused("MX901"):
            shop.call("bounce_channel_refund", bad, "account closed")
    with shop.refused("MX905", 1001):
        shop.call("bounce_channel_refund", number_of(shop, "P1"), "x" * 1001)
    for bad in ["", "a\tb", "x" * 256]:
        with shop.refused("MX901"):
            shop.call("bounce_channel_refund", number_of(shop, "P1"), "closed", bad)
    with shop.refused("MX905"):
        shop.call("bounce_channel_refund", number_of(shop, "P1"), "closed", None, day(9999))


def test_does_not_find_another_merchants(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    number = number_of(shop, "P1")
    with shop.refused("MX303", number):
        other.call("bounce_channel_refund", number, "account closed")


def test_of_a_surplus_only_what_came_back_is_free(shop: Shop) -> None:
    shop.merge("TS", SA=60, SB=40)
    shop.pay("TS", "S1", 60, "card")
    shop.pay("TS", "S2", 50, "card")
    shop.call("return_payment", "S1", "V", "no funds")
    shop.close("TS")
    refund_no = shop.surplus_refund("S2").refund_no
    shop.complete(refund_no, "S2")
    shop.bounce(refund_no, "S2")

    # Of 50, 40 are on their way.
    listed = shop.query("select amount, free from mixpay.bounced_list where payment_no = 'S2'")
    assert listed == [(10, 10)]


def test_of_a_refund_that_two_payments_bear_each_part_is_listed_once(shop: Shop) -> None:
    shop.merge("TS", SA=100)
    for payment_no, amount in (("S1", 60), ("S2", 40)):
        shop.pay("TS", payment_no, amount, "card")
    shop.refund("SA", "RS", 100)
    for payment_no in ("S1", "S2"):
        shop.complete("RS", payment_no)
        shop.bounce("RS", payment_no)

    query = "select payment_no, amount from mixpay.bounced_list where refund_no = 'RS' order by 1"
    assert shop.query(query) == [("S1", 60), ("S2", 40)]
    # Given to another refund, the first one's money is free no more.
    shop.refund("SA", "RT", 60)
    assert shop.query(query) == [("S2", 40)]


def test_of_an_order_only_what_is_its_own_is_free(shop: Shop) -> None:
    shop.merge("TS", SA=(90, 60), SB=40)
    shop.pay("TS", "S1", 250, "card")
    shop.merge("TU", SA=(90, 30))
    shop.pay("TU", "S2", 30, "card")
    shop.refund("SA", "RS", 60)
    shop.complete("RS", "S1")
    shop.bounce("RS", "S1")

    # The payment has 100 again, beside its surplus, and the order 60 in that trade.
    query = "select amount, free from mixpay.bounced_list where payment_no = 'S1'"
    assert shop.query(query) == [(60, 60)]
    # The other order's 40 are not for this one's refund.
    shop.refund("SA", "RT", 60)
    assert shop.query(query) == []
