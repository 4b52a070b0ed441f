"""`mixpay import`: payments of a legacy system."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import BinaryIO
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from mixpay_db import importer
from mixpay_db.cli.common import connect_url, url_option
from mixpay_db.importer import Rejects, Summary, Tally
from mixpay_db.money import exponents, from_units
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


@click.command("import")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--merchant", required=True, metavar="M", help="Registered if it is missing.")
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
@click.option("--timezone", type=_Zone(), metavar="ZONE", help="Of a paid_at without an offset.")
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
@click.option("--dry-run", is_flag=True, help="Only read and judge; load nothing.")
@click.option("--json", "as_json", is_flag=True, help="For machines; amounts in smallest units.")
@url_option
@click.pass_context
def import_(
    ctx: click.Context,
    file: str,
    merchant: str,
    currency: str,
    columns: dict[str, str],
    channels: tuple[tuple[str, str], ...],
    timezone: ZoneInfo | None,
    rejects_path: Path | None,
    batch: int,
    jobs: int,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Load payments from a CSV file, compressed by gzip or not; - is the standard input.

    Each row is one payment of one order: order_no, channel, amount (decimal, as 12.34), and
    payment_no or sequence (the payment's number is then ORDER_NO-SEQUENCE); if you like trade_no,
    order_amount, paid_at (with its offset from UTC, or see --timezone) and payee_no. Other columns
    are passed over. An order without an amount of its own costs the sum of its good rows; rows that
    share a trade number are merged into one trade, and without one an order is a trade by itself.

    The whole file is read and judged before anything is loaded; that takes some 0.7 GB of memory
    for a million rows. A bad row goes to the file of rejects with its line and the reason, all
    others are loaded.

    Running the same file again changes nothing; after a crash it completes what is missing. So mend
    the file and run it again as a whole: an order that was loaded with fewer rows and no amount of
    its own has changed, and is rejected.
    """
    begin = monotonic()
    url = connect_url(ctx)
    rejects = Rejects(Summary())
    rejects_path = rejects_path or Path(f"{_stem(file)}.rejects.csv")
    with importer.connect(url) as conn, _progress() as progress:
        known = importer.known_channels(conn)
        for theirs, ours in channels:
            if ours not in known:
                raise Problem(
                    f"--channel {theirs}={ours}: there is no channel {ours}",
                    f"The channels are {', '.join(sorted(known))}.",
                )
        reader = importer.Reader(rejects, currency, known, dict(channels), timezone)
        with _open(file) as source:
            _follow(progress, "reading", None, reader.read(source, columns))
        # Before anything is loaded: whether it can be written shows now.
        _write(rejects, rejects_path)
        if not dry_run:
            importer.register(conn, merchant, reader.payees())
            bad_rows = len(rejects)
            good_rows = rejects.summary.read.rows - bad_rows
            loader = importer.Loader(rejects, merchant, currency)
            _follow(progress, "loading", good_rows, loader.load(url, reader.trades(), batch, jobs))
            if len(rejects) > bad_rows:
                _write(rejects, rejects_path)
    if as_json:
        told = {
            "merchant_id": merchant,
            "currency": currency,
            "dry_run": dry_run,
            **asdict(rejects.summary),
            "rejects": str(rejects_path) if rejects else None,
            "seconds": round(monotonic() - begin, 3),
        }
        click.echo(json.dumps(told))
    else:
        _print(rejects.summary, currency, dry_run)
        if rejects:
            click.echo(f"The rejected rows are in {rejects_path}.")


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


def _print(summary: Summary, currency: str, dry_run: bool) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column()
    table.add_column("rows", justify="right")
    table.add_column(currency, justify="right")

    def add(what: str, tally: Tally) -> None:
        table.add_row(what, f"{tally.rows:,}", _decimal(tally.amount, currency))

    add("read", summary.read)
    if not dry_run:
        add("loaded", summary.loaded)
        table.add_row("  new", f"{summary.new_rows:,}")
        table.add_row("  there before", f"{summary.loaded.rows - summary.new_rows:,}")
    add("rejected", summary.rejected)
    for reason, rows in sorted(summary.reasons.items()):
        table.add_row(f"  {reason}", f"{rows:,}")
    Console().print(table)
    if dry_run:
        click.echo("Nothing is loaded: this was a dry run.")
        return
    click.echo(f"{summary.trades:,} trades, {summary.new_trades:,} of them new.")
    if summary.surplus:
        surplus = _decimal(summary.surplus, currency)
        click.echo(f"{surplus} {currency} of it is surplus, which goes back to its payments.")


def _decimal(units: int, currency: str) -> str:
    whole, point, decimals = from_units(units, currency).partition(".")
    return f"{int(whole):,}{point}{decimals}"
