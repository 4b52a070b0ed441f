"""`mixpay report`: the views, and the pages as files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import psycopg
from click.core import ParameterSource
from psycopg import sql
from psycopg.rows import tuple_row

from mixpay_db import calls, resources
from mixpay_db.cli.amounts import in_decimals
from mixpay_db.cli.common import EITHER_DASH, connect_url, url_option
from mixpay_db.cli.help import examples
from mixpay_db.cli.output import echo_csv, echo_json, echo_table
from mixpay_db.pictures.words import LANGUAGES
from mixpay_db.problem import Problem

# Which column an option is about.
FILTERS = {
    "merchant": "merchant_id",
    "trade": "trade_no",
    "order": "order_no",
    "payment": "payment_no",
    "refund": "refund_no",
    "payee": "payee_no",
    "settlement": "settlement_no",
    "until": "until_at",
}


class _Reports(click.Group):
    def list_commands(self, _: click.Context) -> list[str]:
        return sorted(path.stem for path in (resources.sql_dir() / "views").glob("*.sql"))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        view = name.replace("-", "_")
        return _command(view) if view in self.list_commands(ctx) else None


class _Day(click.DateTime):
    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is no day, such as 2026-11-28", param, ctx)


_DAY = _Day()


def period_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--from`, `--to` and `--zone`: whole days, by whose clock."""
    for option in (
        click.option("--zone", metavar="ZONE", help="Whose days and hours, as in Asia/Shanghai."),
        click.option("--to", "last", type=_DAY, metavar="DAY", help="The last day, included."),
        click.option("--from", "first", type=_DAY, metavar="DAY", help="The first day, included."),
    ):
        command = option(command)
    return command


@click.group(
    cls=_Reports,
    context_settings=EITHER_DASH,
    invoke_without_command=True,
    epilog=examples(
        "mixpay report trade_balances --merchant mall",
        "mixpay report day_flow --merchant mall --from 2026-11-01 --to 2026-11-30",
        "mixpay report surplus-list --merchant mall --format csv > surplus.csv",
        "mixpay report --html november.html --merchant mall --from 2026-11-01 --to 2026-11-30",
        "mixpay report --html trade.html --merchant mall --trade T-1 --lang zh",
    ),
)
@click.option(
    "--html",
    type=click.Path(dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Write a page into this file instead, - for standard output.",
)
@click.option("--merchant", metavar="ID", help="With --html: the merchant's page.")
@click.option("--trade", metavar="NO", help="With --html: the page of this trade of his.")
@click.option("--order", metavar="NO", help="With --html: the page of this order of his.")
@click.option("--refund", metavar="NO", help="With --html: the page of this refund of his.")
@click.option("--lang", type=click.Choice(list(LANGUAGES)), default="en", show_default=True)
@click.option("--checks/--no-checks", default=True, help="With --html: run the checks, too.")
@period_options
@url_option
@click.pass_context
def report(ctx: click.Context, html: str | None, **options: Any) -> None:
    """Show a view of the database, or write a page that a browser shows.

    A table shows decimal amounts, and with --units the smallest units; CSV and JSON always have
    the smallest units.
    """
    if ctx.invoked_subcommand is not None:
        given = [
            name
            for name in ("html", *options)
            if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
        ]
        if given:
            raise click.UsageError("Options of a view stand after its name; --html takes no view.")
        return
    if html is None:
        click.echo(ctx.get_help())
        return
    chosen = [kind for kind in ("trade", "order", "refund") if options[kind] is not None]
    if options["merchant"] is None:
        raise click.UsageError("--html needs --merchant, whose page it is.")
    if len(chosen) > 1:
        raise click.UsageError("A page tells of one: a trade, an order or a refund.")
    text = _page(connect_url(ctx), chosen[0] if chosen else "merchant", options)
    try:
        # A file becomes the page as a whole; a pipe or a link stays what it is.
        path = Path(html)
        whole = html != "-" and not path.is_symlink() and (path.is_file() or not path.exists())
        with click.open_file(html, "w", encoding="utf-8", atomic=whole) as file:
            file.write(text)
    except OSError as error:
        raise Problem(
            f"cannot write {html!r:.200}: {error.strerror}", "Name another file."
        ) from error
    if html != "-":
        click.echo(f"{html}: {len(text.encode()):,} bytes", err=True)


def _page(url: str, kind: str, options: dict[str, Any]) -> str:
    # Read by those alone who want a page.
    from mixpay_db.pictures import books, pages

    whose = options["merchant"]
    with books.session(url, options["zone"]) as conn:
        now = books.now(conn)
        page = pages.Page(
            options["lang"], now, books.zone_of(conn), books.the_merchant(conn, whose)
        )
        if kind == "merchant":
            last = options["last"].date() if options["last"] else now.date()
            first = options["first"].date() if options["first"] else last - timedelta(days=29)
            found = books.merchant(conn, whose, first, last)
        else:
            told = getattr(books, kind)(conn, whose, options[kind])
            text: str = getattr(pages, kind)(page, told)
            return text
    return pages.merchant(page, found, books.checks(url, whose) if options["checks"] else None)


def _command(view: str) -> click.Command:
    @click.option(
        "--format",
        "as_what",
        type=click.Choice(["table", "csv", "json"]),
        default="table",
        show_default=True,
    )
    @click.option("--json", "as_what", flag_value="json", help="The same as --format json.")
    @click.option("--units", is_flag=True, help="A table, too, shows smallest units.")
    @period_options
    @url_option
    @click.pass_context
    def run(
        ctx: click.Context,
        as_what: str,
        units: bool,
        first: datetime | None,
        last: datetime | None,
        zone: str | None,
        **options: str | None,
    ) -> None:
        filters = {FILTERS[name]: value for name, value in options.items() if value is not None}
        with psycopg.connect(connect_url(ctx), row_factory=tuple_row) as conn:
            conn.read_only = True
            if zone is not None:
                _set_zone(conn, zone)
            described = _columns(conn, view)
            columns = [column.name for column in described]
            period = _period(view, columns, first, last)
            for name, column in FILTERS.items():
                if column in filters and column not in columns:
                    raise click.UsageError(
                        f"--{name} says nothing here: {view} has no column {column}. "
                        f"Its columns are {', '.join(columns)}."
                    )
            # On the server, so that a long report needs no memory.
            with conn.cursor("report") as cursor:
                cursor.execute(
                    _query(view, columns, list(filters), period),
                    {**filters, "first": first, "after": last and last + timedelta(days=1)},
                )
                if as_what == "csv":
                    echo_csv(columns, cursor)
                elif as_what == "json":
                    echo_json([dict(zip(columns, row, strict=True)) for row in cursor])
                else:
                    rows: Sequence[Sequence[Any]] = cursor.fetchall()
                    if not units:
                        rows = in_decimals(conn, view, described, rows)
                    echo_table(columns, rows)

    for name in reversed(FILTERS):
        what = {"merchant": "ID", "until": "MOMENT"}.get(name, "NO")
        run = click.option(f"--{name}", metavar=what, help=f"Only this {FILTERS[name]}.")(run)
    comment = calls.comment("views", "view", view)
    return click.command(
        view,
        help=comment,
        short_help=comment,
        context_settings=EITHER_DASH,
        epilog=examples(f"mixpay report {view}", f"mixpay report {view} --format csv > {view}.csv"),
    )(run)


def _set_zone(conn: psycopg.Connection[Any], zone: str) -> None:
    try:
        conn.execute("select set_config('TimeZone', %s, true)", [zone])
    except psycopg.errors.InvalidParameterValue as error:
        raise Problem(
            f"there is no time zone {zone!r:.80}", "Name one as in Asia/Shanghai or UTC."
        ) from error


# By which of its moments a view is asked for a period: books go by when something was written.
_MOMENTS = ("day", "created_at", "until_at", "happened_at", "began_at", "release_at", "latest_at")


def _period(
    view: str, columns: list[str], first: datetime | None, last: datetime | None
) -> list[sql.Composable]:
    if first is None and last is None:
        return []
    if first is not None and last is not None and last < first:
        raise Problem(f"{last:%Y-%m-%d} is before {first:%Y-%m-%d}", "The first day comes first.")
    moment = next((name for name in _MOMENTS if name in columns), None)
    if moment is None:
        raise click.UsageError(
            f"--from and --to say nothing here: {view} has no moment. "
            f"Its columns are {', '.join(columns)}."
        )
    # A day as it is, or a moment by the session's time zone.
    kind = "date" if moment == "day" else "timestamptz"
    bounds = (("{} >= %(first)s::timestamp::{}", first), ("{} < %(after)s::timestamp::{}", last))
    return [
        sql.SQL(text).format(sql.Identifier(moment), sql.SQL(kind))
        for text, bound in bounds
        if bound is not None
    ]


def _columns(conn: psycopg.Connection[Any], view: str) -> list[psycopg.Column]:
    nothing = sql.SQL("select * from {} limit 0").format(sql.Identifier("mixpay", view))
    return list(conn.execute(nothing).description or ())


def _query(
    view: str, columns: list[str], filters: list[str], period: list[sql.Composable]
) -> sql.Composed:
    conditions: list[sql.Composable] = [
        sql.SQL("{} = {}").format(sql.Identifier(column), sql.Placeholder(column))
        for column in filters
    ]
    conditions += period
    # A view starts with its key.
    key = [sql.Identifier(column) for column in columns[:6]]
    return sql.SQL("select * from {view} where {conditions} order by {key}").format(
        view=sql.Identifier("mixpay", view),
        conditions=sql.SQL(" and ").join(conditions or [sql.SQL("true")]),
        key=sql.SQL(", ").join(key),
    )
