"""Every call locks in the one order of docs/architecture.md, whatever it finds.

A crowd meets two calls that wait in a circle only by luck. One session that calls everything shows
each lock out of order by itself. MIXPAY_SOAK=1 makes it many calls, MIXPAY_TEST_CROWD as many as it
says; MIXPAY_TEST_SEED is where they begin.
"""

import os
from pathlib import Path

import psycopg
import pytest
from anything import Hand, prepare
from psycopg.errors import Diagnostic
from shop import Shop

SOAK = os.environ.get("MIXPAY_SOAK") == "1"
STEPS = int(os.environ.get("MIXPAY_TEST_CROWD", "20000" if SOAK else "250"))
SEED = int(os.environ.get("MIXPAY_TEST_SEED", "0"))
OUT_OF_ORDER = (
    "update mixpay.trades set paid = paid where trade_no = 'T'",
    "update mixpay.order_totals set paid = paid where order_no = 'A'",
    "update mixpay.splits set divided = divided where order_no = 'A'",
    "update mixpay.trade_orders set paid = paid where trade_no = 'U'",
)


@pytest.mark.fresh_database
def test_every_call_locks_in_one_order(shop: Shop) -> None:
    if not shop.query("select from pg_available_extensions where name = 'pgrowlocks'"):
        pytest.skip("could not run: this server does not have the extension pgrowlocks")
    prepare(shop.conn)
    shop.conn.execute(Path(__file__).with_name("locks.sql").read_text(encoding="utf-8"))
    found: dict[tuple[str, str], str] = {}

    def tell(notice: Diagnostic) -> None:
        if notice.sqlstate == "55P03":
            told = str(notice.message_primary)
            found.setdefault((calling, told.split()[0]), f"{told}\n{notice.message_detail}")

    shop.conn.add_notice_handler(tell)
    # What is out of order is told.
    calling = "nothing"
    shop.merge("T", A=(100, 50))
    shop.merge("U", B=100)
    shop.rows("split_order", "A", "X", [{"receiver": "rest", "takes_remainder": True}])
    with shop.conn.transaction():
        for statement in OUT_OF_ORDER:
            shop.conn.execute(statement)
    assert found.keys() == {("nothing", "splits"), ("nothing", "trade_orders")}
    found.clear()

    hand, done = Hand(shop.conn, "W", SEED), 0
    for function in [hand.draw() for _ in range(STEPS)] + hand.functions:
        calling = function.name
        try:
            shop.rows(calling, **hand.arguments(function))
            done += 1
        except psycopg.Error:
            continue
    assert found == {}
    assert done > STEPS / 4
