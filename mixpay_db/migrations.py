"""Takes a database from what it is to what this version is: tables by migration, then all code.

yoyo reads the folder and keeps its tables. What it leaves open is closed here: everything pending
runs in *one* transaction with its marks and the code, so that a process that dies leaves nothing
behind; a lock lets one run at a time; what a file said when it was applied is remembered; and
others who work meanwhile wait for a moment only (busy.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import Migration, default_migration_table

from mixpay_db import bookkeeping, busy, catalog, database, repair, replaceable
from mixpay_db.bookkeeping import CODE, State
from mixpay_db.busy import Holder, Patience, Say, Turn
from mixpay_db.catalog import Difference
from mixpay_db.problem import Problem
from mixpay_db.release import Release, code_stays, text, way_back
from mixpay_db.replaceable import Code, Gate, Statement
from mixpay_db.url import checked

PATIENCE = Patience()
# Whoever opened the transaction has tables of his own to write to at its end.
_KEEP_PATH = """do $path$
begin
    perform pg_catalog.set_config('mixpay.path', pg_catalog.current_setting('search_path'), true);
end;
$path$;"""
_PATH_AGAIN = """do $path$
begin
    perform pg_catalog.set_config('search_path', pg_catalog.current_setting('mixpay.path'), true);
end;
$path$;
"""


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


class RightsError(Problem):
    """The role that migrates lacks rights which only somebody else can give."""

    def __init__(self, login: str, statements: list[str]) -> None:
        super().__init__(
            "\n  ".join(
                [f"{login} may not do that; somebody who may has to run, in this database:"]
                + [f"{statement};" for statement in statements]
            ),
            "See docs/operations.md. Nothing was changed.",
        )
        self.statements = statements


class RowsWouldBeLostError(Problem):
    """A rollback would drop rows that are not the migrations' own."""


class NothingToRollBackError(Problem):
    """No migration is applied, or none by that name."""


@dataclass(frozen=True)
class Step:
    """A line of the plan: SQL that a DBA can run by hand, and how we run it."""

    title: str
    sql: str
    run: Callable[[PostgresqlPsycopgBackend, Turn], object]
    told: Sequence[str] = ()  # what it does, one by one


@dataclass(frozen=True)
class Work:
    """What is pending, and the tables that it changes, in the order in which they are locked."""

    steps: list[Step]
    tables: list[str]
    gate: Gate | None = None


def migrate(
    url: str,
    say: Say = print,
    *,
    reload: bool = False,
    repairs: bool = False,
    drop_dependents: Sequence[str] = (),
    patience: Patience = PATIENCE,
) -> list[str]:
    """Does what `plan` prints; gives the titles of the steps done."""
    say = _once(say)
    with _backend(url) as backend:
        conn = backend.connection
        release = Release()
        fresh = cache(lambda: replaceable.read_fresh(conn, release.code))
        standing = cache(lambda: repair.read_fresh(conn))

        def look() -> Work:
            if repairs:
                return _repair(conn, release, standing)
            return _work(conn, release, reload, fresh, drop_dependents)

        def attempt() -> list[str]:
            with _transaction(backend, say, patience):
                work = look()
                turn = _lock(conn, work.tables, patience)
                for step in work.steps:
                    say("\n  ".join([step.title, *step.told]))
                    step.run(backend, turn)
            return [step.title for step in work.steps]

        _refuse_without_rights(conn)
        had_left = bool(replaceable.left(conn))
        with _gates(backend, url, look, say, patience):
            done = busy.retry(conn, attempt, say, patience)
        holders = _drop_what_is_left(backend, say, patience)
        if holders:
            told = ["what calls of before may still ask for is left to the next migrate:"]
            say("\n".join([*told, *(f"  {holder}" for holder in holders)]))
        elif had_left:
            done.append(_DROP_LEFT)
            say(_DROP_LEFT)
        return done


_DROP_LEFT = "drop what an earlier one had left"


@contextmanager
def _gates(
    backend: PostgresqlPsycopgBackend,
    url: str,
    look: Callable[[], Work],
    say: Say,
    patience: Patience,
) -> Iterator[None]:
    """Calls wait at gates while the code changes, if they have to; they are open if it did not."""
    conn = backend.connection
    closed = False
    try:
        while True:
            with _transaction(backend, say, patience):
                gate = look().gate
                is_free = gate is None or not replaceable.left(conn)
                if gate is not None and is_free:
                    closed = True
                    conn.execute(f"set role mixpay_owner;\n{gate.close()}reset role;")
            if is_free:
                break
            # It has the names that we need.
            _raise_busy(_drop_what_is_left(backend, say, patience), patience)
        if gate is not None and gate.waits_for_all:
            _raise_busy(busy.wait_for_all_of_before(conn, say, patience), patience)
        elif gate is not None:
            busy.wait_for_those_of_before(conn, patience)
        yield
    except BaseException:
        if closed:
            # By another connection: whoever interrupts us may do it in the middle of a statement.
            conn.close()
            with suppress(psycopg.OperationalError), _backend(url) as another:
                _open_gates(another, say, patience)
        raise


def _raise_busy(holders: list[Holder], patience: Patience) -> None:
    if holders:
        raise busy.BusyError(holders, patience.wait)


def _open_gates(backend: PostgresqlPsycopgBackend, say: Say, patience: Patience) -> None:
    conn = backend.connection
    with _transaction(backend, say, patience):
        reopen = replaceable.reopened(replaceable.read(conn))
        conn.execute(f"set role mixpay_owner;\n{reopen}reset role;")
    # Whoever gives up does not go on waiting: the next one drops what is still left.
    _drop_what_is_left(backend, _nothing, Patience(patience.lock_timeout, patience.lock_timeout))


def _drop_what_is_left(
    backend: PostgresqlPsycopgBackend, say: Say, patience: Patience
) -> list[Holder]:
    """Drops what calls of before might ask for, when there are none any more; gives who is."""
    conn = backend.connection
    names = replaceable.left(conn)
    holders = busy.wait_for_all_of_before(conn, say, patience) if names else []
    if not names or holders:
        return holders

    def drop() -> None:
        with _transaction(backend, say, patience):
            there = set(replaceable.left(conn))
            drops = "".join(f"drop {name};\n" for name in names if name in there)
            conn.execute(f"set role mixpay_owner;\n{drops}reset role;")

    try:
        busy.retry(conn, drop, say, patience)
    except busy.BusyError as error:
        return error.holders
    return []


def plan(
    conn: psycopg.Connection,
    *,
    reload: bool = False,
    repairs: bool = False,
    drop_dependents: Sequence[str] = (),
    patience: Patience = PATIENCE,
    psql: bool = True,
) -> str:
    """What `migrate` would run, as one text for psql, or for whoever opens the transaction itself.

    It is empty if nothing is pending.
    """
    release = Release()
    if repairs:
        work = _repair(conn, release, lambda: repair.read_fresh(conn))
    else:
        work = _work(
            conn,
            release,
            reload,
            lambda: replaceable.read_fresh(conn, release.code),
            drop_dependents,
        )
    if not work.steps:
        return ""
    state = bookkeeping.read(conn)
    begins = [
        f"set local lock_timeout = {int(patience.lock_timeout * 1000)};",
        *([] if psql else [_KEEP_PATH]),
        f"{database.PATH};",
    ]
    if not psql:
        begins.append(bookkeeping.ONE_TRANSACTION)
    if state.has_bookkeeping:
        begins.append(f"{bookkeeping.LOCK};")
    begins.append(bookkeeping.made_for(state))
    begins += [f"{busy.lock(table)};" for table in work.tables]
    steps = [f"-- {s.title}\n{s.sql.strip()}\n" for s in work.steps]
    if psql:
        # Names of roles and of what others built are as we write them, whatever psql expects.
        begin = "\\set ON_ERROR_STOP on\n\\encoding UTF8\nbegin isolation level read committed;"
        return "\n".join([begin, *begins, "", *steps, "commit;\n"])
    head = "-- All of it is one transaction; whoever runs it opens and ends it."
    return "\n".join([head, *begins, "", *steps, _PATH_AGAIN])


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
    url: str,
    to: str | None = None,
    say: Say = print,
    *,
    drop_rows: bool = False,
    drop_dependents: Sequence[str] = (),
    patience: Patience = PATIENCE,
) -> list[str]:
    """Takes back the last migration, or all that came after `to`; gives their names.

    The code goes too, for it was written for the tables as they were: the version that one goes
    back to loads its own when it migrates.
    """
    say = _once(say)
    with _backend(url) as backend:

        def attempt() -> list[str]:
            with _transaction(backend, say, patience):
                return _roll_back(backend, to, say, drop_rows, drop_dependents, patience)

        return busy.retry(backend.connection, attempt, say, patience)


def _roll_back(
    backend: PostgresqlPsycopgBackend,
    to: str | None,
    say: Say,
    drop_rows: bool,
    drop_dependents: Sequence[str],
    patience: Patience,
) -> list[str]:
    conn, release = backend.connection, Release()
    migrations = _to_roll_back(release, bookkeeping.read(conn), to)
    if not migrations:
        return []
    guarded = set() if drop_rows else catalog.tables_with_rows_of_users(conn)
    before = catalog.columns(conn)
    code = replaceable.changes(
        conn, replaceable.read(conn), Code(), droppable=drop_dependents, all_goes=True
    )
    drops = [Statement(f"set role mixpay_owner;\ndrop {name}") for name in replaceable.left(conn)]
    code.before += drops
    turn = _lock(conn, busy.all_tables(conn), patience)
    say("\n  ".join(["unload the code", *code.told_of_others]))
    _execute(conn, turn, code.before)
    for migration in migrations:
        say(f"roll back {migration.id}")
        _run(conn, way_back(migration))
        conn.execute(bookkeeping.unmark(migration.id))
    after = catalog.columns(conn)
    lost = {table for table in guarded if not before[table] <= after.get(table, set())}
    if lost:
        raise RowsWouldBeLostError(
            f"rows would be lost from {', '.join(sorted(lost))}; nothing was changed",
            "Say --drop-rows if they may go.",
        )
    return [migration.id for migration in migrations]


def _work(
    conn: psycopg.Connection,
    release: Release,
    reload: bool,
    fresh: Callable[[], Code],
    droppable: Sequence[str],
) -> Work:
    state = bookkeeping.read(conn)
    _refuse_other_contents(release, state)
    pending = [m for m in release.migrations if m.id not in state.applied]
    steps: list[Step] = []
    tables: list[str] = []
    gate = None
    if state.has_schema and not state.applied:
        differences = [d for d in catalog.differences(conn) if d.kind not in catalog.HARMLESS]
        if differences:
            raise NotAdoptableError(differences)
        steps += [_step(f"adopt {m.id}", bookkeeping.mark(m.id, text(m))) for m in pending]
        steps += [_step("adopt the code", bookkeeping.remember(CODE, release.code))]
    elif pending and not state.has_schema:
        steps += [*map(_apply, pending), _load(release)]
    elif pending or reload or _code_is_pending(release, state):
        all_goes = not all(map(code_stays, pending))
        all_tables = busy.all_tables(conn)
        code = replaceable.changes(
            conn,
            replaceable.read(conn),
            fresh(),
            droppable=droppable,
            all_goes=all_goes,
            waiting_room=next(iter(all_tables), None),
        )
        gate = code.gate
        if gate is not None:
            code.tables.append(gate.waiting_room)
        tables = [table for table in all_tables if pending or table in code.tables]
        if pending and code.before:
            steps += [_change("unload the code", code.before)]
            code.before = []
        steps += map(_apply, pending)
        statements = [_NO_BODIES, *code.before, *code.after]
        remember = bookkeeping.remember(CODE, release.code)
        told = [] if all_goes else code.told or ["all of it is as it should be"]
        told += code.told_of_others
        steps += [_change("load the code", statements, remember, told)]
    if not state.has_bookkeeping:
        steps.insert(0, Step("create mixpay_migrations", bookkeeping.CREATE, _begin))
    if not state.is_handed_over and (steps or state.has_schema):
        steps.append(_hand_over())
    return Work(steps, tables, gate)


def _repair(
    conn: psycopg.Connection, release: Release, fresh: Callable[[], repair.Standing]
) -> Work:
    """Owners and grants alone, of a database that was restored without them."""
    state = bookkeeping.read(conn)
    _refuse_other_contents(release, state)
    if not state.has_schema or (state.applied and state.applied.keys() != release.checksums.keys()):
        raise ContentsDifferError(
            "the database is not of this version, so what belongs to whom is not known",
            "Repair it with the version that it belongs to; mixpay migrate status tells.",
        )
    todo = repair.changes(repair.read(conn), fresh())
    steps: list[Step] = []
    if todo.after:
        steps += [_change("put back owners and grants", todo.after, told=todo.told)]
    if state.has_bookkeeping and not state.is_handed_over:
        steps += [_hand_over()]
    return Work(steps, [table for table in busy.all_tables(conn) if table in todo.tables])


# While others wait, no body is looked at: the fresh installation has done that.
_NO_BODIES = Statement("set local check_function_bodies = off")


def _hand_over() -> Step:
    return _step("hand mixpay_migrations over to mixpay_owner", bookkeeping.HAND_OVER)


def _step(title: str, sql: str) -> Step:
    return Step(title, sql, lambda backend, _: backend.connection.execute(sql))


def _begin(backend: PostgresqlPsycopgBackend, _: Turn) -> None:
    try:
        backend.connection.execute(bookkeeping.CREATE)
    except (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateSchema) as error:
        raise busy.OvertakenError("another migration was faster: look again") from error


def _apply(migration: Migration) -> Step:
    mark = bookkeeping.mark(migration.id, text(migration))

    def run(backend: PostgresqlPsycopgBackend, _: Turn) -> None:
        _run(backend.connection, Path(migration.path))
        backend.connection.execute(mark)

    return Step(f"apply {migration.id}", f"{text(migration)}\n{mark}", run)


def _load(release: Release) -> Step:
    """Into a database that has none."""
    remember = bookkeeping.remember(CODE, release.code)

    def run(backend: PostgresqlPsycopgBackend, _: Turn) -> None:
        database.load_code(backend.connection)
        backend.connection.execute(remember)

    return Step("load the code", f"{release.code}\n{remember}", run)


def _change(
    title: str, statements: list[Statement], remember: str = "", told: Sequence[str] = ()
) -> Step:
    """Into one that has some."""

    def run(backend: PostgresqlPsycopgBackend, turn: Turn) -> None:
        _execute(backend.connection, turn, statements)
        if remember:
            backend.connection.execute(remember)

    return Step(title, f"{_text(statements)}\n{remember}", run, told)


def _execute(conn: psycopg.Connection, turn: Turn, statements: list[Statement]) -> None:
    """What waits for others by itself, the rest together."""
    for waits, group in groupby(statements, key=lambda statement: statement.waits):
        if waits:
            for statement in group:
                turn.execute(_text([statement]))
        else:
            conn.execute(_text(group))


def _text(statements: Iterable[Statement]) -> str:
    return "".join(f"{statement.sql};\n" for statement in statements) + "reset role;"


def _lock(conn: psycopg.Connection, tables: list[str], patience: Patience) -> Turn:
    turn = Turn(conn, patience)
    for table in tables:
        turn.execute(busy.lock(table))
    return turn


def _nothing(_: str) -> None:
    pass


def _once(say: Say) -> Say:
    """Says a thing once, however often it is tried."""
    said: set[str] = set()

    def once(what: str) -> None:
        if what not in said:
            said.add(what)
            say(what)

    return once


def _standing(applied: str | None, checksum: str) -> str:
    if applied is None:
        return "pending"
    return "applied" if applied == checksum else "edited"


def _code_is_pending(release: Release, state: State) -> bool:
    return state.code != bookkeeping.checksum(release.code) or state.has_gates


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


_RIGHTS = """
select
    quote_ident(current_user) as login,
    quote_ident(current_database()) as database,
    coalesce(array_agg(w.role order by w.nth) filter (where r.oid is null), '{}') as missing,
    (select rolsuper or rolcreaterole from pg_roles where rolname = current_user) as may_create,
    bool_or(r.rolname = 'mixpay_owner' and pg_has_role(r.oid, 'usage')) is true as is_owner,
    -- Since PostgreSQL 16, who may make roles may give those alone that are his.
    bool_or(
        r.rolname = 'mixpay_owner'
        and (
            pg_has_role(r.oid, 'member with admin option')
            or (
                current_setting('server_version_num')::int < 160000
                and (select rolcreaterole from pg_roles where rolname = current_user)
            )
        )
    ) is true as may_become_owner,
    has_database_privilege(current_database(), 'create') as may_make_schemas
from unnest(array['mixpay_owner', 'mixpay_writer', 'mixpay_reader', 'mixpay_monitor'])
    with ordinality as w (role, nth)
left join pg_roles as r on r.rolname = w.role
"""


def _refuse_without_rights(conn: psycopg.Connection) -> None:
    """Says what is missing before anything begins, in the words of whoever has to give it."""
    [right] = conn.cursor(row_factory=dict_row).execute(_RIGHTS)
    missing, login = right["missing"], right["login"]
    needed = [] if right["may_create"] else [f"create role {role} nologin" for role in missing]
    makes_owner = right["may_create"] and "mixpay_owner" in missing
    if not (makes_owner or right["is_owner"] or right["may_become_owner"]):
        needed.append(f"grant mixpay_owner to {login}")
    if not right["may_make_schemas"]:
        needed.append(f"grant create on database {right['database']} to {login}")
    if needed:
        raise RightsError(login, needed)


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


def _run(conn: psycopg.Connection, path: Path) -> None:
    """A file as one text, as psql and whoever else is given the plan run it."""
    try:
        conn.execute(path.read_text(encoding="utf-8"), prepare=False)
    except psycopg.Error as error:
        error.add_note(f"in {path}")
        raise


@contextmanager
def _transaction(backend: PostgresqlPsycopgBackend, say: Say, patience: Patience) -> Iterator[None]:
    """One transaction, and nobody else migrates meanwhile."""
    conn = backend.connection
    with suppress(psycopg.errors.InvalidParameterValue):  # not on every platform
        # If we are killed, a long statement of ours must not keep its locks to its end.
        conn.execute("set client_connection_check_interval = '1s'")
    with backend.transaction():
        # Each statement is to see what others did while we waited.
        conn.execute("set transaction isolation level read committed")
        conn.execute(f"set local lock_timeout = {int(patience.lock_timeout * 1000)}")
        conn.execute(database.PATH)
        _exclude_others(conn, say, patience)
        yield


def _exclude_others(conn: psycopg.Connection, say: Say, patience: Patience) -> None:
    if not bookkeeping.read(conn).has_bookkeeping:
        return  # whoever makes it first is alone
    try:
        with conn.transaction():
            conn.execute(f"{bookkeeping.LOCK} nowait")
    except psycopg.errors.LockNotAvailable:
        say("wait for another migration to end")
        with conn.transaction():
            conn.execute(f"set local lock_timeout = {int(patience.wait * 1000)}")
            conn.execute(bookkeeping.LOCK)


def _backend(url: str) -> PostgresqlPsycopgBackend:
    """yoyo's connection; libpq reads the URL, for yoyo knows neither key=value nor sockets."""
    parameters = conninfo_to_dict(checked(url))
    database_name = parameters.pop("dbname", None)
    uri = DatabaseURI("postgresql+psycopg", None, None, None, None, database_name, parameters)
    return PostgresqlPsycopgBackend(uri, default_migration_table)
