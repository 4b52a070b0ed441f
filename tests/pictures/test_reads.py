"""A page reads what it is about, however much else the merchant has."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import sql
from shop import Shop

from mixpay_db.pictures import books

# What has a row for each of thousands of payments.
LARGE = {
    "channel_refunds", "facts", "folded_balances", "orders", "order_totals", "payments",
    "refund_details", "refunds", "trade_orders", "trades",
}  # fmt: skip


def scans(plan: dict[str, Any]) -> list[tuple[str, str]]:
    """Each scan of a plan: how, and of what."""
    here = [(plan["Node Type"], plan["Relation Name"])] if "Relation Name" in plan else []
    return here + [scan for child in plan.get("Plans", ()) for scan in scans(child)]


def explained(conn: books.Connection, query: Any, values: dict[str, Any]) -> dict[str, Any]:
    text = query if isinstance(query, str) else query.as_string(conn)
    explain = sql.SQL("explain (analyze, buffers, format json) ") + sql.SQL(text)  # type: ignore[arg-type]
    (row,) = conn.execute(explain, values).fetchall()
    plan: dict[str, Any] = row["QUERY PLAN"][0]["Plan"]
    return plan


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The plan of each query that books asks from now on."""
    seen: list[dict[str, Any]] = []
    ask = books.ask

    def asking(conn: books.Connection, query: Any, **values: Any) -> list[books.Row]:
        seen.append(explained(conn, query, values))
        return ask(conn, query, **values)

    monkeypatch.setattr(books, "ask", asking)
    return seen


def period(url: str, merchant: str, days_ahead: int = 0) -> books.Merchant:
    day = datetime.now(UTC).date() + timedelta(days=days_ahead)
    with books.session(url, "UTC") as conn:
        return books.merchant(conn, merchant, day, day)


@pytest.mark.writes
def test_no_page_reads_a_large_table_as_a_whole(
    weeks: Shop, url: str, plans: list[dict[str, Any]]
) -> None:
    """One merchant has nearly all the rows, so the planner would rather read them all."""
    weeks.conn.execute("analyze")
    period(url, weeks.merchant)
    with books.session(url) as conn:
        books.trade(conn, weeks.merchant, "T1")
        books.order(conn, weeks.merchant, "A")
        books.refund(conn, weeks.merchant, "R1")
        books.search(conn, weeks.merchant, "T1")
    assert len(plans) > 40
    for plan in plans:
        for how, table in scans(plan):
            assert how != "Seq Scan" or table not in LARGE, (table, plan)


@pytest.mark.fresh_database
def test_a_period_reads_what_was_written_since(
    shop: Shop, url: str, plans: list[dict[str, Any]]
) -> None:
    """What happened before it is summed up by folds."""

    def touched() -> int:
        plans.clear()
        period(url, shop.merchant, days_ahead=2)
        (moved,) = [plan for plan in plans if "facts" in {table for _, table in scans(plan)}
                    and plan["Node Type"] in ("Aggregate", "Group")][:1]  # fmt: skip
        return int(moved["Shared Hit Blocks"] + moved["Shared Read Blocks"])

    for i in range(300):
        shop.merge(f"T{i}", **{f"A{i}": 10})
        shop.pay(f"T{i}", f"P{i}", 10, "card")
    everything = touched()
    shop.until_final()
    shop.call("fold_balances")
    assert touched() < everything / 2
