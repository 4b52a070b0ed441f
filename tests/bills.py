"""Statements in tests: line(1, "payment", 100, day(1), txn="X1"); load(shop, "S1", [line(…)])."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shop import Row, Shop

NAMES = {"txn": "channel_txn_no", "our": "our_no", "of_txn": "of_channel_txn_no", "of": "of_our_no"}


def line(
    line_no: int, kind: str, amount: int, at: datetime, currency: str = "CNY", **more: Any
) -> dict[str, Any]:
    named = {NAMES.get(name, name): value for name, value in more.items()}
    return {
        "line_no": line_no,
        "kind": kind,
        "amount": amount,
        "currency": currency,
        "happened_at": at.isoformat(),
        **named,
    }


def load(
    shop: Shop,
    statement_no: str,
    lines: Sequence[dict[str, Any]],
    account: str = "channel:card",
    period: tuple[datetime, datetime] | None = None,
) -> Row:
    shop.call("open_statement", statement_no, account, *(period or ()))
    if lines:
        shop.call("load_statement_lines", statement_no, list(lines))
    return shop.call("seal_statement", statement_no, len(lines))


def reconcile(shop: Shop, statement_no: str, **how: Any) -> dict[str, int]:
    """What the run says: {"theirs matched": 2, "earlier expected -> matched": 1}."""
    found: dict[str, int] = {}
    for row in shop.rows("reconcile", statement_no, **how):
        said = f"{row.was} -> {row.result}" if row.was else row.result
        found[f"{row.side} {said}"] = found.get(f"{row.side} {said}", 0) + row.count
    return found


def results(shop: Shop, statement_no: str) -> dict[str, str]:
    """By line: its result, and what of ours it is about: {"1": "matched P1"}."""
    rows = shop.query(
        "select * from mixpay.statement_line_list where merchant_id = %s and statement_no = %s "
        "order by line_no, part",
        shop.merchant,
        statement_no,
    )
    return {
        f"{row.line_no}{row.part}": " ".join(filter(None, [row.result, row.our_number]))
        for row in rows
    }


def rules(shop: Shop, statement_no: str) -> dict[int, str | None]:
    rows = shop.query(
        "select * from mixpay.statement_line_list where merchant_id = %s and statement_no = %s",
        shop.merchant,
        statement_no,
    )
    return {row.line_no: row.matched_by for row in rows}


def differences(shop: Shop) -> list[tuple[Any, ...]]:
    """Of each: the result, the line or number, and the difference."""
    rows = shop.query(
        "select * from mixpay.reconciliation_differences where merchant_id = %s "
        "order by statement_no, line_no, part, kind, number",
        shop.merchant,
    )
    assert all(row.reason and row.what_to_do for row in rows)
    return [
        (row.result, f"{row.line_no}{row.part}" if row.line_no else row.number, row.difference)
        for row in rows
    ]


def summary(shop: Shop) -> tuple[int, int, int]:
    """Ours, theirs, and the difference, over all days."""
    (row,) = shop.query(
        "select coalesce(sum(ours), 0)::bigint as ours, coalesce(sum(theirs), 0)::bigint as theirs,"
        " coalesce(sum(difference), 0)::bigint as difference "
        "from mixpay.reconciliation_summary where merchant_id = %s",
        shop.merchant,
    )
    return row.ours, row.theirs, row.difference
