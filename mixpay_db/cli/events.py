"""`mixpay events`: every change of state, one line each, as it happens or from a position on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import psycopg
from click.core import ParameterSource

import mixpay_db
from mixpay_db.cli.common import Seconds, connect_url, url_option
from mixpay_db.cli.help import examples
from mixpay_db.cli.output import echo_json
from mixpay_db.printable import printable
from mixpay_db.problem import Problem
from mixpay_db.webhooks import Webhook

# As many as the server gives at once.
_PAGE = 1000
# What keeps events back: the oldest transaction, unless it began only a moment ago.
# Whoever may not see its state may not see when it began. One whose state is seen has just begun.
_OLDEST = """
select pid, prepared_as, database, application, state, began_at::text
from mixpay.horizon
where coalesce(began_at <= clock_timestamp() - make_interval(secs => %s), state is null)
order by transactions_since desc
limit 1
"""
_NEXT_EPOCH = """
insert into mixpay.epochs (epoch) select max(epoch) + 1 from mixpay.epochs returning epoch
"""


@click.command(
    epilog=examples(
        "mixpay events --merchant mall --limit 10",
        "mixpay events --merchant mall --follow --after 1.863.3.T-1",
        "mixpay events --merchant mall --follow --post https://shop.example/hooks "
        "--secret-env HOOK_SECRET --bookmark mall.position",
        "mixpay events --new-epoch",
    )
)
@click.option("--merchant", metavar="ID", help="Whose events.")
@click.option("--after", metavar="POSITION", help="Only what comes after this one.")
@click.option("--limit", type=click.IntRange(min=1), help="End after so many.")
@click.option("--follow", is_flag=True, help="Wait for more, until Ctrl-C or SIGTERM.")
@click.option(
    "--poll",
    metavar="SECONDS",
    type=Seconds(min_open=True),
    default=1.0,
    show_default=True,
    help="How often --follow looks.",
)
@click.option(
    "--patience",
    metavar="SECONDS",
    type=Seconds(),
    default=10.0,
    show_default=True,
    help="How long a transaction may keep events back before it is named, on standard error.",
)
@click.option(
    "--post",
    metavar="URL",
    help="Send each event there as a webhook (Standard Webhooks), until it is taken.",
)
@click.option("--secret-env", metavar="NAME", help="The variable with the webhooks' secret.")
@click.option(
    "--secret-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Or the file with it.",
)
@click.option(
    "--bookmark",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --post: where the position of what was taken last is written, and read.",
)
@click.option(
    "--tries",
    type=click.IntRange(1, 10000),
    default=12,
    show_default=True,
    help="With --post: how often an event is sent before the command gives up.",
)
@click.option("--allow-http", is_flag=True, help="With --post: also without TLS.")
@click.option(
    "--new-epoch",
    is_flag=True,
    help="After a restore from a backup, before anybody writes: count it, so that whoever follows "
    "misses nothing.",
)
@url_option
@click.pass_context
def events(
    ctx: click.Context,
    merchant: str | None,
    after: str | None,
    limit: int | None,
    follow: bool,
    poll: float,
    patience: float,
    post: str | None,
    secret_env: str | None,
    secret_file: Path | None,
    bookmark: Path | None,
    tries: int,
    allow_http: bool,
    new_epoch: bool,
) -> None:
    """Print a merchant's changes of state in their order, each as JSON on a line of its own.

    Remember the position of the last line that you have dealt with, and go on with --after.

    With --post each is sent to a URL instead, signed, and again after growing pauses until it is
    taken. Then its position is printed. The next one waits for that, so they arrive in order.

    Events wait for the oldest transaction of the database, so that none is ever skipped. One that
    stays open too long is named.
    """
    if new_epoch:
        others = [name for name in ctx.params if name != "new_epoch" and _was_said(ctx, name)]
        if others:
            raise click.UsageError(f"--new-epoch goes alone, without --{others[0]}.")
        with psycopg.connect(connect_url(ctx)) as conn:
            click.echo(raise_epoch(conn))
        return
    if merchant is None:
        raise click.UsageError("Missing option '--merchant'.")
    if post is None:
        for name in ("secret_env", "secret_file", "bookmark", "tries", "allow_http"):
            if _was_said(ctx, name):
                raise click.UsageError(f"--{name.replace('_', '-')} goes with --post.")
        deal: _Deals = _print
    else:
        webhook = Webhook(
            post,
            _secret(secret_env, secret_file),
            tries=tries,
            allow_http=allow_http,
            tell=lambda text: click.echo(printable(text), err=True),
        )
        if bookmark is not None:
            if after is not None:
                raise click.UsageError("--after and --bookmark both say where to begin.")
            after = _read_bookmark(bookmark)
        deal = _sender(webhook, bookmark)
    url = connect_url(ctx)
    if follow:
        with _ended_by_signals():
            deal(_follow(url, merchant, after, poll, patience), limit)
    else:
        with psycopg.connect(url, autocommit=True) as conn:
            deal(_read(conn, merchant, after), limit)
            _name_the_oldest(conn, patience, None)


_Deals = Callable[[Iterator[mixpay_db.Event], int | None], None]


def _secret(variable: str | None, file: Path | None) -> bytes:
    """Never on the command line itself, which everybody on the machine can read."""
    if (variable is None) == (file is None):
        raise click.UsageError("--post needs --secret-env or --secret-file, one of them.")
    if variable is not None:
        found = os.environ.get(variable)
        if not found:
            raise Problem(f"the environment has no {variable}")
        return os.fsencode(found)
    assert file is not None  # noqa: S101 (for the type checker)
    try:
        return file.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise Problem(f"cannot read {file}: {error.strerror}") from error


def _read_bookmark(file: Path) -> str | None:
    """Where to go on. What cannot be written afterwards is refused before anything is sent."""
    try:
        if file.exists() and not file.is_file():
            raise Problem(f"{file} is no plain file", "Name another: --bookmark")
        partial = _partial(file)
        partial.touch()
        partial.unlink()
    except OSError as error:
        raise Problem(
            f"cannot write {file}: {error.strerror}", "Name another: --bookmark"
        ) from error
    try:
        return file.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise Problem(f"cannot read {file}: {what}") from error


def _partial(bookmark: Path) -> Path:
    return bookmark.with_name(f"{bookmark.name}.partial")


def _sender(webhook: Webhook, bookmark: Path | None) -> _Deals:
    def send(found: Iterator[mixpay_db.Event], limit: int | None) -> None:
        for count, event in enumerate(found, 1):
            webhook.send(event)
            if bookmark is not None:
                # Whole, or as it was before.
                partial = _partial(bookmark)
                partial.write_text(f"{event.position}\n", encoding="utf-8")
                partial.replace(bookmark)
            echo_json({"position": event.position})
            if count == limit:
                return

    return send


def raise_epoch(conn: psycopg.Connection[Any]) -> int:
    """The new epoch; what is written from now on comes after all that is there."""
    with conn.transaction():
        conn.execute("set local role mixpay_owner")
        # Nobody writes meanwhile, and two that raise it at once take turns.
        conn.execute("lock table mixpay.facts in access exclusive mode")
        row = conn.execute(_NEXT_EPOCH).fetchone()
        return int(row[0]) if row else 1


def _was_said(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Ctrl-C and SIGTERM are how one ends this, and no failure."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)


def _print(found: Iterator[mixpay_db.Event], limit: int | None) -> None:
    for count, event in enumerate(found, 1):
        # Flushed, line by line.
        echo_json({"position": event.position, **asdict(event)})
        if count == limit:
            return


def _read(
    conn: psycopg.Connection[Any], merchant: str, after: str | None
) -> Iterator[mixpay_db.Event]:
    """All that there is after a position, page by page."""
    while True:
        page = mixpay_db.read_events(conn, merchant, after, _PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].position


def _name_the_oldest(
    conn: psycopg.Connection[Any], patience: float, named: str | None
) -> str | None:
    """Says whom events wait for, unless that was said last; gives what it is now."""
    row = conn.execute(_OLDEST, [patience]).fetchone()
    if row is None:
        return None
    pid, prepared_as, database, application, state, began_at = row
    who = f"prepared transaction {prepared_as}" if prepared_as else f"session {pid}"
    told = f"events wait for {who} of database {database}"
    told += f" ({application})" if application else ""
    told += f", {state} since {began_at}" if began_at else ""
    if told != named:
        click.echo(printable(f"{told}: see mixpay.horizon"), err=True)
    return told


def _connect(url: str) -> psycopg.Connection[Any]:
    """Nothing is prepared, so nothing remembers rows as they were before an upgrade."""
    return psycopg.connect(url, autocommit=True, prepare_threshold=None)


def _follow(
    url: str, merchant: str, after: str | None, poll: float, patience: float
) -> Iterator[mixpay_db.Event]:
    """What there is and what comes. A lost connection is made anew, the first one must succeed."""
    conn = _connect(url)
    named = None
    try:
        while True:
            try:
                if conn.closed:
                    conn = _connect(url)
                for event in _read(conn, merchant, after):
                    after = event.position
                    yield event
                named = _name_the_oldest(conn, patience, named)
            except psycopg.OperationalError as error:
                click.echo(f"trying again: {printable(str(error).splitlines()[0])}", err=True)
                conn.close()
            time.sleep(poll)
    finally:
        conn.close()
