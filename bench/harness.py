"""A server with a database for each that is compared, and pgbench on it.

pgbench runs longer than is measured. What counts is a window in the middle: it opens when every
session has made its plans and closes before the first one ends. pgbench's log says which
transactions ended in it, the operating system what the sessions' processes used of the CPU in it.
"""

from __future__ import annotations

import math
import os
import re
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import psutil
import psycopg
from calls import MERCHANTS, POOLS, Call, Pool
from psycopg import sql

from mixpay_db import database, resources
from mixpay_db.embedded import EmbeddedServer, find_binaries

HERE = Path(__file__).parent
FLOOR = HERE / "floor"
# What disturbs a measurement is off, and memory is enough; all else is as the server has it.
OPTIONS = {
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "max_wal_size": "16GB",
    "shared_buffers": "2GB",
}
# Loaded, but asleep until statements are counted.
COUNTING = {
    "pg_stat_statements.track": "none",
    "shared_preload_libraries": "pg_stat_statements",
}
TRANSACTION = "tpcb-like"
# A plan stays for the session from the sixth time on.
WARM_CALLS = 7
BATCH = 1000


@dataclass(frozen=True)
class Mode:
    """How a round is run. fsync is on in all; who does not wait for it measures the CPU."""

    clients: int
    synchronous_commit: str
    warm_up: float

    def __str__(self) -> str:
        clients = "1 client" if self.clients == 1 else f"{self.clients} clients"
        return f"{clients}, synchronous_commit {self.synchronous_commit}"


MODES = (Mode(1, "off", 0.7), Mode(8, "on", 1.5), Mode(32, "on", 4.0))


@dataclass(frozen=True)
class Figures:
    tps: float
    cpu: float  # microseconds of the sessions' processes for each transaction
    wal: float  # bytes for each transaction


@dataclass(frozen=True)
class Statement:
    """What ran below a call, for each call of it; times are microseconds, nested ones included."""

    query: str
    calls: float
    plans: float
    plan_time: float
    exec_time: float

    @property
    def is_foreign_key(self) -> bool:
        return " FROM ONLY " in self.query


class Database:
    def __init__(self, server: EmbeddedServer, name: str) -> None:
        self.name = name
        with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
            conn.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        self.url = server.url(name)
        self.conn = psycopg.connect(self.url, autocommit=True)
        self.conn.execute("create extension pg_prewarm")
        self.counts = (
            self.conn.execute(
                "select from pg_settings where name = 'shared_preload_libraries' "
                "and setting = 'pg_stat_statements'"
            ).fetchone()
            is not None
        )
        if self.counts:
            self.conn.execute("create extension pg_stat_statements")
        self.size = 0
        self.used = 0
        self.started = 0
        self.made: Counter[str] = Counter()

    def install(self, sql_dir: Path) -> None:
        with self.conn.transaction():
            for path, text in database.read_pieces(sql_dir / "install.sql"):
                try:
                    self.conn.execute(text, prepare=False)
                except psycopg.Error as error:
                    error.add_note(f"in {path}")
                    raise
        make_items(self.conn)
        for m in range(MERCHANTS):
            self.conn.execute("select mixpay.register_merchant(%s, 'Bench')", [f"m{m}"])

    def fill(self, pool: str, first: int, number: int) -> None:
        """The items first to first + number - 1, of which each merchant has every MERCHANTS-th."""
        step = BATCH // 2 * MERCHANTS
        for begin in range(first, first + number, step):
            end = min(begin + step, first + number)
            for m in range(MERCHANTS):
                self.conn.execute("truncate items")
                self.conn.execute(
                    "insert into items select k from generate_series(%s::bigint, %s::bigint) as k "
                    "where k %% %s = %s",
                    [begin, end - 1, MERCHANTS, m],
                )
                fill_items(self.conn, POOLS[pool], f"m{m}", self.size)

    def fill_for(self, calls: tuple[Call, ...], size: int) -> None:
        """What is not used up, once for all the calls."""
        self.size = size
        pools = {call.pool for call in calls if call.pool is not None}
        pools |= {needed for pool in pools if (needed := POOLS[pool].needs) is not None}
        for pool in sorted(pools):
            if not POOLS[pool].fresh and not self.made[pool]:
                self.fill(pool, 0, size)
                self.made[pool] = size

    def fill_afresh(self, pool: str, number: int) -> int:
        """So many items that nobody has used; the first one's number."""
        first = self.made[pool]
        self.fill(pool, first, number)
        self.made[pool] += number
        return first

    def new_start(self) -> int:
        self.started += 1
        return self.started * 1000 * MERCHANTS % self.size

    def new_numbers(self, number: int) -> int:
        first = self.used
        self.used += number
        return first

    def warm(self) -> None:
        """Read all of it, and write to each page of what is updated.

        The first change of a page after a checkpoint puts all of the page into the WAL: on tables
        that are large, that would be most of what a short run writes.
        """
        self.conn.execute("vacuum analyze")
        self.conn.execute(
            "select pg_prewarm(oid) from pg_class where relkind in ('r', 'i') and relnamespace in "
            "(select oid from pg_namespace where nspname in ('mixpay', 'public'))"
        )
        self.conn.execute("checkpoint")
        for table, column in (
            ("mixpay.trades", "merchant_id"),
            ("mixpay.trade_orders", "merchant_id"),
            ("mixpay.payments", "merchant_id"),
            ("pgbench_accounts", "abalance"),
            ("pgbench_tellers", "tbalance"),
            ("pgbench_branches", "bbalance"),
        ):
            if self.conn.execute("select to_regclass(%s)", [table]).fetchone() != (None,):
                self.conn.execute(
                    f"update {table} set {column} = {column} where ctid in ("
                    f"select distinct on ((ctid::text::point)[0]) ctid from {table} "
                    "order by (ctid::text::point)[0])"
                )

    def has_function(self, name: str) -> bool:
        found = self.conn.execute(
            "select from pg_proc where pronamespace = 'mixpay'::regnamespace and proname = %s",
            [name],
        )
        return found.fetchone() is not None


@contextmanager
def sql_of(revision: str) -> Iterator[Path]:
    """The folder sql/ as it was in a revision of this repository."""
    archive = subprocess.run(
        ["git", "-C", str(HERE.parent), "archive", "--format=zip", revision, "sql"],
        capture_output=True,
    )
    if archive.returncode != 0:
        raise SystemExit(f"cannot take sql/ from {revision}: {archive.stderr.decode().strip()}")
    with tempfile.TemporaryDirectory() as directory:
        with ZipFile(BytesIO(archive.stdout)) as files:
            files.extractall(directory)
        yield Path(directory, "sql")


class Bench:
    def __init__(self, server: EmbeddedServer, scale: int, against: str | None) -> None:
        self.server = server
        self.binaries = find_binaries()
        self.guesses: dict[tuple[str, str, int], float] = {}
        self.tpcb = Database(server, "tpcb")
        self._pgbench(self.tpcb, ["--initialize", "--quiet", f"--scale={scale}"], {})
        self.now = Database(server, "now")
        self.now.install(resources.sql_dir())
        install_floor(self.now.conn)
        self.before: Database | None = None
        if against is not None:
            with sql_of(against) as folder:
                self.before = Database(server, "before")
                self.before.install(folder)

    @property
    def databases(self) -> list[Database]:
        return [self.now, *([self.before] if self.before else [])]

    def close(self) -> None:
        for db in (self.tpcb, *self.databases):
            db.conn.close()

    def _environment(self, db: Database, settings: dict[str, str]) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("PG")},
            "PGHOST": self.server.host,
            "PGPORT": str(self.server.port),
            "PGUSER": self.server.user,
            "PGDATABASE": db.name,
            "PGOPTIONS": " ".join(f"-c {name}={value}" for name, value in settings.items()),
        }

    def _pgbench(self, db: Database, arguments: list[str], settings: dict[str, str]) -> str:
        done = subprocess.run(
            [str(self.binaries / "pgbench"), "--no-vacuum", *arguments],
            env=self._environment(db, settings),
            capture_output=True,
            text=True,
        )
        if done.returncode != 0 or "ERROR" in done.stderr:
            raise SystemExit(f"{' '.join(arguments)}\n{done.stderr}")
        return done.stdout

    def _script(
        self, db: Database, call: Call, text: str, clients: int, each: int, directory: Path
    ) -> tuple[Path, list[str], int | None]:
        """The script, the variables it starts with, and how many items a client has of its own.

        each: how many calls a client makes, about.
        """
        start, stride, first, size = 0, 1, 0, 1
        fresh = call.pool is not None and POOLS[call.pool].fresh
        if fresh:
            stride = math.ceil(each / MERCHANTS) * MERCHANTS
            first, size = db.fill_afresh(call.pool, stride * clients), stride * clients
        elif call.pool is not None:
            # Each run begins elsewhere.
            start, stride, size = db.new_start(), db.size // clients, db.size
        numbers = 1_000_000
        item = ":first + (:start + :client_id * :stride + :i) % :size" if call.pool else ":n"
        script = directory / "script.sql"
        script.write_text(
            "\\set i :i + 1\n"
            "\\set n :base + :client_id * :numbers + :i\n"
            f"\\set k {item}\n"
            f"\\set m :k % {MERCHANTS}\n"
            f"{text}\n"
        )
        variables = {
            "i": -1,
            "base": db.new_numbers(numbers * clients),
            "numbers": numbers,
            "first": first,
            "start": start,
            "stride": stride,
            "size": size,
        }
        defines = [f"--define={name}={value}" for name, value in variables.items()]
        return script, defines, stride if fresh else None

    def measure_transaction(self, mode: Mode, seconds: float) -> Figures:
        with tempfile.TemporaryDirectory() as directory:
            return self._window(
                self.tpcb, [f"--builtin={TRANSACTION}"], mode, seconds, Path(directory), None
            )

    def measure(self, db: Database, call: Call, text: str, mode: Mode, seconds: float) -> Figures:
        key = (db.name, text, mode.clients)
        while True:
            guess = self.guesses.get(key, call.guess)
            each = (
                math.ceil(1.3 * guess * self._duration(mode, seconds) / mode.clients) + WARM_CALLS
            )
            with tempfile.TemporaryDirectory() as directory:
                script, defines, limit = self._script(
                    db, call, text, mode.clients, each, Path(directory)
                )
                try:
                    figures = self._window(
                        db, [f"--file={script}", *defines], mode, seconds, Path(directory), limit
                    )
                except _UsedUp:
                    self.guesses[key] = guess * 2
                    continue
            self.guesses[key] = figures.tps
            return figures

    @staticmethod
    def _duration(mode: Mode, seconds: float) -> int:
        return math.ceil(mode.warm_up + seconds + 1)

    def _window(
        self,
        db: Database,
        arguments: list[str],
        mode: Mode,
        seconds: float,
        directory: Path,
        limit: int | None,
    ) -> Figures:
        process = subprocess.Popen(
            [
                str(self.binaries / "pgbench"), "--no-vacuum", "--protocol=prepared", "--log",
                f"--log-prefix={directory}/log", f"--client={mode.clients}",
                f"--jobs={min(2, mode.clients)}", f"--time={self._duration(mode, seconds)}",
                *arguments,
            ],
            env=self._environment(db, {"synchronous_commit": mode.synchronous_commit}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        begin, cpu, wal = math.inf, 0.0, 0
        end, cpu_end, wal_end = math.inf, 0.0, 0
        with suppress(psutil.NoSuchProcess):  # pgbench will say why
            sessions = self._sessions(db, mode.clients, process)
            time.sleep(mode.warm_up)
            begin, cpu, wal = time.time(), _cpu_seconds(sessions), self._wal_bytes(db)
            time.sleep(seconds)
            end, cpu_end, wal_end = time.time(), _cpu_seconds(sessions), self._wal_bytes(db)
        _, said = process.communicate()
        done = 0
        before: Counter[str] = Counter()
        after: Counter[str] = Counter()
        for log in directory.glob("log.*"):
            for line in log.read_text().splitlines():
                client, _, _, _, epoch, microseconds, *_ = line.split()
                ended = int(epoch) + int(microseconds) / 1e6
                after[client] += 1
                before[client] += ended < begin
                done += begin <= ended < end
        # What works on the same thing again may fail.
        if limit is not None and max(after.values(), default=0) >= limit:
            raise _UsedUp
        if process.returncode != 0 or "ERROR" in said:
            raise SystemExit(said)
        if math.isinf(end):
            raise SystemExit(f"{db.name}: pgbench ended before the window: the machine is busy")
        if min(before[client] for client in after) < WARM_CALLS:
            print(f"  {db.name}: some of {mode.clients} clients had no plans yet")
        return Figures(done / (end - begin), (cpu_end - cpu) * 1e6 / done, (wal_end - wal) / done)

    def _sessions(
        self, db: Database, clients: int, process: subprocess.Popen[str]
    ) -> list[psutil.Process]:
        # pgbench first looks around in a session that it closes at once: not that one.
        last = None
        while process.poll() is None:
            found = db.conn.execute(
                "select pid from pg_stat_activity "
                "where datname = current_database() and application_name = 'pgbench' order by pid"
            ).fetchall()
            if len(found) == clients and found == last:
                return [psutil.Process(pid) for (pid,) in found]
            last = found
            time.sleep(0.05)
        raise SystemExit(process.communicate()[1])

    def _wal_bytes(self, db: Database) -> int:
        row = db.conn.execute(
            "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"
        ).fetchone()
        return row[0] if row else 0

    def statements(self, db: Database, call: Call, calls: int) -> list[Statement]:
        """What runs below a call, the look-ups of foreign keys included; the longest first."""
        if not db.counts:
            return []
        with tempfile.TemporaryDirectory() as directory:
            script, defines, _ = self._script(db, call, call.script, 1, calls + 1, Path(directory))
            db.conn.execute("select pg_stat_statements_reset()")
            self._pgbench(
                db,
                ["--protocol=prepared", f"--transactions={calls}", f"--file={script}", *defines],
                {
                    "synchronous_commit": "off",
                    "pg_stat_statements.track": "all",
                    "pg_stat_statements.track_planning": "on",
                },
            )
        rows = db.conn.execute(
            "select query, calls, plans, total_plan_time, total_exec_time from pg_stat_statements "
            "where dbid = (select oid from pg_database where datname = current_database()) "
            "and not toplevel order by total_plan_time + total_exec_time desc"
        )
        return [
            Statement(query, n / calls, plans / calls, planned * 1e3 / calls, ran * 1e3 / calls)
            for query, n, plans, planned, ran in rows
        ]


def install_floor(conn: psycopg.Connection) -> None:
    # The owner of the tables writes, as in the calls: nobody asks a superuser for a permission.
    conn.execute("create schema floor authorization mixpay_owner")
    conn.execute("set role mixpay_owner")
    for path in sorted(FLOOR.glob("*.sql")):
        conn.execute(path.read_text(encoding="utf-8"), prepare=False)
    conn.execute("reset role")


def make_items(conn: psycopg.Connection) -> None:
    conn.execute("create temp table items (k bigint)")
    conn.execute(
        "create table public.known (key text primary key, trade_no text, order_no text, "
        "channel_refund_no text)"
    )


def fill_items(conn: psycopg.Connection, pool: Pool, merchant: str, size: int) -> None:
    """What a pool has of the numbers in `items`."""
    # A client's cursor puts the values into the text, so that each statement is planned for them.
    cursor = psycopg.ClientCursor(conn)
    if cursor.execute("select count(*) from items").fetchone() == (0,):
        return
    for statement in pool.fill:
        cursor.execute(statement, {"merchant": merchant, "size": size})


def compare_floor(conn: psycopg.Connection, call: Call) -> list[str]:
    """How what the floor writes differs from what the call writes: nothing, or it is no floor.

    Both work on the same numbers, each for a merchant of its own. Moments, transactions, and the
    numbers that we make are left out.
    """
    if call.floor is None:
        return []
    written = []
    for text, whose in ((call.script, "call"), (call.floor, "floor")):
        # What is settled has to be committed before.
        merchant = f"{call.name.replace(' ', '-')}-by-{whose}"
        conn.execute("select mixpay.register_merchant(%s, 'Bench')", [merchant])
        conn.execute("truncate items, public.known")
        conn.execute("insert into items values (0)")
        pool = POOLS[call.pool] if call.pool else None
        for filled in (POOLS[pool.needs] if pool and pool.needs else None, pool):
            if filled is not None:
                fill_items(conn, filled, merchant, 1)
        values = text.replace("'m' || :m", f"'{merchant}'").replace(":k", "0").replace(":n", "1")
        conn.execute(values, prepare=False)
        written.append(_rows_of(conn, merchant))
    conn.execute("truncate public.known")
    return sorted(
        f"{whose}: {row}"
        for whose, rows in (
            ("only the call", written[0] - written[1]),
            ("only the floor", written[1] - written[0]),
        )
        for row in rows.elements()
    )


def _rows_of(conn: psycopg.Connection, merchant: str) -> Counter[str]:
    tables = conn.execute(
        "select c.relname from pg_class as c inner join pg_attribute as a on a.attrelid = c.oid "
        "where c.relnamespace = 'mixpay'::regnamespace and c.relkind in ('r', 'p') "
        "and a.attname = 'merchant_id' and c.relname <> 'merchants'"
    ).fetchall()
    rows: Counter[str] = Counter()
    for (table,) in tables:
        for (row,) in conn.execute(
            f"select (to_jsonb(t) - %s::text[])::text from mixpay.{table} as t "
            "where merchant_id = %s",
            [["merchant_id", "xid", "until_xid"], merchant],
        ):
            plain = re.sub(r'"[0-9]{20}[0-9a-f]{12}"', '"(made)"', row)
            rows[f"{table} " + re.sub(r'"[0-9]{4}-[0-9-]+T[^"]+"', '"(moment)"', plain)] += 1
    return rows


class _UsedUp(Exception):
    """The calls were faster than guessed and have used up what was made for them."""


def _cpu_seconds(processes: list[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return sum(t.user + t.system for t in times)


def can_count(binaries: Path) -> bool:
    told = subprocess.run(
        [str(binaries / "pg_config"), "--pkglibdir"], capture_output=True, text=True
    )
    folders = (Path(told.stdout.strip()), binaries.parent / "lib")
    return any((folder / "pg_stat_statements.so").is_file() for folder in folders)
