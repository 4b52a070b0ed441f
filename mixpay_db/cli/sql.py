"""`mixpay sql`: the whole database as one file, for those who have psql and no Python."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import click

from mixpay_db import database, resources
from mixpay_db.cli.help import examples
from mixpay_db.problem import Problem

_HEAD = """\
-- mixpay {version}, the whole of it: psql -f FILE DATABASE
-- Made by `mixpay sql`. It is one transaction: after an error the database is as it was.
\\set ON_ERROR_STOP on
begin;
"""
_CONTROL = """\
# mixpay {version}. Made by `mixpay sql --extension`.
comment = 'Merged orders, mixed payments and first-in-first-out refunds'
default_version = '{version}'
relocatable = false
superuser = true
"""
_EXTENSION_HEAD = """\
-- mixpay {version}. Made by `mixpay sql --extension`.
\\echo Use "create extension mixpay" to load this file. \\quit
"""
# pg_dump writes down no rows of an extension's tables but those that are named here.
_EXTENSION_TAIL = """\
do $dumped$
declare
    v_table regclass;
    v_kind "char";
    v_is_restored boolean := coalesce(current_setting('mixpay.restored', true), '') = 'on';
begin
    for v_table, v_kind in
        select oid, relkind from pg_catalog.pg_class
        where relnamespace = 'mixpay'::regnamespace and relkind in ('r', 'S')
    loop
        perform pg_catalog.pg_extension_config_dump(v_table, '');
        -- Its reference rows come with the others, as they were when they were dumped.
        if v_is_restored and v_kind = 'r' then
            execute format('truncate %s cascade', v_table);
        end if;
    end loop;
end;
$dumped$;
"""


@click.command(
    epilog=examples(
        "mixpay sql > mixpay.sql",
        "mixpay sql | psql --no-psqlrc postgresql://user@host/database",
        "mixpay sql --extension /usr/share/postgresql/15/extension",
    )
)
@click.option(
    "--extension",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIRECTORY",
    help="Write mixpay.control and the extension's script into it instead.",
)
def sql(directory: Path | None) -> None:
    """Write the whole database as one file of SQL: roles, tables, functions, views, rights.

    psql runs it on an empty database, in one transaction. `mixpay migrate` of the same version
    takes that database over later.

    As an extension it is loaded by `create extension mixpay`. Then its tables belong to the
    extension: docs/pipelines.md says what that means for dumps.
    """
    version = metadata.version("mixpay-db")
    text = database.read_contents(resources.sql_dir() / "install.sql")
    if directory is None:
        click.echo(f"{_HEAD.format(version=version)}{text}commit;")
        return
    files = {
        "mixpay.control": _CONTROL.format(version=version),
        f"mixpay--{version}.sql": _EXTENSION_HEAD.format(version=version) + text + _EXTENSION_TAIL,
    }
    for name, content in files.items():
        try:
            (directory / name).write_text(content, encoding="utf-8")
        except OSError as error:
            raise Problem(f"cannot write {directory / name}: {error.strerror}") from error
        click.echo(f"wrote {directory / name}")
