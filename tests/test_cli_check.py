"""`mixpay check`: the exit status tells."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import Connection

import mixpay_db
from mixpay_db import database, resources
from mixpay_db.cli import main
from mixpay_db.resources import sql_dir


def check(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--url", url, "check", *arguments])


@pytest.fixture
def broken(conn: Connection[Any]) -> None:
    """A payment of one merchant that says it went back in part, although nothing did."""
    for merchant in ("good", "bad"):
        mixpay_db.register_merchant(conn, merchant, merchant)
        mixpay_db.merge_orders(
            conn, merchant, [{"order_no": "A", "amount": 100, "currency": "CNY"}], "T"
        )
        mixpay_db.record_payment(conn, merchant, "T", "P", "cash", 70)
    conn.execute("update mixpay.payments set refunded = 7 where merchant_id = 'bad'")


def test_clean(url: str) -> None:
    result = check(url)
    assert result.exit_code == 0, result.output
    count = len(list((sql_dir() / "checks").glob("*.sql")))
    assert result.stdout == f"{count} checks found nothing: all is well\n"
    assert json.loads(check(url, "--json").stdout) == {"clean": True, "checks": count, "broken": {}}


@pytest.mark.breaks_checks
@pytest.mark.usefixtures("broken")
def test_broken_with_its_rows(url: str) -> None:
    result = check(url)
    assert result.exit_code == 1
    assert "broken: payment refunded is the sum of its details" in result.stdout
    assert "bad" in result.stdout
    assert "good" not in result.stdout
    told = json.loads(check(url, "--json").stdout)
    assert told["clean"] is False
    (row,) = told["broken"]["payment_refunded_is_the_sum_of_its_details"]
    assert (row["merchant_id"], row["payment_no"], row["refunded"]) == ("bad", "P", 7)


@pytest.mark.breaks_checks
@pytest.mark.usefixtures("broken")
def test_of_one_merchant(url: str) -> None:
    assert check(url, "--merchant", "bad").exit_code == 1
    assert check(url, "--merchant", "good").exit_code == 0


def test_could_not_look(url: str, empty_url: str, tmp_path: Path) -> None:
    unknown = check(url, "--merchant", "nobody")
    assert (unknown.exit_code, unknown.stderr) == (
        2,
        "error: there is no merchant nobody\nhint: mixpay report merchant_list lists them.\n",
    )
    empty = check(empty_url)
    assert empty.exit_code == 2
    assert "hint: mixpay migrate" in empty.stderr
    # As every command tells it, without the statement.
    assert empty.stderr.startswith("error: 42P01: relation ")
    assert "LINE 1" not in empty.stderr
    assert check(f"host={tmp_path}").exit_code == 2


def test_a_reader_could_not_look(url: str) -> None:
    reader = psycopg.conninfo.make_conninfo(url, options="-c role=mixpay_reader")
    result = check(reader)
    assert result.exit_code == 2
    assert "permission denied" in result.stderr


def test_each_check_has_its_own_columns_and_rows(
    conn: Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "checks").mkdir()
    monkeypatch.setattr(resources, "sql_dir", lambda: tmp_path)
    assert database.run_checks(conn) == []
    for name, query in (
        ("a", "select 1 as one, '%s;' as two"),
        ("b", "select 1 as one where false"),
        ("c", "select 'm' as merchant_id union all select 'n'"),
    ):
        (tmp_path / "checks" / f"{name}.sql").touch()
        conn.execute(f"create view mixpay._{name} as {query}".encode())
    a = database.CheckResult("a", ["one", "two"], [(1, "%s;")])
    b = database.CheckResult("b", ["one"], [])
    c = database.CheckResult("c", ["merchant_id"], [("m",), ("n",)])
    assert database.run_checks(conn) == [a, b, c]
    c = database.CheckResult("c", ["merchant_id"], [("n",)])
    assert database.run_checks(conn, "n") == [a, b, c]


@pytest.mark.parametrize("merchant", [None, "m"])
@pytest.mark.parametrize("wrong", ["select 1 / 0 as one", None])
def test_an_error_names_the_file(
    conn: Connection[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wrong: str | None,
    merchant: str | None,
) -> None:
    (tmp_path / "checks").mkdir()
    monkeypatch.setattr(resources, "sql_dir", lambda: tmp_path)
    for name, query in (("a", "select 1 as one"), ("b", wrong), ("c", "select 1 as one")):
        (tmp_path / "checks" / f"{name}.sql").touch()
        if query is not None:
            conn.execute(f"create view mixpay._{name} as {query}".encode())
    with pytest.raises(psycopg.Error) as caught:
        database.run_checks(conn, merchant)
    assert caught.value.__notes__ == [f"in {tmp_path / 'checks' / 'b.sql'}"]
