"""`mixpay report`: the views."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
import psycopg
import pytest
from click.testing import CliRunner, Result
from clones import Clone
from psycopg import Connection
from psycopg.rows import dict_row
from shop import (
    Shop,
    open_for_a_third_week,
    open_for_a_week,
    open_for_a_week_of_returns,
    open_for_a_week_of_statements,
    open_for_another_week,
    orders,
)

import mixpay_db
from mixpay_db.cli import main
from mixpay_db.cli.report import FILTERS

Report = Callable[..., Result]


@pytest.fixture
def clone(request: pytest.FixtureRequest) -> Iterator[Clone]:
    """The one that is looked at; for a test that is marked as one that writes, one of its own."""
    if request.node.get_closest_marker("writes"):
        yield request.getfixturevalue("clone")
        return
    clone = request.getfixturevalue("looked_at")("reported", fill)
    yield clone
    clone.looked_at()


def fill(conn: Connection[Any]) -> None:
    """Two malls do the same, a third has something on every work list, and a fourth on those about
    whose the money is."""
    for merchant in ("mall", "other"):
        mixpay_db.register_merchant(conn, merchant, f"The {merchant}")
        mixpay_db.register_payee(conn, merchant, "S", "Sofas")
        for trade, order in ("TA", "UB"):
            to_merge: list[mixpay_db.OrderToMerge] = [
                {"order_no": order, "amount": 100, "currency": "CNY", "payee_no": "S"}
            ]
            mixpay_db.merge_orders(conn, merchant, to_merge, trade)
            mixpay_db.record_payment(conn, merchant, trade, f"P{order}", "cash", 70)
            mixpay_db.record_payment(conn, merchant, trade, f"Q{order}", "card", 30)
            mixpay_db.refund_order(conn, merchant, order, f"R{order}", 80)
    work(Shop(conn, "works"))
    weeks = Shop(conn, "weeks")
    weeks.call("register_merchant", "Weeks")
    open_for_a_week(weeks)
    open_for_another_week(weeks)
    open_for_a_third_week(weeks)
    open_for_a_week_of_returns(weeks)
    weeks.merge("T12", W=10)
    weeks.start("T12", "P12", 10)
    weeks.call("authorize_payment", "P12", "a-1")
    open_for_a_week_of_statements(weeks)
    weeks.call("record_channel_fee", "card", "F1", 1, "CNY")
    weeks.call("record_channel_payout", "card", "O1", 1, "CNY")
    weeks.call(
        "adjust_account", "channel:card", "J1", 1, "CNY", "they gave it back", "fee:adjustment"
    )
    weeks.call("reprice_order", "W", "RP1", 9, "a discount")
    weeks.call("annotate", "order", "W", {"shelf": "7"})


@pytest.fixture
def report(request: pytest.FixtureRequest, url: str, conn: Connection[Any]) -> Report:
    """`report("trade_flow", "--trade", "T")` on a database that is filled."""
    if request.node.get_closest_marker("writes"):
        fill(conn)

    def report(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["--url", url, "report", *arguments])

    return report


@pytest.fixture
def runs_on(
    report: Report,  # noqa: ARG001 (it comes first)
    connect: Callable[..., Connection[Any]],
) -> None:
    """Somebody who keeps events back."""
    connect(autocommit=False).execute("select pg_current_xact_id()")


def work(shop: Shop) -> None:
    """The same numbers again, in trades of 300; of each trade, something on every work list."""
    shop.call("register_merchant", "Works")
    shop.call("set_route", "qr", "card")
    shop.channel("slow", refund_interval="1 hour")
    for trade_no, order in ("TA", "UB"):
        shop.merge(trade_no, **{order: 300})
        shop.call("start_payment", trade_no, f"P{order}", 100, method="qr")
        shop.succeed(f"P{order}")
        shop.pay(trade_no, f"Q{order}", 70, "slow")
        shop.pay(trade_no, f"C{order}", 30, "cash")
        shop.pay(trade_no, f"S{order}", 120, "wallet")

        def refund(name: str, amount: int, payment: str, order: str = order) -> tuple[str, str]:
            shop.refund(order, f"{name}{order}", amount, payment_nos=[f"{payment}{order}"])
            return f"{name}{order}", f"{payment}{order}"

        bounced, astray = refund("BOUNCED", 10, "P"), refund("ASTRAY", 20, "P")
        shop.complete(*bounced)
        shop.bounce(*bounced)
        shop.fail(*astray)
        refund("ALL", 85, "P")
        shop.complete(*astray)
        in_doubt = shop.channel_refund(*refund("R", 5, "P"))
        shop.call("doubt_channel_refund", in_doubt.channel_refund_no, "timed out")
        refund("MANUAL", 10, "C")
        refund("FIRST", 10, "Q")
        refund("WAITING", 10, "Q")


def rows(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def views(conn: Connection[Any]) -> list[str]:
    query = (
        "select viewname from pg_views where schemaname = 'mixpay' and viewname not like '\\_%' "
        "order by 1"
    )
    return [name for (name,) in conn.execute(query)]


@pytest.fixture
def kept(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One session for all reports: a new one reads the catalog again, which costs most of it."""
    with psycopg.connect(url) as session:

        @contextmanager
        def connect(asked: str, **given: Any) -> Iterator[Connection[Any]]:
            assert asked == url
            session.row_factory = given.pop("row_factory")
            assert not given
            try:
                yield session
            finally:
                session.rollback()

        monkeypatch.setattr(psycopg, "connect", connect)
        yield


@pytest.mark.usefixtures("runs_on", "kept")
def test_every_view_is_a_report(report: Report, conn: Connection[Any]) -> None:
    listed = report("--help").stdout
    for view in views(conn):
        assert f"  {view} " in listed
        stored = conn.cursor(row_factory=dict_row).execute(
            f"select to_jsonb(v) as row from mixpay.{view} as v"
        )
        told = rows(report(view, "--json"))
        assert len(told) == stored.rowcount > 0, view
        assert told[0].keys() == (stored.fetchone() or {})["row"].keys()


@pytest.mark.usefixtures("runs_on", "kept")
def test_rows_come_in_the_order_of_the_views_key(report: Report, conn: Connection[Any]) -> None:
    for view in views(conn):
        # A transaction id is a number, and told as text.
        told = [
            [int(value) if column == "xid" else value for column, value in list(row.items())[:6]]
            for row in rows(report(view, "--json"))
        ]
        assert told == sorted(told), view
        assert len({str(key) for key in told}) == len(told), f"the first columns of {view}"


@pytest.mark.usefixtures("runs_on", "kept")
def test_filters(report: Report, conn: Connection[Any]) -> None:
    chosen = {"merchant": "mall", "trade": "U", "order": "B", "payment": "PB", "refund": "RB"}
    payout = rows(report("payout_list", "--settlement", "S4", "--json"))[0]
    chosen |= {"payee": "S", "settlement": "S4", "until": payout["until_at"]}
    tried = set()
    for view in views(conn):
        everything = rows(report(view, "--json"))
        for name, column in FILTERS.items():
            filtered = report(view, f"--{name}", chosen[name], "--json")
            if column in everything[0]:
                wanted = [row for row in everything if row[column] == chosen[name]]
                assert rows(filtered) == wanted != everything, (view, name)
                tried.add(name)
            else:
                assert filtered.exit_code == 2
                assert f"--{name} says nothing here: {view} has no column" in filtered.stderr
    assert tried == set(FILTERS)


def test_filters_together(report: Report) -> None:
    found = rows(report("payment-balances", "--merchant", "mall", "--trade", "T", "--json"))
    assert [row["payment_no"] for row in found] == ["PA", "QA"]
    nothing = report("payment_balances", "--merchant", "mall'; drop view x --", "--json")
    assert rows(nothing) == []


def test_table(report: Report) -> None:
    result = report("trade_balances", "--merchant", "mall")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert all(column in lines[1] for column in ("merchant_id", "trade_no", "not_refunded"))
    assert [line.split("│")[2].strip() for line in lines[3:5]] == ["T", "U"]


def test_what_does_not_fit_a_terminal_is_shown_below_one_another(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # takes the output for a terminal
    monkeypatch.setenv("COLUMNS", "60")
    lines = click.unstyle(report("trade_balances", "--merchant", "mall").stdout).splitlines()
    assert max(map(len, lines)) <= 60
    assert [line.split()[1] for line in lines if line.startswith("trade_no ")] == ["T", "U"]


def test_no_rows_are_told_where_their_columns_do_not_fit(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    assert report("trade_balances", "--merchant", "nobody").stdout == "no rows\n"


def test_a_day_that_is_none_is_told_with_one_that_is(report: Report) -> None:
    result = report("day_flow", "--from", "2026-13-01")
    assert result.exit_code == 2
    assert "'2026-13-01' is no day, such as 2026-11-28" in result.stderr


def test_a_period_that_ends_before_it_begins_is_refused(report: Report) -> None:
    result = report("day_flow", "--from", "2026-12-01", "--to", "2026-11-01")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: 2026-11-01 is before 2026-12-01\nhint: ")
    assert report("day_flow", "--from", "2026-12-01", "--to", "2026-12-01").exit_code == 0


def test_an_empty_table_has_its_columns(report: Report) -> None:
    result = report("trade_balances", "--merchant", "nobody")
    assert result.exit_code == 0
    assert "trade_no" in result.stdout


def test_csv(report: Report) -> None:
    result = report("order_balances", "--merchant", "mall", "--format", "csv")
    assert result.exit_code == 0, result.output
    found = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [(row["order_no"], row["paid"], row["refundable"]) for row in found] == [
        ("A", "100", "20"),
        ("B", "100", "20"),
    ]
    assert found[0]["open_trade_no"] == ""
    assert "\r" not in result.stdout


@pytest.mark.writes
def test_csv_is_safe_in_a_spreadsheet(report: Report, conn: Connection[Any]) -> None:
    title = '=HYPERLINK("http://x","y")'
    conn.execute("select mixpay.register_payee('mall', 'p', %s)", [title])
    result = report("payee_list", "--merchant", "mall", "--format", "csv")
    titles = [row["title"] for row in csv.DictReader(io.StringIO(result.stdout))]
    assert f"'{title}" in titles
    # What is below zero is a number, and stays one.
    result = report("account_balances", "--merchant", "mall", "--format", "csv")
    balances = [int(row["balance"]) for row in csv.DictReader(io.StringIO(result.stdout))]
    assert min(balances) < 0


@pytest.mark.writes
def test_a_payout_file(report: Report, conn: Connection[Any]) -> None:
    """Exact decimals, as many as the currency has; of one run, and without what came back."""
    bank = Shop(conn, "bank")
    bank.call("register_merchant", "Bank")
    for payee_no in ("S1", "S2"):
        bank.call("register_payee", payee_no, f'"{payee_no}", Ltd.')

    def earn(payee_no: str, amount: int, currency: str) -> None:
        (order,) = orders(currency, **{f"{payee_no}{currency}{amount}": amount})
        trade_no = bank.call("merge_orders", [{**order, "payee_no": payee_no}]).trade_no
        bank.pay(trade_no, f"{payee_no}{currency}{amount}", amount)

    def settle(run: str, *accounts: tuple[str, str]) -> str:
        """All at one moment, by which the bank's file is asked for."""
        bank.until_final()
        ((now,),) = bank.query("select clock_timestamp()")
        for payee_no, currency in accounts:
            number = f"{run}-{payee_no}-{currency}"
            bank.call("settle_payee", payee_no, number, now, currency)
        return str(now)

    earn("S2", 10**15, "KWD")
    settle("1", ("S2", "KWD"))
    earn("S1", 123_450, "CNY")
    earn("S1", 100, "JPY")
    earn("S2", 5, "KWD")
    earn("S2", 70_000, "CLF")
    earn("S2", 1, "CNY")
    second = settle(
        "2", *[("S1", "CNY"), ("S1", "JPY"), ("S2", "CLF"), ("S2", "CNY"), ("S2", "KWD")]
    )
    bank.call("reverse_settlement", "2-S2-CNY", "no such account")

    def payouts(*arguments: str) -> list[list[str]]:
        result = report("payout_list", "--merchant", "bank", *arguments, "--format", "csv")
        assert result.exit_code == 0, result.output
        columns = ("settlement_no", "payee_no", "title", "currency", "amount", "units")
        found = csv.DictReader(io.StringIO(result.stdout))
        return [[row[column] for column in columns] for row in found]

    first = ["1-S2-KWD", "S2", '"S2", Ltd.', "KWD", "1000000000000000", "1000000000000.000"]
    evening = [
        ["2-S1-CNY", "S1", '"S1", Ltd.', "CNY", "123450", "1234.50"],
        ["2-S1-JPY", "S1", '"S1", Ltd.', "JPY", "100", "100"],
        ["2-S2-CLF", "S2", '"S2", Ltd.', "CLF", "70000", "7.0000"],
        ["2-S2-KWD", "S2", '"S2", Ltd.', "KWD", "5", "0.005"],
    ]
    assert payouts() == [first, *evening]
    assert payouts("--until", second) == evening
    assert payouts("--payee", "S2") == [first, *evening[2:]]
    assert payouts("--settlement", "2-S1-JPY") == evening[1:2]


def test_an_unknown_report_is_refused(report: Report) -> None:
    assert report("pg_tables").exit_code == 2


def test_says_what_an_empty_database_lacks(empty_url: str) -> None:
    result = CliRunner().invoke(main, ["--url", empty_url, "report", "trade_balances"])
    assert result.exit_code == 1
    assert "hint: mixpay migrate" in result.stderr
