"""The command `mixpay`."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from mixpay_db.cli import endings
from mixpay_db.cli.common import url_option
from mixpay_db.cli.help import examples

# Where each subcommand is: module below mixpay_db.cli, and the command's name in it.
COMMANDS = {
    "call": ("call", "call"),
    "check": ("check", "check"),
    "completion": ("completion", "completion"),
    "demo": ("demo", "demo"),
    "dispatch": ("dispatch", "dispatch"),
    "events": ("events", "events"),
    "grant": ("grant", "grant"),
    "import": ("import_", "import_"),
    "metrics": ("metrics", "metrics"),
    "migrate": ("migrations", "migrate"),
    "order": ("story", "order"),
    "reconcile": ("reconcile", "reconcile_"),
    "refund": ("story", "refund"),
    "report": ("report", "report"),
    "server": ("server", "server"),
    "sql": ("sql", "sql"),
    "trade": ("story", "trade"),
    "types": ("types", "types"),
    "upkeep": ("upkeep", "upkeep"),
    "verify": ("migrations", "verify"),
    "web": ("web", "web"),
}


class _Commands(click.Group):
    """Loads a subcommand when it is asked for, and tells errors without a stack of calls."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return super().get_command(ctx, name)
        module, attribute = COMMANDS[name]
        command = getattr(import_module(f"{__name__}.{module}"), attribute)
        return command if isinstance(command, click.Command) else None

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        with endings.nobody_reads():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with endings.nobody_reads():
            return super().invoke(ctx)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Whatever happens ends in a status, and in words that a person can use."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, False, **extra)
        with endings.told():
            code = super().main(args, prog_name, complete_var, False, **extra)
            raise SystemExit(code if isinstance(code, int) else endings.DONE)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "mixpay demo",
        "mixpay --url postgresql://user@host/database migrate",
        "mixpay call --help",
        "mixpay report trade_balances --merchant mall",
    ),
)
@click.version_option(package_name="mixpay-db", message="mixpay %(version)s")
@url_option
def main() -> None:
    """Merged orders, mixed payments and first-in-first-out refunds in PostgreSQL."""
