"""`mixpay call`: the functions as commands."""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from psycopg import Connection

import mixpay_db
from mixpay_db import calls
from mixpay_db.cli import main

ORDERS = '[{"order_no": "A", "amount": 100, "currency": "CNY"}]'
Call = Callable[..., Result]


@pytest.fixture
def call(url: str, conn: Connection[Any]) -> Call:
    """`call("merge_orders --merchant-id mall", …)` on an installed database with that merchant."""
    mixpay_db.register_merchant(conn, "mall", "The mall")

    def call(line: str, *more: str, stdin: str | None = None) -> Result:
        arguments = ["--url", url, "call", *line.split(), *more]
        return CliRunner().invoke(main, arguments, input=stdin)

    return call


def merge(call: Call, *more: str) -> Result:
    return call("merge_orders --merchant-id mall --orders", ORDERS, "--json", *more)


def pay(call: Call, *more: str, no: str = "P") -> Result:
    line = f"record_payment --merchant-id mall --trade-no T --payment-no {no} --channel cash"
    return call(line, *more)


def test_there_is_a_command_for_each_call(call: Call) -> None:
    listed = call("--help").stdout
    for name, function in calls.CALLS.items():
        assert f"  {name} " in listed
        told = call(name, "--help").stdout
        for argument in calls.arguments(function):
            assert f"--{argument.name.replace('_', '-')} " in told, name
        assert " ".join((function.__doc__ or "").split("\n")[0].split()[:5]) in told


def test_commits_and_prints_the_row(call: Call, conn: Connection[Any]) -> None:
    result = call("register_payee --merchant-id mall --payee-no S --title", "[b]S")
    assert result.exit_code == 0, result.output
    printed = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert printed.keys() == {"merchant_id", "payee_no", "title", "created_at"}
    assert printed["title"].strip() == "[b]S"
    assert conn.execute("select payee_no from mixpay.payees").fetchall() == [("S",)]


def test_json_is_the_row(call: Call) -> None:
    trade = json.loads(merge(call, "--trade-no", "T", "--expires-at", "2999-01-01T08:00+08").stdout)
    assert (trade["trade_no"], trade["amount"], trade["state"]) == ("T", 100, "open")
    assert trade["expires_at"].startswith("2999-01-01T")


def test_json_of_rows_is_an_array(call: Call) -> None:
    claim = "claim_channel_refunds --merchant-id mall --worker w --limit 5 --json"
    assert json.loads(call(claim, "--lease", "2 minutes").stdout) == []


def test_several_rows_are_a_table(call: Call) -> None:
    trades = [
        {"trade_no": t, "orders": [{"order_no": t, "amount": 5, "currency": "JPY"}]} for t in "TU"
    ]
    result = call("merge_many --merchant-id mall --trades", json.dumps(trades))
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert all(column in lines[1] for column in ("trade_no", "currency", "refunded"))
    assert "T" in lines[3]
    assert "U" in lines[4]


@pytest.mark.parametrize("name", ["merge-orders", "merge_orders"])
@pytest.mark.parametrize("option", ["--merchant-id", "--merchant_id"])
def test_either_dash_will_do(call: Call, name: str, option: str) -> None:
    assert call(name, option, "mall", "--orders", ORDERS).exit_code == 0


def test_json_out_of_a_file_or_standard_input(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "orders.json"
    file.write_text(ORDERS, encoding="utf-8")
    first = call("merge_orders --merchant-id mall --orders", f"@{file}", "--json")
    again = call("merge_orders --merchant-id mall --orders", "@-", "--json", stdin=ORDERS)
    assert json.loads(first.stdout) == json.loads(again.stdout)


def test_repeats_an_option_for_an_array(call: Call) -> None:
    merge(call, "--trade-no", "T")
    pay(call, "--amount", "40")
    pay(call, "--amount", "60", no="Q")
    line = "refund_order --merchant-id mall --order-no A --refund-no R --amount 5 --json"
    refund = call(f"{line} --payment-nos Q --payment-nos P")
    assert json.loads(refund.stdout)["payment_nos"] == ["Q", "P"]


def test_a_flag_says_yes_or_no_or_is_left_to_the_server(call: Call) -> None:
    line = "register_channel --channel new --title New --kind online --json"
    for options, can in (("", True), ("--no-can-refund", False), ("--can-refund", True)):
        channel = json.loads(call(f"{line} {options}").stdout)
        assert (channel["can_refund"], channel["can_refund_in_part"]) == (can, True)
    merge(call, "--trade-no", "T")
    pay(call, "--amount", "40")
    close = "close_trade --merchant-id mall --trade-no T --reason late --json"
    assert json.loads(call(f"{close} --keep-paid").stdout)["keeps_paid"] is True
    # Left out, it is the server's default: not to keep.
    assert json.loads(call(close).stdout)["keeps_paid"] is False
    assert "--keep-paid / --no-keep-paid" in call("close_trade --help").stdout
    assert call(f"{line} --can-refund maybe").exit_code == 2


def test_an_interval_is_what_the_server_understands(call: Call) -> None:
    line = "register_channel --channel new --title New --kind online --json --refund-window"
    for interval, told in (("90 days", "90 days"), ("P1DT2H", "1 day"), ("00:05", "0:05:00")):
        result = call(line, interval)
        assert result.exit_code == 0, result.output
        assert told in json.loads(result.stdout)["refund_window"]
    result = call(line, "soon")
    assert result.exit_code == 1
    assert "invalid input syntax for type interval" in result.stderr


def test_a_call_about_all_merchants_names_none(call: Call) -> None:
    assert json.loads(call("due_merchants --json").stdout) == []
    assert json.loads(call("due-merchants --after a --limit 5 --json").stdout) == []


def test_what_may_be_null_may_be_left_out(call: Call) -> None:
    merge(call, "--trade-no", "T")
    line = "start_payment --merchant-id mall --trade-no T --payment-no P"
    call(f"{line} --amount 100 --channel card")
    paid = call("succeed_payment --merchant-id mall --payment-no P --json")
    assert json.loads(paid.stdout)["state"] == "succeeded"


def test_a_refusal_is_told_and_nothing_is_written(call: Call, conn: Connection[Any]) -> None:
    merge(call, "--trade-no", "T")
    pay(call, "--amount", "60")
    refused = call("refund_order --merchant-id mall --order-no A --refund-no R --amount 61")
    assert refused.exit_code == 1
    assert refused.stdout == ""
    assert refused.stderr.splitlines() == [
        "error: MX301: cannot refund 61 of order A",
        "detail: 60 is paid and 0 is already refunded: 60 is left.",
        "hint: Refund at most what is left. See mixpay.order_balances.",
    ]
    assert conn.execute("select from mixpay.refunds").fetchall() == []


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--amount", "12.34", "not a whole number"),
        ("--amount", "1e2", "not a whole number"),
        ("--amount", str(2**63), "too large"),
        ("--paid-at", "2026-01-01T12:00", "not a moment with its offset"),
        ("--paid-at", "yesterday", "not a moment with its offset"),
        ("--colour", "blue", "No such option"),
    ],
)
def test_refuses_bad_arguments(call: Call, option: str, value: str, told: str) -> None:
    result = pay(call, *([] if option == "--amount" else ["--amount", "1"]), option, value)
    assert result.exit_code == 2
    assert told in result.stderr


@pytest.mark.parametrize("orders", ["[", "{'a': 1}", '[{"amount": NaN}]', "@/no/such/file"])
def test_refuses_what_is_no_json(call: Call, orders: str) -> None:
    result = call("merge_orders --merchant-id mall --orders", orders)
    assert result.exit_code == 2
    assert "not JSON" in result.stderr or "cannot read" in result.stderr


@pytest.mark.parametrize("amount", ["100.0", "1e2", '"100"'])
def test_json_amounts_are_whole_numbers(call: Call, amount: str) -> None:
    orders = ORDERS.replace("100", amount)
    result = call("merge_orders --merchant-id mall --orders", orders)
    assert (result.exit_code, result.stderr[:13]) == (1, "error: MX903:")


def test_names_what_is_missing(call: Call) -> None:
    result = call("preview_refund --merchant-id mall --order-no A")
    assert result.exit_code == 2
    assert "'--amount'" in result.stderr


def test_an_unknown_call_is_refused(call: Call) -> None:
    assert call("_lock_trade").exit_code == 2
    assert call("drop_everything").exit_code == 2


def test_says_what_an_empty_database_lacks(empty_url: str) -> None:
    arguments = ["register_merchant", "--merchant-id", "m", "--title", "M"]
    result = CliRunner().invoke(main, ["--url", empty_url, "call", *arguments])
    assert result.exit_code == 1
    assert "hint: mixpay migrate" in result.stderr


def test_notes_are_json(call: Call, url: str) -> None:
    """Not what Python makes of them: a program reads them from CSV."""
    assert merge(call).exit_code == 0
    notes = {"vip": True, "café": None, "by": "zoë"}
    told = call("annotate --merchant-id mall --entity order --number A --notes", json.dumps(notes))
    (shown,) = re.findall("^notes +(.*?) *$", told.stdout, re.MULTILINE)
    listed = CliRunner().invoke(main, ["--url", url, "report", "note_list", "--format", "csv"])
    (row,) = csv.DictReader(io.StringIO(listed.stdout))
    del notes["café"]  # a null takes a note away
    assert json.loads(shown) == json.loads(row["notes"]) == notes
