"""What all commands share: which server they talk to, and how they tell what went wrong."""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
import psycopg

from mixpay_db.cli.endings import hint_of, unreached
from mixpay_db.problem import MIGRATE, OWNERS, ROLES, Problem
from mixpay_db.url import checked

_CHOSEN_URL = "mixpay_db.url"
_URL_VARIABLE = "MIXPAY_URL"

json_option = click.option("--json", "as_json", is_flag=True, help="For machines.")
# Functions and views are named as in SQL; - is as good as _ to whoever types them.
EITHER_DASH = {"token_normalize_func": lambda token: token.replace("_", "-")}


class Seconds(click.FloatRange):
    """A number of seconds that a clock can wait."""

    name = "seconds"

    def __init__(self, lowest: float = 0, highest: float = 366 * 86400, **options: Any) -> None:
        super().__init__(lowest, highest, **options)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        seconds: float = super().convert(value, param, ctx)
        # Compared with bounds, it is never beyond them.
        if math.isnan(seconds):
            self.fail(f"{value!r} is not a number of {self.name}", param, ctx)
        return seconds


class Days(Seconds):
    """A number of days, not more than a year."""

    name = "days"

    def __init__(self) -> None:
        super().__init__(0, 366)


def _remember_url(ctx: click.Context, _: click.Parameter, url: str | None) -> None:
    if url is not None:
        ctx.find_root().meta[_CHOSEN_URL] = url


def url_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--url`, before a subcommand as well as after it; `connect_url` tells what was said."""
    return click.option(
        "--url",
        metavar="URL",
        expose_value=False,
        callback=_remember_url,
        help="The database: postgresql://… or key=value …; also MIXPAY_URL. "
        "Without it: the embedded server.",
    )(command)


def connect_url(ctx: click.Context) -> str:
    """The URL (or key=value string) to connect to; starts the embedded server if none was given."""
    # As the client reads them, whatever the environment, the role or the database says.
    os.environ.update(PGDATESTYLE="ISO, YMD", PGCLIENTENCODING="UTF8")
    # What is said goes before what is set, wherever in the command it is said.
    for where, chosen in (
        ("--url", ctx.find_root().meta.get(_CHOSEN_URL)),
        (_URL_VARIABLE, os.environ.get(_URL_VARIABLE)),
    ):
        if chosen is not None:
            if not chosen.strip():
                raise click.UsageError(f"{where} is empty: it should name a database.", ctx)
            return checked(chosen)
    # Needed by those alone who name no server.
    from mixpay_db.embedded import PersistentServer

    server = PersistentServer()
    started = server.start()
    what = "started the embedded server" if started else "using the embedded server"
    click.echo(f"{what} in {server.home} (name another by --url or MIXPAY_URL)", err=True)
    return server.url()


@contextmanager
def failures_are_problems() -> Iterator[None]:
    """A database that refuses is no answer here, but a reason why there is none."""
    try:
        yield
    except psycopg.Error as error:
        if error.sqlstate is None:
            said, hint = unreached(error)
        else:
            hint = hint_of(error)
            # Of a database that lacks ours, or a login without rights, no statement need be shown.
            known = hint in (MIGRATE, OWNERS, ROLES)
            said = (error.diag.message_primary or "") if known else str(error).strip()
            said = f"{error.sqlstate}: {said}"
        notes = getattr(error, "__notes__", [])
        raise Problem("\n".join([said, *notes]), hint) from error
