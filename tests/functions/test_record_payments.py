import pytest
from psycopg.types.json import Jsonb
from shop import CHANNELS_NUMBERS, FOR_EVER, Shop, day

P1 = {"trade_no": "T1", "payment_no": "P1", "channel": "card", "amount": 60}
P2 = {"trade_no": "T2", "payment_no": "P2", "channel": "cash", "amount": 80}


@pytest.fixture(autouse=True)
def trades(shop: Shop) -> None:
    shop.merge("T1", A=100)
    shop.merge("T2", B=50)


def test_records_each_as_record_payment_does(shop: Shop) -> None:
    full = {
        **P2,
        "paid_at": "2026-01-31T12:00:00+08:00",
        "channel_txn_no": "X1",
    }
    payments = shop.rows("record_payments", [full, P1])

    assert [p.payment_no for p in payments] == ["P2", "P1"]
    assert (payments[0].applied, payments[0].surplus, payments[0].refunded) == (50, 30, 30)
    assert payments[0].paid_at.isoformat() == "2026-01-31T04:00:00+00:00"
    assert payments[0].channel_txn_no == "X1"
    single = Shop(shop.conn, "single")
    single.call("register_merchant", "Single")
    single.merge("T1", A=100)
    single.pay("T1", "P1", 60, "card")
    columns = "to_jsonb(p) - 'merchant_id' - 'created_at' - 'paid_at'"
    bulk, one = shop.query(f"select {columns} from mixpay.payments as p where payment_no = 'P1'")
    assert bulk == one


def test_payments_of_one_trade_keep_the_order_of_the_call(shop: Shop) -> None:
    payments = [{**P1, "payment_no": f"P{i}", "amount": 40} for i in (3, 1, 2)]
    recorded = shop.rows("record_payments", payments)

    assert [(p.payment_no, p.seq, p.surplus) for p in recorded] == [
        ("P3", 1, 0),
        ("P1", 2, 0),
        ("P2", 3, 20),
    ]


def test_the_last_payment_of_a_trade_is_what_it_is_paid_by(shop: Shop) -> None:
    first, last = ({**P1, "payment_no": n, "amount": 50, "channel": "card"} for n in ("P1", "P3"))
    moments = [{"paid_at": day(number).isoformat()} for number in (2, 1)]
    shop.rows("record_payments", [{**first, **moments[0]}, P2, {**last, **moments[1]}])

    paid = "select payment_no, happened_at from mixpay.history where number = %s and to_state = %s"
    assert shop.query(paid, "T1", "paid") == [("P3", day(1))]


def test_trades_go_by_their_numbers_in_bytes(shop: Shop) -> None:
    """Whatever a language would say: Z before a."""
    shop.merge("a", LOWER=9)
    shop.merge("Z", UPPER=9)
    sent = [{**P1, "trade_no": t, "payment_no": t, "amount": 5} for t in ("a", "Z")]
    shop.rows("record_payments", sent)
    for trade_no in ("a", "Z"):
        shop.start(trade_no, f"S{trade_no}", 4)
    shop.rows("succeed_payments", [{"payment_no": f"S{t}"} for t in ("a", "Z")])

    assert [shop.row("trades", t).state for t in ("a", "Z")] == ["paid", "paid"]


def test_e03_again_changes_nothing(shop: Shop) -> None:
    first = shop.rows("record_payments", [P1, P2])
    with shop.unchanged():
        assert shop.rows("record_payments", [P1, P2]) == first
    with shop.unchanged():
        assert shop.pay("T1", "P1", 60, "card") == first[0]


@pytest.mark.parametrize("amount", [60, 40])
def test_e03_the_same_payment_twice_in_one_call_is_one(shop: Shop, amount: int) -> None:
    """Also where the trade has room for two."""
    payment = {**P1, "amount": amount}
    payments = shop.rows("record_payments", [payment, payment])

    assert payments[0] == payments[1]
    assert shop.row("trades", "T1").paid == amount


def test_all_or_nothing(shop: Shop, subtests: pytest.Subtests) -> None:
    for bad, code in [
        ({"amount": 0}, "MX902"),
        ({"amount": -5}, "MX902"),
        ({"amount": None}, "MX902"),
        ({"amount": 1.5}, "MX903"),
        ({"amount": "5"}, "MX903"),
        ({"amount": 10**15 + 1}, "MX902"),
        ({"amount": 2**63}, "MX903"),
        ({"channel": "teleport"}, "MX203"),
        ({"channel": None}, "MX203"),
        ({"channel": 7}, "MX903"),
        ({"trade_no": "nothing"}, "MX104"),
        ({"trade_no": None}, "MX901"),
        ({"payment_no": ""}, "MX901"),
        ({"payment_no": None}, "MX901"),
        ({"payment_no": "P1"}, "MX202"),
        ({"paid_at": "yesterday"}, "MX903"),
        ({"paid_at": "infinity"}, "MX903"),
        ({"paid_at": "2026-01-31T12:00:00"}, "MX903"),
        ({"paid_at": 7}, "MX903"),
        ({"channel_txn_no": "a\tb"}, "MX901"),
        ({"channel": "card", "channel_txn_no": "X1"}, "MX207"),
        ({"colour": "red"}, "MX903"),
    ]:
        with subtests.test(bad=bad, code=code), shop.refused(code):
            shop.rows("record_payments", [{**P1, "channel_txn_no": "X1"}, {**P2, **bad}])

    assert len(shop.rows("record_payments", [P1, P2])) == 2


def test_refuses_an_unknown_channel_where_the_trade_has_room(shop: Shop) -> None:
    with shop.refused("MX203", "teleport"):
        shop.rows(
            "record_payments", [P1, {**P1, "payment_no": "P2", "amount": 5, "channel": "teleport"}]
        )


def test_in_proportion_and_then_what_is_lacking(shop: Shop) -> None:
    fair = Shop(shop.conn, "fair")
    fair.call("register_merchant", "Fair", "pro_rata")
    fair.merge("T1", A=100, B=50)
    payments = [{**P1, "payment_no": f"P{n}", "amount": n} for n in (30, 31, 89)]
    fair.rows("record_payments", payments)

    assert fair.paid("T1") == {"A": 100, "B": 50}
    assert fair.row("trades", "T1").state == "paid"


def test_e15_refuses_a_payment_without_an_amount(shop: Shop) -> None:
    with shop.refused("MX902"):
        shop.rows("record_payments", [{k: v for k, v in P1.items() if k != "amount"}])


def test_tells_which_item_is_no_payment(shop: Shop, subtests: pytest.Subtests) -> None:
    """Also among others of the same trade, which are as they should be."""
    for bad, code in [
        ({"trade_no": None}, "MX901"),
        ({"trade_no": "x" * 65}, "MX901"),
        ({"payment_no": None}, "MX901"),
        ({"payment_no": "a b"}, "MX901"),
        ({"channel_txn_no": "a\tb"}, "MX901"),
        ({"amount": None}, "MX902"),
        ({"amount": 0}, "MX902"),
        ({"amount": 10**15 + 1}, "MX902"),
        ({"amount": "5"}, "MX903"),
        ({"paid_at": "yesterday"}, "MX903"),
        ({"channel_txn_no": "x" * 256}, "MX901"),
        ({"channel_txn_no": 7}, "MX903"),
        ({"captures": 7}, "MX903"),
        ({"paid_at": "1800-01-01T00:00Z"}, "MX905"),
        ({"paid_at": "9998-01-01T00:00Z"}, "MX905"),
    ]:
        (key,) = bad
        other = {**P1, "payment_no": "P2", "amount": 5, **bad}
        with subtests.test(bad=bad, code=code), shop.refused(code, "payment 2: ", f'"{key}"'):
            shop.rows("record_payments", [P1, other])


def test_refuses_what_is_no_list_of_payments(shop: Shop, subtests: pytest.Subtests) -> None:
    for sent, code in [
        (None, "MX903"),
        (Jsonb(None), "MX903"),
        (Jsonb({}), "MX903"),
        (Jsonb([]), "MX904"),
        (Jsonb([7]), "MX903"),
        (Jsonb([P1] * 10001), "MX904"),
    ]:
        with subtests.test(sent=sent, code=code), shop.refused(code):
            shop.query("select * from mixpay.record_payments('m', %s)", sent)


def test_refuses_an_unknown_merchant(shop: Shop) -> None:
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").rows("record_payments", [P1])


def test_e43_the_channels_number_may_come_later(shop: Shop) -> None:
    first = shop.rows("record_payments", [P1, P2])
    later = shop.rows("record_payments", [{**P1, "channel_txn_no": "X1"}, P2])

    assert later == [first[0]._replace(channel_txn_no="X1", txn_day=FOR_EVER), first[1]]
    assert shop.named("payment", "P1") == ["channel transaction X1"]
    # In one call, too: twice the same payment, first without its number.
    twice = [{**P2, "payment_no": "P3"}, {**P2, "payment_no": "P3", "channel_txn_no": "X3"}]
    assert {p.channel_txn_no for p in shop.rows("record_payments", twice)} == {"X3"}
    with shop.refused("MX202"):
        shop.rows("record_payments", [P2, {**P1, "channel_txn_no": "X2"}])


def test_e44_numbers_of_any_alphabet_and_of_a_day(shop: Shop) -> None:
    first = {**P1, "channel_txn_no": CHANNELS_NUMBERS[0], "paid_at": day(1).isoformat()}
    payments = [
        {**first, "payment_no": f"P{i}", "channel": channel, "amount": 1, "channel_txn_no": number}
        for channel in ("card", "pos")
        for i, number in enumerate(CHANNELS_NUMBERS, 1 if channel == "card" else 11)
    ]
    recorded = shop.rows("record_payments", payments)

    assert [p.channel_txn_no for p in recorded] == CHANNELS_NUMBERS * 2
    again = [{**p, "payment_no": "Q" + p["payment_no"]} for p in payments]
    another_day = [{**p, "paid_at": day(2).isoformat()} for p in again]
    with shop.refused("MX207", "P1"):
        shop.rows("record_payments", another_day[:3])
    assert len(shop.rows("record_payments", another_day[-3:])) == 3
    with shop.refused("MX207", "P11"):
        shop.rows("record_payments", again[-len(CHANNELS_NUMBERS) :])


def test_e03_moments_are_compared_to_the_millisecond(shop: Shop) -> None:
    told = day(1).replace(microsecond=123_456)
    first = shop.rows("record_payments", [{**P1, "paid_at": told.isoformat()}])
    known = told.replace(microsecond=123_000).isoformat()
    with shop.unchanged():
        assert shop.rows("record_payments", [{**P1, "paid_at": known}]) == first


def test_money_for_an_order_that_was_refunded_makes_it_payable_again(shop: Shop) -> None:
    shop.pay("T1", "P0", 40)
    shop.refund("A", "R", 40)
    assert shop.balance("A").state == "refunded"
    shop.rows("record_payments", [{**P1, "amount": 20}])

    assert shop.balance("A").state == "payable"
    told = shop.query(
        "select from_state, to_state from mixpay.history where entity = 'order' order by entry"
    )
    assert told == [("payable", "refunded"), ("refunded", "payable")]


def test_a_paid_trade_has_no_live_line_also_of_what_was_paid_before(shop: Shop) -> None:
    shop.merge("T3", C=60, D=40)
    for number in (60, 40):
        payment = {**P1, "trade_no": "T3", "payment_no": f"P{number}", "amount": number}
        shop.rows("record_payments", [payment])

    assert [shop.line("T3", order_no).live for order_no in ("C", "D")] == [False, False]
