"""`mixpay server`: the embedded PostgreSQL server that stays."""

import json
from pathlib import Path

import click

from mixpay_db import embedded
from mixpay_db.problem import Problem


@click.group()
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


@server.command()
@click.pass_obj
def start(obj: embedded.PersistentServer) -> None:
    """Start it, unless it runs already."""
    started = obj.start()
    click.echo(f"{'started' if started else 'already running'}: {obj.url()}")


@server.command()
@click.pass_obj
def stop(obj: embedded.PersistentServer) -> None:
    """Disconnect everybody and stop it. The data stays."""
    click.echo("stopped" if obj.stop() else "not running")


@server.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """Say whether it runs: the exit status is 0 if it does and 3 if not."""
    server: embedded.PersistentServer = ctx.obj
    pid = server.pid()
    told = {"running": pid is not None, "pid": pid, "home": str(server.home), "url": server.url()}
    if as_json:
        click.echo(json.dumps(told))
    elif pid is None:
        click.echo(f"not running; its data stays in {server.home}")
    else:
        click.echo(f"running as process {pid}, data in {server.home}\n{server.url()}")
    ctx.exit(0 if pid is not None else 3)


@server.command()
@click.pass_obj
def url(obj: embedded.PersistentServer) -> None:
    """Print its URL, for psql and any client on this machine."""
    click.echo(obj.url())


@server.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def psql(obj: embedded.PersistentServer, arguments: tuple[str, ...]) -> None:
    """Open psql on it. Further arguments are psql's own."""
    if obj.pid() is None:
        raise Problem("the embedded server is not running", "Run: mixpay server start")
    embedded.psql(obj, list(arguments))
