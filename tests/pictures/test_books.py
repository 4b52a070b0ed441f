"""What the pages tell is what the views say, of every trade, order and refund of busy weeks."""

from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import dict_row
from shop import Shop

from mixpay_db.pictures import books


def rows(conn: Connection[Any], query: str, *values: Any) -> list[dict[str, Any]]:
    return conn.cursor(row_factory=dict_row).execute(query, values).fetchall()


def numbers(shop: Shop, view: str, column: str) -> list[str]:
    found = shop.query(f"select distinct {column} from mixpay.{view} order by 1")
    assert len(found) > 5
    return [number for (number,) in found]


def coming_in(told: books.Trade, key: tuple[str, str]) -> int:
    return sum(band.units for band in told.flow.bands if band.target == key)


def going_out(told: books.Trade, key: tuple[str, str]) -> int:
    return sum(band.units for band in told.flow.bands if band.source == key)


def test_a_trades_picture_says_what_the_views_say(weeks: Shop, url: str) -> None:
    merchant = weeks.merchant
    with books.session(url) as conn:
        for number in numbers(weeks, "trade_balances", "trade_no"):
            told = books.trade(conn, merchant, number)
            of = "where merchant_id = %s and trade_no = %s"
            for row in rows(weeks.conn, f"select * from mixpay.payment_balances {of}", merchant,
                            number):  # fmt: skip
                arrives = going_out(told, ("payment", row["payment_no"]))
                assert arrives == (row["amount"] or 0), (number, row)
                assert coming_in(told, ("surplus", row["payment_no"])) == (row["surplus"] or 0)
            in_escrow = 0
            for row in rows(weeks.conn, f"select * from mixpay.trade_lines {of}", merchant, number):
                key = ("order", row["order_no"])
                owed = sum(
                    band.units
                    for band in told.flow.bands
                    if band.target == key and band.source[0] == "owes"
                )
                assert coming_in(told, key) - owed == row["paid"], (number, row)
                assert going_out(told, key) == row["paid"] + owed, (number, row)
                in_escrow += row["in_escrow"]
            assert coming_in(told, ("in_escrow", "")) == in_escrow, number
            for node in told.flow.nodes:
                if node.column == 2 and node.key[0] == "refund":
                    assert coming_in(told, node.key) == going_out(told, node.key), (number, node)


def test_a_trades_payments_come_first_in_first_out(shop: Shop, url: str) -> None:
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P2", 60, "cash")
    shop.pay("T", "P1", 90, "card")
    with books.session(url) as conn:
        told = books.trade(conn, shop.merchant, "T")
    of_the_log = shop.query("select payment_no from mixpay.payment_balances order by paid_at, seq")
    assert [row["payment_no"] for row in told.payments] == [number for (number,) in of_the_log]
    assert [line["order_no"] for line in told.lines] == ["A", "B"]


def test_what_is_many_shares_a_place(shop: Shop, url: str) -> None:
    """Each of the first has a place of its own, the others have one together, and all is there."""
    shop.merge("T", **{f"A{i}": 10 for i in range(20)})
    for i in range(30):
        shop.pay("T", f"P{i:02}", 7, "card")
    with books.session(url) as conn:
        told = books.trade(conn, shop.merchant, "T")
    for kind, whole in (("payment", 210), ("order", 200)):
        nodes = [node for node in told.flow.nodes if node.key[0] == kind]
        assert len(nodes) == books.NAMED
        assert nodes[-1].key[1] == books.OTHERS
        assert sum(told.flow.units(node.key) for node in nodes) == whole
    assert sum(band.units for band in told.flow.bands if band.target[0] == "surplus") == 10


def test_a_refund_is_told_as_refund_explained_says(weeks: Shop, url: str) -> None:
    with books.session(url) as conn:
        for number in numbers(weeks, "refund_list", "refund_no"):
            told = books.refund(conn, weeks.merchant, number)
            explained = rows(
                weeks.conn,
                "select * from mixpay.refund_explained"
                " where refund_no = %s and refundable > 0 order by nth, place",
                number,
            )
            parts = [part for _, parts in told.trades for part in parts]
            assert [(p["payment_no"], p["amount"]) for p in parts] == [
                (p["payment_no"], p["amount"]) for p in explained
            ]
            assert told.currency == "CNY"


def test_an_order_says_what_a_refund_would_take(shop: Shop, url: str) -> None:
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P1", 60, "cash")
    shop.pay("T", "P2", 90, "card")
    shop.refund("B", "R1", 20)
    with books.session(url) as conn:
        told = books.order(conn, shop.merchant, "A")
    preview = shop.rows("preview_refund", "A", 100)
    assert [(row["payment_no"], row["amount"]) for _, pool in told.pools for row in pool] == [
        (row.payment_no, row.amount) for row in preview
    ]
    assert [(row["payment_no"], row["amount"]) for row in told.allocations] == [
        ("P1", 60),
        ("P2", 40),
    ]


def test_finds_what_bears_a_number(weeks: Shop, url: str) -> None:
    merchant = weeks.merchant
    with books.session(url) as conn:
        assert [
            (f["kind"], f["page"], f["target"]) for f in books.search(conn, merchant, "T1")
        ] == [("trade", "trade", "T1")]
        assert ("payment", "trade", "T1") in [
            (f["kind"], f["page"], f["target"]) for f in books.search(conn, merchant, "P1")
        ]
        # By how it begins, and by the channel's own.
        assert {f["number"] for f in books.search(conn, merchant, "RH")} >= {"RH1", "RH2", "RH3"}
        assert [f["target"] for f in books.search(conn, merchant, "X2")]
        assert books.search(conn, merchant, "no such") == []


def test_says_that_there_is_nothing(shop: Shop, url: str) -> None:
    with books.session(url) as conn:
        for ask in (books.trade, books.order, books.refund):
            with pytest.raises(books.NotOnRecord):
                ask(conn, shop.merchant, "none")
        with pytest.raises(books.NotOnRecord):
            books.the_merchant(conn, "nobody")


def test_reads_as_a_reader_and_writes_nothing(url: str) -> None:
    with books.session(url, "Asia/Shanghai") as conn:
        assert books.zone_of(conn) == "Asia/Shanghai"
        assert books.one(conn, "select current_user as who") == {"who": "mixpay_reader"}
        assert books.one(conn, "show transaction_read_only") == {"transaction_read_only": "on"}
    with pytest.raises(books.Problem, match="no time zone"), books.session(url, "Mars/Olympus"):
        pass
