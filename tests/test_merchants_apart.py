"""Merchants with the same numbers live beside each other as if each of them were alone."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from bills import line, load
from psycopg import Connection
from shop import (
    Row,
    Shop,
    day,
    on_hold,
    open_for_a_fourth_week,
    open_for_a_third_week,
    open_for_a_week,
    open_for_a_week_of_returns,
    open_for_a_week_of_statements,
    open_for_another_week,
    orders,
)

# Not the same when they are called again: each takes what is due by then.
TAKES_MORE = {"claim_channel_refunds", "fold_balances", "close_period", "reconcile"}
OUR_NUMBER = re.compile(r"\b\d{26}[0-9a-f]{6}\b")
# Where something stands among the transactions of the server.
PLACES = {"merchant_id", "position", "epoch", "xid", "from_xid", "until_xid", "seen"}
# Orders, each with its trade, payment and refund; in the other lives these are mostly others.
OTHERWISE = """A T1 P2 R1 / U M3 P1 RK / Q M4 P4 RQ / N T4 P3 RU / M T5 P6 RM / L T6 P5 R3 /
K T7 P8 R2 / H T8 P7 RN / G T9 P10 RH3 / F T10 P9 RH2 / E2 T11 PW RH1 / D TW P11 RM1 /
C TZ Z1 RM2 / B M1 N3 RM3 / W M2 Z3 RM4 / M5 M9 N5 RM5 / M6 M8 Z4 RM6 / M8 M7 Z5 RM7"""


class Twice(Shop):
    """Every call comes a second time, as it does when its answer got lost."""

    def rows(self, function: str, *arguments: Any, **named: Any) -> list[Row]:
        found = super().rows(function, *arguments, **named)
        assert {getattr(row, "merchant_id", self.merchant) for row in found} <= {self.merchant}
        if function not in TAKES_MORE:
            assert super().rows(function, *arguments, **named) == found
        return found


def live(shop: Shop) -> None:
    """Something of everything, by calls for one and by calls for many."""
    open_for_a_week(shop)
    open_for_another_week(shop)
    open_for_a_third_week(shop)
    open_for_a_week_of_returns(shop)
    open_for_a_fourth_week(shop)
    open_for_a_week_of_statements(shop)
    trades = [
        {"trade_no": "M1", "orders": orders(M1=100, M2=(80, 50))},
        {"trade_no": "M2", "orders": orders(M3=60)},
    ]
    shop.rows("merge_many", trades)
    shop.call("start_payment", "M2", "N2", 60, None, "qr")
    shop.call("authorize_payment", "P4", "a-1", day(900))
    paid = {"trade_no": "M1", "channel": "card", "paid_at": day(70).isoformat()}
    payments = [
        {**paid, "payment_no": "N1", "amount": 90, "channel_txn_no": "XN1"},
        {**paid, "payment_no": "N3", "amount": 80, "channel": "wechat"},
    ]
    shop.rows("record_payments", payments)
    shop.rows("succeed_payments", [{"payment_no": "N2", "channel_txn_no": "XN2"}])
    refunds = [
        {"order_no": "M1", "refund_no": "RM1", "amount": 30},
        {"order_no": "M2", "refund_no": "RM2", "amount": 20, "payment_nos": ["N3"]},
        {"order_no": "M3", "refund_no": "RM3", "amount": 10},
    ]
    shop.rows("refund_orders", refunds)
    parts = [shop.channel_refund(*part) for part in (("RM1", "N1"), ("RM3", "N2"))]
    shop.rows(
        "complete_channel_refunds",
        [{"channel_refund_no": part.channel_refund_no} for part in parts],
    )
    shop.record_refund("M1", "RM4", 5)
    shop.bounce("RM1", "N1")
    shop.call("merge_orders", on_hold("V", day(1).isoformat(), M5=10), "M5")
    shop.pay("M5", "N5", 10)
    shop.pay("M5", "N5", 10, "alipay", day(71), "XN5")
    shop.call("record_payment", "T2", "N6", "alipay", 5, None, None, "P4")
    shop.merge("M6", M7=(60, 20))
    shop.pay("M6", "N7", 20)
    shop.merge("M7", M7=60)
    shop.pay("M7", "N8", 40)
    shop.refund("M7", "RM5", 60)
    shop.merge(None, M2=80, M6=5)
    assert shop.merge(None, E=5).trade_no == "T4"
    shop.call("reprice_order", "M2", "E1", 70, "a discount")
    shop.rows("merge_many", trades)
    compare(shop)
    for number, statement_no in enumerate(("S-6", "S-8", "S-9"), 3):
        shop.call("withdraw_statement", f"E{number}", statement_no, "Zoe", "of another one")
    for statement_no in ("S-5", "S-7"):
        shop.rows("reconcile", statement_no)


def compare(shop: Shop) -> None:
    """Statements of two channels and a bank, which have matches of every kind and stand."""
    at = day(77)
    shop.merge("TS", ZS=1000)
    for n, amount in enumerate((600, 300, 70, 30), 1):
        shop.pay("TS", f"PS{n}", amount, "card", at, f"XS{n}")
    shop.call("record_channel_fee", "card", "FS", 3, "CNY", "PS1", None, at)
    shop.call("charge_back_payment", "PS2", "CS", 40, "fraud", 5, at)
    shop.call("record_channel_refund", "ZS", "RS", 20, "PS1", "YS", at, "asked")
    for n, amount in enumerate((300, 200, 50, 897), 1):
        shop.call("record_channel_payout", "card", f"OS{n}", amount, "CNY", at)
    refund = line(2, "refund", -20, at, txn="YS")
    # Of the same numbers in another channel.
    others = [line(n, "payment", 7, at, txn=f"XS{n}", our=f"PS{n}") for n in (1, 2)]
    for account, statements in {
        "channel:card": {
            "S-5": [
                line(1, "payment", 600, at, txn="XS1", fee=3, batch_no="OS4"),
                {**refund, "state": "processing"},
                line(3, "payment", 70, at),
                line(4, "payment", 9, at, txn="XS9"),
            ],
            "S-6": [
                line(1, "payment", 300, at, txn="XS2", batch_no="OS4"),
                refund,
                line(3, "chargeback", -40, at, our="CS", fee=5),
                line(4, "payment", 9, at, txn="XS9"),
                line(5, "payment", 30, at, our="PS4"),
            ],
        },
        "channel:wechat": {"S-9": others},
        "bank:main": {
            "S-7": [
                line(1, "payout", 500, at, description="OS1 OS2"),
                line(2, "unknown", 20, at, batch_no="OS3"),
            ],
            "S-8": [line(1, "unknown", 30, at, batch_no="OS3")],
        },
    }.items():
        for statement_no, lines in statements.items():
            load(shop, statement_no, lines, account)
            shop.rows("reconcile", statement_no)


def live_otherwise(shop: Shop) -> None:
    """The same numbers for other things, and other amounts."""
    shop.call("register_payee", "S", "Another store")
    shop.call("register_payee", "V", "Another vintage")
    for n, numbers in enumerate(OTHERWISE.split("/")):
        order_no, trade_no, payment_no, refund_no = numbers.split()
        held = {"payee_no": "SV"[n % 2], "hold": n % 3 == 0 or day(n).isoformat()}
        (order,) = orders(**{order_no: 1000 + n})
        shop.call("merge_orders", [{**order, **held}], trade_no)
        channel = "cash" if n % 4 == 3 else "card"
        shop.pay(trade_no, payment_no, 1010, channel, day(n + 1), f"X{n}")
        shop.refund(order_no, refund_no, 100 + n)
        if n % 4 < 2:
            shop.complete(refund_no, payment_no, f"Y{n}")
        if n % 4 == 0:
            shop.bounce(refund_no, payment_no)
    shop.merge("T2", E=50)
    shop.merge("T3", M2=500)
    shop.start("T3", "P12", 9)
    shop.call("reprice_order", "M2", "E9", 400, "a discount")
    shop.rows("split_order", "M2", "X3", [{"receiver": "agent", "takes_remainder": True}])
    for n, order_no in enumerate("ANH"):
        shop.call("release_order", order_no, f"L{n + 1}", 500)
    for number, order_no in (("D1", "U"), ("D2", "M"), ("D3", "M5")):
        shop.call("open_dispute", order_no, number, "broken")
    shop.rows("split_order", "C", "X1", [{"receiver": "agent", "rate": 100}])
    shop.rows("split_order", "B", "X2", [{"receiver": "us", "fixed": 7}])
    shop.call("adjust_account", "payee:V", "J1", 11, "CNY", "a gift", "bank:main")
    shop.call("record_channel_fee", "card", "F1", 3, "CNY", "P3")
    shop.call("record_channel_payout", "card", "O1", 77, "CNY")
    shop.call("return_payment", "P5", "V1", "no funds")
    shop.call("charge_back_payment", "P7", "C1", 55, "fraud")
    last = day(75)
    shop.call("open_statement", "S-1", "channel:bank", last, last + timedelta(days=1))
    shop.call("load_statement_lines", "S-1", [line(n, "payment", n, last) for n in (1, 2)])
    shop.call("seal_statement", "S-1", 2)
    shop.rows("reconcile", "S-1")
    compare(shop)


def books(shop: Shop) -> dict[str, list[str]]:
    """All that tables and views have of the merchant, but when and where it was written."""
    lately = datetime.now(UTC) - timedelta(hours=1)
    names = shop.query(
        "select c.oid::regclass::text as name from pg_class as c "
        "inner join pg_attribute as a on a.attrelid = c.oid and a.attname = 'merchant_id' "
        "where c.relnamespace = 'mixpay'::regnamespace and c.relkind in ('r', 'v') "
        "and c.relname !~ '^_' order by 1"
    )
    found = {
        relation.name: [
            {
                key: "lately"
                if key.endswith(("_at", "not_before"))
                and value is not None
                and datetime.fromisoformat(value) > lately
                else value
                for key, value in row.items()
                if key not in PLACES
            }
            for (row,) in shop.query(
                f"select to_jsonb(x) from {relation.name} as x where merchant_id = %s",
                shop.merchant,
            )
        ]
        for relation in names
    }
    # Our own numbers, in the order in which they were made.
    nth = count()
    ours = {number: f"#{next(nth)}" for number in sorted(set(OUR_NUMBER.findall(str(found))))}
    return {
        name: sorted(OUR_NUMBER.sub(lambda m: ours[m[0]], str(row)) for row in rows)
        for name, rows in found.items()
    }


def test_merchants_of_the_same_numbers_know_nothing_of_each_other(conn: Connection[Any]) -> None:
    """Both others are done when the last one begins: what this one took from them would show."""
    another, first, second = (Twice(conn, name) for name in ("another", "first", "second"))
    for shop in (another, first, second):
        shop.call("register_merchant", "Shop")
    live(first)
    alone = books(first)
    live_otherwise(another)
    before = books(another)
    live(second)
    for shop, expected in ((another, before), (first, alone), (second, alone)):
        found = books(shop)
        for name, rows in expected.items():
            assert found[name] == rows, (shop.merchant, name)


# What stands after a table and is no name for it.
_WORDS = (
    "cross|except|for|full|group|inner|into|join|left|limit|loop|offset|on|order|returning|select|"
    "set|union|using|values|where"
)
_READ = re.compile(
    rf"\b(?:from|join|update|using)\s+(?:mixpay\.)?(\w+)(?:\s+as)?(?:\s+(?!(?:{_WORDS})\b)(\w+))?"
)
# Of which merchant, or at which place: `x.merchant_id = y.merchant_id`, `(merchant_id, …) in (…)`.
_ASKED = re.compile(
    r"(?:\b(\w+)\.)?\b(?:merchant_id|ctid)(?:,[^()\[\]]*\])?\s*(?:=|\bin\b)\s*"
    r"(?:(\w+)\.(?:merchant_id|place)\b)?"
)
_BRACKETS = re.compile(r"\((?!\s*(?:delete|insert|select|update|with)\b)([^()]*)\)")
# Whose turn it is; and two halves of a table of which one merchant's rows are taken then.
OF_ALL = {"due_merchants": ["channel_refunds"], "_match_reversal": ["line_matches"] * 2}


def queries(source: str) -> Iterator[str]:
    """Each query of a function by itself, without those that stand in it."""
    text = re.sub(r"--.*|'(?:[^']|'')*'", "", source)
    found = 1
    while found:
        # Brackets without a query are in nobody's way.
        text, found = _BRACKETS.subn(r"[\1]", text)
        if not found:
            for inner in re.findall(r"\(([^()]*)\)", text):
                yield from re.split(r"\b(?:union all|union|except)\b", inner)
            text, found = re.subn(r"\([^()]*\)", "_", text)
    yield from re.split(r";|\bloop\b", text)


def read_of_all(source: str, relations: set[str]) -> Iterator[str]:
    """What a function reads without saying of which merchant."""
    for query in queries(source):
        names = {alias or name: name for name, alias in _READ.findall(query) if name in relations}
        # Where only one is read, its columns need not say so.
        whole = next((name for name in names if name in relations or len(names) == 1), "")
        pairs = [(left or whole, right) for left, right in _ASKED.findall(query)]
        asked: set[str] = set()
        before = -1
        while len(asked) > before:
            before = len(asked)
            for one, other in [*pairs, *((right, left) for left, right in pairs)]:
                if one in names and (other not in names or other in asked):
                    asked.add(one)
        yield from (names[name] for name in names.keys() - asked)


def test_e28_whatever_is_read_is_read_of_a_merchant(conn: Connection[Any]) -> None:
    """Most tests have one merchant only, and would not see another one's rows."""
    relations = {
        name
        for (name,) in conn.execute(
            "select relname from pg_class inner join pg_attribute on attrelid = pg_class.oid"
            " where relnamespace = 'mixpay'::regnamespace and attname = 'merchant_id'"
        )
    }
    functions = conn.execute(
        "select proname, prosrc from pg_proc where pronamespace = 'mixpay'::regnamespace"
    ).fetchall()
    found = {name: sorted(read_of_all(source, relations)) for name, source in functions}
    assert {name: tables for name, tables in found.items() if tables} == OF_ALL


def test_what_is_read_of_all_merchants_is_found() -> None:
    query = (
        "select from trades as t inner join payments as p on p.merchant_id = t.merchant_id"
        " where t.merchant_id = p_trade.merchant_id and exists (select from refunds where {})"
    )
    whole = query.format("merchant_id = t.merchant_id")
    relations = {"payments", "refunds", "trades"}
    for source, found in (
        (whole, []),
        (query.format("refund_no = 'R'"), ["refunds"]),
        (whole.replace("p.merchant_id = t.merchant_id", "true"), ["payments"]),
        # Joined with each other, and with nothing that was given.
        (whole.replace("t.merchant_id = p_trade.merchant_id", "true"), ["payments", "trades"]),
        (whole.replace("t.merchant_id = p_trade.merchant_id", "t.ctid = p_place"), []),
    ):
        assert sorted(read_of_all(source, relations)) == found, source
