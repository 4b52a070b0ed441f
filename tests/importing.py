"""How tests import a file, and look at what became of it."""

import csv
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from psycopg import Connection

from mixpay_db.cli import main

HEADER = "order_no,payment_no,channel,amount"


def run(url: str, rejects: Path, *arguments: str, **how: Any) -> Result:
    common = ["--url", url, "import", "--merchant", "m", "--rejects", str(rejects)]
    return CliRunner().invoke(main, [*common, *arguments], **how)


def reasons(rejects: Path) -> dict[int, tuple[str, str]]:
    """Of each line that was rejected."""
    with rejects.open(newline="") as file:
        return {int(row["line"]): (row["reason"], row["detail"]) for row in csv.DictReader(file)}


def payments(conn: Connection[Any], merchant: str = "m") -> dict[str, tuple[Any, ...]]:
    rows = conn.execute(
        "select payment_no, trade_no, channel, amount, applied, surplus, seq "
        "from mixpay.payment_balances where merchant_id = %s order by payment_no",
        [merchant],
    )
    return {row[0]: row[1:] for row in rows}


def trades(conn: Connection[Any], merchant: str = "m") -> list[tuple[Any, ...]]:
    return conn.execute(
        "select trade_no, state, currency, amount, paid, orders, payments "
        "from mixpay.trade_balances where merchant_id = %s order by trade_no",
        [merchant],
    ).fetchall()
