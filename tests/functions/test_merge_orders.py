from typing import Any

import pytest
from psycopg.types.json import Jsonb
from shop import Shop, day, orders

A = {"order_no": "A", "amount": 100, "currency": "CNY"}


def test_makes_one_trade_of_the_orders(shop: Shop) -> None:
    trade = shop.merge("T", A=100, B=50)

    assert (trade.trade_no, trade.currency, trade.amount) == ("T", "CNY", 150)
    assert (trade.paid, trade.refunded, trade.state) == (0, 0, "open")
    lines = shop.query("select * from mixpay.trade_orders order by position")
    assert [(x.order_no, x.position, x.nth, x.amount, x.live) for x in lines] == [
        ("A", 1, 1, 100, True),
        ("B", 2, 1, 50, True),
    ]
    assert shop.row("orders", "A").amount == 100


def test_returns_what_is_stored(shop: Shop) -> None:
    assert shop.call("merge_orders", [A], "T", day(300)) == shop.row("trades", "T")


def test_keeps_the_order_of_the_call(shop: Shop) -> None:
    shop.merge("T", Z=1, A=1, M=1)

    assert list(shop.paid("T")) == ["Z", "A", "M"]


def test_makes_numbers_that_sort_by_time(shop: Shop) -> None:
    numbers = [shop.merge(None, **{f"O{i}": 1}).trade_no for i in range(20)]

    assert numbers == sorted(set(numbers))
    assert all(len(number) <= 64 for number in numbers)


def test_copies_the_merchants_allocation_when_it_merges(shop: Shop) -> None:
    shop.merge("T1", A=1)
    shop.call("register_merchant", "Shop", "pro_rata")
    shop.merge("T2", B=1)

    assert shop.row("trades", "T1").allocation == "fifo"
    assert shop.row("trades", "T2").allocation == "pro_rata"


def test_stores_payee_and_hold(shop: Shop) -> None:
    shop.call("register_payee", "P", "Store")
    shop.call(
        "merge_orders",
        [
            {**A, "payee_no": "P", "hold": True},
            {**A, "order_no": "B", "hold": "2026-03-01T00:00:00+08:00"},
            {**A, "order_no": "C", "hold": False},
        ],
        "T",
        day(9),
    )

    assert shop.row("orders", "A").payee_no == "P"
    assert shop.row("trades", "T").expires_at == day(9)
    lines = [shop.line("T", order) for order in "ABC"]
    assert [(x.hold, x.release_due_at is not None) for x in lines] == [
        (True, False),
        (True, True),
        (False, False),
    ]


def test_takes_a_share_now_and_the_rest_later(shop: Shop) -> None:
    shop.merge("T1", A=(100, 30))
    shop.pay("T1", "P1", 30)
    trade = shop.merge("T2", A=100)

    assert trade.amount == 70
    assert [shop.line(no, "A").nth for no in ("T1", "T2")] == [1, 2]
    assert shop.balance("A").mergeable == 0


def test_merges_what_is_left_together_with_other_orders(shop: Shop) -> None:
    shop.merge("T1", A=(100, 30))
    shop.pay("T1", "P1", 30)
    trade = shop.merge("T2", A=100, B=50)

    assert trade.amount == 120


def test_closes_the_abandoned_trade(shop: Shop) -> None:
    shop.merge("T1", A=100, B=50)
    shop.merge("T2", A=100)

    assert shop.row("trades", "T1").state == "closed"
    assert not shop.line("T1", "B").live
    assert shop.line("T2", "A").nth == 2
    # B is free as well.
    assert shop.merge("T3", B=50).state == "open"


def test_closes_every_abandoned_trade_of_its_orders(shop: Shop) -> None:
    shop.merge("T1", A=100, X=1)
    shop.merge("T2", B=50, Y=1)
    shop.merge("T3", A=100, B=50)

    assert [shop.row("trades", no).state for no in ("T1", "T2", "T3")] == [
        "closed",
        "closed",
        "open",
    ]


def test_refuses_to_abandon_a_trade_that_is_paid_in_part(shop: Shop) -> None:
    shop.merge("T1", A=100, B=50)
    shop.pay("T1", "P1", 20)
    with shop.refused("MX107", "T1", 20):
        shop.merge("T2", B=50)


def test_refuses_to_abandon_a_trade_with_an_attempt_in_flight(shop: Shop) -> None:
    shop.merge("T1", A=100)
    shop.start("T1", "P1", 100)
    with shop.refused("MX107", "T1", 1):
        shop.merge("T2", A=100)
    shop.call("fail_payment", "P1", "declined")

    assert shop.merge("T2", A=100).state == "open"


def test_refuses_an_order_that_is_paid(shop: Shop) -> None:
    shop.merge("T1", A=100)
    shop.pay("T1", "P1", 100)
    with shop.refused("MX108", 100, 0):
        shop.call("merge_orders", [{**A, "pay": 100}], "T2")
    with shop.refused("MX108", 0):
        shop.merge("T2", A=100)


def test_refuses_more_than_is_left(shop: Shop) -> None:
    with shop.refused("MX108", 101, 100):
        shop.merge("T1", A=(100, 101))
    shop.merge("T1", A=(100, 30))
    shop.pay("T1", "P1", 30)
    with shop.refused("MX108", 71, 70):
        shop.merge("T2", A=(100, 71))


def test_refund_does_not_make_an_order_payable_again(shop: Shop) -> None:
    shop.merge("T1", A=100)
    shop.pay("T1", "P1", 100)
    shop.refund("A", "R1", 40)
    with shop.refused("MX108", 40, 0):
        shop.merge("T2", A=(100, 40))


def test_refuses_an_unknown_merchant_payee_and_currency(shop: Shop) -> None:
    with shop.refused("MX102", "nobody"):
        shop.call("merge_orders", [{**A, "payee_no": "nobody"}])
    with shop.refused("MX110", "XXX"):
        shop.merge("T", "XXX", A=100)
    with shop.refused("MX110"):
        shop.merge("T", "cny", A=100)
    with shop.refused("MX110"):
        shop.call("merge_orders", [{"order_no": "A", "amount": 100}])
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").merge("T", A=100)


def test_does_not_take_the_payee_of_another_merchant(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    other.call("register_payee", "P", "Store")
    with shop.refused("MX102", "P"):
        shop.call("merge_orders", [{**A, "payee_no": "P"}])


def test_merchants_do_not_share_numbers(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other", "pro_rata")
    shop.merge("T", A=100)
    other.merge("T", A=7)

    assert shop.row("trades", "T").amount == 100
    assert other.row("trades", "T").amount == 7


def test_e24_yen_and_dinar_are_whole_numbers_of_their_smallest_unit(shop: Shop) -> None:
    shop.merge("T1", "JPY", A=100)
    shop.merge("T2", "KWD", B=12345)

    assert shop.row("trades", "T1").currency == "JPY"
    exponents = shop.query(
        "select currency, exponent from mixpay.currencies "
        "where currency in ('CNY', 'JPY', 'KWD') order by 1"
    )
    assert [tuple(row) for row in exponents] == [("CNY", 2), ("JPY", 0), ("KWD", 3)]


def test_e24_refuses_mixed_currencies(shop: Shop) -> None:
    with shop.refused("MX109", "CNY", "JPY"):
        shop.call("merge_orders", orders("CNY", A=1) + orders("JPY", B=1))


@pytest.mark.parametrize("pay", [None, 40])
def test_e03_same_number_and_content_returns_the_trade_as_it_is_now(
    shop: Shop, pay: int | None
) -> None:
    sent = [{**A, "pay": pay}, {**A, "order_no": "B", "amount": 50}]
    shop.call("merge_orders", sent, "T", day(9))
    shop.pay("T", "P1", 30)
    with shop.unchanged():
        # Expiry is not compared.
        assert shop.call("merge_orders", sent, "T") == shop.row("trades", "T")
    shop.pay("T", "P2", 150)
    with shop.unchanged():
        assert shop.call("merge_orders", sent, "T", day(2)).state == "paid"


def test_e03_a_closed_trade_is_returned_too(shop: Shop) -> None:
    shop.merge("T1", A=100)
    shop.merge("T2", A=100)
    with shop.unchanged():
        assert shop.merge("T1", A=100).state == "closed"


def test_e03_what_was_left_out_is_not_compared(shop: Shop) -> None:
    shop.call("register_payee", "P", "Store")
    shop.call("merge_orders", [{**A, "payee_no": "P", "pay": 40, "hold": True}], "T")
    with shop.unchanged():
        shop.call("merge_orders", [A], "T")


def test_e03_moments_are_compared_to_the_millisecond(shop: Shop) -> None:
    held = [{**A, "hold": "2026-03-01T00:00:00.123456Z"}]
    shop.call("merge_orders", held, "T")
    near = [{**A, "hold": "2026-03-01T00:00:00.123Z"}]
    for number in ("T", None):
        with shop.unchanged():
            assert shop.call("merge_orders", near, number).trade_no == "T"
    other = [{**A, "hold": "2026-03-01T00:00:00.125Z"}]
    with shop.refused("MX106", "T", "00:00:00.123456", "00:00:00.125"):
        shop.call("merge_orders", other, "T")
    assert shop.call("merge_orders", other).trade_no != "T"


def test_e03_same_number_with_other_content_is_an_error(
    shop: Shop, subtests: pytest.Subtests
) -> None:
    for case, (first, then) in enumerate(
        [
            (orders(A=100, B=50), orders(A=100)),
            (orders(A=100), orders(A=100, B=50)),
            (orders(A=100, B=50), orders(B=50, A=100)),
            (orders(A=100), orders(B=100)),
            (orders(A=100), orders(A=99)),
            (orders(A=100), orders("JPY", A=100)),
            (orders(A=(100, 40)), orders(A=(100, 41))),
            ([{**A, "hold": True}], [{**A, "hold": False}]),
            ([{**A, "hold": True}], [{**A, "hold": "2026-03-01T00:00:00Z"}]),
            ([{**A, "hold": "2026-03-01T00:00:00Z"}], [{**A, "hold": True}]),
            ([{**A, "hold": "2026-03-01T00:00:00Z"}], [{**A, "hold": "2026-03-02T00:00:00Z"}]),
            ([A], [{**A, "hold": True}]),
            ([A], [{**A, "payee_no": "P"}]),
            ([{**A, "payee_no": "P"}], [{**A, "payee_no": "Q"}]),
        ]
    ):
        with subtests.test(first=first, then=then):
            merchant = Shop(shop.conn, f"m{case}")
            merchant.call("register_merchant", "Shop")
            for payee in "PQ":
                merchant.call("register_payee", payee, "Store")
            merchant.call("merge_orders", first, "T")
            with merchant.refused("MX106", "T", len(first)):
                merchant.call("merge_orders", then, "T")


def test_e03_without_a_number_the_open_trade_is_returned(shop: Shop) -> None:
    trade = shop.merge(None, A=100, B=(50, 20))
    with shop.unchanged():
        assert shop.merge(None, A=100, B=(50, 20)) == trade
    shop.pay(trade.trade_no, "P1", 30)
    with shop.unchanged():
        assert shop.merge(None, A=(100, 100), B=(50, 20)).paid == 30


def test_e03_without_a_number_other_shares_make_another_trade(shop: Shop) -> None:
    first = shop.merge(None, A=100)
    second = shop.merge(None, A=(100, 40))

    assert first.trade_no != second.trade_no
    assert shop.row("trades", first.trade_no).state == "closed"


def test_e03_without_a_number_another_sequence_makes_another_trade(shop: Shop) -> None:
    """Payments fill the orders in their order."""
    first = shop.merge(None, A=100, B=50)

    assert shop.merge(None, B=50, A=100).trade_no != first.trade_no
    assert shop.row("trades", first.trade_no).state == "closed"


def test_e03_what_was_cancelled_is_no_part_of_the_open_trade(shop: Shop) -> None:
    first = shop.merge(None, A=100, B=50)
    shop.cancel(first.trade_no, "A")
    with shop.unchanged():
        assert shop.merge(None, B=50).trade_no == first.trade_no


def test_e03_the_shares_of_a_number_are_those_that_were_sent(shop: Shop) -> None:
    shop.merge("T", A=(100, 40), B=50)
    shop.cancel("T", "A")
    with shop.unchanged():
        assert shop.merge("T", A=(100, 40), B=50).amount == 50
    with shop.refused("MX106", "On record: order_no A, ", "pay 40, ", "Sent: order_no A, "):
        shop.merge("T", A=(100, 41), B=50)


def test_e03_a_new_number_never_returns_another_trade(shop: Shop) -> None:
    shop.merge("T1", A=100)

    assert shop.merge("T2", A=100).trade_no == "T2"
    assert shop.row("trades", "T1").state == "closed"


def test_e03_a_refused_number_is_not_burnt(shop: Shop) -> None:
    with shop.refused("MX110"):
        shop.merge("T", "XXX", A=100)

    assert shop.merge("T", B=1).amount == 1


@pytest.mark.parametrize(
    ("again", "was", "sent"),
    [
        ({"amount": 99}, "100 CNY", "99 CNY"),
        ({"currency": "JPY"}, "100 CNY", "100 JPY"),
        ({"payee_no": "Q"}, "payee P", "payee Q"),
    ],
)
def test_e29_an_order_keeps_amount_currency_and_payee(
    shop: Shop, again: dict[str, Any], was: str, sent: str
) -> None:
    for payee in "PQ":
        shop.call("register_payee", payee, "Store")
    shop.call("merge_orders", [{**A, "payee_no": "P"}], "T1")
    with shop.refused("MX105", was, sent):
        shop.call("merge_orders", [{**A, "payee_no": "P", **again}], "T2")
    with shop.refused("MX105", was, sent):
        shop.call("merge_orders", [{**A, "payee_no": "P", **again}])
    # A payee that is left out is not compared.
    assert shop.call("merge_orders", [A], "T2").state == "open"


def test_e29_an_order_without_a_payee_gets_none_later(shop: Shop) -> None:
    shop.call("register_payee", "P", "Store")
    shop.merge("T1", A=100)
    with shop.refused("MX105", "payee P", "none"):
        shop.call("merge_orders", [{**A, "payee_no": "P"}], "T2")


def test_e30_refuses_the_same_order_twice(shop: Shop) -> None:
    with shop.refused("MX904", "A", 2):
        shop.call("merge_orders", [A, A])


def test_e30_refuses_the_same_order_twice_also_in_a_repetition(shop: Shop) -> None:
    shop.merge("T", A=5)
    with shop.refused("MX904", "A", 2):
        shop.call("merge_orders", [*orders(A=5), *orders(A=5)], "T")


def test_e30_refuses_an_empty_merge(shop: Shop) -> None:
    with shop.refused("MX904"):
        shop.call("merge_orders", [])


def test_e30_merges_10000_orders_and_not_one_more(shop: Shop) -> None:
    many = orders(**{f"O{i}": 3 for i in range(10001)})
    with shop.refused("MX904"):
        shop.call("merge_orders", many, "T")
    del many[-1]
    trade = shop.call("merge_orders", many, "T")
    shop.pay("T", "P1", 20000)

    assert trade.amount == 30000
    assert shop.line("T", "O6665").paid == 3
    assert shop.line("T", "O6666").paid == 2
    with shop.unchanged():
        shop.call("merge_orders", many, "T")


def test_e02_refuses_what_is_no_amount(shop: Shop, subtests: pytest.Subtests) -> None:
    for change, code in [
        ({"amount": 0}, "MX902"),
        ({"amount": -1}, "MX902"),
        ({"amount": 1.5}, "MX903"),
        ({"amount": "100"}, "MX903"),
        ({"amount": True}, "MX903"),
        ({"amount": 10**15 + 1}, "MX902"),
        ({"amount": 10**18}, "MX903"),
        ({"amount": 2**63}, "MX903"),
        ({"amount": 10**40}, "MX903"),
        ({"amount": None}, "MX902"),
        ({"pay": 0}, "MX902"),
        ({"pay": -1}, "MX902"),
        ({"pay": 0.5}, "MX903"),
        ({"pay": "1"}, "MX903"),
        ({"pay": 10**15 + 1}, "MX902"),
    ]:
        with subtests.test(change=change, code=code), shop.refused(code):
            shop.call("merge_orders", [{**A, **change}])


def test_e02_refuses_an_amount_with_a_point_although_it_is_whole(shop: Shop) -> None:
    orders_of_a = '[{"order_no": "A", "amount": 100.0, "currency": "CNY"}]'
    with shop.refused("MX903", "100.0"):
        shop.query("select * from mixpay.merge_orders('m', %s::jsonb)", orders_of_a)


def test_e02_refuses_a_trade_that_is_too_large(shop: Shop) -> None:
    with shop.refused("MX902", 2 * 10**15):
        shop.merge("T", A=10**15, B=10**15)

    assert shop.merge("T", A=10**15).amount == 10**15


def test_e15_refuses_an_order_without_an_amount(shop: Shop) -> None:
    with shop.refused("MX902", "order 1"):
        shop.call("merge_orders", [{"order_no": "A", "currency": "CNY"}])


def test_refuses_bad_orders(shop: Shop, subtests: pytest.Subtests) -> None:
    for change, code in [
        ({"order_no": ""}, "MX901"),
        ({"order_no": "x" * 65}, "MX901"),
        ({"order_no": "with space"}, "MX901"),
        ({"order_no": "订单"}, "MX901"),
        ({"order_no": "new\nline"}, "MX901"),
        ({"order_no": None}, "MX901"),
        ({"order_no": 7}, "MX903"),
        ({"currency": 7}, "MX903"),
        ({"payee_no": 7}, "MX903"),
        ({"hold": 7}, "MX903"),
        ({"hold": "tomorrow"}, "MX903"),
        ({"hold": "2026-02-30T00:00:00Z"}, "MX903"),
        ({"hold": "2026-02-28T00:00:00"}, "MX903"),
        ({"hold": "infinity"}, "MX903"),
        ({"hold": []}, "MX903"),
        ({"colour": "red"}, "MX903"),
    ]:
        with subtests.test(change=change, code=code), shop.refused(code):
            shop.call("merge_orders", [{**A, **change}])


def test_refuses_what_is_no_list_of_orders(shop: Shop, subtests: pytest.Subtests) -> None:
    for sent in [None, Jsonb(None), Jsonb({}), Jsonb("A"), Jsonb([7]), Jsonb([[]])]:
        with subtests.test(sent=sent), shop.refused("MX903"):
            shop.query("select * from mixpay.merge_orders('m', %s)", sent)


def test_refuses_bad_trade_numbers(shop: Shop, subtests: pytest.Subtests) -> None:
    for trade_no in ["", "x" * 65, "a b", "\t"]:
        with subtests.test(trade_no=trade_no), shop.refused("MX901"):
            shop.merge(trade_no, A=100)


def test_takes_numbers_of_64_characters(shop: Shop) -> None:
    number = "~!" * 32
    shop.call("merge_orders", [{**A, "order_no": number}], number)

    assert shop.row("trades", number).amount == 100


def test_refuses_an_expiry_that_is_no_moment(shop: Shop, subtests: pytest.Subtests) -> None:
    for moment in ["infinity", "-infinity"]:
        with subtests.test(moment=moment), shop.refused("MX905"):
            shop.query("select * from mixpay.merge_orders('m', %s, null, %s)", Jsonb([A]), moment)


def test_e03_a_number_that_was_used_says_which_order_differs(
    shop: Shop, subtests: pytest.Subtests
) -> None:
    for payee_no in ("S", "V"):
        shop.call("register_payee", payee_no, "Store")
    order = {"order_no": "A", "amount": 100, "currency": "CNY", "payee_no": "S", "pay": 20}
    shop.call("merge_orders", [*orders(B=1), order], "T")
    for key, value in (("pay", 30), ("payee_no", "V"), ("hold", "true"), ("amount", 101)):
        sent = [*orders(B=1), {**order, key: True if key == "hold" else value}]
        with (
            subtests.test(key),
            shop.refused("MX106", "On record: order_no A", "Sent: order_no A", f"{key} {value}"),
        ):
            shop.call("merge_orders", sent, "T")


def test_e03_a_number_that_was_used_names_the_first_difference(
    shop: Shop, subtests: pytest.Subtests
) -> None:
    shop.call("merge_orders", [A, {**A, "order_no": "B", "hold": day(1).isoformat()}], "T")
    held = {**A, "order_no": "B", "hold": day(2).isoformat()}
    for sent, told in [
        (orders(A=100), "On record: order_no B, "),
        (orders(A=100, B=100, C=7, D=8), "Sent: order_no C, amount 7, "),
        (orders(A=101, B=102), "Sent: order_no A, amount 101, "),
        ([A, held], "Sent: order_no B, "),
    ]:
        with subtests.test(told), shop.refused("MX106", told):
            shop.call("merge_orders", sent, "T")


def test_the_open_trade_of_an_order_is_the_one_in_which_it_can_be_paid(shop: Shop) -> None:
    shop.merge("T9", A=100)
    shop.merge("T1", A=100)
    assert shop.balance("A").open_trade_no == "T1"
    shop.close("T1")
    assert shop.balance("A").open_trade_no is None
    assert shop.query("select lacking from mixpay.trade_balances") == [(0,), (0,)]


def test_a_moment_is_the_same_in_every_time_zone(shop: Shop) -> None:
    """Also beside what is looked at twice, because it is rare: the largest amount."""
    shop.conn.execute("set time zone 'Asia/Shanghai'")
    moment = day(200).replace(microsecond=123_456)
    for number, amount in (("T1", 100), ("T2", 10**15)):
        made = shop.call("merge_orders", orders(**{number: amount}), number, moment)
        assert made.expires_at == moment
