"""`mixpay types`: calls, rows, views and errors, for other languages."""

from __future__ import annotations

from importlib import metadata

import click
import psycopg

from mixpay_db import described, typescript
from mixpay_db.cli.common import connect_url, failures_are_problems, json_option, url_option
from mixpay_db.cli.help import examples
from mixpay_db.cli.output import echo_json
from mixpay_db.problem import Problem


@click.command(
    epilog=examples(
        "mixpay types --typescript > mixpay.ts",
        "mixpay types --json",
    )
)
@click.option("--typescript", "as_typescript", is_flag=True, help="For TypeScript.")
@click.option(
    "--bigint",
    type=click.Choice(["string", "number", "bigint"]),
    default="string",
    show_default=True,
    help="What your client makes of a bigint: pg and postgres.js make a string, unless told.",
)
@json_option
@url_option
@click.pass_context
def types(ctx: click.Context, as_typescript: bool, bigint: str, as_json: bool) -> None:
    """Write the types of calls, of the rows that they return, of views and of errors.

    They are read from the catalog of the database. Anybody who can log in may read them.
    """
    if as_typescript == as_json:
        raise click.UsageError("Say --typescript or --json.")
    with failures_are_problems(), psycopg.connect(connect_url(ctx), autocommit=True) as conn:
        conn.read_only = True
        if conn.execute("select to_regnamespace('mixpay')").fetchone() == (None,):
            raise Problem("there is no mixpay in this database", "Run mixpay migrate.")
        told = described.describe(conn)
    if as_json:
        echo_json({"version": metadata.version("mixpay-db"), **told})
    else:
        click.echo(typescript.render(told, bigint), nl=False)
