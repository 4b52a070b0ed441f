import pytest
from psycopg.types.json import Jsonb
from shop import CHANNELS_NUMBERS, FOR_EVER, Shop, day

P1 = {"payment_no": "P1"}
P2 = {"payment_no": "P2", "channel_txn_no": "X2", "paid_at": "2026-01-31T12:00:00+08:00"}


@pytest.fixture(autouse=True)
def started(shop: Shop) -> None:
    shop.merge("T1", A=100)
    shop.merge("T2", B=50, C=50)
    shop.start("T1", "P1", 60)
    shop.start("T2", "P2", 100)


def test_books_each_as_succeed_payment_does(shop: Shop) -> None:
    payments = shop.rows("succeed_payments", [{**P2, "amount": 120}, P1])

    assert [p.payment_no for p in payments] == ["P2", "P1"]
    assert (payments[0].applied, payments[0].surplus, payments[0].refunded) == (100, 20, 20)
    assert payments[0].paid_at.isoformat() == "2026-01-31T04:00:00+00:00"
    assert payments[0].channel_txn_no == "X2"
    assert [shop.row("trades", t).state for t in ("T1", "T2")] == ["open", "paid"]
    assert shop.paid("T2") == {"B": 50, "C": 50}


def test_two_into_one_trade_fill_it_in_the_order_of_the_call(shop: Shop) -> None:
    shop.start("T1", "P3", 40)
    payments = shop.rows("succeed_payments", [{"payment_no": "P3"}, P1])

    assert [(p.payment_no, p.seq) for p in payments] == [("P3", 1), ("P1", 2)]
    assert shop.row("trades", "T1").state == "paid"


def test_e08_success_after_failure_is_booked(shop: Shop) -> None:
    shop.call("fail_payment", "P1", "declined")
    shop.close("T2")
    payments = shop.rows("succeed_payments", [P1, P2])

    assert [(p.state, p.applied, p.surplus) for p in payments] == [
        ("succeeded", 60, 0),
        ("succeeded", 0, 100),
    ]


def test_what_was_started_is_what_arrives_when_nothing_is_said(shop: Shop) -> None:
    payments = shop.rows("succeed_payments", [{**P2, "amount": None, "paid_at": None}, P1])

    assert [p.amount for p in payments] == [100, 60]


def test_e03_again_changes_nothing(shop: Shop) -> None:
    first = shop.rows("succeed_payments", [P1, P2])
    with shop.unchanged():
        assert shop.rows("succeed_payments", [P1, P2]) == first
    with shop.unchanged():
        assert shop.rows("succeed_payments", [P2, P2]) == [first[1], first[1]]


def test_one_transaction_of_a_channel_pays_once_in_a_call(shop: Shop) -> None:
    with shop.refused("MX207", "X2", "P1"):
        shop.rows("succeed_payments", [{**P1, "channel_txn_no": "X2"}, P2])


def test_a_number_that_has_paid_is_named_and_no_other_one(shop: Shop) -> None:
    """P1's number is another channel's, another merchant's and another day's, too."""
    shop.channel("qr", txn_numbers="daily", day_zone="UTC")
    shop.merge("T0", D=100, E=100)
    shop.pay("T0", "P7", 10, "card", None, "X1")
    shop.pay("T0", "P8", 10, "qr", day(1), "X3")
    shop.pay("T0", "P9", 10, "alipay", None, "X2")
    shop.start("T0", "P3", 10, "qr")
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    other.merge("T", A=10)
    other.pay("T", "P6", 10, "alipay", None, "X1")
    sent = [
        {**P1, "channel_txn_no": "X1"},
        {"payment_no": "P3", "channel_txn_no": "X3", "paid_at": day(2).isoformat()},
        {**P2, "paid_at": None},
    ]
    with shop.refused("MX207", "X2", "P9"):
        shop.rows("succeed_payments", sent)

    assert [p.payment_no for p in shop.rows("succeed_payments", sent[:2])] == ["P1", "P3"]
    assert shop.row("payments", "P3").txn_day == day(2).date()


def test_without_a_transaction_number_as_many_as_there_are(shop: Shop) -> None:
    shop.start("T1", "P3", 40)
    payments = shop.rows("succeed_payments", [P1, {"payment_no": "P3"}, P2])
    assert [p.channel_txn_no for p in payments] == [None, None, "X2"]


def test_all_or_nothing(shop: Shop, subtests: pytest.Subtests) -> None:
    shop.pay("T1", "P9", 10, "alipay", None, "X9")
    for bad, code in [
        ({"payment_no": "nothing"}, "MX201"),
        ({"payment_no": "P9", "amount": 9}, "MX208"),
        ({"payment_no": "P9", "channel_txn_no": "X8"}, "MX208"),
        ({**P2, "channel_txn_no": "X9"}, "MX207"),
    ]:
        about = bad["channel_txn_no"] if code == "MX207" else bad["payment_no"]
        with subtests.test(bad=bad, code=code), shop.refused(code, about):
            shop.rows("succeed_payments", [P1, bad])


def test_tells_which_item_is_no_success(shop: Shop, subtests: pytest.Subtests) -> None:
    for bad, code, wrong in [
        ({}, "MX901", '"payment_no"'),
        ({"payment_no": None}, "MX901", '"payment_no"'),
        ({"payment_no": ""}, "MX901", '"payment_no"'),
        ({"payment_no": "x" * 65}, "MX901", '"payment_no"'),
        ({"payment_no": 7}, "MX903", '"payment_no"'),
        ({**P2, "paid_at": "9998-01-01T00:00Z"}, "MX905", '"paid_at"'),
        ({**P2, "channel_txn_no": "a\tb"}, "MX901", '"channel_txn_no"'),
        ({**P2, "amount": 0}, "MX902", '"amount"'),
        ({**P2, "amount": -5}, "MX902", '"amount"'),
        ({**P2, "amount": 10**15 + 1}, "MX902", '"amount"'),
        ({**P2, "amount": 2**63}, "MX903", '"amount"'),
        ({**P2, "amount": 1.5}, "MX903", '"amount"'),
        ({**P2, "amount": "1"}, "MX903", '"amount"'),
        ({**P2, "paid_at": "yesterday"}, "MX903", '"paid_at"'),
        ({**P2, "paid_at": "2026-01-31T12:00:00"}, "MX903", '"paid_at"'),
        ({**P2, "paid_at": "1800-01-01T00:00Z"}, "MX905", '"paid_at"'),
        ({**P2, "paid_at": 7}, "MX903", '"paid_at"'),
        ({**P2, "colour": "red"}, "MX903", '"colour"'),
    ]:
        with subtests.test(bad=bad, code=code), shop.refused(code, "payment 2: ", wrong):
            shop.rows("succeed_payments", [P1, bad, {"payment_no": "nothing"}])


def test_refuses_what_is_no_list_of_payments(shop: Shop, subtests: pytest.Subtests) -> None:
    for sent, code in [
        (None, "MX903"),
        (Jsonb({}), "MX903"),
        (Jsonb([]), "MX904"),
        (Jsonb([7]), "MX903"),
        (Jsonb([P1] * 10001), "MX904"),
    ]:
        with subtests.test(sent=sent, code=code), shop.refused(code):
            shop.query("select * from mixpay.succeed_payments('m', %s)", sent)


def test_refuses_an_unknown_merchant(shop: Shop) -> None:
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").rows("succeed_payments", [P1])


def test_e43_the_channels_number_may_come_later(shop: Shop) -> None:
    first = shop.rows("succeed_payments", [P1, {**P2, "channel_txn_no": None}])
    later = shop.rows("succeed_payments", [{**P1, "channel_txn_no": "X1"}, P2])

    assert later == [
        p._replace(channel_txn_no=f"X{i}", txn_day=FOR_EVER) for i, p in enumerate(first, 1)
    ]
    assert shop.named("payment", "P2") == ["channel transaction X2"]
    with shop.refused("MX208", "X1", "X9"):
        shop.rows("succeed_payments", [P2, {**P1, "channel_txn_no": "X9"}])


def test_e44_numbers_of_any_alphabet_and_of_a_day(shop: Shop) -> None:
    shop.start("T1", "P3", 40, "pos")
    shop.start("T1", "P4", 40, "pos")
    shop.start("T1", "P5", 40, "pos")
    told = [
        {**P2, "channel_txn_no": CHANNELS_NUMBERS[0]},
        {"payment_no": "P3", "channel_txn_no": "7", "paid_at": day(1).isoformat()},
        {"payment_no": "P4", "channel_txn_no": "7", "paid_at": day(2).isoformat()},
    ]

    assert [p.channel_txn_no for p in shop.rows("succeed_payments", told)] == [
        CHANNELS_NUMBERS[0],
        "7",
        "7",
    ]
    with shop.refused("MX207", "P4"):
        shop.rows("succeed_payments", [{**told[2], "payment_no": "P5"}])
