"""What stands in a live database, compared with what this version would make.

What is expected comes from no file that could grow old: inside a transaction that is rolled back,
the live schema steps aside under another name and this version is installed in its place, by the
same server that the live one is on. So nothing depends on how a PostgreSQL version spells a
definition, no other database is needed, and other sessions see none of it.

A server does not always print an expression as it prints what it has read of that print, and a
restored database was read from one. So what is spelled differently is read again on both sides
before it counts as different.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from mixpay_db import bookkeeping, database

_DESCRIBE = Path(__file__).with_name("catalog.sql").read_text(encoding="utf-8")
_ASIDE = "mixpay_live"
_MOMENTS = {"created_at", "updated_at"}
# What is compared with a fresh installation.
_BESIDE = ("definitions", "owners and grants", "reference rows")
# What differs from nothing: grants to roles that are not ours; what the next migrate drops.
HARMLESS = ("granted", "left")
_LEFT = ("function mixpay._after_", "function mixpay._before_", "type mixpay._after_")
_PART_OF_LEFT = "column mixpay._after_"
# A server that does not make something; not one that is gone, or was told to stop.
_REFUSALS = (
    psycopg.ProgrammingError,
    psycopg.InternalError,
    psycopg.NotSupportedError,
    psycopg.DataError,
)


@dataclass(frozen=True)
class _Described:
    """An object as the server tells it."""

    told: str
    printed: str | None  # what of it the server may print otherwise when it has read that
    anew: str | None  # SQL that makes it from what is printed, instead of what is there
    granted_to_others: str | None  # what counts for nothing here

    def __str__(self) -> str:
        return "\n".join(filter(None, (self.told, self.printed)))


_Catalog: TypeAlias = dict[str, _Described]


@dataclass(frozen=True)
class Difference:
    """Something that is not as this version expects it."""

    # missing, unexpected, changed; pending, edited, unknown; broken; unseen; granted, left
    kind: str
    object: str
    expected: str | None = None
    found: str | None = None


def differences(conn: psycopg.Connection) -> list[Difference]:
    """What is not as in a fresh installation (catalog, reference rows), and what checks find."""
    if not _fetch(conn, "select from pg_catalog.pg_namespace where nspname = 'mixpay'"):
        return [Difference("missing", "schema mixpay")]
    if _fetch(conn, "show transaction_read_only") == [("on",)]:
        return [*map(_unseen, _BESIDE), *_broken_checks(conn)]
    with conn.transaction(force_rollback=True):
        bookkeeping.lock(conn)
        found = _describe(conn)
        with fresh_installation(conn):
            expected, found = _spelled_alike(conn, _describe(conn), found)
            missing_rows = list(_missing_rows(conn))
    differing = list(_differing(expected, found))
    try:
        with conn.transaction():
            return differing + missing_rows + list(_broken_checks(conn))
    except psycopg.ProgrammingError:
        if not differing:
            raise
        return differing + missing_rows  # what a check asks for is among what is missing


def tables_with_rows_of_users(conn: psycopg.Connection) -> set[str]:
    """Tables with rows that a fresh installation has not, or not so: what users would lose."""
    with fresh_installation(conn, database.install_tables):
        shipped, live = _shipped(conn), columns(conn, _ASIDE)
        return {
            table
            for table in _with_rows(conn, live, _ASIDE)
            if table not in shipped
            or _row(conn, table, live[table] & shipped[table], _ASIDE, "mixpay")
        }


def _unseen(what: str) -> Difference:
    found = "nothing can be installed beside a database that is read-only: ask its primary"
    return Difference("unseen", what, found=found)


def _differing(expected: _Catalog, found: _Catalog) -> Iterator[Difference]:
    for name in sorted(expected.keys() | found.keys()):
        if name.startswith(_PART_OF_LEFT):
            continue
        if name not in expected and name.startswith(_LEFT):
            yield Difference("left", name, None, "the next mixpay migrate drops it")
        elif name not in expected:
            yield Difference("unexpected", name, None, str(found[name]))
        elif name not in found:
            yield Difference("missing", name, str(expected[name]))
        elif str(expected[name]) != str(found[name]):
            yield Difference("changed", name, str(expected[name]), str(found[name]))
        if name in expected and name in found and found[name].granted_to_others:
            yield Difference("granted", name, found=found[name].granted_to_others)


@contextmanager
def fresh_installation(
    conn: psycopg.Connection,
    install: Callable[[psycopg.Connection], None] = database.install,
) -> Iterator[None]:
    """While it lasts, schema mixpay is a fresh one and the live one is called otherwise."""
    with conn.transaction(force_rollback=True):
        conn.execute(sql.SQL("alter schema mixpay rename to {}").format(sql.Identifier(_ASIDE)))
        conn.execute("set local check_function_bodies = off")  # what we ship compiles
        install(conn)
        conn.execute(database.PATH)
        yield


def _missing_rows(conn: psycopg.Connection) -> Iterator[Difference]:
    """Reference rows of a fresh installation that the live one has not.

    In a table that a function writes (channels can be registered) only a row's key counts.
    """
    live = columns(conn, _ASIDE)
    for table, names in _shipped(conn).items():
        if table in live:
            compared = names & live[table]
            if _is_written(conn, table):
                compared &= _key(conn, table)
            row = _row(conn, table, compared, "mixpay", _ASIDE)
            if row:
                yield Difference("missing", f"row of mixpay.{table}", expected=row)


def _broken_checks(conn: psycopg.Connection) -> Iterator[Difference]:
    for result in database.run_checks(conn):
        if result.rows:
            yield Difference("broken", result.name, found=f"{len(result.rows)} row(s)")


def _describe(conn: psycopg.Connection) -> _Catalog:
    with conn.transaction(force_rollback=True):  # for the path's sake, which spells names in full
        conn.execute("set local search_path = pg_catalog")
        return {name: _Described(*told) for name, *told in _fetch(conn, _DESCRIBE)}


def _spelled_alike(
    conn: psycopg.Connection, expected: _Catalog, found: _Catalog
) -> tuple[_Catalog, _Catalog]:
    """Both, with what differs as the server prints it once it has read what it printed.

    Twice, for the first print of a deep expression may need a second one to come back the same.
    """
    for _ in range(2):
        differing = [
            name
            for name in expected.keys() & found.keys()
            if expected[name].printed != found[name].printed
        ]
        if differing:
            expected = _read_again(conn, expected, differing)
            found = _read_again(conn, found, differing)
    return expected, found


def _read_again(conn: psycopg.Connection, told: _Catalog, names: list[str]) -> _Catalog:
    """Made anew in the fresh installation from what was printed; what cannot be stays as it is."""
    with conn.transaction(force_rollback=True):
        conn.execute("set local role mixpay_owner")
        made = []
        for name in sorted(names):
            anew = told[name].anew
            if anew is not None:
                with suppress(*_REFUSALS), conn.transaction():
                    conn.execute(anew)
                    made.append(name)
        again = _describe(conn)
    return told | {
        name: replace(told[name], printed=again[name].printed) for name in made if name in again
    }


def columns(conn: psycopg.Connection, schema: str = "mixpay") -> dict[str, set[str]]:
    """The columns of each table; nothing if there is no such schema."""
    query = """
        select c.relname, array_agg(a.attname) filter (where a.attname is not null)
        from pg_catalog.pg_class as c
        left join pg_catalog.pg_attribute as a
            on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where
            c.relnamespace = to_regnamespace(%s)
            and c.relkind in ('r', 'p')
            and not c.relispartition
        group by c.relname
    """
    return {table: set(names or ()) for table, names in _fetch(conn, query, schema)}


def _shipped(conn: psycopg.Connection) -> dict[str, set[str]]:
    """The tables into which a fresh installation puts rows, and their columns."""
    fresh = columns(conn)
    return {table: fresh[table] for table in _with_rows(conn, fresh, "mixpay")}


def _with_rows(conn: psycopg.Connection, tables: Iterable[str], schema: str) -> list[str]:
    """Those that are not empty."""
    asked = [
        sql.SQL("select {} where exists (select from {})").format(
            table, sql.Identifier(schema, table)
        )
        for table in sorted(tables)
    ]
    return [table for (table,) in _fetch(conn, sql.SQL(" union all ").join(asked))] if asked else []


def _is_written(conn: psycopg.Connection, table: str) -> bool:
    query = """
        select from pg_catalog.pg_proc as p
        where p.pronamespace = 'mixpay'::regnamespace and p.prosrc ~* %s
        limit 1
    """
    writes = rf"\m(insert into|update|delete from)\s+(mixpay\.)?{table}\M"
    return bool(_fetch(conn, query, writes))


def _key(conn: psycopg.Connection, table: str) -> set[str]:
    query = """
        select a.attname
        from pg_catalog.pg_index as i
        inner join pg_catalog.pg_attribute as a
            on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
        where i.indrelid = format('mixpay.%%I', %s::text)::regclass and i.indisprimary
    """
    return {name for (name,) in _fetch(conn, query, table)}


def _row(
    conn: psycopg.Connection, table: str, names: set[str], schema: str, without: str
) -> str | None:
    """A row of the table as JSON that the same table of the other schema has not.

    Compared are these columns, without the clock of the writing.
    """
    rows = sql.SQL(" except all ").join(
        sql.SQL("select to_jsonb(r) from (select {} from {}) as r").format(
            sql.SQL(", ").join(map(sql.Identifier, sorted(names - _MOMENTS))),
            sql.Identifier(name, table),
        )
        for name in (schema, without)
    )
    found = _fetch(conn, sql.SQL("select d.row::text from ({}) as d (row) limit 1").format(rows))
    return found[0][0] if found else None


def _fetch(conn: psycopg.Connection, query: str | sql.Composed, *parameters: str) -> list[tuple]:
    return conn.cursor(row_factory=tuple_row).execute(query, parameters or None).fetchall()
