"""`mixpay reconcile`, with the three statements that examples/statements tells the story of."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from psycopg import Connection
from recorded import PROJECT
from shop import Shop, day
from statement_files import FILES

from mixpay_db import reconciling
from mixpay_db.cli import main, reconcile
from mixpay_db.rows import Reconciliation

EXAMPLES = PROJECT / "examples" / "statements"
Run = Callable[..., Result]


@pytest.fixture
def run(url: str) -> Run:
    def run(*arguments: str | Path) -> Result:
        return CliRunner().invoke(main, ["--url", url, "reconcile", *map(str, arguments)])

    return run


@pytest.fixture
def bill(tmp_path: Path) -> Path:
    """Two lines of day 1, in a file of columns of its own."""
    path = tmp_path / "bill.csv"
    when = day(1).isoformat()
    path.write_text(f"no,at,what,sum,txn\n1,{when},paid,6.00,X1\n2,{when},paid,0.07,Z\n")
    return path


MAP = [
    "--map", "columns.at=at", "--map", "columns.amount=sum", "--map", "columns.type=what",
    "--map", "columns.channel_txn_no=txn", "--map", "kinds.paid=payment", "--currency", "CNY",
]  # fmt: skip


@pytest.fixture
def sold(shop: Shop) -> Shop:
    shop.merge("T", A=1000)
    shop.pay("T", "P1", 600, "card", day(1), "X1")
    return shop


def test_tells_what_it_found(sold: Shop, run: Run, bill: Path) -> None:
    told = run(bill, "--merchant", "m", "--channel", "card", *MAP)
    assert told.exit_code == 0, told.output
    assert "2 lines of statement bill.csv (csv) of channel:card" in told.output
    assert "matched" in told.output
    assert "line 3 of bill.csv, 0.07 CNY" in told.output
    assert "1 difference is open" in told.output
    (line,) = sold.query("select * from mixpay.reconciliation_differences")
    assert (line.line_no, line.difference) == (3, 7)
    # Again: the same, and nothing is written twice.
    again = run(bill, "--merchant", "m", "--channel", "card", *MAP)
    assert again.exit_code == 0, again.output
    assert len(sold.query("select * from mixpay.statement_lines")) == 2


def test_what_is_resolved_still_differs(sold: Shop, run: Run, bill: Path) -> None:
    run(bill, "--merchant", "m", "--channel", "card", *MAP)
    sold.call("ignore_difference", "N1", "Zoe", "a test", "bill.csv", 3)
    told = run(bill, "--merchant", "m", "--channel", "card", *MAP)
    assert "expected" in told.output
    assert "Nothing is open: what differs is resolved." in told.output
    bill.write_text("\n".join(bill.read_text().splitlines()[:2]) + "\n")
    sold.call("take_back_resolution", "N2", "N1", "Zoe")
    sold.call("withdraw_statement", "N3", "bill.csv", "Zoe", None)
    told = run(bill, "--merchant", "m", "--channel", "card", "--statement", "S2", *MAP)
    assert "Nothing differs." in told.output


def test_a_dry_run_leaves_nothing(sold: Shop, run: Run, bill: Path) -> None:
    with sold.unchanged():
        dry = run(bill, "--merchant", "m", "--channel", "card", "--dry-run", *MAP)
    assert dry.exit_code == 0, dry.output
    assert "this was a dry run" in dry.output


def test_for_machines(sold: Shop, run: Run, bill: Path) -> None:  # noqa: ARG001
    told = run(bill, "--merchant", "m", "--channel", "card", "--json", "--statement", "S9", *MAP)
    assert told.exit_code == 0, told.output
    answer = json.loads(told.stdout)
    assert (answer["statement_no"], answer["lines"], answer["dry_run"]) == ("S9", 2, False)
    assert {row["result"]: row["count"] for row in answer["found"]} == {
        "matched": 1, "expected": 1,
    }  # fmt: skip
    assert [row["difference"] for row in answer["differences"]] == [7]


def test_other_content_under_the_same_number_is_refused(sold: Shop, run: Run, bill: Path) -> None:
    run(bill, "--merchant", "m", "--channel", "card", *MAP)
    bill.write_text(bill.read_text().replace("0.07", "0.08"))
    with sold.unchanged():
        told = run(bill, "--merchant", "m", "--channel", "card", *MAP)
    assert told.exit_code == 1
    assert "MX422" in told.output


def test_a_file_that_breaks_off_leaves_nothing(sold: Shop, run: Run, bill: Path) -> None:
    rows = [f"{n},{day(1).isoformat()},paid,0.01,Y{n}" for n in range(12000)]
    bill.write_text("no,at,what,sum,txn\n" + "\n".join([*rows, "1,2,3"]) + "\n")
    with sold.unchanged():
        told = run(bill, "--merchant", "m", "--channel", "card", *MAP)
    assert told.exit_code != 0
    assert told.exception is None or isinstance(told.exception, SystemExit)


def test_a_bill_covers_the_days_of_its_own_zone(shop: Shop, run: Run) -> None:
    """A payment of the day before in Beijing is on that day's bill, and not missing on this one."""
    shop.merge("T", A=1000)
    shop.pay("T", "P-0", 600, "wechat", "2026-02-28T10:00:00+08:00")
    bill = [FILES / "wechat_all.csv", "--merchant", "m", "--channel", "wechat", "--json"]
    told = json.loads(run(*bill).stdout)
    assert (told["from_at"], told["until_at"]) == (
        "2026-02-28T16:00:00+00:00",
        "2026-03-01T16:00:00+00:00",
    )
    assert [row for row in told["found"] if row["side"] == "ours"] == []
    # Again: it is the same statement.
    assert run(*bill).exit_code == 0


def test_an_empty_bill_does_not_say_of_which_days_it_is(sold: Shop, run: Run, bill: Path) -> None:
    bill.write_text("no,at,what,sum,txn\n")
    empty = [bill, "--merchant", "m", "--channel", "card", *MAP]
    with sold.unchanged():
        told = run(*empty)
    assert told.exit_code == 2
    assert "it does not say of which days it is" in told.output
    named = ["--from", day(1).isoformat(), "--until", day(3).isoformat()]
    assert "missing_there" in run(*empty, *named).output
    # Now it is known.
    assert run(*empty).exit_code == 0


def test_days_are_those_of_the_file_or_the_account(shop: Shop, run: Run, tmp_path: Path) -> None:
    named = ["--merchant", "m", "--from", "2026-03-01", "--until", "2026-03-02", "--json"]

    def covered(*arguments: str | Path) -> tuple[str, str]:
        told = json.loads(run(*arguments, *named).stdout)
        return told["from_at"], told["until_at"]

    beijing = ("2026-02-28T16:00:00+00:00", "2026-03-01T16:00:00+00:00")
    utc = ("2026-03-01T00:00:00+00:00", "2026-03-02T00:00:00+00:00")
    assert covered(FILES / "wechat_all.csv", "--channel", "wechat") == beijing
    shop.call("set_reconciliation", "channel:pos", zone="Asia/Shanghai")
    for channel, zone, expected in (
        ("cash", [], utc),
        ("card", ["--zone", "Asia/Shanghai"], beijing),
        ("pos", [], beijing),
    ):
        empty = tmp_path / f"{channel}.csv"
        empty.write_text("no,at,what,sum,txn\n")
        assert covered(empty, "--channel", channel, *zone, *MAP) == expected


def test_no_kind_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    found = Reconciliation("theirs", "missing_here", None, "chargeback_reversal", "CNY", 1, 9**9, 0)
    earlier = Reconciliation("earlier", "missing_there", "expected", None, None, 1, 0, 0)
    reconcile._print_found([found, earlier])
    assert "chargeback_reversal" in capsys.readouterr().out


def test_a_part_of_a_line_is_called_so(shop: Shop, run: Run) -> None:
    shop.call("set_reconciliation", "bank:main")
    told = run(FILES / "camt053.xml", "--merchant", "m", "--bank", "main")
    assert "line 3, part 2, of camt053.xml" in " ".join(told.output.split())
    shop.call("ignore_difference", "N", "Zoe", None, "camt053.xml", 3, "2")


def test_a_file_of_several_accounts_is_a_statement_of_each(
    shop: Shop, run: Run, tmp_path: Path
) -> None:
    """Each account is a bank of ours; the file's name alone would be one number for both."""
    text = (FILES / "mt940.sta").read_text("latin-1")
    here, there = "DE00000000000000000000", "DE11110000000000000000"
    both = tmp_path / "all.sta"
    both.write_text(text + text.replace(here, there), "latin-1")
    told = run(both, "--merchant", "m", "--bank", "main")
    assert told.exit_code == 2
    assert "Say which one by --iban" in told.output
    for bank, account in (("main", here), ("second", there)):
        told = run(both, "--merchant", "m", "--bank", bank, "--iban", account, "--json")
        assert told.exit_code == 0, told.output
        assert json.loads(told.stdout)["statement_no"] == f"all.sta/{account}"
        assert json.loads(told.stdout)["lines"] == 10
    # However the account is written, it is the same statement.
    spaced = " ".join(here.lower())
    told = run(both, "--merchant", "m", "--bank", "main", "--iban", spaced, "--json")
    assert json.loads(told.stdout)["statement_no"] == f"all.sta/{here}"
    lines = shop.query("select owner, count(*) from mixpay.unmatched_lines group by 1 order by 1")
    assert lines == [("main", 10), ("second", 10)]


def test_says_of_which_account_it_is(sold: Shop, run: Run, bill: Path) -> None:  # noqa: ARG001
    for account in ([], ["--channel", "card", "--bank", "main"]):
        told = run(bill, "--merchant", "m", *account, *MAP)
        assert told.exit_code == 2
        assert "--channel C or --bank B" in told.output
    assert run(bill, "--merchant", "m", "--channel", "venmo", *MAP).exit_code == 1, "MX203"
    assert run(bill, "--merchant", "nobody", "--bank", "main", *MAP).exit_code == 1
    for wrong in (["--from", "yesterday"], ["--until", "2026-01-01T00:00"]):
        assert run(bill, "--merchant", "m", "--bank", "main", *wrong, *MAP).exit_code == 2


def test_a_statement_of_another_kind_is_refused(sold: Shop, run: Run) -> None:
    bank = EXAMPLES / "bank-statement" / "2026-03-07.xml"
    channel = EXAMPLES / "marketplace" / "wechat_2026-03-01.csv"
    with sold.unchanged():
        told = run(bank, "--merchant", "m", "--channel", "card")
        assert told.exit_code == 2
        assert "camt053 is a bank's statement" in told.output
        told = run(channel, "--merchant", "m", "--bank", "main")
        assert told.exit_code == 2
        assert "wechat is a channel's statement" in told.output


def test_a_file_whose_name_is_no_number_gets_one() -> None:
    assert reconciling.statement_no("/a/bill 1.csv").startswith("file-")
    assert reconciling.statement_no("/a/账单.csv") == reconciling.statement_no("/b/账单.csv")
    assert reconciling.statement_no("/a/bill.csv") == "bill.csv"


CARD = ["card-acquirer", "acquired", "--channel", "card"]
# What it covers: from the opening balance to the closing one.
COVERS = ["--from", "2026-03-04T00:00+01:00", "--until", "2026-03-08T00:00+01:00"]
BANK = ["bank-statement", "banked", "--bank", "main", *COVERS]
MARKET = ["marketplace", "market", "--channel", "wechat"]


@pytest.mark.parametrize(
    ("context", "files"),
    [
        (CARD, [["settlement_detail_report_batch_12.csv"]]),
        (BANK, [["2026-03-07.xml"]]),
        (BANK, [["2026-03-07.sta"]]),
        (
            MARKET,
            [
                ["wechat_2026-03-01.csv"],
                ["wechat_2026-03-02.csv"],
                ["payouts.csv", "--map", str(EXAMPLES / "marketplace" / "payouts.toml")],
            ],
        ),
    ],
    ids=["card", "camt", "mt940", "market"],
)
def test_the_stories_are_as_they_are_told(
    conn: Connection[Any], run: Run, context: list[str], files: list[list[str]]
) -> None:
    folder, merchant, *account = context
    story = EXAMPLES / folder
    # One by one: what is settled has to be committed before.
    for statement in (story / "ours.sql").read_text(encoding="utf-8").split(";\n"):
        conn.execute(statement.encode())
    for name, *more in files:
        told = run(story / name, "--merchant", merchant, *account, *more)
        assert told.exit_code == 0, told.output
    found = {
        (row[0], row[1], row[2]): (row[3], row[4])
        for row in conn.execute(
            "select statement_no, line_no::text, part, result, coalesce(our_number, '') "
            "from mixpay.statement_line_list where merchant_id = %s",
            [merchant],
        )
    }
    parts = dict(
        conn.execute(
            "select channel_refund_no, refund_no from mixpay.channel_refund_list "
            "where merchant_id = %s",
            [merchant],
        ).fetchall()
    )
    only_ours = dict(
        conn.execute(
            "select number, result from mixpay.unmatched_items where merchant_id = %s", [merchant]
        ).fetchall()
    )
    loaded = {name for name, *_ in files}
    compared = 0
    with (story / "scenarios.csv").open(encoding="utf-8") as scenarios:
        for row in csv.DictReader(scenarios):
            if row["statement"] in loaded:
                result, ours = found[row["statement"], row["line_no"], row["part"]]
                assert (result, parts.get(ours, ours)) == (row["result"], row["ours"]), row
                compared += 1
            elif not row["statement"]:
                # What is only ours is stored, and nothing else is.
                assert only_ours.pop(row["ours"], "") == row["result"], row
    assert compared == len(found)
    assert {number: result for number, result in only_ours.items() if result != "matched"} == {}
