"""`mixpay reconcile`: a statement of a channel or a bank against what is on record."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import date, datetime, time, timedelta, tzinfo
from time import monotonic
from typing import Any

import click
import psycopg
from psycopg.rows import dict_row
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from mixpay_db import reconciling
from mixpay_db.api import open_statement, reconcile, seal_statement
from mixpay_db.cli.amounts import said
from mixpay_db.cli.common import Days, connect_url, url_option
from mixpay_db.cli.help import examples
from mixpay_db.cli.output import Terminal, console_for_people, echo_json, fitted
from mixpay_db.counted import counted
from mixpay_db.money import from_units
from mixpay_db.printable import printable
from mixpay_db.problem import Problem
from mixpay_db.rows import Reconciliation
from mixpay_db.statements import Statement, formats
from mixpay_db.statements import open_statement as open_file

# What is shown of the differences; the rest is in the view.
SHOWN = 20
_DIFFERENCES = """
select * from mixpay.reconciliation_differences
where merchant_id = %s and account = %s and owner = %s
order by happened_at, statement_no, line_no, part, kind, number
limit %s
"""
# The database knows zones that Python may not know.
_BEGINNING = """
select %s::date::timestamp at time zone coalesce((
    select zone from mixpay.reconciled_account_list
    where merchant_id = %s and account = %s and owner = %s
), 'UTC') as at
"""
_OPEN = """
select count(*) as count from mixpay.reconciliation_differences
where merchant_id = %s and account = %s and owner = %s
"""


def _moment(_: click.Context, __: click.Parameter, value: str | None) -> date | datetime | None:
    if value is None:
        return None
    with suppress(ValueError):
        return date.fromisoformat(value)
    with suppress(ValueError):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment
    raise click.BadParameter(
        f"{value!r} is neither a day, such as 2026-01-31, nor a moment with its offset, such as "
        "2026-01-31T12:00+08:00"
    )


@click.command(
    "reconcile",
    epilog=examples(
        "mixpay reconcile bill.csv.gz --merchant mall --channel wechat --dry-run",
        "mixpay reconcile 2026-03-07.xml --merchant mall --bank main",
        "mixpay reconcile payouts.csv --merchant mall --channel card --map payouts.toml",
    ),
)
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
@click.option("--merchant", required=True, metavar="ID", help="Whose books they are.")
@click.option("--channel", metavar="C", help="The channel that sent the statement; or")
@click.option("--bank", metavar="B", help="the bank account that it is of, by your name for it.")
@click.option(
    "--format",
    "format_",
    type=click.Choice([*formats()]),
    help="Of what format it is, if it is not found out.",
)
@click.option(
    "--map",
    "columns",
    multiple=True,
    metavar="FILE.toml|KEY=VALUE",
    help="What the columns of any other CSV are.",
)
@click.option(
    "--zone", metavar="ZONE", help="Of moments without an offset, if the format's differs."
)
@click.option("--currency", metavar="C", help="Of a file that names none.")
@click.option(
    "--iban", metavar="NO", help="Of a bank's file of several accounts: which one, as it is there."
)
@click.option("--statement", "number", metavar="NO", help="Its number.  [default: FILE's name]")
@click.option(
    "--from", "first", callback=_moment, metavar="DAY|MOMENT", help="What it covers: from this one,"
)
@click.option("--until", "end", callback=_moment, metavar="DAY|MOMENT", help="and before this one.")
@click.option("--tolerance", type=click.IntRange(0), help="In the smallest unit, for this run.")
@click.option("--lag", type=Days(), metavar="DAYS", help="For this run.")
@click.option("--dry-run", is_flag=True, help="Say what would be found; load and match nothing.")
@click.option("--json", "as_json", is_flag=True, help="For machines; amounts in smallest units.")
@url_option
@click.pass_context
def reconcile_(
    ctx: click.Context,
    file: str,
    merchant: str,
    channel: str | None,
    bank: str | None,
    format_: str | None,
    columns: tuple[str, ...],
    zone: str | None,
    currency: str | None,
    iban: str | None,
    number: str | None,
    first: date | None,
    end: date | None,
    tolerance: int | None,
    lag: float | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Load a statement of a channel or a bank, and compare it with what is on record.

    Each line is matched with what of ours it is about: by the channel's number, by ours, by its
    payment, by amount and moment; a payout with its batch. What differs is listed with the reason
    and with what to do; `mixpay report reconciliation_differences` has it all, and what is done is
    a call: book_line, mark_received, write_off_difference, ignore_difference.

    All lines are loaded or none: a file that was cut off, or whose own totals differ, is refused.
    Running the same file again finds nothing more, unless something has come; a later statement
    mends what an earlier one lacked, and says so.
    """
    if (channel is None) == (bank is None):
        raise click.UsageError("Say of which account it is: --channel C or --bank B.")
    begin = monotonic()
    kind, owner = ("channel", channel) if bank is None else ("bank", bank)
    number = number or reconciling.statement_no(file, iban)
    with (
        psycopg.connect(connect_url(ctx), row_factory=dict_row) as conn,
        _progress() as progress,
        _whole(conn, dry_run),
    ):
        with closing(
            open_file(
                file,
                format=format_,
                map=list(columns) or None,
                zone=zone,
                currency=currency,
                account=iban,
            )
        ) as statement:
            _refuse_another_kind(statement, kind)
            name = f"{kind}:{owner}"
            from_at, until_at = (
                _as_moment(conn, each, statement.zone, [merchant, kind, owner])
                for each in (first, end)
            )
            opened = open_statement(
                conn, merchant, number, name, from_at, until_at, statement.format
            )
            task = progress.add_task("loading", total=statement.size)
            count = 0
            for loaded in reconciling.load(conn, merchant, number, statement.lines()):
                progress.update(task, completed=statement.read)
                count = loaded
            progress.update(task, completed=statement.size)
            if opened.from_at is None:
                if not count:
                    raise Problem(
                        "the file has no lines, so it does not say of which days it is",
                        "Name them by --from and --until.",
                    )
                if days := statement.days():
                    open_statement(conn, merchant, number, name, *days, statement.format)
        sealed = seal_statement(conn, merchant, number, count)
        progress.add_task("comparing", total=None)
        within = None if lag is None else timedelta(days=lag)
        found = reconcile(conn, merchant, number, tolerance=tolerance, lag=within)
        account = [merchant, kind, owner]
        differences = conn.execute(_DIFFERENCES, [*account, None if as_json else SHOWN]).fetchall()
        (left,) = conn.execute(_OPEN, account).fetchall()
    if as_json:
        told = {
            "merchant_id": merchant,
            "statement_no": number,
            "account": f"{kind}:{owner}",
            "format": sealed.format,
            "from_at": sealed.from_at,
            "until_at": sealed.until_at,
            "lines": count,
            "dry_run": dry_run,
            "found": [_as_dict(row) for row in found],
            "differences": differences,
            "seconds": round(monotonic() - begin, 3),
        }
        echo_json(told)
        return
    click.echo(
        f"{count:,} line{'s' * (count != 1)} of statement {printable(number)} ({sealed.format}) "
        f"of {kind}:{owner}, "
        f"from {sealed.from_at:%Y-%m-%d %H:%M} until {sealed.until_at:%Y-%m-%d %H:%M %Z}."
    )
    _print_found(found)
    resolved = any(row.was is None and row.result != "matched" for row in found)
    _print_differences(differences, left["count"], merchant, resolved=resolved)
    if dry_run:
        click.echo("Nothing is loaded or matched: this was a dry run.")


def _as_moment(
    conn: psycopg.Connection[dict[str, Any]],
    value: date | None,
    zone: tzinfo | None,
    account: list[str | None],
) -> datetime | None:
    """A day is meant from its beginning on: in the file's zone, or else in the account's."""
    if value is None or isinstance(value, datetime):
        return value
    if zone is not None:
        return datetime.combine(value, time(), zone)
    (row,) = conn.execute(_BEGINNING, [value, *account]).fetchall()
    return row["at"]


def _refuse_another_kind(statement: Statement, kind: str) -> None:
    """A bank's statement is no channel's: its lines would be taken for something else."""
    # A map that does not say it is for either.
    if statement.account_kind not in (kind, {"csv": "channel"}.get(statement.format)):
        said = statement.account_kind
        raise Problem(
            f"{statement.format} is a {said}'s statement",
            f"Say --{said} and its name, not --{kind}.",
        )


@contextmanager
def _whole(conn: psycopg.Connection[Any], dry_run: bool) -> Iterator[None]:
    """All of it or nothing; of a dry run nothing in any case."""
    with conn.transaction(force_rollback=dry_run):
        yield


def _progress() -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def _as_dict(row: Reconciliation) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def _print_found(found: list[Reconciliation]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("", "result", "kind", "currency"):
        # A kind is one long word: a result breaks between its words.
        table.add_column(column, no_wrap=column == "kind")
    for column in ("lines", "theirs", "ours"):
        table.add_column(column, justify="right")
    sides = {"theirs": "statement", "ours": "only ours", "earlier": "earlier"}
    for row in found:
        result = f"{row.was} -> {row.result}" if row.was else row.result
        amounts = ("", "") if row.currency is None else (
            from_units(row.theirs, row.currency), from_units(row.ours, row.currency)
        )  # fmt: skip
        table.add_row(
            sides[row.side], result, row.kind or "", row.currency or "", f"{row.count:,}", *amounts
        )
    console = Terminal()
    console.print(fitted(console.width, table))


def _print_differences(
    rows: list[dict[str, Any]], count: int, merchant: str, *, resolved: bool
) -> None:
    if not count:
        click.echo("Nothing is open: what differs is resolved." if resolved else "Nothing differs.")
        return
    click.echo(f"\n{counted(count, 'difference is', 'differences are')} open:")
    console = console_for_people()
    for row in rows:
        where = f"{row['kind']} {row['number']}"
        if row["line_no"]:
            part = f", part {row['part']}," if row["part"] else ""
            where = f"line {row['line_no']}{part} of {row['statement_no']}"
        amount = f"{from_units(row['difference'], row['currency'])} {row['currency']}"
        reason = printable(said(row["reason"], row["currency"]))
        told = Text(f"{row['result']}: {printable(where)}, {amount}: {reason}.")
        console.print(Padding(told, (0, 0, 0, 2), expand=False))
        console.print(Padding(Text(f"{row['what_to_do']}."), (0, 0, 0, 4), expand=False))
    if count > len(rows):
        click.echo(f"  … and {count - len(rows):,} more.")
    click.echo(f"See mixpay report reconciliation_differences --merchant {printable(merchant)}.")
