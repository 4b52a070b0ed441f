"""Locks while others work: asked for shortly, given up together, asked for again.

Whoever asks for a lock on a table lets everybody queue behind it. So we ask for a moment only, and
hold nothing while nobody can go on. A moment is shorter than what a server waits before it looks
for a deadlock: if a client and we are in one another's way, we are out of it first.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psycopg
from psycopg.rows import class_row, tuple_row

from mixpay_db.printable import shown
from mixpay_db.problem import Problem

T = TypeVar("T")
Say = Callable[[str], None]

LOCK_TIMEOUT = 0.5
WAIT = 300.0
# Pauses grow from the first to the last.
_FIRST_PAUSE, _LAST_PAUSE = 0.1, 10.0
# So many of those in the way are named.
_NAMED = 5
# Every call reads merchants before anything else; then comes what calls lock, in their order.
_FIRST = ["merchants", "orders", "trades", "trade_orders", "payments", "refunds", "channel_refunds"]

_TABLES = """
select format('mixpay.%%I', c.relname)
from pg_catalog.pg_class as c
where c.relnamespace = to_regnamespace('mixpay') and c.relkind in ('r', 'p')
order by array_position(%s::text[], c.relname::text), c.relname
"""
# Who has locked something of ours since before we came. Of others' sessions one may see little.
_HOLDERS = """
select distinct
    l.pid,
    p.gid as prepared_as,
    a.usename as login,
    coalesce(a.application_name, '') as application,
    coalesce(a.state, '') as state,
    coalesce(a.xact_start, p.prepared) as since,
    coalesce(left(regexp_replace(a.query, '\\s+', ' ', 'g'), 60), '') as query
from pg_catalog.pg_locks as l
left join pg_catalog.pg_stat_activity as a on a.pid = l.pid
left join pg_catalog.pg_prepared_xacts as p
    on l.pid is null and p.transaction::text = split_part(l.virtualtransaction, '/', 2)
where
    l.granted
    and l.locktype = 'relation'
    and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
    and l.relation in (
        select c.oid from pg_catalog.pg_class as c
        where c.relnamespace in (to_regnamespace('mixpay'), to_regnamespace('mixpay_migrations'))
    )
    and l.pid is distinct from pg_backend_pid()
    and coalesce(a.xact_start, p.prepared, '-infinity') <= %s
order by since nulls last
limit 5
"""
_TRANSACTIONS = Path(__file__).with_name("transactions.sql").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Holder:
    """Somebody whose transaction is in the way."""

    pid: int | None
    prepared_as: str | None
    login: str | None
    application: str
    state: str
    since: object
    query: str

    def __str__(self) -> str:
        if self.pid is None:
            who = f"the prepared transaction {self.prepared_as!r}, since {self.since}"
            return f"{shown(who)}\n    end it by commit prepared or rollback prepared"
        who = (
            f"process {self.pid} (application {self.application!r}, login {self.login}, "
            f"{self.state or 'state unknown'}), in a transaction since "
            f"{self.since or 'who knows when'}: {self.query}"
        )
        return f"{shown(who)}\n    end it there, or by: select pg_terminate_backend({self.pid})"


class BusyError(Problem):
    """Others did not let us have our locks, as long as we were ready to wait."""

    status = 3

    def __init__(self, holders: list[Holder], wait: float) -> None:
        super().__init__(
            "\n  ".join(
                [f"others are in the way for {wait:g} s; nothing was changed", *map(str, holders)]
            ),
            "End what is open there, or say --wait and --lock-timeout.",
        )
        self.holders = holders


class OvertakenError(Exception):
    """Somebody else did meanwhile what we were about to do."""


@dataclass(frozen=True)
class Patience:
    """How long we ask for a lock, and how long we go on asking; in seconds."""

    lock_timeout: float = LOCK_TIMEOUT
    wait: float = WAIT


class Turn:
    """One try, in a transaction: its first lock begins a moment, in which all waiting ends."""

    def __init__(self, conn: psycopg.Connection, patience: Patience) -> None:
        self._conn, self._patience = conn, patience
        self._until: float | None = None

    def execute(self, statement: str) -> None:
        """Waits for locks no longer than there is time."""
        timeout = self._patience.lock_timeout
        if self._until is not None:
            timeout = self._until - time.monotonic()
        self._conn.execute(f"set local lock_timeout = {max(1, int(timeout * 1000))};\n{statement}")
        if self._until is None:
            self._until = time.monotonic() + self._moment()

    def _moment(self) -> float:
        cursor = self._conn.cursor(row_factory=tuple_row)
        [(deadlock_timeout,)] = cursor.execute(
            "select extract(epoch from current_setting('deadlock_timeout')::interval)"
        )
        return min(self._patience.lock_timeout, float(deadlock_timeout) / 2)


def all_tables(conn: psycopg.Connection) -> list[str]:
    """In the one order in which we lock them. Whoever has read a view has locked its tables."""
    return [name for (name,) in conn.cursor(row_factory=tuple_row).execute(_TABLES, [_FIRST])]


def wait_for_those_of_before(conn: psycopg.Connection, patience: Patience) -> None:
    """Until no statement runs any more that runs now, or for a moment: it may be in an old call."""
    cursor = conn.cursor(row_factory=tuple_row)
    until = time.monotonic() + patience.lock_timeout
    before = _running(cursor)
    while before & _running(cursor) and time.monotonic() < until:
        time.sleep(0.01)


def wait_for_all_of_before(conn: psycopg.Connection, say: Say, patience: Patience) -> list[Holder]:
    """Until no transaction is open any more that is open now; gives those that we did not await.

    None that begins later knows what was there before.
    """
    began = time.monotonic()
    before = {name for name, _ in _transactions(conn)}
    while True:
        there = [holder for name, holder in _transactions(conn) if name in before]
        waited = time.monotonic() - began
        if not there or waited > patience.wait:
            return there
        if waited > patience.lock_timeout:
            holders = [f"  {holder}" for holder in there[:_NAMED]]
            say("\n".join(["wait for transactions that began before:", *holders]))
        time.sleep(min(0.01 + waited / 10, 1))


def _transactions(conn: psycopg.Connection) -> list[tuple[str, Holder]]:
    cursor = conn.cursor(row_factory=tuple_row).execute(_TRANSACTIONS)
    return [(name, Holder(*row)) for name, *row in cursor]


def _running(cursor: psycopg.Cursor[tuple[str]]) -> set[str]:
    return {
        virtualxid
        for (virtualxid,) in cursor.execute(
            "select l.virtualxid from pg_catalog.pg_locks as l"
            " inner join pg_catalog.pg_stat_activity as a on a.pid = l.pid"
            " where l.locktype = 'virtualxid' and a.datname = current_database()"
            " and l.pid <> pg_backend_pid() and a.state is distinct from 'idle in transaction'"
        )
    }


def lock(table: str) -> str:
    return f"lock table {table} in access exclusive mode"


def retry(conn: psycopg.Connection, attempt: Callable[[], T], say: Say, patience: Patience) -> T:
    """What the attempt gives, as soon as nobody is in its way; one that fails undoes itself."""
    until = time.monotonic() + patience.wait
    pause = _FIRST_PAUSE
    while True:
        [(began,)] = conn.cursor(row_factory=tuple_row).execute("select clock_timestamp()")
        try:
            return attempt()
        except OvertakenError as error:
            say(str(error))
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
            cursor = conn.cursor(row_factory=class_row(Holder))
            holders = cursor.execute(_HOLDERS, [began]).fetchall()
            rest = pause * random.uniform(0.5, 1.5)  # noqa: S311
            if time.monotonic() + rest > until:
                raise BusyError(holders, patience.wait) from error
            told = [f"  {holder}" for holder in holders] or ["  many short transactions"]
            say("\n".join([f"wait for others, and try again in {rest:.1f} s:", *told]))
            time.sleep(rest)
            pause = min(2 * pause, _LAST_PAUSE)
