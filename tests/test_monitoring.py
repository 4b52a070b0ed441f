"""What docs/monitoring.md tells a DBA to watch."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection, sql
from recorded import PROJECT
from shop import Shop, day, on_hold, orders

PAGE = (PROJECT / "docs" / "monitoring.md").read_text(encoding="utf-8")


def metrics(shop: Shop) -> dict[str, int]:
    return {row.metric: row.value for row in shop.query("select * from mixpay.metrics")}


def test_the_page_says_what_each_is(shop: Shop) -> None:
    told = [name for row in re.findall(r"^\| (`.*?`) \|", PAGE, re.M) for name in row.split(", ")]
    assert sorted(name.strip("`") for name in told) == sorted(metrics(shop))


def test_all_is_well(shop: Shop) -> None:
    assert set(metrics(shop).values()) == {0}


def test_each_counts_what_is_open(shop: Shop) -> None:
    shop.call("register_payee", "S", "Seller")
    shop.call("merge_orders", on_hold("S", day(1).isoformat(), H=10), "T")
    shop.pay("T", "P0", 10)
    assert metrics(shop)["releases_due"] == 1
    shop.merge("U", A=100)
    shop.pay("U", "P1", 100, "card")
    for number in range(3):
        shop.refund("A", f"R{number}", 10)
    shop.conn.execute(
        "update mixpay.channel_refunds set due_at = now() - interval '1 hour' "
        "where refund_no = 'R0'"
    )
    seen = metrics(shop)
    assert seen["channel_refunds_due"] == 3
    assert 3600 <= seen["channel_refunds_due_seconds"] < 3700
    shop.rows("claim_channel_refunds", "w")
    sent = shop.channel_refund("R0", "P1").channel_refund_no
    shop.call("doubt_channel_refund", sent, "no answer")
    for refund_no in ("R1", "R2"):
        shop.complete(refund_no, "P1")
        shop.bounce(refund_no, "P1")
    seen = metrics(shop)
    assert (seen["channel_refunds_in_doubt"], seen["channel_refunds_bounced"]) == (1, 2)
    assert seen["channel_refunds_due"] == 0
    shop.merge("V", B=10)
    shop.pay("V", "P2", 10, "cash")
    shop.refund("B", "R9", 10)
    assert metrics(shop)["channel_refunds_waiting"] == 1


@pytest.mark.parametrize(("beyond", "due"), [(0, 1), (1, 0)])
def test_what_is_due_counts_from_its_moment(shop: Shop, beyond: int, due: int) -> None:
    """To the microsecond, and not before: in a transaction, in which now stands still."""
    shop.call("register_payee", "S", "Seller")
    with shop.conn.transaction():
        ((moment,),) = shop.query("select now() + %s * interval '1 microsecond'", beyond)
        shop.call("merge_orders", on_hold("S", moment.isoformat(), H=10), "T")
        shop.pay("T", "P", 10, "card")
        shop.refund("H", "R", 1)
        shop.conn.execute("update mixpay.channel_refunds set due_at = %s", [moment])
        shop.call("merge_orders", orders(A=100), "U", moment)
        seen = metrics(shop)
    names = ("releases_due", "channel_refunds_due", "trades_to_expire")
    assert [seen[name] for name in names] == [due] * 3


def test_trades_that_nobody_sweeps(shop: Shop) -> None:
    shop.merge("T", A=100)
    shop.conn.execute("update mixpay.trades set expires_at = now() - interval '1 second'")
    assert metrics(shop)["trades_to_expire"] == 1
    shop.call("expire_trades")
    assert metrics(shop)["trades_to_expire"] == 0


def test_e54_a_transaction_that_stays_open(
    shop: Shop, connect: Callable[..., Connection[Any]]
) -> None:
    with connect(autocommit=False) as idle, connect(autocommit=False) as later:
        idle.execute("select pg_current_xact_id()")
        shop.merge("T", A=100)
        later.execute("select pg_current_xact_id()")
        # Its own, that of the trade, and that of the later one, which has one only.
        assert metrics(shop)["oldest_transaction_xids"] >= 3
    assert metrics(shop)["oldest_transaction_xids"] == 0


def test_no_table_is_read_for_them(shop: Shop) -> None:
    shop.conn.execute("set enable_seqscan = off")
    plan = "\n".join(row[0] for row in shop.conn.execute("explain table mixpay.metrics").fetchall())
    for table in ("channel_refunds", "trades", "trade_orders"):
        assert f"Seq Scan on {table}" not in plan


def test_what_it_advises_can_be_said(conn: Connection[Any]) -> None:
    login, block = re.findall(r"^```sql\n(.*?)^```", PAGE, re.M | re.S)
    with conn.transaction(force_rollback=True):
        conn.execute(login.encode())
    statements = block.splitlines()
    assert len(statements) == 2
    for statement in statements:
        if "set transaction_timeout" in statement and conn.info.server_version < 170000:
            continue
        database = sql.Identifier(conn.info.dbname).as_string(conn)
        conn.execute(statement.replace("database shop", f"database {database}").encode())


def test_a_reader_may_ask(shop: Shop) -> None:
    shop.conn.execute("set role mixpay_reader")
    assert "channel_refunds_due" in metrics(shop)
