"""`mixpay dispatch`: workers that send refunds through their channels."""

import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import click

from mixpay_db.channels.config import load_channels
from mixpay_db.cli.common import Seconds, connect_url, url_option
from mixpay_db.cli.help import examples
from mixpay_db.dispatch import Settings
from mixpay_db.dispatch import dispatch as run
from mixpay_db.printable import shown

_DEFAULTS = Settings(worker="")
_SECONDS = Seconds(0, 86400, min_open=True)


def _worker() -> str:
    """Of this process alone. The database takes 64 characters; each thread appends its number."""
    return f"{socket.gethostname()[:40]}-{os.getpid()}"


@click.command(
    epilog=examples(
        "mixpay dispatch --config dispatch.toml",
        "mixpay dispatch --config dispatch.toml --once --merchant mall",
    )
)
@click.option(
    "--config",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="TOML: a table [channels.NAME] for each channel to serve.",
)
@click.option(
    "--worker", metavar="NAME", help="The name to claim under, unique. [default: host-pid]"
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    default=_DEFAULTS.concurrency,
    show_default=True,
    help="Threads, each with a connection of its own.",
)
@click.option(
    "--batch",
    type=click.IntRange(1, 1000),
    default=_DEFAULTS.batch,
    show_default=True,
    help="Refunds to claim at a time.",
)
@click.option(
    "--lease",
    type=Seconds(1, 86400),
    default=_DEFAULTS.lease,
    show_default=True,
    help="Seconds after which somebody else may claim what a dead worker had.",
)
@click.option(
    "--poll",
    type=_SECONDS,
    default=_DEFAULTS.poll,
    show_default=True,
    help="Seconds to wait, more or less, when nothing is due.",
)
@click.option(
    "--merchant", "merchants", multiple=True, metavar="ID", help="Only theirs. May be repeated."
)
@click.option("--once", is_flag=True, help="Stop as soon as nothing is due.")
@click.option(
    "--retry-base",
    type=_SECONDS,
    default=_DEFAULTS.retry_base,
    show_default=True,
    help="Seconds after which what is in doubt is asked for again; doubled with each attempt.",
)
@click.option(
    "--retry-cap",
    type=_SECONDS,
    default=_DEFAULTS.retry_cap,
    show_default=True,
    help="Never later than after so many seconds.",
)
@url_option
@click.pass_context
def dispatch(
    ctx: click.Context,
    config: Path,
    worker: str | None,
    concurrency: int,
    batch: int,
    lease: float,
    poll: float,
    merchants: tuple[str, ...],
    once: bool,
    retry_base: float,
    retry_cap: float,
) -> None:
    """Send the refunds that are due through their channels, and record what became of them.

    Run as many as you like; each may be killed at any time. SIGTERM and SIGINT end it after the
    refund in hand. What it does is logged to stderr.
    """
    adapters = load_channels(config)
    settings = Settings(
        worker=worker or _worker(),
        concurrency=concurrency,
        batch=batch,
        lease=lease,
        poll=poll,
        merchants=merchants,
        once=once,
        retry_base=retry_base,
        retry_cap=retry_cap,
    )
    url = connect_url(ctx)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Printable("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # What becomes of a refund is told when it is known, not each try.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    stop = threading.Event()

    def told(number: int, _: FrameType | None) -> None:
        stop.set()
        logging.info("told to stop: ends after the refund in hand")
        # Whoever tells it twice is in a hurry.
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    run(url, adapters, settings, stop)


class Printable(logging.Formatter):
    """What channels say is theirs: it neither ends a line of the log nor moves a cursor."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        record.message = shown(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return "\n".join(map(shown, super().formatException(ei).split("\n")))
