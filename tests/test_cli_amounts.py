"""`mixpay report`: decimal amounts for people, units for machines, periods by whose clock."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bills import line, load, reconcile
from click.testing import CliRunner, Result
from psycopg import Connection
from shop import Shop, day, orders

from mixpay_db.cli import main
from mixpay_db.cli.amounts import money_columns

Report = Callable[..., Result]


@pytest.fixture
def report(shop: Shop, url: str) -> Report:
    shop.merge("T", A=123456)
    shop.pay("T", "P", 123456, "card", day(1))
    shop.refund("A", "R", 3456)
    shop.call("merge_orders", orders("JPY", J=5000), "TJ")
    shop.pay("TJ", "PJ", 7000, "card", day(2))
    shop.call("merge_orders", orders("KWD", K=5), "TK")
    shop.pay("TK", "PK", 5, "card", day(3))

    def report(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["--url", url, "report", *arguments])

    return report


def cells(result: Result, column: str) -> list[str]:
    assert result.exit_code == 0, result.output
    lines = [line.strip("┃│") for line in result.stdout.splitlines() if line[:1] in "┃│"]
    head, *rows = [[cell.strip() for cell in line.replace("┃", "│").split("│")] for line in lines]
    return [row[head.index(column)] for row in rows]


def test_a_table_is_for_people(report: Report) -> None:
    found = report("trade_balances", "--merchant", "m")
    assert cells(found, "amount") == ["1234.56", "5000", "0.005"]
    # How many there are is no money.
    assert cells(found, "payments") == ["1", "1", "1"]
    assert cells(report("trade_balances", "--units"), "amount") == ["123456", "5000", "5"]


def test_without_a_column_for_it_the_amount_bears_its_currency(report: Report) -> None:
    assert cells(report("payment_balances"), "surplus") == ["0.00 CNY", "2000 JPY", "0.000 KWD"]
    assert cells(report("refund_list", "--refund", "R"), "amount") == ["34.56 CNY"]
    assert cells(report("channel_refund_list", "--refund", "R"), "amount") == ["34.56 CNY"]
    surplus = cells(report("refund_list"), "amount")
    assert sorted(surplus) == ["2000 JPY", "34.56 CNY"]
    assert cells(report("refund_explained"), "takes_to") == ["34.56 CNY"]


def test_a_reason_names_amounts_as_the_table_does(report: Report, shop: Shop) -> None:
    load(shop, "S1", [line(1, "payment", 123455, day(1), our="P")])
    reconcile(shop, "S1")
    found = report("reconciliation_differences")
    assert "the statement says 1234.55, and 1234.56 is on record" in cells(found, "reason")
    for units in (["--units"], ["--format", "csv"]):
        assert "says 123455, and 123456" in report("reconciliation_differences", *units).stdout
    assert cells(report("reconciliation_summary"), "differences") != []
    assert all("." not in cell for cell in cells(report("reconciliation_summary"), "differences"))


def test_machines_get_units(report: Report) -> None:
    for more in ([], ["--units"]):
        told = json.loads(report("trade_balances", "--json", *more).stdout)
        assert [row["amount"] for row in told] == [123456, 5000, 5]
        text = report("payment_balances", "--format", "csv", *more).stdout
        assert [row["amount"] for row in csv.DictReader(io.StringIO(text))] == [
            "123456",
            "7000",
            "5",
        ]


# A column of a new name is none of them until somebody says so here.
MONEY = {
    "adjusted", "adjustments", "amount", "applied", "asked", "authorized", "balance", "came_in",
    "carried_in", "carried_out", "chargebacks", "cleared", "difference", "earned", "fee",
    "fee_difference", "fee_fixed", "fee_ours", "fee_theirs", "fees", "fixed", "free", "freed",
    "from_amount", "gross", "in_escrow", "in_minus_out", "lacking", "left_out", "left_over",
    "lost", "max_amount", "mergeable", "min_amount", "min_refund", "moved", "net",
    "not_refunded", "of_surplus", "order_refunded", "ours", "paid", "paid_out", "payable",
    "payments", "payouts", "receivers", "refundable", "refunded", "refunds", "repaid",
    "repayments", "resolved", "returns", "reversed", "settlements", "shares", "stands_from",
    "stands_to", "succeeded", "surplus", "surplus_left", "surplus_refunded", "taken",
    "taken_back", "takes_from", "takes_to", "theirs", "tolerance", "tolerated", "unapplied",
    "under_way", "unpaid", "waiting", "went_out", "write_off_limit",
}  # fmt: skip


def test_which_columns_are_money(conn: Connection[Any]) -> None:
    """Every whole number of a view is money or is said to be none."""
    views = [
        name
        for (name,) in conn.execute(
            "select viewname from pg_views where schemaname = 'mixpay' and viewname !~ '^_'"
        )
    ]
    none, all_money = set(), set()
    for view in views:
        described = conn.execute(f"select * from mixpay.{view} limit 0").description or ()
        money = money_columns(view, described)
        all_money |= money
        none |= {c.name for c in described if c.type_code == 20} - money
        assert not {"merchant_id", "currency"} & money
        if "amount" in [c.name for c in described]:
            assert "amount" in money, view
    assert all_money == MONEY
    # What is no money anywhere: places, counts, ids.
    assert {"entry", "nth", "position", "orders", "payments", "attempts", "pid", "rate"} <= none
    assert none & {"paid", "refunded", "balance", "came_in", "surplus", "in_escrow", "net"} == set()


def test_a_period_is_of_whole_days_by_the_zone(report: Report, conn: Connection[Any]) -> None:
    conn.execute("set session_replication_role = replica")
    conn.execute(
        "update mixpay.trades set created_at = '2026-03-01T23:30:00Z' where trade_no = 'T'"
    )

    def found(*options: str) -> list[str]:
        return cells(report("trade_balances", *options), "trade_no")

    assert found("--from", "2026-03-01", "--to", "2026-03-01", "--zone", "UTC") == ["T"]
    assert found("--from", "2026-03-02", "--to", "2026-03-02", "--zone", "UTC") == []
    shanghai = ("--zone", "Asia/Shanghai")
    assert found("--from", "2026-03-02", "--to", "2026-03-02", *shanghai) == ["T"]
    assert found("--to", "2026-03-01", *shanghai) == []
    assert found("--from", "2026-03-03", *shanghai) == ["TJ", "TK"]
    told = json.loads(report("trade_balances", "--trade", "T", *shanghai, "--json").stdout)
    assert told[0]["created_at"] == "2026-03-02T07:30:00+08:00"


def test_days_of_a_view_of_days(report: Report) -> None:
    everything = json.loads(report("day_flow", "--json", "--zone", "UTC").stdout)
    today = everything[0]["day"]
    only = ("--from", today, "--to", today, "--zone", "UTC", "--json")
    assert json.loads(report("day_flow", *only).stdout) == everything
    assert json.loads(report("day_flow", "--to", "2020-01-01", "--json").stdout) == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["trade_balances", "--from", "tomorrow"], "is no day, such as"),
        (["trade_balances", "--zone", "Mars"], "there is no time zone 'Mars'"),
        (["payee_balances", "--from", "2026-01-01"], "payee_balances has no moment"),
        (["--merchant", "m", "trade_balances"], "Options of a view stand after its name"),
        (["--html", "x.html"], "--html needs --merchant"),
        (["--html", "x", "--merchant", "m", "--trade", "T", "--order", "A"], "A page tells of one"),
        (["--html", "-", "--merchant", "nobody"], "there is no merchant 'nobody'"),
        (["--html", "-", "--merchant", "m", "--trade", "X"], "there is no trade 'X'"),
        (["--html", "-", "--merchant", "m", "--zone", "Mars"], "there is no time zone"),
        (["--html", "/nonexistent/x.html", "--merchant", "m"], "cannot write"),
        (["--html", "/dev/full", "--merchant", "m", "--trade", "T"], "cannot write"),
    ],
)
def test_what_cannot_be_is_told(report: Report, options: list[str], told: str) -> None:
    result = report(*options)
    assert result.exit_code != 0
    assert told in result.stderr
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_a_page_as_a_file(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    days = ["--from", "2026-01-01", "--to", "2026-01-31", "--zone", "Asia/Shanghai"]
    assert report("--html", str(path), "--merchant", "m", *days, "--lang", "zh").exit_code == 0
    text = path.read_text(encoding="utf-8")
    assert '<html lang="zh">' in text
    assert "2026-01-31" in text
    assert "Asia/Shanghai" in text
    assert "项检查均未发现问题" in text
    shown = report("--html", "-", "--merchant", "m", "--order", "A").stdout
    assert "1,234.56" in shown
    assert "<script" not in shown


def test_without_a_view_it_helps(report: Report) -> None:
    assert "--html" in report().stdout


def test_a_page_goes_where_a_link_leads(report: Report, tmp_path: Path) -> None:
    """As /dev/stdout does: the file there stays the same one, for it may be on another disk."""
    page, link = tmp_path / "page.html", tmp_path / "link"
    page.write_text("")
    link.symlink_to(page)
    before = page.stat().st_ino
    written = report("--html", str(link), "--merchant", "m", "--order", "A")
    assert written.exit_code == 0
    assert link.is_symlink()
    assert page.stat().st_ino == before
    assert "1,234.56" in page.read_text(encoding="utf-8")
