"""`mixpay upkeep`: what a scheduler calls now and then, for every merchant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import click
import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from mixpay_db.cli.common import connect_url, failures_are_problems, json_option, url_option
from mixpay_db.cli.endings import refusal
from mixpay_db.cli.help import examples
from mixpay_db.cli.output import echo_json, echo_table
from mixpay_db.counted import counted
from mixpay_db.printable import printable

# Of each call, what it does to what it returns; what only makes balances fast is not counted.
CALLS = {"release_due": "released", "expire_trades": "expired", "fold_balances": None}
_AGAIN = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)
_ATTEMPTS = 3


@click.command(
    epilog=examples(
        "mixpay upkeep",
        "mixpay upkeep --only fold_balances",
        "mixpay upkeep --merchant mall --merchant kiosk --json",
    )
)
@click.option(
    "--merchant", "merchants", multiple=True, metavar="ID", help="Only theirs. May be repeated."
)
@click.option(
    "--only",
    "calls",
    type=click.Choice(list(CALLS)),
    multiple=True,
    help="Only this call. May be repeated.",
)
@json_option
@url_option
@click.pass_context
def upkeep(
    ctx: click.Context, merchants: tuple[str, ...], calls: tuple[str, ...], as_json: bool
) -> None:
    """Do what is due by now, for every merchant: release, expire, sum up. A scheduler runs it.

    It calls release_due and expire_trades until nothing is due any more, then fold_balances. It may
    come late, twice, or twice at once. Each call is a transaction of its own. If one is refused, it
    is named, all others are made, and the exit status is 1. Settlements and the end of a period are
    the merchant's decisions, so they are left out.
    """
    url = connect_url(ctx)
    done: dict[str, Counter[str]] = {}
    refused: list[dict[str, str | None]] = []
    with (
        failures_are_problems(),
        psycopg.connect(
            url,
            autocommit=True,
            row_factory=tuple_row,
            application_name="mixpay upkeep",
            prepare_threshold=None,  # a migration may change the columns meanwhile
        ) as conn,
    ):
        for merchant in dict.fromkeys(merchants) or _all(conn):
            done[merchant] = Counter()
            for call in [call for call in CALLS if call in (calls or CALLS)]:
                try:
                    _until_done(conn, call, merchant, done[merchant])
                except psycopg.Error as error:
                    if conn.closed or error.sqlstate is None:
                        raise
                    said = refusal(error)
                    refused.append({"merchant_id": merchant, "call": call, **said})
                    click.echo(
                        printable(f"{merchant}: {call}: {said['sqlstate']}: {said['message']}"),
                        err=True,
                    )
                    if said["hint"]:
                        click.echo(f"hint: {printable(said['hint'])}", err=True)
    columns = [what for what in CALLS.values() if what]
    rows = [[merchant, *(did[what] for what in columns)] for merchant, did in done.items()]
    if as_json:
        told = [dict(zip(["merchant_id", *columns], row, strict=True)) for row in rows]
        echo_json({"merchants": told, "refused": refused})
    else:
        busy = [row for row in rows if any(row[1:])]
        if busy:
            echo_table(["merchant", *columns], busy)
        calls_were = counted(len(refused), "call was", "calls were")
        end = f"{calls_were} refused" if refused else "nothing is due any more"
        click.echo(f"{counted(len(rows), 'merchant')}: {end}")
    ctx.exit(1 if refused else 0)


def _all(conn: psycopg.Connection) -> list[str]:
    rows = conn.execute("select merchant_id from mixpay.merchant_list order by merchant_id")
    return [merchant for (merchant,) in rows]


def _until_done(conn: psycopg.Connection, call: str, merchant: str, done: Counter[str]) -> None:
    """Call it until nothing is left; what was done counts, also if a later call is refused."""
    query = sql.SQL("select from {}(%s)").format(sql.Identifier("mixpay", call))
    what = CALLS[call]
    while True:
        number = _again(lambda: conn.execute(query, [merchant]).rowcount)
        if what is None or number == 0:
            return
        done[what] += number


def _again(attempt: Callable[[], int]) -> int:
    for _ in range(_ATTEMPTS - 1):
        with suppress(*_AGAIN):
            return attempt()
    return attempt()
