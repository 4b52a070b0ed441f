"""Databases like an installed template, each for one test at a time.

Making a clone and planning all checks in it costs more than most tests. So the next test finds the
same database again, and sessions that have their plans, when the last one left nothing behind but
rows and functions with another body: those go, and the template's own are as they were. Whatever
else a test has done to its database, the catalog tells, and the database is dropped.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.pq import TransactionStatus

from mixpay_db import database

# Up to here the plans of empty tables serve, and rows that were deleted are in nobody's way.
SMALL = 256 * 1024
# Of one kind of session, how many wait for the next test.
KEPT = 4
CATALOGS = (
    "pg_class", "pg_attribute", "pg_attrdef", "pg_constraint", "pg_index", "pg_proc", "pg_type",
    "pg_trigger", "pg_rewrite", "pg_namespace", "pg_description", "pg_statistic", "pg_policy",
    "pg_default_acl", "pg_event_trigger", "pg_extension", "pg_publication",
    # Other databases' are there, too.
    "pg_db_role_setting where setdatabase in "
    "(0, (select oid from pg_database where datname = current_database()))",
)  # fmt: skip
# What a session's user may have changed of it, and psycopg does not tell the server.
ATTRIBUTES = ("row_factory", "cursor_factory", "autocommit", "isolation_level", "prepare_threshold")
AS_NEW = (
    "close all; unlisten *; discard temp; select pg_advisory_unlock_all(); "
    "reset session authorization; reset all"
)


def copy(name: str, template: str) -> sql.Composed:
    """The statement that makes a database like another one."""
    names = sql.Identifier(name), sql.Identifier(template)
    # Copied as files it costs half, and a checkpoint, which costs nothing on our server.
    how = "" if "MIXPAY_TEST_URL" in os.environ else " strategy file_copy"
    return sql.SQL("create database {} template {}" + how).format(*names)


class Clones:
    """Lends clones of the template; one that is given back as it was is lent again."""

    def __init__(self, admin: Connection[Any], template: str, name: str, url: str) -> None:
        self.admin, self.template, self.name, self.url = admin, template, name, url
        self.shared: Clone | None = None

    def lend(self, *, fresh: bool) -> Clone:
        if fresh:
            self.drop()
        if self.shared is None:
            self.shared = self._make()
        return self.shared

    def take_back(self, clone: Clone, *, fresh: bool) -> None:
        if fresh or not clone.is_cleaned():
            self.drop()

    def drop(self) -> None:
        if self.shared is not None:
            self.shared.close()
            self.shared = None
            name = sql.Identifier(self.name)
            self.admin.execute(sql.SQL("drop database if exists {} with (force)").format(name))

    def _make(self) -> Clone:
        self.admin.execute(copy(self.name, self.template))
        return Clone(self.url)


class Clone:
    """A database, a session that looks after it, and others that tests use in turn."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keeper = psycopg.connect(url, autocommit=True)
        self.session: Connection[Any] | None = None
        # Sessions beside it, by what they were made with: those of this test, and those of others.
        self.lent: list[tuple[str, Connection[Any]]] = []
        self.idle: dict[str, list[Connection[Any]]] = {}
        # What each was when it was new.
        self.attributes: dict[Connection[Any], list[Any]] = {}
        self.keeper.execute("set session_replication_role = replica")
        self.keeper.execute("set plan_cache_mode = force_generic_plan")
        self.keeper.execute(database.WHOLE_TABLES)
        self.tables = [
            name for (name,) in self.keeper.execute(
                "select format('mixpay.%I', relname) from pg_class where relkind in ('r', 'p') "
                "and relnamespace = 'mixpay'::regnamespace order by relname"
            )
        ]  # fmt: skip
        # Within the server each of their statements costs a quarter of one that is sent.
        self._make_function("clean", "".join(map(self._cleaning, self.tables)))
        found = (f"{look}; if found then return false; end if;\n" for look in checks("perform"))
        self._make_function("holds", "".join(found))
        self.keeper.execute(
            "create table pg_temp.kept_functions as "
            "select oid, p::text as kept, pg_get_functiondef(oid) as definition "
            "from pg_proc as p where pronamespace = 'mixpay'::regnamespace"
        )
        self._know_catalog()

    def connect(self) -> Connection[Any]:
        """A session of the superuser that may have served tests before."""
        if self.session is None:
            self.session = self._open(autocommit=True)
        return self.session

    def borrow(self, *, autocommit: bool = True, options: str = "") -> Connection[Any]:
        """One more, that knows the functions if it has served tests before."""
        made = f"{autocommit} {options}"
        idle = self.idle.setdefault(made, [])
        session = idle.pop() if idle else self._open(autocommit=autocommit, options=options)
        self.lent.append((made, session))
        return session

    def holds(self) -> bool:
        """Whether no check finds anything; False also if we cannot look."""
        self._end_transactions()
        with suppress(psycopg.Error):
            # Planned once, for all tests that find this database.
            return self.keeper.execute("select pg_temp.holds()").fetchone() == (True,)
        return False

    def is_cleaned(self) -> bool:
        """Makes it as it was; False if that cannot be."""
        with suppress(psycopg.Error):
            self.keeper.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
                "where datname = current_database() and pid <> all (%s)",
                [[session.info.backend_pid for session in self._sessions()]],
            )
            self._clean_sessions()
            catalog = self._catalog()
            if catalog != self.catalog and not self._is_put_back(catalog):
                return False
            if not self._is_small():
                self.keeper.execute(f"truncate {', '.join(self.tables)}")
                self._know_catalog()
            return self.keeper.execute("select pg_temp.clean()").fetchone() == (True,)
        return False

    def looked_at(self) -> None:
        """Makes its sessions as they were, when a test that could write nothing is over."""
        self._end_transactions()
        self._clean_sessions()

    def close(self) -> None:
        for session in self._sessions():
            session.close()

    def _sessions(self) -> list[Connection[Any]]:
        others = [session for _, session in self.lent]
        others += [session for idle in self.idle.values() for session in idle]
        first = [self.keeper] if self.session is None else [self.keeper, self.session]
        return [session for session in first + others if not session.closed]

    def _open(self, **parameters: Any) -> Connection[Any]:
        session = psycopg.connect(self.url, **parameters)
        self.attributes[session] = self._attributes(session)
        return session

    def _end_transactions(self) -> None:
        """Of what was lent; a session that is gone has none."""
        for _, session in self.lent:
            with suppress(psycopg.Error):
                if session.info.transaction_status == TransactionStatus.ACTIVE:
                    session.close()  # some thread still waits for its answer
                elif not session.closed:
                    session.rollback()

    def _clean_sessions(self) -> None:
        if self.session is not None and not self._is_as_new(self.session):
            self.session = None
        while self.lent:
            made, session = self.lent.pop()
            if len(self.idle[made]) == KEPT:
                session.close()
            if self._is_as_new(session):
                self.idle[made].append(session)

    def _is_as_new(self, session: Connection[Any]) -> bool:
        """Makes it so; where that cannot be, it is closed."""
        with suppress(psycopg.Error):
            if (
                session.info.transaction_status == TransactionStatus.IDLE
                and self._attributes(session) == self.attributes[session]
            ):
                session.execute(AS_NEW, prepare=False)
                session.commit()
                return True
        session.close()
        del self.attributes[session]
        return False

    def _attributes(self, session: Connection[Any]) -> list[Any]:
        handlers = [len(session._notice_handlers), len(session._notify_handlers)]
        return [getattr(session, name) for name in ATTRIBUTES] + handlers

    def _catalog(self) -> list[Any]:
        """How many rows the catalog has, and that none is newer than this database."""
        # Within a subquery it is asked once, not for each row.
        age = f"(select age('{self.newest}'::xid))"
        counts = " union all ".join(
            f"select count(*), count(*) filter (where age(xmin) < {age}) from pg_catalog.{name}"
            for name in CATALOGS
        )
        return self.keeper.execute(counts).fetchall()

    def _know_catalog(self) -> None:
        """As it is now, it is as it should be."""
        [(self.newest,)] = self.keeper.execute("select pg_current_xact_id()::xid::text")
        self.catalog = self._catalog()

    def _is_put_back(self, catalog: list[Any]) -> bool:
        """Whether of the catalog other bodies of functions are all; they are the template's again.

        What else is new of a function, who may call it or that it is another one, stays seen.
        """
        each = zip(CATALOGS, catalog, self.catalog, strict=True)
        if any(found != known and name != "pg_proc" for name, found, known in each):
            return False
        changed = (
            "from pg_temp.kept_functions as k full join pg_proc as p using (oid) where "
            f"(k.oid is not null or age(p.xmin) < age('{self.newest}'::xid)) "
            "and p::text is distinct from k.kept"
        )
        ours = f"select k.definition {changed} and k.oid is not null"
        for (definition,) in self.keeper.execute(ours).fetchall():
            self.keeper.execute(definition, prepare=False)
        if self.keeper.execute(f"select {changed}").fetchone() is not None:
            return False
        self._know_catalog()
        return True

    def _is_small(self) -> bool:
        [(largest,)] = self.keeper.execute(
            "select max(pg_relation_size(oid)) from pg_class "
            "where relkind = 'r' and relnamespace = 'mixpay'::regnamespace"
        )
        return largest <= SMALL

    def _make_function(self, name: str, body: str) -> None:
        body = f"begin\n{body}return true;\nend"
        create = f"create function pg_temp.{name}() returns boolean language plpgsql as"
        self.keeper.execute(f"{create} $body${body}$body$", prepare=False)

    def _cleaning(self, table: str) -> str:
        """The statements that give a table the template's rows."""
        kept = "pg_temp.kept_" + table.removeprefix("mixpay.")
        if self.keeper.execute(f"select from {table} limit 1").fetchone() is None:
            return f"delete from {table};\n"
        [(columns,)] = self.keeper.execute(
            "select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute "
            "where attrelid = %s::regclass and attnum > 0 and not attisdropped "
            "and attgenerated = ''",
            [table],
        )
        self.keeper.execute(f"create table {kept} as select {columns} from {table}")
        row = f"(row({columns}))::text"
        return (
            f"delete from {table} where {row} not in (select {row} from {kept});\n"
            f"insert into {table} ({columns}) overriding system value "
            f"select {columns} from {kept} where {row} not in (select {row} from {table});\n"
        )


def checks(select: str = "select") -> list[str]:
    """Queries of as many rows as the checks find, and no columns: that is planned in less time."""
    return [query.replace("select *", select, 1) for _, query in database.checks()]


def nothing_found(conn: Connection[Any], queries: list[str]) -> bool:
    """Whether none of them gives a row; all sent at once, for most take less than their way."""
    cursor = conn.execute(";\n".join(queries), prepare=False)
    found = [cursor.fetchone()]
    while cursor.nextset():
        found.append(cursor.fetchone())
    assert len(found) == len(queries)
    return all(row is None for row in found)
