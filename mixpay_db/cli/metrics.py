"""`mixpay metrics`: what to watch, for people and for whatever collects metrics."""

from __future__ import annotations

import click
import psycopg
from psycopg.rows import tuple_row

from mixpay_db.cli.common import connect_url, failures_are_problems, url_option
from mixpay_db.cli.help import examples
from mixpay_db.cli.output import echo_json, echo_table

# What each figure of mixpay.metrics says, in a line. docs/monitoring.md says what to do about it.
HELP = {
    "oldest_transaction_xids": "How many transactions began since the oldest that still runs.",
    "oldest_transaction_seconds": "How long ago the oldest transaction that still runs began.",
    "channel_refunds_due": "Channel refunds that are to be sent now.",
    "channel_refunds_due_seconds": "For how long the first of them has been due.",
    "channel_refunds_in_doubt": "Channel refunds of which nobody knows whether they were sent.",
    "channel_refunds_bounced": "Channel refunds that came back from the buyer.",
    "channel_refunds_waiting": "Channel refunds that wait for a person, or for their moment.",
    "anomalies_open": "Money that a channel sent although its amount had been given to others.",
    "trades_to_expire": "Trades whose time is over and that nobody closed.",
    "releases_due": "Orders in escrow whose release is due.",
}


@click.command(
    epilog=examples(
        "mixpay metrics",
        "mixpay metrics --format table",
        "mixpay metrics > /var/lib/node_exporter/mixpay.prom.new",
    )
)
@click.option(
    "--format",
    "as_what",
    type=click.Choice(["prometheus", "table", "json"]),
    default="prometheus",
    show_default=True,
)
@click.option("--json", "as_what", flag_value="json", help="The same as --format json.")
@url_option
@click.pass_context
def metrics(ctx: click.Context, as_what: str) -> None:
    """Show what to watch, over all merchants: work lists, ages, the oldest transaction.

    A member of mixpay_monitor may ask. Prometheus reads it from a file by node_exporter's textfile
    collector; docs/monitoring.md has pgwatch, sql_exporter and a dashboard, too.
    """
    with (
        failures_are_problems(),
        psycopg.connect(connect_url(ctx), row_factory=tuple_row) as conn,
    ):
        conn.read_only = True
        figures = conn.execute("select metric, value from mixpay.metrics").fetchall()
    if as_what == "json":
        echo_json(dict(figures))
    elif as_what == "table":
        echo_table(["metric", "value"], figures)
    else:
        click.echo("".join(_exposed(name, value) for name, value in figures), nl=False)


def _exposed(name: str, value: int) -> str:
    """A gauge in Prometheus' text format. A newer database may have figures of no help here."""
    help_line = f"# HELP mixpay_{name} {HELP[name]}\n" if name in HELP else ""
    return f"{help_line}# TYPE mixpay_{name} gauge\nmixpay_{name} {value}\n"
