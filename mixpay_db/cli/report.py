"""`mixpay report`: the views."""

from __future__ import annotations

from typing import Any

import click
import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from mixpay_db import calls, resources
from mixpay_db.cli.common import EITHER_DASH, connect_url, url_option
from mixpay_db.cli.output import echo_csv, echo_json, echo_table

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


@click.group(cls=_Reports, context_settings=EITHER_DASH)
def report() -> None:
    """Show a view of the database. Amounts are in the currency's smallest unit."""


def _command(view: str) -> click.Command:
    @click.option(
        "--format",
        "as_what",
        type=click.Choice(["table", "csv", "json"]),
        default="table",
        show_default=True,
    )
    @click.option("--json", "as_what", flag_value="json", help="The same as --format json.")
    @url_option
    @click.pass_context
    def run(ctx: click.Context, as_what: str, **options: str | None) -> None:
        filters = {FILTERS[name]: value for name, value in options.items() if value is not None}
        with psycopg.connect(connect_url(ctx), row_factory=tuple_row) as conn:
            conn.read_only = True
            columns = _columns(conn, view)
            for name, column in FILTERS.items():
                if column in filters and column not in columns:
                    raise click.UsageError(
                        f"--{name} says nothing here: {view} has no column {column}. "
                        f"Its columns are {', '.join(columns)}."
                    )
            # On the server, so that a long report needs no memory.
            with conn.cursor("report") as cursor:
                cursor.execute(_query(view, columns, list(filters)), filters)
                if as_what == "csv":
                    echo_csv(columns, cursor)
                elif as_what == "json":
                    echo_json([dict(zip(columns, row, strict=True)) for row in cursor])
                else:
                    echo_table(columns, cursor.fetchall())

    for name in reversed(FILTERS):
        run = click.option(f"--{name}", metavar="NO", help=f"Only this {FILTERS[name]}.")(run)
    comment = calls.comment("views", "view", view)
    return click.command(view, help=comment, short_help=comment, context_settings=EITHER_DASH)(run)


def _columns(conn: psycopg.Connection[Any], view: str) -> list[str]:
    nothing = sql.SQL("select * from {} limit 0").format(sql.Identifier("mixpay", view))
    return [column.name for column in conn.execute(nothing).description or ()]


def _query(view: str, columns: list[str], filters: list[str]) -> sql.Composed:
    conditions: list[sql.Composable] = [
        sql.SQL("{} = {}").format(sql.Identifier(column), sql.Placeholder(column))
        for column in filters
    ]
    # A view starts with its key.
    key = [sql.Identifier(column) for column in columns[:6]]
    return sql.SQL("select * from {view} where {conditions} order by {key}").format(
        view=sql.Identifier("mixpay", view),
        conditions=sql.SQL(" and ").join(conditions or [sql.SQL("true")]),
        key=sql.SQL(", ").join(key),
    )
