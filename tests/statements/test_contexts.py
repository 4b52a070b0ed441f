"""The contexts in examples/statements: books that can be made, statements that can be read."""

import csv
from pathlib import Path

import psycopg
import pytest
from recorded import PROJECT

from mixpay_db.statements import open_statement

CONTEXTS = sorted(path for path in (PROJECT / "examples" / "statements").iterdir() if path.is_dir())
RESULTS = {
    "matched",
    "expected",
    "missing_there",
    "missing_here",
    "amount",
    "currency",
    "state",
    "fee",
    "duplicate",
    "unknown",
}
# Every movement of ours by its number, that a channel's or a bank's statement should have.
OURS = """
select payment_no from mixpay.payment_balances where merchant_id = %(merchant)s
union all
select refund_no from mixpay.refund_list
where merchant_id = %(merchant)s and kind <> 'chargeback'
union all
select chargeback_no from mixpay.chargeback_list where merchant_id = %(merchant)s
union all
select fee_no from mixpay.channel_fee_list where merchant_id = %(merchant)s
union all
select payout_no from mixpay.channel_payout_list where merchant_id = %(merchant)s
union all
select settlement_no from mixpay.settlement_list where merchant_id = %(merchant)s
"""


def scenarios(context: Path) -> list[dict[str, str]]:
    with (context / "scenarios.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def statements(context: Path) -> list[Path]:
    names = {row["statement"] for row in scenarios(context)} - {""}
    return [context / name for name in sorted(names)]


def test_there_are_three() -> None:
    assert [context.name for context in CONTEXTS] == [
        "bank-statement",
        "card-acquirer",
        "marketplace",
    ]


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context.name)
def test_every_line_has_its_scenario(context: Path) -> None:
    known = scenarios(context)
    for path in statements(context):
        map_ = path.with_suffix(".toml")
        with open_statement(path, map=map_ if map_.exists() else None) as statement:
            lines = {(str(line.line_no), line.part) for line in statement.lines()}
        assert lines == {
            (row["line_no"], row["part"]) for row in known if row["statement"] == path.name
        }
    for row in known:
        assert row["result"] in RESULTS
        assert bool(row["statement"]) or bool(row["ours"])
        assert row["scenario"]


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context.name)
def test_the_books_can_be_made_and_are_what_the_scenarios_name(context: Path, url: str) -> None:
    script = (context / "ours.sql").read_text(encoding="utf-8")
    with psycopg.connect(url, autocommit=True) as conn:
        for statement in script.split(";\n"):
            if statement.strip():
                conn.execute(statement.encode())
        row = conn.execute("select merchant_id from mixpay.merchant_list").fetchone()
        assert row
        found = {number for (number,) in conn.execute(OURS, {"merchant": row[0]}).fetchall()}
    named = {number for row in scenarios(context) for number in row["ours"].split()}
    assert named <= found
    # The sellers' orders were paid by one payment that no bank statement is about.
    assert found - named == ({"P-1"} if context.name == "bank-statement" else set())
