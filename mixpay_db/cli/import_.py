"""`mixpay import`: payments of a legacy system."""

import codecs
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import BinaryIO
from zoneinfo import ZoneInfo

import click
import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from mixpay_db import importer
from mixpay_db.cli.common import connect_url, url_option
from mixpay_db.cli.help import examples
from mixpay_db.cli.output import Terminal, echo_json, fitted
from mixpay_db.counted import counted
from mixpay_db.csvfile import Layout
from mixpay_db.importer import Reading, Rejects, Summary, Tally
from mixpay_db.money import exponents, from_units
from mixpay_db.printable import printable
from mixpay_db.problem import Problem


class _Pairs(click.ParamType):
    """A text like left=right."""

    name = "pair"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        left, equals, right = value.partition("=")
        if not (left and equals and right):
            self.fail(f"{value!r} is not of the form {param.metavar if param else ''}", param, ctx)
        return left, right


class _Zone(click.ParamType):
    name = "zone"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> ZoneInfo:
        try:
            return ZoneInfo(value)
        except (ValueError, OSError, LookupError):
            self.fail(f"{value!r} is not a time zone, such as Asia/Shanghai", param, ctx)


def _currency(_: click.Context, __: click.Parameter, value: str) -> str:
    if value not in exponents():
        raise click.BadParameter(f"{value!r} is not a currency of ISO 4217, in upper case")
    return value


def _columns(
    _: click.Context, __: click.Parameter, pairs: Iterable[tuple[str, str]]
) -> dict[str, str]:
    names = (*importer.REQUIRED, *importer.OPTIONAL)
    for ours, _theirs in pairs:
        if ours not in names:
            raise click.BadParameter(f"{ours!r} is not one of {', '.join(names)}")
    return dict(pairs)


def _kinds(
    _: click.Context, __: click.Parameter, pairs: Iterable[tuple[str, str]]
) -> dict[str, str]:
    for _theirs, ours in pairs:
        if ours not in importer.KINDS:
            raise click.BadParameter(f"{ours!r} is not one of {', '.join(importer.KINDS)}")
    return dict(pairs)


def _encoding(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        codec = codecs.lookup(value)
        codec.decode(b"")
    except (LookupError, TypeError, ValueError, UnicodeError):
        codec = None
    if codec is None or not getattr(codec, "_is_text_encoding", True):
        raise click.BadParameter(f"{value!r} is not an encoding, such as utf-8, gb18030, cp1252")
    # A mark at the beginning is no part of the first column's name.
    return "utf-8-sig" if codec.name == "utf-8" else codec.name


def _delimiter(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    named = {"tab": "\t", "\\t": "\t"}
    value = named.get(value, value) if value is not None else None
    if value is not None and (len(value) != 1 or value in '"\r\n'):
        raise click.BadParameter(f"{value!r} is not one character, or tab")
    return value


@click.command(
    "import",
    epilog=examples(
        "mixpay import may.csv --merchant mall --currency CNY",
        "mixpay import old.csv --merchant mall --currency EUR --map order_no=Receipt --dry-run",
        "gunzip < may.csv.gz | mixpay import - --merchant mall --currency CNY --rejects bad.csv",
    ),
)
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(dir_okay=False, allow_dash=True),
)
@click.option("--merchant", required=True, metavar="ID", help="Registered if it is missing.")
@click.option("--currency", required=True, callback=_currency, metavar="C", help="Such as CNY.")
@click.option(
    "--map",
    "columns",
    type=_Pairs(),
    multiple=True,
    callback=_columns,
    metavar="OURS=THEIRS",
    help="What a column is called in the file.",
)
@click.option(
    "--channel",
    "channels",
    type=_Pairs(),
    multiple=True,
    metavar="THEIRS=OURS",
    help="Which channel of ours a channel of the file is.",
)
@click.option(
    "--kind",
    "kinds",
    type=_Pairs(),
    multiple=True,
    callback=_kinds,
    metavar="THEIRS=OURS",
    help="Which word in the column kind means payment, and which refund.",
)
@click.option("--negative-refunds", is_flag=True, help="A negative amount is a refund.")
@click.option("--timezone", type=_Zone(), metavar="ZONE", help="Of a moment without an offset.")
@click.option("--encoding", callback=_encoding, help="If it is not found out: gb18030, cp1252, …")
@click.option("--delimiter", callback=_delimiter, help="Between fields, if it is not found out.")
@click.option(
    "--header",
    type=click.IntRange(1),
    metavar="LINE",
    help="The line of the header, if it is not found out.",
)
@click.option("--decimal-comma", is_flag=True, help="Amounts are written as 12,34.")
@click.option(
    "--whole-orders",
    is_flag=True,
    help="Load an order with all its rows or not at all, so that a mended file can follow.",
)
@click.option(
    "--rejects",
    "rejects_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where bad rows go.  [default: NAME.rejects.csv in the current directory]",
)
@click.option(
    "--batch",
    type=click.IntRange(1, importer.LARGEST_BATCH),
    default=1000,
    show_default=True,
    help="Rows that are sent, and committed, together.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=2,
    show_default=True,
    help="Connections that load side by side.",
)
@click.option("--dry-run", is_flag=True, help="Say what would happen; load nothing.")
@click.option("--json", "as_json", is_flag=True, help="For machines; amounts in smallest units.")
@url_option
@click.pass_context
def import_(
    ctx: click.Context,
    files: tuple[str, ...],
    merchant: str,
    currency: str,
    columns: dict[str, str],
    channels: tuple[tuple[str, str], ...],
    kinds: dict[str, str],
    negative_refunds: bool,
    timezone: ZoneInfo | None,
    encoding: str | None,
    delimiter: str | None,
    header: int | None,
    decimal_comma: bool,
    whole_orders: bool,
    rejects_path: Path | None,
    batch: int,
    jobs: int,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Load payments and refunds from CSV files, compressed by gzip or not; - is the standard input.

    Each row is one payment of one order: order_no, channel, amount (decimal, as 12.34), and
    payment_no or sequence (the payment's number is then ORDER_NO-SEQUENCE); if you like trade_no,
    order_amount, paid_at (with its offset from UTC, or see --timezone), payee_no, channel_txn_no,
    hold (yes, no, or until when) and expires_at. Other columns are passed over. An order without an
    amount of its own costs the sum of its good rows; rows that share a trade number are merged into
    one trade, and without one an order is a trade by itself.

    A row is a refund if its column kind says so, or its amount is negative and --negative-refunds
    is given: its number is refund_no, or else what a payment's would be. The money has gone back
    through its channel already; nothing is sent.

    How a file is written (UTF-8, UTF-16, GB18030; commas, semicolons, tabs; lines before the
    header) is found out by looking for the columns. All is read and judged before anything is
    loaded; that takes some 1.0 GB of memory for a million rows. A bad row, or one that the database
    refuses, goes to the file of rejects with its line and the reason and counts in nothing; all
    others are loaded. A file with a quote that is not closed is refused as a whole.

    Running the same file again changes nothing; after a crash it completes what is missing. So mend
    the file and run it again as a whole. An order that is there keeps its amount: a further payment
    is taken if the order still lacks it, or if order_amount said from the beginning what it costs.
    """
    begin = monotonic()
    url = connect_url(ctx)
    rejects = Rejects(Summary())
    rejects_path = rejects_path or Path(f"{_stem(files[0])}.rejects.csv")
    with importer.connect(url) as conn, _progress() as progress:
        known, there = importer.look(conn, merchant, currency)
        for theirs, ours in channels:
            if ours not in known:
                raise Problem(
                    f"--channel {theirs}={ours}: there is no channel {ours}",
                    f"The channels are {', '.join(sorted(known))}.",
                )
        reading = Reading(
            currency=currency,
            known_channels=known,
            columns=columns,
            channels=dict(channels),
            kinds=kinds,
            timezone=timezone,
            negative_refunds=negative_refunds,
            decimal_comma=decimal_comma,
            whole_orders=whole_orders,
            dry_run=dry_run,
            layout=Layout(encoding, delimiter, header),
        )
        reader = importer.Reader(rejects, reading)
        for file in files:
            with _open(file) as source, _told_of(file if len(files) > 1 else None):
                _follow(progress, "reading", None, reader.read(source, file))
        # Before anything is loaded: whether it can be written shows now.
        _write(rejects, rejects_path)
        trades, one_by_one = reader.trades()
        good_rows = rejects.summary.read.rows - len(rejects)
        if not dry_run:
            importer.register(conn, merchant)
        loader = importer.Loader(rejects, there, reading)
        loading = loader.load(url, trades, one_by_one, batch, jobs)
        _follow(progress, "loading", good_rows, loading)
        _write(rejects, rejects_path)
        if rejects.summary.new_rows and not dry_run:
            progress.add_task("summing up", total=None)
            _sum_up(conn, merchant)
    if as_json:
        told = {
            "merchant_id": merchant,
            "currency": currency,
            "dry_run": dry_run,
            **asdict(rejects.summary),
            "rejects": str(rejects_path) if rejects else None,
            "seconds": round(monotonic() - begin, 3),
        }
        echo_json(told)
    else:
        for file, how in reader.told.items():
            click.echo(f"{printable(file)} was read {printable(how)}.")
        _print(rejects.summary, currency, dry_run)
        if rejects:
            click.echo(f"The rejected rows are in {printable(str(rejects_path))}.")


@contextmanager
def _told_of(file: str | None) -> Iterator[None]:
    """Of several files, which one it is that cannot be read."""
    try:
        yield
    except Problem as problem:
        if file is None:
            raise
        raise Problem(f"{file}: {problem}", problem.hint) from problem


def _stem(file: str) -> str:
    return "import" if file == "-" else Path(file).name.removesuffix(".gz").removesuffix(".csv")


@contextmanager
def _open(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        source = open(file, "rb")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise Problem(f"cannot read {file}: {error.strerror}") from error
    with source:
        yield source


def _write(rejects: Rejects, path: Path) -> None:
    """Only a file with rows in it; that of an earlier run is gone in any case."""
    try:
        path.unlink(missing_ok=True)
        if rejects:
            with path.open("w", encoding="utf-8", newline="") as file:
                rejects.write(file)
    except OSError as error:
        raise Problem(
            f"cannot write {path}: {error.strerror}", "Name another: --rejects"
        ) from error


def _progress() -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("rows"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def _follow(progress: Progress, what: str, total: int | None, steps: Iterable[int]) -> None:
    task = progress.add_task(what, total=total)
    rows = 0
    for rows in steps:
        progress.update(task, completed=rows)
    progress.update(task, total=rows)


def _sum_up(conn: psycopg.Connection, merchant: str) -> None:
    try:
        importer.sum_up(conn, merchant)
    except psycopg.Error as error:  # it only makes balances fast
        said = str(error).splitlines()[0]
        click.echo(f"All is loaded, but not summed up: {printable(said)}", err=True)
        click.echo("hint: Later, let a scheduler call fold_balances.", err=True)


def _print(summary: Summary, currency: str, dry_run: bool) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column()
    table.add_column("rows", justify="right")
    table.add_column(currency, justify="right")

    def add(what: str, tally: Tally) -> None:
        table.add_row(what, f"{tally.rows:,}", _decimal(tally.amount, currency))

    add("read", summary.read)
    add("would be loaded" if dry_run else "loaded", summary.loaded)
    table.add_row("  new", f"{summary.new_rows:,}")
    table.add_row("  there before", f"{summary.loaded.rows - summary.new_rows:,}")
    if summary.refunds.rows:
        add("  refunds", summary.refunds)
    add("rejected", summary.rejected)
    for reason, rows in sorted(summary.reasons.items()):
        table.add_row(Text(f"  {printable(reason)}"), f"{rows:,}")
    console = Terminal()
    console.print(fitted(console.width, table))
    click.echo(_lines(summary))
    click.echo(f"{counted(summary.trades, 'trade')}, {summary.new_trades:,} of them new.")
    if summary.changed_trades:
        them = counted(summary.changed_trades, "that was", "that were")
        have = "has" if summary.changed_trades == 1 else "have"
        click.echo(f"{them} there before {have} new payments.")
    if summary.surplus:
        surplus = _decimal(summary.surplus, currency)
        click.echo(f"{surplus} {currency} of it is surplus, which goes back to its payments.")
    if "amount is negative" in summary.reasons:
        click.echo("If negative amounts are refunds, say --negative-refunds.")
    if "has a decimal comma" in summary.reasons:
        click.echo("If 12,34 is 12 and a fraction, say --decimal-comma.")
    if dry_run:
        click.echo("Nothing is loaded: this was a dry run.")


def _lines(summary: Summary) -> str:
    """What all the lines of the input are: nothing was passed over that is not named here."""
    lines = summary.lines
    parts = [
        ("before the header", lines.before_header),
        ("header", lines.header),
        ("row" if summary.read.rows == 1 else "rows", summary.read.rows),
        ("further lines of rows", lines.continued),
        ("blank", lines.blank),
    ]
    told = ", ".join(f"{count:,} {what}" for what, count in parts if count)
    return f"{counted(lines.read, 'line')}: {told}."


def _decimal(units: int, currency: str) -> str:
    sign = "-" if units < 0 else ""
    whole, point, decimals = from_units(abs(units), currency).partition(".")
    return f"{sign}{int(whole):,}{point}{decimals}"
