"""The command `mixpay`."""

from importlib import import_module
from typing import Any

import click
import psycopg

from mixpay_db.cli.common import tell_and_exit, url_option
from mixpay_db.printable import shown
from mixpay_db.problem import Problem
from mixpay_db.url import without_passwords

# Where each subcommand is: module below mixpay_db.cli, and the command's name in it.
COMMANDS = {
    "call": ("call", "call"),
    "check": ("check", "check"),
    "demo": ("demo", "demo"),
    "dispatch": ("dispatch", "dispatch"),
    "events": ("events", "events"),
    "import": ("import_", "import_"),
    "migrate": ("migrations", "migrate"),
    "reconcile": ("reconcile", "reconcile_"),
    "report": ("report", "report"),
    "server": ("server", "server"),
    "types": ("types", "types"),
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

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (Problem, psycopg.Error) as error:
            tell_and_exit(error)
        except click.UsageError as error:
            # It repeats what it was given, perhaps a URL in the wrong place.
            told = shown(without_passwords(error.format_message()))
            raise click.UsageError(told, error.ctx) from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mixpay-db", message="mixpay %(version)s")
@url_option
def main() -> None:
    """Merged orders, mixed payments and first-in-first-out refunds in PostgreSQL."""
