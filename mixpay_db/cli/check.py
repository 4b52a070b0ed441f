"""`mixpay check`: what must always be true."""

from __future__ import annotations

from typing import Any

import click
import psycopg

from mixpay_db import database
from mixpay_db.cli.common import connect_url, failures_are_problems, json_option, url_option
from mixpay_db.cli.help import examples
from mixpay_db.cli.output import echo_json, echo_table
from mixpay_db.problem import Problem


@click.command(
    epilog=examples(
        "mixpay check",
        "mixpay check --merchant mall --json",
    )
)
@click.option("--merchant", metavar="ID", help="Only what is this merchant's.")
@json_option
@url_option
@click.pass_context
def check(ctx: click.Context, merchant: str | None, as_json: bool) -> None:
    """Look whether all that must always be true is true: run sql/checks.

    The exit status is 0 if all is well, 1 if something is broken (its rows are shown), 2 if we
    could not look.
    """
    url = connect_url(ctx)
    with failures_are_problems(), psycopg.connect(url, autocommit=True) as conn:
        conn.read_only = True
        if merchant is not None:
            _must_exist(conn, merchant)
        results = database.run_checks(conn, merchant)
    broken = [result for result in results if result.rows]
    if as_json:
        told = {
            result.name: [dict(zip(result.columns, row, strict=True)) for row in result.rows]
            for result in broken
        }
        echo_json({"clean": not broken, "checks": len(results), "broken": told})
    else:
        for result in broken:
            click.echo(f"broken: {result.name.replace('_', ' ')}")
            echo_table(result.columns, result.rows)
        click.echo(
            f"{len(broken)} of {len(results)} checks found something"
            if broken
            else f"{len(results)} checks found nothing: all is well"
        )
    ctx.exit(1 if broken else 0)


def _must_exist(conn: psycopg.Connection[Any], merchant: str) -> None:
    """Of somebody unknown everything is true: a slip of the pen must not look like good news."""
    [(known,)] = conn.execute("select mixpay._is_merchant(%s)", [merchant])
    if not known:
        raise Problem(f"there is no merchant {merchant}", "mixpay report merchant_list lists them.")
