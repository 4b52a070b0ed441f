"""`mixpay migrate` and `mixpay verify`: what a pipeline runs."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import click
import psycopg
from rich.table import Table

from mixpay_db import busy, migrations
from mixpay_db.busy import Patience
from mixpay_db.catalog import HARMLESS, Difference
from mixpay_db.cli.common import (
    Seconds,
    connect_url,
    failures_are_problems,
    json_option,
    url_option,
)
from mixpay_db.cli.help import examples
from mixpay_db.cli.output import Terminal
from mixpay_db.problem import MIGRATE

_MILLISECONDS = 1000


def _busy_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What others who work meanwhile bring with them."""
    for option in (
        click.option(
            "--drop-dependents",
            metavar="NAME,NAME",
            multiple=True,
            help="Drop these views and functions of others, if they are in the way.",
        ),
        click.option(
            "--wait",
            metavar="SECONDS",
            type=Seconds(),
            default=busy.WAIT,
            show_default=True,
            help="How long to go on trying while others are in the way.",
        ),
        click.option(
            "--lock-timeout",
            metavar="MS",
            type=click.IntRange(1, 2**31 - 1),
            default=int(busy.LOCK_TIMEOUT * _MILLISECONDS),
            show_default=True,
            help="How long others may have to queue behind us while we wait for a lock.",
        ),
    ):
        command = option(command)
    return command


def _names(lists: tuple[str, ...]) -> list[str]:
    """Names with commas between them; one within brackets is a function's."""
    return [name for text in lists for name in re.findall(r"(?:[^,(]|\([^)]*\))+", text)]


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "mixpay migrate",
        "mixpay migrate --plan > plan.sql",
        "mixpay migrate --wait 600",
    ),
)
@click.option("--plan", is_flag=True, help="Print the SQL instead.")
@click.option(
    "--for",
    "target",
    type=click.Choice(["psql", "any"]),
    default="psql",
    show_default=True,
    help="Who runs the plan: psql, or any tool that opens and ends the transaction itself.",
)
@click.option("--reload", is_flag=True, help="Mend the code even if it is this version's.")
@click.option("--repair", is_flag=True, help="Only put owners and grants back, after a restore.")
@_busy_options
@json_option
@url_option
@click.pass_context
def migrate(
    ctx: click.Context,
    plan: bool,
    target: str,
    reload: bool,
    repair: bool,
    lock_timeout: int,
    wait: float,
    drop_dependents: tuple[str, ...],
    as_json: bool,
) -> None:
    """Bring the tables to this version, then its code.

    All that is pending is one transaction: whatever happens, the database is as it was or as it
    should be. A database that psql made from sql/install.sql is adopted if `verify` finds nothing.

    Others may work meanwhile. Locks are asked for shortly, and again after a pause; who is in the
    way is named. If that takes longer than --wait, the exit status is 3 and nothing is changed.
    """
    if ctx.invoked_subcommand:
        return
    if repair and reload:
        raise click.UsageError("--repair changes no code: say --reload in a run of its own.")
    patience = Patience(lock_timeout / _MILLISECONDS, wait)
    names = _names(drop_dependents)
    url = connect_url(ctx)
    with failures_are_problems():
        if plan:
            with psycopg.connect(url, autocommit=True) as conn:
                sql = migrations.plan(
                    conn,
                    reload=reload,
                    repairs=repair,
                    drop_dependents=names,
                    patience=patience,
                    psql=target == "psql",
                )
            _tell({"sql": sql}, as_json, sql.rstrip() or "-- nothing to do")
        else:
            say = _silent if as_json else click.echo
            steps = migrations.migrate(
                url, say, reload=reload, repairs=repair, drop_dependents=names, patience=patience
            )
            _tell({"steps": steps}, as_json, "done" if steps else "nothing to do")


@migrate.command(
    epilog=examples(
        "mixpay migrate status",
    )
)
@json_option
@url_option
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """Show what is applied and what is pending."""
    url = connect_url(ctx)
    with failures_are_problems(), psycopg.connect(url, autocommit=True) as conn:
        standings = migrations.status(conn)
    if as_json:
        click.echo(json.dumps(standings))
        return
    table = Table("name", "state")
    for name, state in standings.items():
        table.add_row(name, state)
    Terminal().print(table)


@migrate.command(
    epilog=examples(
        "mixpay migrate rollback",
        "mixpay migrate rollback --to 0004_engine --drop-rows",
    )
)
@click.option("--to", metavar="NAME", help="Roll back all that came after this migration.")
@click.option("--drop-rows", is_flag=True, help="Even if rows are lost.")
@_busy_options
@json_option
@url_option
@click.pass_context
def rollback(
    ctx: click.Context,
    to: str | None,
    drop_rows: bool,
    lock_timeout: int,
    wait: float,
    drop_dependents: tuple[str, ...],
    as_json: bool,
) -> None:
    """Take back the last migration, or all after another.

    Refuses to drop a table or a column of a table that holds rows other than those which the
    migrations put there. The code is dropped too: migrate again, with the version you want.
    """
    url = connect_url(ctx)
    with failures_are_problems():
        say = _silent if as_json else click.echo
        names = migrations.rollback(
            url,
            to,
            say,
            drop_rows=drop_rows,
            drop_dependents=_names(drop_dependents),
            patience=Patience(lock_timeout / _MILLISECONDS, wait),
        )
    _tell({"rolled_back": names}, as_json, "done" if names else "nothing to do")


@click.command(
    epilog=examples(
        "mixpay verify",
        "mixpay verify --json",
    )
)
@json_option
@url_option
@click.pass_context
def verify(ctx: click.Context, as_json: bool) -> None:
    """Hold the database against what this version expects of it.

    Compares the migrations with their files, the catalog and the reference rows with a fresh
    installation (made beside the live one in a transaction that is rolled back, which takes the
    rights of `migrate`), and runs sql/checks. On a standby there can be no fresh installation: what
    is not compared there is named. Grants to roles that are not ours are named, and differ from
    nothing; so is what an upgrade has left for calls of before. The exit status is 0 if all is
    well, 1 if something differs, 2 if nothing does, but we could not look at all of it.
    """
    url = connect_url(ctx)
    with failures_are_problems(), psycopg.connect(url, autocommit=True) as conn:
        differences = migrations.verify(conn)
    # What a DBA has granted to roles of his own, and what the next migrate drops, is only named.
    clean = all(d.kind in HARMLESS for d in differences)
    differs = any(d.kind not in ("unseen", *HARMLESS) for d in differences)
    lines = [line for d in differences for line in _lines(d)]
    _tell(
        {"clean": clean, "differences": [asdict(d) for d in differences]},
        as_json,
        "\n".join([*lines, "all is as it should be"] if clean else lines),
    )
    kinds = {d.kind for d in differences}
    if "edited" in kinds:
        pass  # over that, migrate does nothing
    elif "pending" in kinds:
        click.echo(f"hint: {MIGRATE}", err=True)
    elif any(
        d.kind not in HARMLESS and d.object.startswith(("function ", "view ", "trigger "))
        for d in differences
    ):
        click.echo("hint: mixpay migrate --reload mends the code.", err=True)
    ctx.exit(1 if differs else 0 if clean else 2)


def _lines(difference: Difference) -> Iterator[str]:
    yield f"{difference.kind}: {difference.object}"
    if difference.expected is not None and difference.found is not None:
        expected, found = difference.expected.splitlines(), difference.found.splitlines()
        for line in difflib.unified_diff(expected, found, "expected", "found", lineterm="", n=1):
            yield f"    {line}"
    elif difference.kind in ("broken", "missing", "unseen", *HARMLESS):
        told = difference.found or difference.expected
        if told:
            yield f"    {told}"


def _tell(result: dict[str, Any], as_json: bool, text: str) -> None:
    click.echo(json.dumps(result) if as_json else text)


def _silent(_: str) -> None:
    pass
