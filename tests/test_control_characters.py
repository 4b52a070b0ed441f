"""What a terminal or a log would obey is refused by the database, and never printed raw."""

import json
import logging
import re
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import Connection
from shop import Shop

from mixpay_db.cli import main
from mixpay_db.cli.dispatch import Printable
from mixpay_db.dispatch import as_reason
from mixpay_db.printable import printable, shown

# Clears a screen, twice; ends a line; writes from right to left.
BAD = ["a\x1b[2Jb", "a\x9b2Jb", "a\nb", "a\tb", "a\x7fb", "\x01", "end\x1f"]


def raw(text: str) -> list[str]:
    """What a terminal would obey, apart from ends of lines."""
    return re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\U000e0041]", text)


@pytest.mark.parametrize("text", BAD)
def test_reasons_and_titles_have_none(shop: Shop, text: str) -> None:
    shop.merge("T", A=100)
    with shop.refused("MX905", "control character"):
        shop.call("close_trade", "T", text)
    with shop.refused("MX905", "control character"):
        shop.call("register_payee", "S", text)
    shop.call("register_payee", "S", "Caf\u00e9 \u5c71\u6c34 \U0001f375\u00a0& Co.")


def test_the_error_says_which_and_where(shop: Shop) -> None:
    with pytest.raises(psycopg.DatabaseError) as refused:
        shop.call("register_payee", "S", "caf\u00e9\x9b")
    assert refused.value.diag.message_primary == "the title has a control character"
    assert refused.value.diag.message_detail == "It is the character 5 of 5, U+009B."


def test_every_function_looks_at_every_text(conn: Connection[Any]) -> None:
    functions = conn.execute(
        "select proname, prosrc, proargnames from pg_proc "
        "where pronamespace = 'mixpay'::regnamespace and proname not like '\\_%'"
    ).fetchall()
    looked_at = 0
    for name, body, arguments in functions:
        for argument in arguments or []:
            if argument == "p_reason":
                assert f"_check_text('reason', {argument})" in body, name
            elif argument == "p_title":
                assert f"_check_title({argument})" in body, name
            else:
                continue
            looked_at += 1
    assert looked_at > 15


def test_every_table_refuses_them_itself(conn: Connection[Any]) -> None:
    """But facts, whose reasons are those of the other tables."""
    without = conn.execute(
        """
        select a.attrelid::regclass::text, a.attname
        from pg_attribute as a
        inner join pg_class as c on c.oid = a.attrelid
        where
            c.relnamespace = 'mixpay'::regnamespace and c.relkind = 'r'
            and a.attname ~ '(^|_)(title|reason)$'
            and not exists (
                select from pg_constraint as x
                left join pg_type as t on t.oid = x.contypid
                where
                    (x.conrelid = c.oid and a.attnum = any (x.conkey) or t.typbasetype = c.reltype)
                    and x.conname = a.attname || '_has_no_control_characters'
            )
        order by 1, 2
        """
    ).fetchall()
    assert without == [("mixpay.currencies", "title"), ("mixpay.facts", "reason")]


def run(url: str, *arguments: str, **how: Any) -> Result:
    return CliRunner().invoke(main, ["--url", url, *arguments], **how)


def test_errors_are_printed_without_them(url: str) -> None:
    result = run(url, "call", "refund_order", "--merchant-id", "m\x1b[2J\nerror: no", *REFUND)
    assert result.exit_code == 1
    assert raw(result.output) == []
    assert "\\x1b[2J\\nerror: no" in result.output or "\\x1b[2J\\x0aerror: no" in result.output


REFUND = ("--order-no", "A", "--refund-no", "R", "--amount", "1")


@pytest.mark.parametrize("arguments", [["--format=table"], ["--format=csv"], ["--json"]])
def test_what_is_there_is_printed_without_them(
    url: str, conn: Connection[Any], arguments: list[str]
) -> None:
    """A view of the customer's own, or a database that was filled before."""
    conn.execute("alter table mixpay.channels drop constraint title_has_no_control_characters")
    title = "=1\x1b[2J\x9b\u202e\U000e0041"
    conn.execute("update mixpay.channels set title = %s where channel = 'cash'", [title])
    result = run(url, "report", "channel_list", *arguments)
    assert result.exit_code == 0
    assert raw(result.stdout) == []
    if arguments == ["--json"]:
        assert title in [row["title"] for row in json.loads(result.stdout)]
    else:
        assert "=1\\x1b[2J\\x9b\\u202e\\U000e0041" in result.stdout


def test_an_import_prints_none(url: str, tmp_path: Any) -> None:
    text = 'order_no,payment_no,channel,amount\nA,P,"c\x1b[2J",1.00\n"B\x9b",P2,cash,1\n'
    rejects = tmp_path / "rejects.csv"
    options = ["--merchant", "m", "--currency", "CNY", "--rejects", str(rejects)]
    result = run(url, "import", "-", *options, input=text)
    assert result.exit_code == 0
    assert raw(result.output) == []
    header = run(url, "import", "-", *options, input="a\x1b[2J,b\n")
    assert "a\\x1b[2J,b" in header.output
    assert raw(header.output) == []


def test_a_log_has_one_line_for_each_message() -> None:
    formatter = Printable("%(levelname)s %(message)s")
    record = logging.LogRecord(
        "x", logging.INFO, "", 1, "channel says %s", ("a\nINFO b\x1b",), None
    )
    assert formatter.format(record) == "INFO channel says a\\x0aINFO b\\x1b"
    try:
        raise ValueError("x\x1b[2J")
    except ValueError as error:
        told = formatter.formatException((type(error), error, error.__traceback__))
    assert told.endswith("ValueError: x\\x1b[2J")


def test_what_a_channel_says_becomes_a_reason_that_the_database_takes(
    conn: Connection[Any],
) -> None:
    for text in [*BAD, "\0", "x" * 5000, "\x1b" * 999]:
        conn.execute("select mixpay._check_text('reason', %s)", [as_reason(text)])


def test_printable_text_stays_as_it_is() -> None:
    for text in ["plain", "caf\u00e9 \u5c71\u6c34", "\U0001f375", "a\\x1b", "a\u00a0b"]:
        assert printable(text) == text
    assert printable("\udc9b\u2028\u200f") == "\\x9b\\u2028\\u200f"
    assert printable("\u200b\u2060\U000e0041") == "\\u200b\\u2060\\U000e0041"


def test_what_an_error_or_a_log_shows_is_cut() -> None:
    assert shown("x" * 2000) == "x" * 2000
    assert shown("\u202e" + "x" * 5000) == "\\u202e" + "x" * 1999 + "…"
    result = CliRunner().invoke(main, ["report", "x\x1b[2J" * 5000])
    assert len(result.output) < 3000
    assert raw(result.output) == []
