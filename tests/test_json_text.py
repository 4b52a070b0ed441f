"""JSON that was encoded twice is a text inside JSON; the error says so, whatever the parameter."""

import json
from typing import Any

import pytest
from psycopg import Connection
from psycopg.types.json import Jsonb
from shop import Shop, orders

TWICE = Jsonb(json.dumps([{"order_no": "A"}]))
CALLS: dict[str, list[Any]] = {
    "merge_orders": [TWICE],
    "merge_many": [TWICE],
    "record_payments": [TWICE],
    "succeed_payments": [TWICE],
    "refund_orders": [TWICE],
    "complete_channel_refunds": [TWICE],
    "split_order": ["A", "S", TWICE],
    "annotate": ["order", "A", TWICE],
    "load_statement_lines": ["S", TWICE],
    "seal_statement": ["S", 1, TWICE],
}
INSIDE: dict[str, list[Any]] = {
    "merge_many": [[{"orders": json.dumps(orders(B=1))}]],
    "refund_orders": [
        [{"order_no": "A", "refund_no": "R", "amount": 1, "payment_nos": json.dumps(["P"])}]
    ],
    "record_payments": [Jsonb([json.dumps({"trade_no": "T"})])],
}


def test_these_are_all(conn: Connection[Any]) -> None:
    named = conn.execute(
        "select proname from pg_proc where pronamespace = 'mixpay'::regnamespace "
        "and proname not like '\\_%' and 'jsonb'::regtype = any (proargtypes)"
    ).fetchall()
    assert {name for (name,) in named} == CALLS.keys()


@pytest.mark.parametrize("call", CALLS)
def test_a_text_instead_of_an_array_or_object_is_named(shop: Shop, call: str) -> None:
    shop.merge("T", A=100)
    with shop.refused("MX903", "a text that holds JSON, which is JSON encoded twice"):
        shop.rows(call, *CALLS[call])


@pytest.mark.parametrize("call", INSIDE)
def test_a_text_deeper_inside_is_named_too(shop: Shop, call: str) -> None:
    shop.merge("T", A=100)
    with shop.refused("MX903", "a text that holds JSON, which is JSON encoded twice"):
        shop.rows(call, *INSIDE[call])
