from datetime import UTC, datetime, timedelta

import pytest
from shop import Shop, day, orders


def merge(shop: Shop, trade_no: str, expires_at: datetime | None, **amounts: int) -> None:
    shop.call("merge_orders", orders(**amounts), trade_no, expires_at)


def test_closes_what_is_past_its_end(shop: Shop) -> None:
    merge(shop, "T1", day(3), A=100)
    merge(shop, "T2", day(2), B=100)
    merge(shop, "T3", datetime.now(UTC) + timedelta(hours=1), C=100)
    merge(shop, "T4", None, D=100)

    # The longest past first.
    assert shop.expire() == ["T2", "T1"]
    states = [shop.row("trades", number).state for number in ("T1", "T2", "T3", "T4")]
    assert states == ["closed", "closed", "open", "open"]
    assert (shop.balance("A").mergeable, shop.balance("C").mergeable) == (100, 0)
    assert shop.merge("T5", A=100).state == "open"
    (change,) = shop.query("select * from mixpay.history where number = 'T1' and entry = 2")
    assert (change.to_state, change.reason) == ("closed", "it expired")


def test_closes_a_trade_at_its_very_end(shop: Shop) -> None:
    """To the microsecond, and not before: in a transaction, in which now stands still."""
    with shop.conn.transaction():
        ((now,),) = shop.query("select now()")
        merge(shop, "T1", now, A=100)
        merge(shop, "T2", now + timedelta(microseconds=1), B=100)

        assert shop.expire() == ["T1"]
        assert shop.row("trades", "T2").state == "open"


def test_again_finds_nothing(shop: Shop) -> None:
    merge(shop, "T", day(1), A=100)
    assert shop.expire() == ["T"]
    with shop.unchanged():
        assert shop.expire() == []


def test_takes_no_more_than_the_limit(shop: Shop) -> None:
    for number in range(3):
        merge(shop, f"T{number}", day(1), **{f"O{number}": 5})

    assert shop.expire(2) == ["T0", "T1"]
    assert shop.expire(2) == ["T2"]


def test_closes_many(shop: Shop) -> None:
    trades = [
        {
            "trade_no": f"T{i:03}",
            "expires_at": "2026-01-01T00:00:00Z",
            "orders": orders(**{f"O{i}": 5}),
        }
        for i in range(200)
    ]
    shop.rows("merge_many", trades)
    payments = [
        {"trade_no": f"T{i:03}", "payment_no": f"P{i}", "channel": "card", "amount": 2}
        for i in range(200)
    ]
    shop.rows("record_payments", payments)

    assert shop.expire() == [f"T{i:03}" for i in range(200)]
    (list_,) = shop.query("select count(*), sum(amount) from mixpay.surplus_list")
    assert (list_.count, list_.sum) == (200, 400)


def test_returns_the_trades_as_they_are_then(shop: Shop) -> None:
    merge(shop, "T", day(1), A=100)
    shop.pay("T", "P", 60)
    shop.refund("A", "R", 10)
    (trade,) = shop.rows("expire_trades")

    assert trade == shop.row("trades", "T")
    assert (trade.state, trade.paid, trade.refunded, trade.keeps_paid) == ("closed", 10, 10, False)


def test_paid_money_goes_back(shop: Shop) -> None:
    merge(shop, "T", day(5), A=100, B=50)
    shop.pay("T", "P1", 60, "card", day(1))
    shop.pay("T", "P2", 60, "cash", day(2))
    shop.expire()

    assert shop.details(shop.reversal("T").refund_no) == {"P1": 60, "P2": 60}
    assert shop.listed("surplus_list") == {"P1": 60, "P2": 60}
    assert (shop.balance("A").mergeable, shop.balance("B").mergeable) == (100, 50)
    assert shop.merge("T2", A=100, B=50).amount == 150


def test_leaves_what_is_paid_or_closed(shop: Shop) -> None:
    merge(shop, "T1", day(1), A=100)
    shop.pay("T1", "P", 100)
    merge(shop, "T2", day(1), B=100)
    shop.pay("T2", "P2", 10)
    shop.close("T2", keep=True)
    with shop.unchanged():
        assert shop.expire() == []


def test_e08_money_before_the_sweep_still_counts(shop: Shop) -> None:
    merge(shop, "T", day(1), A=100)
    with shop.refused("MX205", "T"):
        shop.start("T", "P1", 100)
    shop.pay("T", "P2", 100)

    assert shop.row("trades", "T").state == "paid"
    assert shop.expire() == []


def test_e09_money_after_the_sweep_is_surplus(shop: Shop) -> None:
    end = datetime.now(UTC) + timedelta(hours=1)
    merge(shop, "T", end, A=100)
    shop.start("T", "P", 100)
    # The hour goes by.
    shop.query("update mixpay.trades set expires_at = now() - interval '1 second' returning 1")
    assert shop.expire() == ["T"]
    assert shop.row("payments", "P").state == "closed"
    late = shop.succeed("P", "X")

    assert (late.applied, late.surplus) == (0, 100)
    assert shop.listed("surplus_list") == {"P": 100}
    shop.complete(shop.surplus_refund("P").refund_no, "P")
    assert shop.listed("surplus_list") == {}
    assert shop.balance("A").mergeable == 100


def test_e10_paid_twice_through_two_trades(shop: Shop) -> None:
    merge(shop, "T1", day(1), A=100)
    shop.expire()
    shop.merge("T2", A=100)
    shop.pay("T2", "P2", 100)
    shop.pay("T1", "P1", 100)

    assert shop.balance("A").paid == 100
    assert shop.listed("surplus_list") == {"P1": 100}


def test_e03_a_trade_that_expired_is_returned_by_its_number(shop: Shop) -> None:
    merge(shop, "T", day(1), A=100)
    shop.expire()

    assert shop.merge("T", A=100).state == "closed"
    with shop.unchanged():
        assert shop.close("T").state == "closed"
    with shop.refused("MX113", "T"):
        shop.close("T", keep=True)


def test_closes_only_the_merchants_own(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    merge(other, "T", day(1), A=100)

    assert shop.expire() == []
    assert other.row("trades", "T").state == "open"


@pytest.mark.parametrize("limit", [0, -1, None, 1001])
def test_e02_refuses_what_is_no_limit(shop: Shop, limit: int | None) -> None:
    with shop.refused("MX904", "null" if limit is None else limit):
        shop.call("expire_trades", limit)


def test_refuses_an_unknown_merchant(shop: Shop) -> None:
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").expire()
