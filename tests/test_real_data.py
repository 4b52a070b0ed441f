"""The import and refunds on real payments, where MIXPAY_OLIST names the file of them.

It holds 51,779 payments of 49,560 orders of a marketplace; seven are worth nothing.
"""

import csv
import gzip
import json
import os
import random
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import legacy
import psycopg
import pytest
from click.testing import CliRunner
from psycopg import Connection

from mixpay_db import api, database
from mixpay_db.cli import main
from mixpay_db.money import to_units

FILE = os.environ.get("MIXPAY_OLIST", "")
pytestmark = pytest.mark.skipif(not FILE, reason="MIXPAY_OLIST names no file of real payments")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with gzip.open(FILE, "rt", newline="") as file:
        return list(csv.DictReader(file))


def load(url: str, file: str | Path, rejects: Path, **how: Any) -> dict[str, Any]:
    arguments = ["--url", url, "import", str(file), "--merchant", "olist", "--currency", "BRL"]
    options = [*legacy.OPTIONS, "--rejects", str(rejects), "--json"]
    result = CliRunner().invoke(main, [*arguments, *options], **how)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def broken(url: str) -> list[str]:
    with psycopg.connect(url) as conn:
        return [check.name for check in database.run_checks(conn) if check.rows]


def fifo(held: list[list[Any]], amount: int) -> list[tuple[str, int]]:
    """Takes an amount from [number, money] in their order, and says what it took of which."""
    taken = []
    for payment in held:
        share = min(amount, payment[1])
        if share:
            taken.append((payment[0], share))
            payment[1] -= share
            amount -= share
    assert amount == 0
    return taken


def test_loads_them_to_the_cent_and_refunds_them_first_in_first_out(
    url: str, conn: Connection[Any], tmp_path: Path, rows: list[dict[str, str]]
) -> None:
    rejects = tmp_path / "rejects.csv"
    told = load(url, FILE, rejects)

    assert told["read"] == {"rows": 51_779, "amount": 793_453_736}
    assert told["loaded"] == {"rows": 51_772, "amount": 793_453_736}
    assert told["rejected"] == {"rows": 7, "amount": 0}
    assert told["reasons"] == {"amount is zero": 4, "unknown channel": 3}
    worthless = {i for i, row in enumerate(rows, 2) if row["payment_value"] == "0.00"}
    with rejects.open(newline="") as file:
        assert {int(row["line"]) for row in csv.DictReader(file)} == worthless
    # Three orders have no other row.
    assert told["trades"] == len({row["order_id"] for row in rows}) - 3
    totals = conn.execute(
        "select count(*), sum(amount)::bigint, sum(paid)::bigint from mixpay.order_balances"
    ).fetchone()
    assert totals == (49_557, 793_453_736, 793_453_736)
    assert broken(url) == []

    held: dict[str, list[list[Any]]] = defaultdict(list)
    for row in rows:
        if row["payment_value"] != "0.00":
            number = f"{row['order_id']}-{row['payment_sequential']}"
            held[row["order_id"]].append([number, to_units(row["payment_value"], "BRL")])
    refunds = some_refunds(held)
    with ThreadPoolExecutor(8) as workers:
        for worker in [workers.submit(refund, url, refunds[i::8]) for i in range(8)]:
            worker.result()

    # In which order the database did them is for it to say; what each took, for us.
    done = conn.execute(
        "select refund_no, order_no from mixpay.facts "
        "where entity = 'refund' and from_state = '' order by trade_no, entry"
    ).fetchall()
    amounts = {refund_no: amount for _, refund_no, amount in refunds}
    expected = {no: sorted(fifo(held[order_no], amounts[no])) for no, order_no in done}
    assert len(expected) == len(refunds)
    details = defaultdict(list)
    for refund_no, *detail in conn.execute(
        "select refund_no, payment_no, amount from mixpay.refund_details order by payment_no"
    ):
        details[refund_no].append(tuple(detail))
    assert details == expected
    # And all checks, as after every test; statistics as autovacuum would have them by then.
    conn.execute("analyze")


def some_refunds(held: dict[str, list[list[Any]]]) -> list[tuple[str, str, int]]:
    """1 to 3 refunds of each of 2,000 orders, a thousand of which were paid in several ways."""
    dice = random.Random(1)
    several = [order_no for order_no, payments in held.items() if len(payments) > 1]
    others = [order_no for order_no, payments in held.items() if len(payments) == 1]
    refunds = []
    for order_no in dice.sample(several, 1000) + dice.sample(others, 1000):
        left = sum(amount for _, amount in held[order_no])
        for i in range(dice.randint(1, 3)):
            if left:
                amount = dice.randint(1, left)
                refunds.append((order_no, f"R-{order_no}-{i}", amount))
                left -= amount
    dice.shuffle(refunds)
    return refunds


def refund(url: str, refunds: list[tuple[str, str, int]]) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        for order_no, refund_no, amount in refunds:
            api.refund_order(conn, "olist", order_no, refund_no, amount)


def test_e26_an_order_paid_29_times_and_vouchers_worth_nothing(
    url: str, conn: Connection[Any], tmp_path: Path, rows: list[dict[str, str]]
) -> None:
    by_order = defaultdict(list)
    for row in rows:
        by_order[row["order_id"]].append(row)
    most = max(by_order.values(), key=len)
    assert len(most) == 29
    worthless = [row for row in rows if row["payment_value"] == "0.00" and row not in most]
    text = legacy.text(legacy.HEADER, [row.values() for row in [*most, *worthless]])
    told = load(url, "-", tmp_path / "rejects.csv", input=text)

    # Two of the 29 are vouchers worth nothing, as are five rows of other orders.
    assert (told["loaded"]["rows"], told["rejected"]["rows"]) == (27, 7)
    assert told["reasons"] == {"amount is zero": 4, "unknown channel": 3}
    order_no, paid = most[0]["order_id"], told["loaded"]["amount"]
    balance = conn.execute(
        "select order_no, paid, refundable from mixpay.order_balances"
    ).fetchall()
    assert balance == [(order_no, paid, paid)]
    api.refund_order(conn, "olist", order_no, "R1", paid - 1)
    api.refund_order(conn, "olist", order_no, "R2", 1)
    counts = conn.execute(
        "select count(*), sum(amount)::bigint from mixpay.refund_details "
        "group by refund_no order by refund_no"
    ).fetchall()
    assert counts == [(27, paid - 1), (1, 1)]
