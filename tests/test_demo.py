"""`mixpay demo`: a story and its figures, and nothing left running."""

import re
from collections.abc import Callable
from typing import Any

import click
import pytest
from click.testing import CliRunner
from psycopg import Connection
from recorded import demo

from mixpay_db.cli import main
from mixpay_db.cli.demo import _Story
from mixpay_db.resources import sql_dir


@pytest.fixture(scope="module")
def told(once: Callable[[str, Callable[[], str]], str]) -> str:
    return once("demo", demo)


def row(told: str, *begin: str) -> list[str]:
    """The cells of the first row of a table that starts with these."""
    (line, *_) = re.findall(rf"^ +{' +'.join(begin)} .*$", told, re.MULTILINE)
    return line.split()[len(begin) :]


@pytest.mark.parametrize("width", ["40", "60", "80"])
def test_nothing_is_cut_off_in_a_narrow_terminal(
    conn: Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    width: str,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # takes the output for a terminal
    monkeypatch.setenv("COLUMNS", width)
    _Story(conn).tell()
    story = click.unstyle(capsys.readouterr().out)
    assert story.endswith(" checks, no rows\n")
    assert max(map(len, story.splitlines())) <= int(width)
    assert "…" not in story


def test_what_each_order_was_paid_after_each_step(told: str) -> None:
    assert row(told, "SOFA") == ["6000.00", "1500.00", "6000.00", "6000.00"]
    assert row(told, "TABLE") == ["2400.00", "0.00", "500.00", "2400.00"]
    assert row(told, "LAMP") == ["600.00", "0.00", "0.00", "600.00"]


def test_each_refund_is_explained(told: str) -> None:
    first, second = told.split("refund_order(SOFA, R-2")[:2]
    assert row(first, "CARD-1") == [
        *("5000.00", "1500.00", "to", "6500.00"),
        *("1500.00", "to", "2000.00", "500.00", "4500.00"),
    ]
    assert row(second, "CASH-1") == [
        *("2500.00", "4500.00", "to", "7000.00"),
        *("4500.00", "to", "5200.00", "700.00", "1800.00"),
    ]


def test_too_much_is_refused_and_a_repeat_is_not(told: str) -> None:
    assert "SQLSTATE MX301: cannot refund 90000 of order SOFA" in told
    assert "600000 is paid and 520000 is already refunded: 80000 is left." in told
    assert "R-1: 2000.00, processing; of TABLE 2000.00 is refunded, as before" in told
    assert "SQLSTATE MX302" in told


def test_the_channel_refunds_that_follow(told: str) -> None:
    assert row(told, "R-1", "CARD-1") == ["card", "500.00", "pending", "doubt", "succeeded"]
    assert row(told, "R-2", "CASH-1") == ["cash", "700.00", "waiting", "waiting", "waiting"]
    assert "R-1 is succeeded. R-2 is processing" in told
    assert "R-2 is succeeded" in told


def test_the_trade_holds_what_came_in_and_did_not_go_back(told: str) -> None:
    *_, last = re.findall(r"^ +refund +channel .*$", told, re.MULTILINE)
    assert last.split()[-1] == "1800.00"


def test_each_order_is_divided_and_a_refund_takes_back(told: str) -> None:
    _, paid, released, *_ = told.split("split_order(CARPET")[1].split("  order    payee")
    assert row(paid, "CARPET", "loom") == ["2000.00", "0.00", "2000.00", "0.00", "0.00", "0.00"]
    assert row(paid, "DESK", "ashwood") == ["1500.00", "0.00", "0.00", "120.00", "30.00", "1350.00"]
    assert row(released, "CARPET", "loom")[2:] == ["0.00", "160.00", "40.00", "1800.00"]
    # 500.00 went back: 40.00 by the mall, and the rest by the seller.
    assert row(released, "DESK", "ashwood")[1:] == ["500.00", "0.00", "80.00", "30.00", "890.00"]
    assert row(released, "BOWLS", "kiln")[2:] == ["100.00", "16.00", "4.00", "180.00"]


def test_a_dispute_holds_back_a_due_release(told: str) -> None:
    assert row(told, "CARPET", "2000.00", "dispute") == ["DISPUTE-1", "is", "open"]
    first, second = told.split("> release_due()\n")[1:]
    assert first.startswith("  nothing is released\n")
    assert second.startswith("  CARPET: 2000.00 released\n")


def test_a_debt_is_carried_over_to_the_next_settlement(told: str) -> None:
    assert row(told, "S-2", "DESK") == ["1350.00", "460.00", "890.00"]
    assert row(told, "payee", "ashwood") == ["552.00"]
    assert row(told, "S-4", "ashwood") == ["0.00", "-552.00", "0.00", "-552.00"]
    assert row(told, "S-5", "ashwood") == ["-552.00", "700.00", "148.00", "0.00"]


def test_one_query_shows_each_payees_money(told: str) -> None:
    _, balances = told.split("One query")
    payees = {}
    for payee_no in ("ashwood", "kiln", "loom", "lumen", "oakhouse"):
        cells = [float(cell) for cell in row(balances, payee_no)]
        gross, refunds, fees, net, in_escrow, payable, paid_out = cells
        assert net == gross - refunds - fees == in_escrow + payable + paid_out
        payees[payee_no] = cells
    assert payees["ashwood"] == [2200, 1100, 62, 1038, 0, 0, 1038]


def test_the_books_sum_to_zero(told: str) -> None:
    came_in, went_out, balance = row(told, "together")
    assert came_in == went_out
    assert balance == "0.00"
    assert row(told, "bank") == ["3018.00", "0.00", "3018.00"]


def test_all_is_well(told: str) -> None:
    checks = len(list((sql_dir() / "checks").glob("*.sql")))
    assert told.endswith(f"> mixpay check\n  {checks} checks, no rows\n")


def test_a_server_that_is_named_is_refused() -> None:
    result = CliRunner().invoke(main, ["--url", "host=/nowhere", "demo"])
    assert result.exit_code == 2
    assert "server of its own" in result.output
