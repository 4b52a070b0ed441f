from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg import Connection
from shop import Shop, day

Race = Callable[..., Any]


@pytest.fixture(autouse=True)
def refund(shop: Shop) -> None:
    """R: 40 out of T1 and 60 out of T2."""
    shop.merge("T1", A=(100, 40))
    shop.pay("T1", "P1", 40, "card", day(1))
    shop.merge("T2", A=100)
    shop.pay("T2", "P2", 60, "alipay", day(2))
    shop.refund("A", "R", 100)


def test_two_claimers_never_get_the_same(
    shop: Shop, connect: Callable[..., Connection[Any]]
) -> None:
    one, two = Shop(connect(autocommit=False)), Shop(connect(autocommit=False))
    first = one.rows("claim_channel_refunds", "w1", 1)
    second = two.rows("claim_channel_refunds", "w2")
    one.conn.commit()
    two.conn.commit()

    assert [r.payment_no for r in first] == ["P1"]
    assert [r.payment_no for r in second] == ["P2"]
    assert shop.rows("claim_channel_refunds", "w3") == []


def test_many_claimers_get_each_once(
    shop: Shop,
    connect: Callable[..., Connection[Any]],
    background: Callable[..., Future[Any]],
) -> None:
    for number in range(40):
        shop.merge(f"X{number}", **{f"O{number}": 5})
        shop.pay(f"X{number}", f"Q{number}", 5)
        shop.refund(f"O{number}", f"S{number}", 5)

    def work(worker: int) -> list[str]:
        mine, got = Shop(connect()), []
        for _ in range(60):
            claimed = mine.rows("claim_channel_refunds", f"w{worker}", 3)
            got += [r.channel_refund_no for r in claimed]
            for r in claimed:
                mine.call("complete_channel_refund", r.channel_refund_no, None)
        return got

    workers = [background(work, worker) for worker in range(4)]
    claimed = [number for worker in workers for number in worker.result(timeout=60)]
    assert len(claimed) == len(set(claimed)) == 42


@pytest.mark.parametrize(
    ("meanwhile", "left"),
    [
        (lambda s: s.rows("claim_channel_refunds", "w1"), []),
        (lambda s: s.rows("claim_channel_refunds", "w1", 1), ["P2"]),
        (lambda s: s.complete("R", "P1"), ["P2"]),
        (lambda s: s.fail("R", "P1"), ["P2"]),
        (lambda s: s.redirect("R", "P1", "bank"), ["P2"]),
        (lambda s: later(s, "doubt_channel_refund"), ["P2"]),
        (lambda s: later(s, "defer_channel_refund"), ["P2"]),
    ],
    ids=["claim", "claim one", "complete", "fail", "redirect", "doubt", "defer"],
)
def test_a_claimer_leaves_what_somebody_saw_to_since_it_looked(
    shop: Shop, stopped: Callable[..., Any], meanwhile: Callable[[Shop], Any], left: list[str]
) -> None:
    """It looks for what is due, then locks; whoever is done by then was not in its way."""
    claimed = stopped("channel_refunds", lambda s: s.rows("claim_channel_refunds", "w2"), meanwhile)

    assert [r.payment_no for r in claimed] == left
    assert {(r.worker, r.attempts) for r in claimed} <= {("w2", 1)}
    # Each was sent once at most, by one of them.
    sent = shop.query(
        "select number from mixpay.history where entity = 'channel_refund' and to_state = 'sent'"
    )
    assert len(sent) == len(set(sent))


def test_a_claimer_holds_no_rule_against_what_somebody_saw_to_since_it_looked(
    shop: Shop, stopped: Callable[..., Any]
) -> None:
    """P1's channel got rules; another worker claims it and then leaves it to a later moment."""
    shop.channel("card", refund_window="1 year", refund_interval="1 minute")
    number = shop.channel_refund("R", "P1").channel_refund_no
    seen = []

    def meanwhile(shop: Shop) -> None:
        shop.rows("claim_channel_refunds", "w1")
        shop.call("defer_channel_refund", number, "closed", datetime(2999, 1, 1, tzinfo=UTC), "w1")
        seen.append(shop.channel_refund("R", "P1"))

    claimed = stopped("channel_refunds", lambda s: s.rows("claim_channel_refunds", "w2"), meanwhile)
    assert claimed == []
    assert shop.channel_refund("R", "P1") == seen[0]


def test_what_a_channel_is_now_says_whether_a_voucher_goes_back_by_it(
    shop: Shop, race: Race
) -> None:
    """It was registered as a wallet by mistake, and is mended while a redirection waits."""
    shop.channel("coupon", "wallet")
    shop.merge("TV", V=100)
    shop.pay("TV", "PV", 100, "voucher")
    shop.refund("V", "RV", 100)
    number = shop.channel_refund("RV", "PV").channel_refund_no

    def mend(shop: Shop) -> None:
        shop.call("defer_channel_refund", number, "which coupon?")
        shop.channel("coupon", "voucher")

    raced = race(mend, lambda s: s.redirect("RV", "PV", "coupon"))
    assert (raced.second.channel, raced.second.state) == ("coupon", "pending")


def later(shop: Shop, mark: str) -> None:
    arguments = ["not now"] if mark == "doubt_channel_refund" else ["not now", "2999-01-01T00:00Z"]
    shop.call(mark, shop.channel_refund("R", "P1").channel_refund_no, *arguments)


def test_a_claim_skips_a_trade_that_is_locked(
    shop: Shop, connect: Callable[..., Connection[Any]]
) -> None:
    holder = connect(autocommit=False)
    holder.execute("select from mixpay.trades where trade_no = 'T1' for no key update")
    shop.conn.execute("set lock_timeout = '1s'")

    assert [r.payment_no for r in shop.rows("claim_channel_refunds", "w")] == ["P2"]
    holder.rollback()
    assert [r.payment_no for r in shop.rows("claim_channel_refunds", "w")] == ["P1"]


def test_e35_two_parts_complete_at_once(shop: Shop, race: Race) -> None:
    raced = race(lambda s: s.complete("R", "P1", "X1"), lambda s: s.complete("R", "P2", "X2"))

    assert raced.second.state == "succeeded"
    assert shop.row("refunds", "R").state == "succeeded"


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_e35_e33_two_parts_complete_without_seeing_each_other(
    shop: Shop, race: Race, isolation: str
) -> None:
    raced = race(
        lambda s: s.complete("R", "P1", "X1"), lambda s: s.complete("R", "P2", "X2"), isolation
    )

    assert raced.second.sqlstate == "40001"
    assert shop.row("refunds", "R").state == "processing"
    shop.complete("R", "P2", "X2")
    assert shop.row("refunds", "R").state == "succeeded"


def test_e35_one_part_completes_while_the_other_fails(shop: Shop, race: Race) -> None:
    race(lambda s: s.fail("R", "P1"), lambda s: s.complete("R", "P2"))

    assert shop.row("refunds", "R").state == "partly_failed"
    assert shop.balance("A").refunded == 60


def test_e35_both_parts_fail_at_once(shop: Shop, race: Race) -> None:
    race(lambda s: s.fail("R", "P1"), lambda s: s.fail("R", "P2"))

    assert shop.row("refunds", "R").state == "failed"
    assert shop.balance("A").refunded == 0


def test_a_failure_that_waited_for_the_success_is_refused(shop: Shop, race: Race) -> None:
    raced = race(lambda s: s.complete("R", "P1", "X1"), lambda s: s.fail("R", "P1"))

    assert raced.second.sqlstate == "MX304"
    assert "X1" in raced.second.diag.message_detail
    assert shop.balance("A").refunded == 100


def test_e06_a_success_that_waited_for_the_failure_is_taken_back_in(shop: Shop, race: Race) -> None:
    raced = race(lambda s: s.fail("R", "P1"), lambda s: s.complete("R", "P1", "X1"))

    assert raced.second.state == "succeeded"
    assert shop.balance("A").refunded == 100


def test_e06_a_success_that_waited_for_the_next_refund_is_an_anomaly(
    shop: Shop, race: Race
) -> None:
    shop.fail("R", "P1")
    raced = race(lambda s: s.refund("A", "R2", 1), lambda s: s.complete("R", "P1", "X1"))

    assert raced.second.state == "failed"
    assert len(shop.query("select from mixpay.anomalies")) == 1


def test_a_refund_sees_what_the_failure_freed(race: Race) -> None:
    raced = race(lambda s: s.fail("R", "P1"), lambda s: s.refund("A", "R2", 40))

    assert raced.second == {"P1": 40}


def test_e07_the_same_completion_twice_at_once(shop: Shop, race: Race) -> None:
    raced = race(lambda s: s.complete("R", "P1", "X1"), lambda s: s.complete("R", "P1", "X1"))

    assert raced.second == raced.first
    assert len(shop.query("select from mixpay.history where to_state = 'succeeded'")) == 3


@pytest.mark.parametrize("is_free", [True, False])
@pytest.mark.parametrize("other", ["X2", "X3"])
def test_e06_what_came_back_goes_again_twice_at_once(
    shop: Shop, race: Race, other: str, is_free: bool
) -> None:
    """The second one waits, and is the same news, or contradicts what the first one said."""
    shop.complete("R", "P1", "X1")
    shop.bounce("R", "P1")
    if not is_free:
        shop.refund("A", "R2", 40)
    raced = race(lambda s: s.complete("R", "P1", "X2"), lambda s: s.complete("R", "P1", other))

    if other == "X2":
        assert raced.second == raced.first
    else:
        assert raced.second.sqlstate == "MX304"
    assert shop.query(
        "select nth, channel_txn_no, state from mixpay.transfer_list where channel = 'card' "
        "order by nth"
    ) == [(1, "X1", "bounced"), (2, "X2", "succeeded" if is_free else "anomaly")]


def test_e48_a_till_writes_off_what_another_one_hands_over(shop: Shop, race: Race) -> None:
    number = shop.channel_refund("R", "P1").channel_refund_no
    raced = race(
        lambda s: s.complete("R", "P1", "X1"), lambda s: s.call("write_off", number, "no coin")
    )
    assert raced.second.sqlstate == "MX304"
    assert shop.owns("rounding") == {}


def test_e48_what_is_written_off_meanwhile_is_handed_over_after_all(shop: Shop, race: Race) -> None:
    number = shop.channel_refund("R", "P1").channel_refund_no
    raced = race(
        lambda s: s.call("write_off", number, "no coin"), lambda s: s.complete("R", "P1", "X1")
    )
    assert (raced.first.state, raced.second.state) == ("written_off", "succeeded")
    assert shop.owns("rounding") == {"CNY": 0}


def test_e03_e48_written_off_twice_at_once(shop: Shop, race: Race) -> None:
    number = shop.channel_refund("R", "P1").channel_refund_no
    raced = race(
        lambda s: s.call("write_off", number, "no coin"),
        lambda s: s.call("write_off", number, "no such coin"),
    )
    assert raced.second == raced.first
    assert len(shop.query("select from mixpay.history where to_state = 'written_off'")) == 1


def test_e48_a_claimer_waits_for_no_till(
    shop: Shop, connect: Callable[..., Connection[Any]]
) -> None:
    other = Shop(connect(autocommit=False))
    other.call("write_off", shop.channel_refund("R", "P1").channel_refund_no, "no coin")
    shop.conn.execute("set lock_timeout = '1s'")
    assert [r.payment_no for r in shop.rows("claim_channel_refunds", "w")] == ["P2"]
    other.conn.commit()
    assert shop.rows("claim_channel_refunds", "w") == []


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_e33_e48_written_off_without_seeing_the_success(
    shop: Shop, race: Race, isolation: str
) -> None:
    number = shop.channel_refund("R", "P1").channel_refund_no
    raced = race(
        lambda s: s.complete("R", "P1", "X1"),
        lambda s: s.call("write_off", number, "no coin"),
        isolation,
    )
    assert raced.second.sqlstate == "40001"


def test_e05_doubt_that_waited_for_the_success_is_refused(shop: Shop, race: Race) -> None:
    number = shop.channel_refund("R", "P1").channel_refund_no
    raced = race(
        lambda s: s.complete("R", "P1", "X1"),
        lambda s: s.call("doubt_channel_refund", number, "timed out"),
    )

    assert raced.second.sqlstate == "MX304"


@pytest.mark.parametrize(
    ("isolation", "refused"), [("read committed", "MX304"), ("repeatable read", "40001")]
)
def test_e43_two_second_news_with_different_numbers(
    shop: Shop, race: Race, isolation: str, refused: str
) -> None:
    number = shop.complete("R", "P1").channel_refund_no
    raced = race(
        lambda s: s.call("complete_channel_refund", number, "X1"),
        lambda s: s.call("complete_channel_refund", number, "X2"),
        isolation,
    )

    assert raced.second.sqlstate == refused
    assert shop.row("channel_refunds", number).channel_txn_no == "X1"
