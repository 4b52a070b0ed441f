from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from shop import CHANNELS_NUMBERS, FOR_EVER, NO_CHANNELS_NUMBER, Shop, day, on_hold, orders

from mixpay_db.printable import printable


@pytest.fixture(autouse=True)
def trade(shop: Shop) -> None:
    shop.merge("T", A=100, B=50)


def test_is_booked_at_once(shop: Shop) -> None:
    payment = shop.pay("T", "P", 120, "cash", day(1), "X1")

    assert (payment.asked, payment.amount, payment.applied, payment.surplus) == (120, 120, 120, 0)
    assert (payment.state, payment.paid_at, payment.seq) == ("succeeded", day(1), 1)
    assert shop.row("trades", "T").paid == 120
    assert shop.paid("T") == {"A": 100, "B": 20}


def test_the_trade_lacks_the_last_unit_and_is_paid_by_it(shop: Shop) -> None:
    shop.pay("T", "P1", 149, "cash", day(2))
    assert shop.row("trades", "T").state == "open"
    shop.pay("T", "P2", 1, "cash", day(1))

    paid = "select payment_no, happened_at from mixpay.history where number = 'T' and to_state = %s"
    assert shop.query(paid, "paid") == [("P2", day(1))]


def test_each_order_is_known_while_the_trade_is_paid_in_part(shop: Shop) -> None:
    shop.pay("T", "P1", 60)
    assert shop.paid("T") == {"A": 60, "B": 0}
    shop.pay("T", "P2", 60)
    assert shop.paid("T") == {"A": 100, "B": 20}
    shop.pay("T", "P3", 30)
    assert shop.paid("T") == {"A": 100, "B": 50}
    assert shop.row("trades", "T").state == "paid"
    allocations = shop.query(
        "select payment_no, order_no, amount from mixpay.allocations order by entry"
    )
    assert [tuple(row) for row in allocations] == [
        ("P1", "A", 60),
        ("P2", "A", 40),
        ("P2", "B", 20),
        ("P3", "B", 30),
    ]


def test_what_an_order_got_is_known_of_each_of_its_trades(shop: Shop) -> None:
    """Once, and when it arrived; what comes back of a refund is not listed with it."""
    shop.merge("T1", C=(100, 40))
    shop.pay("T1", "P1", 40, "card", day(1))
    shop.merge("T2", C=(100, 60))
    shop.pay("T2", "P2", 60, "card", day(2))
    shop.refund("C", "R", 50)
    shop.complete("R", "P1")
    shop.bounce("R", "P1")

    allocations = shop.query(
        "select trade_no, payment_no, order_no, amount, happened_at from mixpay.allocations "
        "order by happened_at"
    )
    assert allocations == [("T1", "P1", "C", 40, day(1)), ("T2", "P2", "C", 60, day(2))]


def test_money_for_a_full_trade_is_surplus(shop: Shop) -> None:
    shop.pay("T", "P1", 150)
    payment = shop.pay("T", "P2", 40, "card")

    assert (payment.applied, payment.surplus, payment.refunded) == (0, 40, 40)
    assert shop.channel_refund(shop.surplus_refund("P2").refund_no, "P2").channel == "card"
    assert shop.row("trades", "T").paid == 150


def test_money_for_a_closed_trade_is_surplus(shop: Shop) -> None:
    shop.merge("T2", A=100)
    payment = shop.pay("T", "P1", 40)

    assert (payment.applied, payment.surplus) == (0, 40)
    assert shop.row("trades", "T2").paid == 0


def test_surplus_numbers_sort_by_time_and_are_not_derived(shop: Shop) -> None:
    shop.pay("T", "P", 150)
    numbers = []
    for i in range(10):
        payment_no = f"{i}".ljust(64, "x")
        shop.pay("T", payment_no, 1)
        numbers.append(shop.surplus_refund(payment_no).refund_no)

    assert numbers == sorted(numbers)


def test_e03_same_number_and_content_returns_the_payment_as_it_is_now(shop: Shop) -> None:
    first = shop.pay("T", "P", 120, "cash", day(1), "X1")
    for arguments in [("cash", day(1), "X1"), ("cash",), ("cash", day(1)), ("cash", None, "X1")]:
        with shop.unchanged():
            assert shop.pay("T", "P", 120, *arguments) == first
    shop.refund("A", "R1", 30)
    with shop.unchanged():
        assert shop.pay("T", "P", 120, "cash").refunded == 30


@pytest.mark.parametrize(
    "again",
    [
        ("T", "P", "cash", 121),
        ("T", "P", "pos", 120),
        ("T2", "P", "cash", 120),
        ("T", "P", "cash", 120, day(2)),
        ("T", "P", "cash", 120, day(1), "X2"),
    ],
)
def test_e03_same_number_with_other_content_is_an_error(shop: Shop, again: tuple[Any, ...]) -> None:
    shop.merge("T2", C=500)
    shop.pay("T", "P", 120, "cash", day(1), "X1")
    with shop.refused("MX202", "P", 120, "trade_no T,", "cash"):
        shop.call("record_payment", *again)


def test_e43_the_channels_number_may_come_later(shop: Shop) -> None:
    first = shop.pay("T", "P", 120, paid_at=day(1))
    later = shop.pay("T", "P", 120, paid_at=day(1), txn="X1")

    assert later == first._replace(channel_txn_no="X1", txn_day=FOR_EVER)
    assert shop.row("payments", "P") == later
    assert shop.named("payment", "P") == ["channel transaction X1"]
    for again in ["X1", None]:
        with shop.unchanged():
            assert shop.pay("T", "P", 120, paid_at=day(1), txn=again) == later
    with shop.refused("MX202", "P"):
        shop.pay("T", "P", 120, txn="X2")


def test_e43_a_number_that_comes_later_does_not_round_the_moment(shop: Shop) -> None:
    told = day(1).replace(microsecond=123_456)
    shop.pay("T", "P", 60, "card", told)
    known = told.replace(microsecond=123_000)

    assert shop.pay("T", "P", 60, "card", known, "X1").channel_txn_no == "X1"
    assert shop.row("payments", "P").paid_at == told


def test_e43_news_that_contradicts_the_rest_names_nothing(shop: Shop) -> None:
    shop.pay("T", "P", 120, paid_at=day(1))
    with shop.refused("MX202", "P"):
        shop.pay("T", "P", 121, txn="X1")
    with shop.refused("MX202", "P"):
        shop.pay("T", "P", 120, paid_at=day(2), txn="X1")


def test_e43_the_later_number_is_not_another_payments(shop: Shop) -> None:
    shop.pay("T", "P1", 50, txn="X1")
    shop.pay("T", "P2", 50)
    with shop.refused("MX207", "X1", "P1"):
        shop.pay("T", "P2", 50, txn="X1")


def test_e43_a_moment_that_was_left_out_comes_later(shop: Shop) -> None:
    first = shop.pay("T", "P", 120)
    assert shop.pay("T", "P", 120, paid_at=day(1)) == first._replace(paid_at=day(1))
    with shop.refused("MX202"):
        shop.pay("T", "P", 120, paid_at=day(2))


@pytest.mark.parametrize("end", [None, "fail_payment", "succeed_payment"])
def test_e03_the_number_of_a_started_payment_is_refused(shop: Shop, end: str | None) -> None:
    shop.start("T", "P", 60)
    if end:
        shop.call(end, "P", "X")
    with shop.refused("MX202", "start_payment", 60):
        shop.pay("T", "P", 60)


def test_e03_a_refused_number_is_not_burnt(shop: Shop) -> None:
    with shop.refused("MX203"):
        shop.pay("T", "P", 60, "teleport")

    assert shop.pay("T", "P", 61, "cash").amount == 61


def test_a_channel_transaction_pays_once(shop: Shop) -> None:
    shop.pay("T", "P1", 10, txn="X1")
    with shop.refused("MX207", "X1", "P1", "T"):
        shop.pay("T", "P2", 10, txn="X1")

    assert shop.pay("T", "P2", 10, "card", txn="X1").seq == 2


def test_refuses_what_it_does_not_know(shop: Shop) -> None:
    with shop.refused("MX104", "nothing"):
        shop.pay("nothing", "P", 1)
    with shop.refused("MX203", "teleport", "alipay", "cash"):
        shop.pay("T", "P", 1, "teleport")
    with shop.refused("MX203"):
        shop.call("record_payment", "T", "P", None, 1)
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").pay("T", "P", 1)


def test_e02_refuses_what_is_no_amount(shop: Shop, subtests: pytest.Subtests) -> None:
    for amount in [0, -1, None, 10**15 + 1, 2**63 - 1]:
        with (
            subtests.test(amount=amount),
            shop.refused("MX902", "null" if amount is None else amount),
        ):
            shop.call("record_payment", "T", "P", "cash", amount)


def test_e02_what_is_no_bigint_is_refused_by_postgresql(
    shop: Shop, subtests: pytest.Subtests
) -> None:
    for amount in ["1.5", "1e2", "9223372036854775808", "x"]:
        with (
            subtests.test(amount=amount),
            shop.unchanged(),
            pytest.raises(Exception, match="bigint"),
        ):
            shop.call("record_payment", "T", "P", "cash", amount)


def test_refuses_bad_numbers(shop: Shop, subtests: pytest.Subtests) -> None:
    for number in [None, "", "a b", "x" * 65]:
        with subtests.test(number=number):
            with shop.refused("MX901"):
                shop.call("record_payment", "T", number, "cash", 1)
            with shop.refused("MX901"):
                shop.call("record_payment", number, "P", "cash", 1)
    for number in NO_CHANNELS_NUMBER:
        with subtests.test(number=number), shop.refused("MX901", "channel_txn_no"):
            shop.pay("T", "P", 1, txn=number)


def test_refuses_a_moment_that_never_comes(shop: Shop, subtests: pytest.Subtests) -> None:
    for moment in ["infinity", "-infinity", "1899-12-30", "9998-01-01"]:
        with subtests.test(moment=moment), shop.refused("MX905"):
            shop.call("record_payment", "T", "P", "cash", 1, moment)


def test_a_clock_may_be_wrong_by_a_day(shop: Shop) -> None:
    soon = datetime.now(UTC) + timedelta(hours=23)

    assert shop.pay("T", "P", 1, "cash", soon).paid_at == soon
    with shop.refused("MX905", "paid_at", "future"):
        shop.pay("T", "P2", 1, "cash", soon + timedelta(hours=2))


def test_a_clock_is_wrong_by_a_day_at_most_to_the_microsecond(shop: Shop) -> None:
    """In a transaction, in which now stands still."""
    with shop.conn.transaction():
        ((tomorrow,),) = shop.query("select now() + interval '1 day'")
        assert shop.pay("T", "P", 1, "cash", tomorrow).paid_at == tomorrow
        with shop.refused("MX905", "paid_at"), shop.conn.transaction():
            shop.pay("T", "P2", 1, "cash", tomorrow + timedelta(microseconds=1))


def test_e03_moments_are_compared_to_the_millisecond(shop: Shop) -> None:
    told = day(1).replace(microsecond=123_999)
    first = shop.pay("T", "P", 1, "cash", told)
    for known in [123_000, 124_000, 123_999]:
        with shop.unchanged():
            assert shop.pay("T", "P", 1, "cash", told.replace(microsecond=known)) == first
    with shop.refused("MX202", "P"):
        shop.pay("T", "P", 1, "cash", told.replace(microsecond=125_000))


@pytest.mark.parametrize("number", CHANNELS_NUMBERS)
def test_e44_a_channels_number_is_whatever_it_says(shop: Shop, number: str) -> None:
    payment = shop.pay("T", "P1", 1, txn=number)

    assert payment.channel_txn_no == number
    with shop.refused("MX207", printable(number), "P1"):
        shop.pay("T", "P2", 1, txn=number)


def test_e44_a_terminals_number_again_on_another_day(shop: Shop) -> None:
    shop.pay("T", "P1", 1, "pos", day(1), "000012")

    assert shop.pay("T", "P2", 1, "pos", day(2), "000012").channel_txn_no == "000012"
    for at in [day(1), day(1) + timedelta(hours=11), day(2) - timedelta(hours=12)]:
        with shop.refused("MX207", "000012"):
            shop.pay("T", "P3", 1, "pos", at, "000012")
    assert shop.pay("T", "P3", 1, "pos", day(1) - timedelta(hours=13), "000012").applied == 1


def test_e44_a_day_is_that_of_the_channels_zone(shop: Shop) -> None:
    shop.channel("till", "offline", txn_numbers="daily", day_zone="Asia/Shanghai")
    midnight = day(5).replace(hour=16, minute=0)
    shop.pay("T", "P1", 1, "till", midnight - timedelta(seconds=1), "7")

    assert shop.pay("T", "P2", 1, "till", midnight, "7").applied == 1
    with shop.refused("MX207", "7", "P2"):
        shop.pay("T", "P3", 1, "till", midnight + timedelta(hours=23), "7")


def test_e44_a_channel_may_use_its_numbers_again_at_any_time(shop: Shop) -> None:
    shop.channel("till", "offline", txn_numbers="none")
    shop.pay("T", "P1", 1, "till", day(1), "7")

    assert shop.pay("T", "P2", 1, "till", day(1), "7").applied == 1


def test_e44_numbers_stay_as_they_were_counted(shop: Shop) -> None:
    shop.channel("till", "offline")
    shop.pay("T", "P1", 1, "till", day(1), "7")
    with shop.refused("MX207", "7", "P1"):
        shop.pay("T", "P2", 1, "till", day(2), "7")
    shop.channel("till", "offline", txn_numbers="daily")
    shop.pay("T", "P2", 1, "till", day(2), "7")
    with shop.refused("MX207", "7", "P2"):
        shop.pay("T", "P3", 1, "till", day(2), "7")
    # What is written from now on is compared with what was counted alike.
    shop.channel("till", "offline")
    with shop.refused("MX207", "7", "P1"):
        shop.pay("T", "P3", 1, "till", day(3), "7")


def test_e44_a_number_that_comes_later_is_of_the_day_of_the_payment(shop: Shop) -> None:
    shop.pay("T", "P1", 1, "pos", day(1), "7")
    shop.pay("T", "P2", 1, "pos", day(1))
    shop.pay("T", "P3", 1, "pos", day(2))
    with shop.refused("MX207", "7", "P1"):
        shop.pay("T", "P2", 1, "pos", day(1), "7")

    assert shop.pay("T", "P3", 1, "pos", day(2), "7").channel_txn_no == "7"


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [("unique", date(1, 1, 1)), ("daily", day(6).date()), ("none", None)],
)
def test_e44_a_number_has_the_same_day_whoever_writes_it(
    shop: Shop, numbers: str, expected: date | None
) -> None:
    shop.channel("till", "offline", txn_numbers=numbers, day_zone="Asia/Shanghai")
    at = day(5).replace(hour=16)
    sent = {"paid_at": at.isoformat()}
    for payment_no in ("P3", "P4", "P6"):
        shop.start("T", payment_no, 1, "till")

    shop.pay("T", "P1", 1, "till", at, "1")
    shop.call(
        "record_payments",
        [
            {"trade_no": "T", "payment_no": "P2", "channel": "till", "amount": 1, **sent}
            | {"channel_txn_no": "2"}
        ],
    )
    shop.succeed("P3", "3", paid_at=at)
    shop.call("succeed_payments", [{"payment_no": "P4", "channel_txn_no": "4", **sent}])
    with shop.conn.transaction(force_rollback=True):  # the rest of a payment is not written
        shop.query(
            "insert into mixpay.payments (merchant_id, payment_no, trade_no, channel, recorded,"
            " asked, amount, applied, state, channel_txn_no, paid_at, seq)"
            " values ('m', 'P5', 'T', 'till', true, 1, 1, 1, 'succeeded', '5', %s, 5) returning 1",
            at,
        )
        shop.query(
            "update mixpay.payments set state = 'succeeded', amount = 1, applied = 1, paid_at = %s,"
            " seq = 6, channel_txn_no = '6' where payment_no = 'P6' returning 1",
            at,
        )
        days = shop.query("select payment_no, txn_day from mixpay.payments order by payment_no")

    assert days == [(f"P{i}", expected) for i in range(1, 7)]


def test_e27_a_payment_larger_than_the_trade(shop: Shop) -> None:
    payment = shop.pay("T", "P", 10**15)

    assert (payment.applied, payment.surplus, payment.refunded) == (150, 10**15 - 150, 10**15 - 150)
    assert shop.row("trades", "T").state == "paid"


def test_e27_amounts_up_to_the_bound_are_divided_without_overflow(shop: Shop) -> None:
    shop.call("register_merchant", "Shop", "pro_rata")
    third = 10**15 // 3
    shop.merge("T2", X=third, Y=third, Z=third)
    shop.pay("T2", "P", third)

    assert sum(shop.paid("T2").values()) == third
    assert max(shop.paid("T2").values()) - min(shop.paid("T2").values()) <= 1


def test_pro_rata_divides_by_what_each_still_lacks(shop: Shop) -> None:
    shop.call("register_merchant", "Shop", "pro_rata")
    shop.merge("T2", X=6, Y=6, Z=2)
    shop.pay("T2", "P1", 10)
    assert shop.paid("T2") == {"X": 4, "Y": 4, "Z": 2}
    shop.pay("T2", "P2", 1)
    assert shop.paid("T2") == {"X": 5, "Y": 4, "Z": 2}
    shop.pay("T2", "P3", 100)
    assert shop.paid("T2") == {"X": 6, "Y": 6, "Z": 2}


@pytest.mark.parametrize("allocation", ["fifo", "pro_rata"])
def test_e13_shares_sum_exactly_and_zero_shares_get_no_row(shop: Shop, allocation: str) -> None:
    shop.call("register_merchant", "Shop", allocation)
    amounts = {"U": 1, "V": 7, "W": 33, "X": 100, "Y": 2, "Z": 59}
    shop.merge("T2", **amounts)
    paid = 0
    for number, amount in enumerate([1, 1, 3, 50, 17, 60, 70]):
        shop.pay("T2", f"P{number}", amount)
        paid += amount
        assert sum(shop.paid("T2").values()) == paid
        assert all(shop.paid("T2")[order] <= amounts[order] for order in amounts)
        shares = shop.query(
            "select amount from mixpay.allocations where payment_no = %s", f"P{number}"
        )
        assert sum(share.amount for share in shares) == amount
        assert all(share.amount > 0 for share in shares)
    assert shop.paid("T2") == amounts


@pytest.mark.parametrize("allocation", ["fifo", "pro_rata"])
@pytest.mark.parametrize("before", [0, 30, 55])
def test_the_last_payment_fills_lines_of_every_kind(
    shop: Shop, allocation: str, before: int
) -> None:
    """Whose the money then is does not depend on how much of each line was paid before."""
    shop.call("register_merchant", "Shop", allocation)
    shop.call("register_payee", "S", "Store")
    nobodys, payees, divided, last = orders(K=20, L=30, N=10, O=25)
    lines = [
        nobodys,
        {**payees, "payee_no": "S"},
        *on_hold("S", M=40),
        {**divided, "payee_no": "S"},
        {**last, "payee_no": "S"},
    ]
    shop.call("merge_orders", lines, "T5")
    shop.rows("split_order", "N", "X", [{"kind": "platform_fee", "receiver": "us", "rate": 2000}])
    if before:
        shop.pay("T5", "P1", before)
    shop.pay("T5", "P2", 125 - before)

    found = shop.query(
        "select order_no, paid, cleared, live from mixpay.trade_orders "
        "where merchant_id = %s and trade_no = 'T5' order by position",
        shop.merchant,
    )
    assert [tuple(line) for line in found] == [
        ("K", 20, 0, False),
        ("L", 30, 30, False),
        ("M", 40, 0, False),
        ("N", 10, 10, False),
        ("O", 25, 25, False),
    ]
    balances = shop.query(
        "select account || ':' || owner as name, balance from mixpay.account_balances "
        "where merchant_id = %s and account in ('payee', 'fee')",
        shop.merchant,
    )
    assert {row.name: row.balance for row in balances} == {"payee:S": 63, "fee:us": 2}
