"""What all commands share: which server they talk to, and how they tell what went wrong."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click
import psycopg

from mixpay_db.printable import shown
from mixpay_db.problem import Problem
from mixpay_db.url import checked

_CHOSEN_URL = "mixpay_db.url"
# Schema, table or view, function: SQLSTATEs of a database that lacks one of ours.
_LACKS = {"3F000", "42P01", "42883"}
_MIGRATE = "mixpay migrate brings the database to this version."

json_option = click.option("--json", "as_json", is_flag=True, help="For machines.")
# Functions and views are named as in SQL; - is as good as _ to whoever types them.
EITHER_DASH = {"token_normalize_func": lambda token: token.replace("_", "-")}


def _remember_url(ctx: click.Context, _: click.Parameter, url: str | None) -> None:
    if url:
        ctx.find_root().meta[_CHOSEN_URL] = url


def url_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--url`, before a subcommand as well as after it; `connect_url` tells what was said."""
    return click.option(
        "--url",
        metavar="URL",
        envvar="MIXPAY_URL",
        expose_value=False,
        callback=_remember_url,
        help="The database: postgresql://… or key=value …; also MIXPAY_URL. "
        "Without it: the embedded server.",
    )(command)


def connect_url(ctx: click.Context) -> str:
    """The URL (or key=value string) to connect to; starts the embedded server if none was given."""
    chosen = ctx.find_root().meta.get(_CHOSEN_URL)
    if chosen:
        return checked(str(chosen))
    # Needed by those alone who name no server.
    from mixpay_db.embedded import PersistentServer

    server = PersistentServer()
    started = server.start()
    what = "started the embedded server" if started else "using the embedded server"
    click.echo(f"{what} in {server.home} (name another by --url or MIXPAY_URL)", err=True)
    return server.url()


def tell_and_exit(error: Problem | psycopg.Error) -> NoReturn:
    """The error, then its detail and its hint, each on a line of its own.

    The exit status is 1 if the database refused, 2 if it could not be asked; a problem may have
    its own.
    """
    if isinstance(error, Problem):
        first, *more = str(error).splitlines() or [""]
        told = [("error", first), *[("", line) for line in more], ("hint", error.hint)]
    elif error.sqlstate is None:
        what, *questions = str(error).splitlines()
        told = [("error", what), ("hint", " ".join(line.strip() for line in questions))]
    else:
        diag = error.diag
        told = [
            ("error", f"{error.sqlstate}: {diag.message_primary}"),
            ("detail", diag.message_detail),
            ("hint", _MIGRATE if error.sqlstate in _LACKS else diag.message_hint),
        ]
    for label, text in told:
        if text:
            click.echo(f"{label}: {shown(text)}" if label else shown(text), err=True)
    if isinstance(error, Problem):
        raise SystemExit(error.status)
    raise SystemExit(1 if error.sqlstate else 2)


@contextmanager
def failures_are_problems() -> Iterator[None]:
    """A database that refuses is no answer here, but a reason why there is none."""
    try:
        yield
    except psycopg.Error as error:
        notes = getattr(error, "__notes__", [])
        hint = _MIGRATE if error.sqlstate in _LACKS else None
        raise Problem("\n".join([str(error).strip(), *notes]), hint) from error
