"""Takes a database from what it is to what this version is: tables by migration, then all code.

yoyo reads the folder, orders it, splits the files and keeps its tables. What it leaves open is
closed here: everything pending runs in *one* transaction with its marks and the code, so that a
process that dies leaves nothing behind; an advisory lock lets one run at a time; what a file said
when it was applied is remembered.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass

import psycopg
from psycopg.conninfo import conninfo_to_dict
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import Migration, default_migration_table

from mixpay_db import bookkeeping, catalog, database
from mixpay_db.bookkeeping import CODE, State
from mixpay_db.catalog import Difference
from mixpay_db.problem import Problem
from mixpay_db.release import Release, text, way_back

Say = Callable[[str], None]


class ContentsDifferError(Problem):
    """The files and what was applied from them do not agree."""


class NotAdoptableError(Problem):
    """The schema is there without marks, and it is not what this version makes."""

    def __init__(self, differences: list[Difference]) -> None:
        names = "".join(f"\n  {d.kind}: {d.object}" for d in differences)
        super().__init__(
            f"schema mixpay has no migrations and is not what this version makes:{names}",
            "Adopt it with the version that installed it, then migrate with this one.",
        )
        self.differences = differences


class RowsWouldBeLostError(Problem):
    """A rollback would drop rows that are not the migrations' own."""


class NothingToRollBackError(Problem):
    """No migration is applied, or none by that name."""


@dataclass(frozen=True)
class Step:
    """A line of the plan: SQL that a DBA can run by hand, and how we run it."""

    title: str
    sql: str
    run: Callable[[PostgresqlPsycopgBackend], object]


def migrate(url: str, say: Say = print, *, reload: bool = False) -> list[str]:
    """Does what `plan` prints; gives the titles of the steps done."""
    with _transaction(url, say) as backend:
        steps = _steps(backend.connection, reload)
        for step in steps:
            say(step.title)
            step.run(backend)
    return [step.title for step in steps]


def plan(conn: psycopg.Connection, *, reload: bool = False) -> str:
    """What `migrate` would run, as one text for psql; empty if nothing is pending."""
    steps = _steps(conn, reload)
    if not steps:
        return ""
    begin = f"\\set ON_ERROR_STOP on\nbegin;\n{bookkeeping.LOCK};\n"
    return "\n".join([begin, *(f"-- {s.title}\n{s.sql.strip()}\n" for s in steps), "commit;\n"])


def status(conn: psycopg.Connection) -> dict[str, str]:
    """Each migration and the code: applied, pending, edited since then, or unknown to us."""
    release, state = Release(), bookkeeping.read(conn)
    found = {
        name: _standing(state.applied.get(name), checksum)
        for name, checksum in release.checksums.items()
    }
    found |= {name: "unknown" for name in state.applied if name not in found}
    return found | {CODE: "pending" if _code_is_pending(release, state) else "applied"}


def verify(conn: psycopg.Connection) -> list[Difference]:
    """All that is not as this version expects it: files, catalog, reference rows, checks."""
    state = bookkeeping.read(conn)
    if state.has_schema and not state.applied:
        return catalog.differences(conn)  # installed by psql: `migrate` adopts it
    standings = status(conn)
    found = [Difference(kind, name) for name, kind in standings.items() if kind != "applied"]
    if any(standings[name] in ("pending", "unknown") for name in standings if name != CODE):
        return found  # of another version: we can't tell what should be there
    return found + catalog.differences(conn)


def rollback(
    url: str, to: str | None = None, say: Say = print, *, drop_rows: bool = False
) -> list[str]:
    """Takes back the last migration, or all that came after `to`; gives their names.

    The code goes too, for it was written for the tables as they were: the version that one goes
    back to loads its own when it migrates.
    """
    with _transaction(url, say) as backend:
        conn, release = backend.connection, Release()
        migrations = _to_roll_back(release, bookkeeping.read(conn), to)
        guarded = set() if drop_rows else catalog.tables_with_rows_of_users(conn)
        before = catalog.columns(conn)
        if migrations:
            say("unload the code")
            conn.execute(release.unload)
        for migration in migrations:
            say(f"roll back {migration.id}")
            _process(migration, backend, "rollback")
            conn.execute(bookkeeping.unmark(migration.id))
        after = catalog.columns(conn)
        lost = {table for table in guarded if not before[table] <= after.get(table, set())}
        if lost:
            raise RowsWouldBeLostError(
                f"rows would be lost from {', '.join(sorted(lost))}; nothing was changed",
                "Say --drop-rows if they may go.",
            )
    return [migration.id for migration in migrations]


def _steps(conn: psycopg.Connection, reload: bool) -> list[Step]:
    release, state = Release(), bookkeeping.read(conn)
    _refuse_other_contents(release, state)
    pending = [m for m in release.migrations if m.id not in state.applied]
    steps = []
    if state.has_schema and not state.applied:
        differences = catalog.differences(conn)
        if differences:
            raise NotAdoptableError(differences)
        steps += [_step(f"adopt {m.id}", bookkeeping.mark(m.id, text(m))) for m in pending]
        steps += [_step("adopt the code", bookkeeping.remember(CODE, release.code))]
    elif pending:
        if state.has_schema:
            steps += [_step("unload the code", release.unload)]
        steps += [_apply(m) for m in pending]
        steps += [_load(release)]
    elif reload or _code_is_pending(release, state):
        steps += [_load(release)]
    if not state.has_bookkeeping:
        steps.insert(0, _step("create mixpay_migrations", bookkeeping.CREATE))
    return steps


def _step(title: str, sql: str) -> Step:
    return Step(title, sql, lambda backend: backend.connection.execute(sql))


def _apply(migration: Migration) -> Step:
    mark = bookkeeping.mark(migration.id, text(migration))

    def run(backend: PostgresqlPsycopgBackend) -> None:
        _process(migration, backend, "apply")
        backend.connection.execute(mark)

    return Step(f"apply {migration.id}", f"{text(migration)}\n{mark}", run)


def _load(release: Release) -> Step:
    remember = bookkeeping.remember(CODE, release.code)

    def run(backend: PostgresqlPsycopgBackend) -> None:
        database.load_code(backend.connection)
        backend.connection.execute(remember)

    return Step("load the code", f"{release.code}\n{remember}", run)


def _standing(applied: str | None, checksum: str) -> str:
    if applied is None:
        return "pending"
    return "applied" if applied == checksum else "edited"


def _code_is_pending(release: Release, state: State) -> bool:
    return state.code != bookkeeping.checksum(release.code)


def _refuse_other_contents(release: Release, state: State) -> None:
    unknown = [name for name in state.applied if name not in release.checksums]
    if unknown:
        raise ContentsDifferError(
            f"applied, but unknown to this version: {', '.join(unknown)}",
            "The database belongs to a newer version: use that one.",
        )
    edited = [name for name in state.applied if state.applied[name] != release.checksums[name]]
    if edited:
        raise ContentsDifferError(
            f"edited since it was applied: {', '.join(edited)}",
            "An applied migration never changes. Restore the file and write a new migration.",
        )
    if state.applied and not state.has_schema:
        raise ContentsDifferError(
            "migrations are applied, but schema mixpay is gone",
            "Restore it; or to begin anew, drop schema mixpay_migrations too.",
        )


def _to_roll_back(release: Release, state: State, to: str | None) -> list[Migration]:
    """The newest first, since each stands on those before it."""
    _refuse_other_contents(release, state)
    applied = {m.id: m for m in reversed(release.migrations) if m.id in state.applied}
    if not applied:
        raise NothingToRollBackError("no migration is applied", "See mixpay migrate status.")
    if to is not None and to not in applied:
        raise NothingToRollBackError(f"{to} is not applied", "See mixpay migrate status.")
    count = 1 if to is None else list(applied).index(to)
    chosen = list(applied.values())[:count]
    for migration in chosen:
        way_back(migration)
    return chosen


def _process(migration: Migration, backend: PostgresqlPsycopgBackend, direction: str) -> None:
    try:
        with redirect_stdout(sys.stderr):  # yoyo prints what a select finds
            migration.process_steps(backend, direction)
    except psycopg.Error as error:
        error.add_note(f"in {migration.path if direction == 'apply' else way_back(migration)}")
        raise


@contextmanager
def _transaction(url: str, say: Say) -> Iterator[PostgresqlPsycopgBackend]:
    """One transaction, and nobody else migrates meanwhile."""
    with _backend(url) as backend:
        conn = backend.connection
        with suppress(psycopg.errors.InvalidParameterValue):  # not on every platform
            # If we are killed, a long statement of ours must not keep its locks to its end.
            conn.execute("set client_connection_check_interval = '1s'")
        with backend.transaction():
            # Each statement is to see what others did while we waited.
            conn.execute("set transaction isolation level read committed")
            if not conn.execute(bookkeeping.TRY_LOCK).fetchone()[0]:
                say("wait for another migration to end")
                conn.execute(bookkeeping.LOCK)
            yield backend


def _backend(url: str) -> PostgresqlPsycopgBackend:
    """yoyo's connection; libpq reads the URL, for yoyo knows neither key=value nor sockets."""
    parameters = conninfo_to_dict(url)
    database_name = parameters.pop("dbname", None)
    uri = DatabaseURI("postgresql+psycopg", None, None, None, None, database_name, parameters)
    return PostgresqlPsycopgBackend(uri, default_migration_table)
