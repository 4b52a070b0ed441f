"""`mixpay server`: the embedded PostgreSQL server that stays."""

import json
from pathlib import Path

import click

from mixpay_db import embedded
from mixpay_db.cli.help import examples
from mixpay_db.problem import Problem


@click.group(
    epilog=examples(
        "mixpay server start --port 5433",
        "mixpay server status",
        "mixpay server psql -c 'select 1'",
    )
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="MIXPAY_DATA",
    help="Where the server keeps its data; also MIXPAY_DATA.",
)
@click.pass_context
def server(ctx: click.Context, data: Path | None) -> None:
    """Start and stop the embedded PostgreSQL server."""
    ctx.obj = embedded.PersistentServer(data)


@server.command(
    epilog=examples(
        "mixpay server start",
        "mixpay server start --port 5433",
    )
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Listen on this port of 127.0.0.1, too, for those who know the password.",
)
@click.pass_obj
def start(obj: embedded.PersistentServer, port: int | None) -> None:
    """Start it, unless it runs already.

    With --port, the password of user postgres is what the file `password` in the server's directory
    says; where there is none, one is made.
    """
    started = obj.start(port)
    click.echo(f"{'started' if started else 'already running'}: {_place(obj)}")
    if obj.tcp_url() is not None:
        click.echo(f"The password is in {obj.password_file}; mixpay server url prints it, too.")


def _place(server: embedded.PersistentServer) -> str:
    """Where it listens, without the password."""
    return server.tcp_url(password=False) or server.url()


@server.command(
    epilog=examples(
        "mixpay server stop",
    )
)
@click.pass_obj
def stop(obj: embedded.PersistentServer) -> None:
    """Disconnect everybody and stop it. The data stays."""
    click.echo("stopped" if obj.stop() else "not running")


@server.command(
    epilog=examples(
        "mixpay server status --json",
    )
)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """Say whether it runs: the exit status is 0 if it does and 3 if not."""
    server: embedded.PersistentServer = ctx.obj
    pid = server.pid()
    told = {"running": pid is not None, "pid": pid, "home": str(server.home), "url": _place(server)}
    if as_json:
        click.echo(json.dumps(told))
    elif pid is None:
        there = f"its data stays in {server.home}" if server.home.exists() else "it has no data yet"
        click.echo(f"not running; {there}")
    else:
        click.echo(f"running as process {pid}, data in {server.home}\n{_place(server)}")
    ctx.exit(0 if pid is not None else 3)


@server.command(
    epilog=examples(
        "psql $(mixpay server url)",
        "mixpay server url --jdbc",
    )
)
@click.option("--jdbc", is_flag=True, help="As JDBC writes it.")
@click.pass_obj
def url(obj: embedded.PersistentServer, jdbc: bool) -> None:
    """Print its URL, for psql and any client on this machine.

    When it listens on a port, the password is in it, and clients that know no Unix sockets take it.
    """
    tcp = obj.tcp_url(jdbc=jdbc)
    if jdbc and tcp is None:
        raise Problem(
            "the embedded server does not listen on a port, and JDBC knows no Unix sockets",
            "Run: mixpay server stop, then mixpay server start --port 5433",
        )
    click.echo(tcp or obj.url())


@server.command(
    context_settings={"ignore_unknown_options": True},
    epilog=examples(
        "mixpay server psql",
        "mixpay server psql -c 'select * from mixpay.merchant_list'",
    ),
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def psql(obj: embedded.PersistentServer, arguments: tuple[str, ...]) -> None:
    """Open psql on it. Further arguments are psql's own."""
    if obj.pid() is None:
        raise Problem("the embedded server is not running", "Run: mixpay server start")
    embedded.psql(obj, list(arguments))
