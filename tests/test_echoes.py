"""What an error says of the caller's own words is short, and nothing that a terminal would obey.

Every text, array and JSON of every public function is given what is far too long, and what has
control characters, marks that turn the direction of writing, and characters without a width.
"""

import json
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import psycopg
import pytest
from bills import line, load, reconcile
from psycopg import Connection, sql
from shop import Shop

from mixpay_db.printable import printable

# Clears the screen, ends a line, turns the direction in three ways, has no width in four.
NASTY = "a\x1b[2J\x9b\nerror: \u202e\u2066\u200f\u200b\u200d\u2060\ufeff\u00ad\U000e0041b"
UNSEEN = "".join(character for character in NASTY if character >= "\xa0" or character.isalnum())
LONG = "x" * 100_000
LONGEST = 2000
# More than any list may have.
MANY = 20_000
OTHER = "not ours: "

BASE: dict[str, Any] = {
    "p_merchant_id": "m",
    "p_trade_no": "T",
    "p_order_no": "A",
    "p_payment_no": "P",
    "p_channel": "card",
    "p_account": "payee:S",
    "p_currency": "CNY",
    "p_amount": 1,
    "p_entity": "order",
    "p_number": "A",
    "p_kind": "online",
    "p_payee_no": "S",
    "p_receiver": "X",
    "p_outcome": "payee",
    "p_resolution": "accepted",
    "p_until": "2026-01-01T00:00:00Z",
    "p_orders": [{"order_no": "D", "amount": 1, "currency": "CNY", "payee_no": "S", "pay": 1}],
    "p_trades": [
        {"trade_no": "V", "expires_at": None, "orders": [{"order_no": "D", "amount": 1}]},
    ],
    "p_payments": [
        {
            "trade_no": "U",
            "payment_no": "N",
            "channel": "card",
            "amount": 1,
            "paid_at": "2026-01-01T00:00:00Z",
            "channel_txn_no": "N",
        }
    ],
    "p_refunds": [
        {"order_no": "A", "refund_no": "N", "amount": 1, "reason": "x", "payment_nos": ["P"]}
    ],
    "p_completions": [
        {"channel_refund_no": "N", "channel_txn_no": "X", "refunded_at": "2026-01-01T00:00:00Z"}
    ],
    "p_shares": [
        {"receiver": "X", "kind": "receiver", "fixed": 1, "rate": 1, "takes_remainder": False},
        {"kind": "payee", "takes_remainder": True},
    ],
    "p_notes": {"key": "value"},
    "p_lines": [
        {
            "line_no": 1,
            "part": "x",
            "kind": "fee",
            "type": "x",
            "amount": 1,
            "currency": "CNY",
            "fee": 1,
            "happened_at": "2026-01-01T00:00:00Z",
            "channel_txn_no": "N",
            "our_no": "N",
            "of_channel_txn_no": "N",
            "of_our_no": "N",
            "batch_no": "N",
            "state": "failed",
            "description": "x",
        }
    ],
    "p_line_count": 1,
    "p_line_no": 1,
    "p_by": "Zoe",
    "p_totals": [{"currency": "CNY", "amount": 1, "fee": 1}],
}
# Where the usual one is refused before anything else is looked at.
OTHERWISE = {
    ("start_payment", "p_trade_no"): "U",
    ("start_payment", "p_payment_no"): "N",
    ("record_payment", "p_trade_no"): "U",
    ("record_payment", "p_payment_no"): "N",
    ("open_dispute", "p_order_no"): "B",
    ("record_channel_refund", "p_order_no"): "B",
    ("set_reconciliation", "p_account"): "bank:main",
    ("open_statement", "p_account"): "bank:main",
    ("mark_received", "p_account"): "channel:card",
    ("mark_received", "p_kind"): "payment",
    ("mark_received", "p_number"): "P",
    ("book_line", "p_statement_no"): "S",
    ("reconcile", "p_statement_no"): "S",
}


def unprintable(text: str) -> list[str]:
    return [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


def words(value: Any) -> Iterator[Any]:
    """JSON in which one word, a name or a value, is another."""
    if isinstance(value, dict):
        for key, inner in value.items():
            for other in words(inner):
                yield {**value, key: other}
        for word in (NASTY, UNSEEN, LONG):
            yield {**value, word: 1}
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            for other in words(inner):
                yield [*value[:place], other, *value[place + 1 :]]
    yield from (NASTY, UNSEEN, LONG, [UNSEEN], {UNSEEN: LONG})


def bad(kind: str, usual: Any) -> Iterator[Any]:
    if kind == "jsonb":
        yield from words(usual)
    elif kind == "text[]":
        yield from ([NASTY], [UNSEEN], [LONG], ["x"] * MANY, [NASTY] * MANY)
        yield [[UNSEEN], [LONG]]
    else:
        yield from (NASTY, UNSEEN, LONG)


@pytest.fixture
def world(shop: Shop) -> Shop:
    shop.query("select mixpay.register_payee('m', 'S', 'S')")
    shop.merge("T", A=100, B=50)
    shop.pay("T", "P", 150, "card")
    shop.merge("U", C=100)
    shop.refund("A", "R", 10)
    shop.call("open_dispute", "A", "N", "why")
    shop.call("open_statement", "N", "bank:main")
    shop.call("load_statement_lines", "N", [BASE["p_lines"][0] | {"line_no": 2}])
    load(shop, "S", [line(1, "payment", 1, datetime.now(UTC))])
    reconcile(shop, "S")
    return shop


def calls(conn: Connection[Any], number: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Each function with its usual arguments, and one that is bad."""
    functions = conn.execute(
        """
        select p.proname, p.proargnames, array(
            select format_type(t, null) from unnest(p.proargtypes) with ordinality as u (t, i)
            order by i
        ), p.pronargs - p.pronargdefaults
        from pg_proc as p
        where
            p.pronamespace = 'mixpay'::regnamespace and p.proname not like '\\_%'
            and p.prorettype <> 'trigger'::regtype
        order by p.proname
        """
    ).fetchall()
    for name, names, types, required in functions:
        usual = {
            parameter: OTHERWISE.get((name, parameter), BASE.get(parameter, "N"))
            for parameter in names[:required]
        }
        if "p_channel_refund_no" in usual:
            usual["p_channel_refund_no"] = number
        for parameter, kind in zip(names, types, strict=False):
            if kind in ("text", "jsonb", "text[]"):
                for value in bad(kind, BASE.get(parameter)):
                    yield name, {**usual, parameter: value}, parameter


def test_the_longest_words_are_cut(world: Shop) -> None:
    """As an attack had them echoed: all of them by MX203, MX110, MX102 and MX306."""
    longest = "x" * 1_000_000
    order = {"order_no": "D", "amount": 1, "currency": "CNY"}
    for code, name, arguments in (
        ("MX203", "start_payment", {"p_trade_no": "U", "p_channel": longest}),
        ("MX110", "merge_orders", {"p_orders": [{**order, "currency": longest}]}),
        ("MX102", "merge_orders", {"p_orders": [{**order, "payee_no": longest}]}),
        ("MX901", "refund_order", {"p_payment_nos": [longest]}),
        ("MX904", "claim_channel_refunds", {"p_channels": ["card"] * MANY}),
        ("MX904", "due_merchants", {"p_channels": ["card"] * MANY}),
    ):
        usual = {"p_merchant_id": "m", "p_amount": 1, "p_order_no": "A", "p_refund_no": "N"}
        usual |= {"p_payment_no": "N", "p_worker": "N", **arguments}
        with pytest.raises(psycopg.Error) as refused:
            world.conn.execute(call_of(world.conn, name, usual), values_of(usual))
        diag = refused.value.diag
        assert diag.sqlstate == code
        assert len(f"{diag.message_primary}{diag.message_detail}{diag.message_hint}") < LONGEST


def test_database_and_terminal_write_out_the_same(conn: Connection[Any]) -> None:
    text = "".join(chr(code) for code in range(1, 0x3100)) + "\U0001f375\U000e0041\ufffb\ufeff"
    for begin in range(0, len(text), 200):
        piece = text[begin : begin + 200]
        (told,) = conn.execute("select mixpay._shown(%s)", [piece]).fetchone() or ()
        assert told == printable(piece)
    assert conn.execute("select mixpay._shown(null), mixpay._shown('a', '-')").fetchone() == (
        "null",
        "-a-",
    )


def test_an_error_says_little_and_nothing_that_a_terminal_obeys(world: Shop) -> None:
    conn, refused = world.conn, 0
    number = world.channel_refund("R", "P").channel_refund_no
    wrong, looked_at = [], set()
    for name, arguments, parameter in calls(conn, number):
        told = tell(conn, name, arguments)
        looked_at.add((name, parameter))
        if told is None:
            continue
        refused += 1
        if len(told) > LONGEST or unprintable(told) or told.startswith(OTHER):
            wrong.append(f"{name}({parameter}): {len(told)} {told[:300]!a}")
    assert wrong == [], "\n".join(wrong)
    assert len(looked_at) > 150
    assert refused > 600


def tell(conn: Connection[Any], name: str, arguments: dict[str, Any]) -> str | None:
    """What is refused, in full; None if the call is taken. Nothing of it stays."""
    try:
        with conn.transaction(force_rollback=True):
            conn.execute(call_of(conn, name, arguments), values_of(arguments))
    except psycopg.Error as error:
        diag = error.diag
        # Our own errors only: what PostgreSQL says from inside a function is nobody's answer.
        told = [diag.message_primary, diag.message_detail, diag.message_hint]
        ours = str(error.sqlstate).startswith("MX")
        return f"{'' if ours else OTHER}{' '.join(filter(None, told))}"
    return None


def values_of(arguments: dict[str, Any]) -> dict[str, Any]:
    return {
        key: json.dumps(value) if isinstance(BASE.get(key), dict | list) else value
        for key, value in arguments.items()
    }


def call_of(conn: Connection[Any], name: str, arguments: dict[str, Any]) -> sql.Composed:
    """With those of the arguments that the function has."""
    names = parameters(conn)[name]
    return sql.SQL("select from mixpay.{}({})").format(
        sql.Identifier(name),
        sql.SQL(", ").join(
            sql.SQL("{} => {}").format(sql.Identifier(key), sql.Placeholder(key))
            for key in arguments
            if key in names
        ),
    )


@cache
def parameters(conn: Connection[Any]) -> dict[str, list[str]]:
    """Of every function, by name."""
    return dict(
        conn.execute(
            "select proname, proargnames from pg_proc where pronamespace = 'mixpay'::regnamespace"
        ).fetchall()
    )
