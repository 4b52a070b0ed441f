"""How a command ends: its exit status, and what is said of whatever went wrong."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click
import psycopg

from mixpay_db.printable import shown
from mixpay_db.problem import FORBIDDEN, LACKS, MIGRATE, OWNERS, ROLES, UNMIGRATABLE, Problem
from mixpay_db.url import without_passwords

DONE = 0
NO = 1
NOT_ASKED = 2
NOT_NOW = 3
OURS = 70
INTERRUPTED = 130
NOBODY_READS = 141
TERMINATED = 143
# docs/command-line.md has these words; a test compares.
STATUSES = {
    DONE: "done; `check` and `verify`: all is well",
    NO: "the database refused, or the answer is no: a check found something, something differs",
    NOT_ASKED: "it could not be asked: a wrong option, a file or a server that is not there, an "
    "output that cannot be written",
    NOT_NOW: "not now: others are in the way of `migrate`; `server status`: it is not running",
    OURS: "a mistake of mixpay's own, told in one line; with MIXPAY_TRACEBACK=1 in all its lines",
    INTERRUPTED: "interrupted by Ctrl-C",
    NOBODY_READS: "whoever read the output has gone away, as `head` does",
    TERMINATED: "told to end by SIGTERM",
}


@contextmanager
def told() -> Iterator[None]:
    """Around all that a command does. What is raised within ends the process."""
    try:
        _take_interrupts()
        write_any_text()
        # What it tells its log is ours to tell; who sets up a log has it in there all the same.
        logging.getLogger("psycopg").addHandler(logging.NullHandler())
        yield
    except SystemExit as exit_:
        _flush()
        raise exit_
    except (KeyboardInterrupt, click.Abort):
        _end(INTERRUPTED)
    except BrokenPipeError:
        _end(NOBODY_READS)
    except (Problem, psycopg.Error) as error:
        tell_and_exit(error)
    except click.ClickException as error:
        _tell_usage(error)
    except UnicodeError as error:
        _say("error", f"a text has bytes that are not in its encoding: {_where(error)}")
        _end(NOT_ASKED)
    except RecursionError:
        _say("error", "what was given is nested too deeply")
        _end(NOT_ASKED)
    except MemoryError:
        _say("error", "there is not enough memory")
        _end(NOT_ASKED)
    except OSError as error:
        name = f": {error.filename}" if error.filename else ""
        what = error.strerror or str(error)
        _say("error", f"{'cannot write the output: ' if not name else ''}{what}{name}")
        _end(NOT_ASKED)
    except Exception as error:
        if os.environ.get("MIXPAY_TRACEBACK"):
            traceback.print_exc()
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{os.path.basename(place.filename)}:{place.lineno}"
        _say("error", f"a mistake of mixpay's own: {type(error).__name__}: {error} ({where})")
        _say("hint", "Report it; MIXPAY_TRACEBACK=1 says where it comes from.")
        _end(OURS)


@contextmanager
def nobody_reads() -> Iterator[None]:
    """click has a way of its own with a closed pipe: an exit status that says something else."""
    try:
        yield
    except BrokenPipeError:
        _end(NOBODY_READS)


def tell_and_exit(error: Problem | psycopg.Error) -> NoReturn:
    """The error, then its detail and its hint, each on a line of its own.

    The exit status is 1 if the database refused, 2 if it could not be asked; a problem may have
    its own.
    """
    if isinstance(error, Problem):
        first, *more = str(error).splitlines() or [""]
        lines = [("error", first), *[("", line) for line in more], ("hint", error.hint)]
    elif error.sqlstate is None:
        what, hint = unreached(error)
        first, *more = what.splitlines()
        lines = [("error", first), *[("", line) for line in more], ("hint", hint)]
    else:
        said = refusal(error)
        lines = [
            ("error", f"{said['sqlstate']}: {said['message']}"),
            ("detail", said["detail"]),
            ("hint", said["hint"]),
        ]
    for label, text in lines:
        if text:
            _say(label, text)
    if isinstance(error, Problem):
        _end(error.status)
    _end(NO if error.sqlstate else NOT_ASKED)


def unreached(error: psycopg.Error) -> tuple[str, str | None]:
    """What libpq says of a server that it could not ask, and what it asks us or supposes.

    It may have tried several addresses, or one twice; then it says the same once more.
    """
    what, *more = [line.strip() for line in str(error).splitlines()] or [type(error).__name__]
    attempts = [i for i, line in enumerate(more) if line.startswith("Multiple connection attempts")]
    end = attempts[0] if attempts else len(more)
    hint = [line for line in more[:end] if not what.endswith(line)]
    others = [line for line in more[end:] if line not in hint]
    return "\n".join([what, *others]), " ".join(hint) or None


def refusal(error: psycopg.Error) -> dict[str, str | None]:
    """What the database says, and what to do about it."""
    return {
        "sqlstate": error.sqlstate,
        "message": error.diag.message_primary,
        "detail": error.diag.message_detail,
        "hint": hint_of(error),
    }


def hint_of(error: psycopg.Error) -> str | None:
    """What to do about what the database says."""
    if error.sqlstate in LACKS:
        return MIGRATE
    if re.match(FORBIDDEN, error.diag.message_primary or ""):
        return ROLES
    if error.diag.message_primary == UNMIGRATABLE:
        return OWNERS
    return error.diag.message_hint


def write_any_text() -> None:
    """A terminal without Unicode is no reason to fail: what it cannot show is written out."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is None:
            continue
        if stream.encoding.lower().replace("-", "") in ("ascii", "usascii", "ansi_x3.41968"):
            reconfigure(encoding="utf-8")
        reconfigure(errors="backslashreplace")


def _take_interrupts() -> None:
    """Until now mixpay_db/cli/mixpay ended the process by itself."""
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _tell_usage(error: click.ClickException) -> NoReturn:
    """It repeats what it was given, perhaps a URL in the wrong place."""
    said = shown(without_passwords(error.format_message()))
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    try:
        # Nothing was said that could be wrong: since click 8.2 the help itself is raised.
        if ctx is not None and type(error).__name__ == "NoArgsIsHelpError":
            click.echo(ctx.get_help(), err=True)
        else:
            click.UsageError(said, ctx).show()
    except OSError:
        _end(NOT_ASKED)
    _end(NOT_ASKED)


def _say(label: str, text: str) -> None:
    try:
        click.echo(f"{label}: {shown(text)}" if label else shown(text), err=True)
    except (OSError, ValueError):
        # Nobody listens; the status says it.
        return


def _where(error: UnicodeError) -> str:
    if isinstance(error, UnicodeEncodeError):
        return repr(error.object[max(0, error.start - 20) : error.end + 20])
    return str(error)


def _flush() -> None:
    """All that was written; a failure is told, and not once more when the interpreter ends."""
    # Without a standard output there is nothing to lose: somebody closed it on purpose.
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _end(NOBODY_READS)
    except OSError as error:
        _say("error", f"cannot write the output: {error.strerror}")
        _end(NOT_ASKED)


def _end(status: int) -> NoReturn:
    """What is still to be written goes nowhere."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
    raise SystemExit(status)
