"""`mixpay web`: the books on pages, for a browser."""

from __future__ import annotations

import re
import sys
import threading

import click

from mixpay_db.cli.common import connect_url, url_option
from mixpay_db.cli.help import examples
from mixpay_db.pictures.words import LANGUAGES
from mixpay_db.problem import Problem

_LOOPBACK = "127.0.0.1"


@click.command(
    epilog=examples("mixpay web", "mixpay web --port 9000 --zone Asia/Shanghai --lang zh")
)
@click.option(
    "--host",
    default=_LOOPBACK,
    show_default=True,
    help="Where to listen. Whoever reaches it reads all books: put a login before it.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=8020, show_default=True)
@click.option("--zone", metavar="ZONE", help="Whose days and hours; without: the database's own.")
@click.option(
    "--lang",
    "language",
    type=click.Choice(list(LANGUAGES)),
    default="en",
    show_default=True,
    help="For whom the browser does not say.",
)
@url_option
@click.pass_context
def web(ctx: click.Context, host: str, port: int, zone: str | None, language: str) -> None:
    """Serve the books as pages: a merchant, a trade, an order, a refund.

    It only reads, as mixpay_reader, so the login has to be a member of that role.
    """
    try:
        from cheroot.wsgi import Server

        from mixpay_db.pictures import charts
        from mixpay_db.web import LOOPBACK, create_app
    except ImportError as error:
        raise Problem(
            f"the pages need a library that is not here: {error.name}",
            'pip install "mixpay-db[web]" brings it.',
        ) from error
    url = connect_url(ctx)
    local = host in ("localhost", "::1") or host.startswith("127.")
    app = create_app(url, hosts=LOOPBACK if local else None, zone=zone, language=language)
    # A browser keeps its connections, and Ctrl-C is not to wait for them.
    server = Server((host, port), app, numthreads=8, shutdown_timeout=1)
    try:
        server.prepare()
    except OSError as error:
        # The system's words are within cheroot's.
        *_, why = re.findall(r"\[Errno -?[0-9]+\] ([^)]+)", str(error)) or [str(error)]
        raise Problem(
            f"cannot listen on {host}:{port}: {why}", "Name another --port or --host."
        ) from error
    threading.Thread(target=charts.warm_up, daemon=True).start()
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"http://{shown}:{server.bind_addr[1]}/ shows the books, until Ctrl-C")
    sys.stdout.flush()
    try:
        server.serve()
    except KeyboardInterrupt:
        click.echo("", err=True)
    finally:
        server.stop()
