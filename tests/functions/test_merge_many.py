from typing import Any

import pytest
from psycopg.types.json import Jsonb
from shop import Shop, orders


def many(**trades: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"trade_no": number, "orders": lines} for number, lines in trades.items()]


def test_makes_each_trade_as_merge_orders_does(shop: Shop) -> None:
    other = Shop(shop.conn, "other")
    other.call("register_merchant", "Other")
    lines = orders(A=100, B=(50, 20))
    shop.rows("merge_many", [*many(T1=lines, T2=orders(C=7)), {"orders": orders(D=3)}])
    other.call("merge_orders", lines, "T1")

    for table in ("trades", "trade_orders"):
        bulk, single = (
            shop.query(
                f"select to_jsonb(t) - 'merchant_id' - 'created_at' from mixpay.{table} as t "
                "where merchant_id = %s and trade_no = 'T1' order by 1",
                merchant,
            )
            for merchant in ("m", "other")
        )
        assert bulk == single


def test_returns_the_trades_in_the_order_of_the_call(shop: Shop) -> None:
    trades = shop.rows(
        "merge_many", [*many(T9=orders(A=1), T1=orders(B=2)), {"orders": orders(C=3)}]
    )

    assert [trade.amount for trade in trades] == [1, 2, 3]
    assert [trade.trade_no for trade in trades[:2]] == ["T9", "T1"]
    made = shop.rows("merge_many", [{"orders": orders(**{f"O{i}": 1})} for i in range(20)])
    numbers = [trade.trade_no for trade in made]
    assert numbers == sorted(numbers)


def test_reads_expires_at(shop: Shop) -> None:
    (trade,) = shop.rows(
        "merge_many", [{"orders": orders(A=1), "expires_at": "2030-01-31T12:00:00+08:00"}]
    )

    assert trade.expires_at.isoformat() == "2030-01-31T04:00:00+00:00"


def test_null_is_what_was_left_out(shop: Shop) -> None:
    order = {"order_no": "A", "amount": 5, "currency": "CNY"}
    left_out = {"payee_no": None, "pay": None, "hold": None}
    (trade,) = shop.rows(
        "merge_many", [{"trade_no": None, "expires_at": None, "orders": [{**order, **left_out}]}]
    )

    assert trade.expires_at is None
    with shop.unchanged():
        assert shop.rows("merge_many", [{"orders": [order]}]) == [trade]


def test_currencies_may_differ_between_trades(shop: Shop) -> None:
    trades = shop.rows("merge_many", many(T1=orders("CNY", A=1), T2=orders("JPY", B=1)))

    assert [trade.currency for trade in trades] == ["CNY", "JPY"]


def test_divides_one_abandoned_trade_into_two(shop: Shop) -> None:
    shop.merge("T", A=1, B=2)
    shop.rows("merge_many", many(T1=orders(A=1), T2=orders(B=2)))

    assert shop.row("trades", "T").state == "closed"


def test_e03_repeats_and_news_may_stand_in_one_call(shop: Shop) -> None:
    sent = [*many(T1=orders(A=1)), {"orders": orders(B=2)}]
    first = shop.rows("merge_many", sent)
    with shop.unchanged():
        assert shop.rows("merge_many", sent) == first
    again = shop.rows("merge_many", [{"orders": orders(N=9)}, *sent])

    assert again[1:] == first
    assert again[0].amount == 9
    mixed = shop.rows("merge_many", [sent[0], *many(T3=orders(C=3), T2=orders(D=4)), sent[1]])
    assert [trade.amount for trade in mixed] == [1, 3, 4, 2]


def test_e03_a_known_number_leaves_its_orders_alone_wherever_it_stands(shop: Shop) -> None:
    sent = [{"orders": orders(B=2)}, *many(T=orders(A=100))]
    first = shop.rows("merge_many", sent)
    shop.call("reprice_order", "A", "N", 120, "dearer")
    with shop.unchanged():
        assert shop.rows("merge_many", sent) == [first[0], shop.row("trades", "T")]


def test_beside_a_known_number_the_other_orders_are_compared_too(
    shop: Shop, subtests: pytest.Subtests
) -> None:
    """A trade without a number is no repetition of the open one that had something else."""
    for payee_no in "PQ":
        shop.call("register_payee", payee_no, "Store")
    order = {"order_no": "B", "amount": 5, "currency": "CNY", "payee_no": "P"}
    shop.rows("merge_many", [*many(T=orders(A=1)), {"orders": [order]}])
    for other in ({"amount": 6}, {"currency": "JPY"}, {"payee_no": "Q"}):
        with subtests.test(other=other), shop.refused("MX105", "order B", *other.values()):
            shop.rows("merge_many", [*many(T=orders(A=1)), {"orders": [{**order, **other}]}])


def test_what_was_found_by_its_number_is_not_looked_for_again(shop: Shop) -> None:
    """Counted in buffers: one known order more adds little to what repetitions read."""
    known = many(**{f"T{i}": orders(**{f"A{i}": 5}) for i in range(200)})
    shop.rows("merge_many", [*known, *many(X=orders(B=5))])

    def pages(trades: list[dict[str, Any]]) -> int:
        query = "explain (analyze, buffers, format json) select * from mixpay.merge_many('m', %s)"
        plan = shop.query(query, Jsonb(trades))[0][0][0]["Plan"]
        return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])

    repeated = min(pages(known) for _ in range(2))
    assert min(pages([*known, *many(**{new: orders(B=5)})]) for new in "YZ") < 1.3 * repeated


def test_all_or_nothing(shop: Shop, subtests: pytest.Subtests) -> None:
    shop.merge("T1", OLD=5)
    shop.merge("T2", BUSY=5)
    shop.pay("T2", "P1", 1)
    for bad, code in [
        (orders("XXX", B=1), "MX110"),
        (orders(B=0), "MX902"),
        (orders(A=5), "MX904"),
        (orders(B=(5, 6)), "MX108"),
        ([{"order_no": "B", "amount": 1, "currency": "CNY", "payee_no": "nobody"}], "MX102"),
        (orders(**{"a b": 1}), "MX901"),
        (orders(**{"x" * 65: 1}), "MX901"),
        (orders(B=10**15 + 1), "MX902"),
        (orders(B=(5, 0)), "MX902"),
        ([{"order_no": "B", "amount": 1, "currency": "CNY", "payee_no": 7}], "MX903"),
        ([{"order_no": "B", "amount": 1, "currency": "CNY", "colour": "red"}], "MX903"),
        ([{"order_no": "B", "amount": 1, "currency": "CNY", "hold": 7}], "MX903"),
        (orders(OLD=7), "MX105"),
        (orders(BUSY=5), "MX107"),
        (orders("CNY", B=1) + orders("JPY", C=1), "MX109"),
        ([], "MX904"),
        ({}, "MX903"),
        (None, "MX903"),
    ]:
        with subtests.test(bad=bad, code=code), shop.refused(code):
            shop.rows("merge_many", [*many(GOOD=orders(A=1)), {"trade_no": "BAD", "orders": bad}])

    assert shop.rows("merge_many", many(GOOD=orders(A=1), BAD=orders(B=1)))[1].trade_no == "BAD"


def test_e03_a_number_used_for_something_else_refuses_all(shop: Shop) -> None:
    shop.merge("T", A=1)
    with shop.refused("MX106", "T"):
        shop.rows("merge_many", many(NEW=orders(B=1), T=orders(C=1)))


def test_names_the_first_of_several_that_are_wrong(shop: Shop, subtests: pytest.Subtests) -> None:
    shop.merge("T", K1=1, K2=2, K3=3)
    nobody, noone = ({**orders(**{n: 1})[0], "payee_no": n} for n in ("nobody", "noone"))
    held = [{**order, "hold": hold} for order, hold in zip(orders(A=1, B=1), (7, 8), strict=True)]
    for wrong, code, first in [
        (([], {}), "MX904", "trade 1: "),
        ((orders(A=10**15 + 1, B=0), orders(C=-1)), "MX902", "trade 1, order 1: "),
        ((orders(A=1), orders(B=0), orders(C=0)), "MX902", "trade 2, order 1: "),
        ((held, orders(C=0)), "MX903", "It is 7."),
        (([nobody, noone], orders(C=1)), "MX102", "payee nobody"),
        (([nobody], [noone]), "MX102", "payee nobody"),
        ((orders("XXX", A=1) + orders("YYY", B=1), orders(C=1)), "MX110", "currency XXX"),
        ((orders("XXX", A=1), orders("YYY", B=1)), "MX110", "currency XXX"),
        (
            tuple(orders("CNY", **{f"{o}1": 1}) + orders("JPY", **{f"{o}2": 1}) for o in "AB"),
            "MX109",
            "Trade 1 ",
        ),
        ((orders(K2=9, K1=9), orders(K3=9)), "MX105", "order K2"),
        ((orders(K3=9), orders(K1=9, K2=9)), "MX105", "order K3"),
    ]:
        with subtests.test(wrong=wrong, code=code), shop.refused(code, first):
            shop.rows("merge_many", [{"orders": lines} for lines in wrong])


def test_e02_a_trade_that_is_too_large_is_told_by_its_own_orders(shop: Shop) -> None:
    with shop.refused("MX902", "T2", f" {10**15 + 1}."):
        shop.rows("merge_many", many(T1=orders(A=5), T2=orders(B=10**15, C=1), T3=orders(D=5)))


def test_refuses_the_same_trade_number_twice(shop: Shop) -> None:
    with shop.refused("MX904", "T", 2):
        shop.rows("merge_many", [{"trade_no": "T", "orders": orders(**{o: 1})} for o in "AB"])


def test_refuses_bad_trades(shop: Shop, subtests: pytest.Subtests) -> None:
    for trades, code in [
        ([], "MX904"),
        ([7], "MX903"),
        ([{"orders": orders(A=1), "colour": "red"}], "MX903"),
        ([{"orders": orders(A=1), "trade_no": 7}], "MX903"),
        ([{"orders": orders(A=1), "trade_no": ""}], "MX901"),
        ([{"orders": orders(A=1), "trade_no": "a b"}], "MX901"),
        ([{"orders": orders(A=1), "trade_no": "x" * 65}], "MX901"),
        ([{"orders": orders(A=1), "expires_at": "2030-01-31 12:00:00"}], "MX903"),
        ([{"orders": orders(A=1), "expires_at": "infinity"}], "MX903"),
        ([{"orders": orders(A=1), "expires_at": "2030-13-01T00:00:00Z"}], "MX903"),
        ([{"orders": orders(A=1), "expires_at": 7}], "MX903"),
        ([{"trade_no": "T"}], "MX903"),
        ([{"orders": orders(A=1)} for _ in range(10001)], "MX904"),
    ]:
        with subtests.test(trades=trades, code=code), shop.refused(code):
            shop.rows("merge_many", trades)


def test_e30_at_most_10000_orders_in_all(shop: Shop) -> None:
    with shop.refused("MX904"):
        shop.rows(
            "merge_many",
            [
                {"orders": orders(**{f"{t}-{i}": 1 for i in range(number)})}
                for t, number in (("A", 5000), ("B", 5001))
            ],
        )


def test_refuses_an_unknown_merchant(shop: Shop) -> None:
    with shop.refused("MX101", "nobody"):
        Shop(shop.conn, "nobody").rows("merge_many", many(T=orders(A=1)))
