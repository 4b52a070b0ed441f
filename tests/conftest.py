"""A database for each test, as new as one cloned from an installed template (tests/clones.py).

The server is an embedded one for each worker, or the one that MIXPAY_TEST_URL names.
After every test that had a database, all of sql/checks must find nothing.
"""

import fcntl
import gc
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from clones import Clone, Clones, checks, copy, nothing_found
from psycopg import Connection, conninfo, sql
from pytest_postgresql import factories
from shop import Shop

from mixpay_db import database
from mixpay_db.embedded import EmbeddedServer

# Nothing here outlives the tests, so nothing has to reach the disk.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# Nobody analyzes a table, or keeps what is written from being final, when no test says so.
QUIET = {"autovacuum": "off"}
# A file system in memory, where there is one: half of a clone's cost is making files on a disk.
MEMORY = Path("/dev/shm")
# What a server of ours takes there at most: its data, the log short, a test's database.
ROOM = 512 * 2**20
# In the directory of a server of these tests; no other server's is ever swept away.
MARK = "of-the-tests"
# Distinctive, and of this process alone: several runs may share the server of MIXPAY_TEST_URL.
PREFIX = f"mixpay_test_{os.getpid()}"
# Which worker this is of how many; none, if it is the only one.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))

# A shell has those ignore Ctrl-C that it starts in the background; what tests end by it must not.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# Files of tests that take longest.
LONG = {
    "test_traffic.py",
    "test_real_data.py",
    "test_random_lives.py",
    "test_money_lives.py",
    "test_readme.py",
    "test_drift.py",
    "test_faults.py",
    "test_upgrade.py",
    "test_rights.py",
}


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: a third of the time, a test waits for a process or a lock."""
    return (os.cpu_count() or 1) + 1


def pytest_configure(config: pytest.Config) -> None:
    """Each worker begins with files of its own: what it compiles of them, others find compiled."""
    if WORKER and config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        files = sorted(str(file) for file in Path(__file__).parent.rglob("test_*.py"))
        begin = len(files) * int(WORKER.removeprefix("gw")) // WORKERS
        config.args[:] = files[begin:] + files[:begin]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long goes first where workers share it, so that none is left alone with it."""
    if WORKER:
        items.sort(key=lambda item: (item.path.name not in LONG, item.path))


def pytest_collection() -> None:
    """What is collected stays: nobody has to look again and again whether it is garbage."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.enable()


@dataclass(frozen=True)
class Server:
    """Where the test databases are made, in the words of pytest-postgresql."""

    host: str | None
    port: str | int
    user: str | None
    password: str | None = None
    options: str = ""
    maintenance_dbname: str = "postgres"
    template_dbname: str | None = None

    def url(self, dbname: str | None = None) -> str:
        """The key=value string of one of its databases; both forms are accepted everywhere."""
        return conninfo.make_conninfo(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=dbname or self.maintenance_dbname,
        )


def _roomy() -> Path:
    """Memory with room for the server of every worker, or else the disk."""
    if os.access(MEMORY, os.W_OK | os.X_OK):
        _sweep()
        if shutil.disk_usage(MEMORY).free >= WORKERS * ROOM:
            return MEMORY
    return Path("/tmp")


def _sweep() -> None:
    """What killed runs of these tests left in memory: it bears their mark, and nobody holds it."""
    for mark in MEMORY.glob(f"mixpay-*/{MARK}"):
        with suppress(OSError):
            # Another worker's that is new is left alone in any case.
            if time.time() - mark.stat().st_mtime > 60:
                with _held(mark.parent):
                    shutil.rmtree(mark.parent)


@contextmanager
def _held(home: Path) -> Iterator[None]:
    directory = os.open(home, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(directory)


@pytest.fixture(scope="session")
def pg_server() -> Iterator[Server]:
    """The server: `pg_server.url("name")` connects to a database in it."""
    named = os.environ.get("MIXPAY_TEST_URL")
    if named is None:
        options = {**FAST, **QUIET, "max_wal_size": "128MB", "max_prepared_transactions": "2"}
        with EmbeddedServer(options, parent=_roomy()) as server, _held(server.home):
            (server.home / MARK).touch()
            yield Server(server.host, server.port, server.user)
        return
    parts = conninfo.conninfo_to_dict(named)
    yield Server(
        parts.get("host"),
        parts.get("port", 5432),
        parts.get("user"),
        parts.get("password"),
        maintenance_dbname=parts.get("dbname", "postgres"),
    )


def _install(*, autocommit: bool, **parameters: Any) -> None:
    """What `psql -f sql/install.sql` does, for the template."""
    # Roles belong to the whole server, so workers that share one take turns to make them.
    with open(__file__) as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        with psycopg.connect(**parameters, autocommit=autocommit) as conn:
            database.install(conn)


pg_template = factories.postgresql_noproc(depends_on="pg_server", dbname=PREFIX, load=[_install])


@pytest.fixture(scope="session")
def admin(pg_server: Server) -> Iterator[Connection[Any]]:
    """The session that makes and drops the tests' databases: one for all, for each costs."""
    with psycopg.connect(pg_server.url(), autocommit=True) as conn:
        yield conn


@pytest.fixture(scope="session")
def clones(admin: Connection[Any], pg_server: Server, pg_template: Any) -> Iterator[Clones]:
    names = pg_template.template_dbname, pg_template.dbname
    clones = Clones(admin, *names, pg_server.url(pg_template.dbname))
    yield clones
    clones.drop()


@pytest.fixture(scope="session")
def looked_at(
    admin: Connection[Any], pg_server: Server, pg_template: Any
) -> Iterator[Callable[[str, Callable[[Connection[Any]], None]], Clone]]:
    """`looked_at(name, fill)`: a database that is filled once, and in which nobody can write.

    For the fixture `clone` of tests that only look at it; `clone.looked_at()` when one is over.
    """
    made: dict[str, Clone] = {}
    with ExitStack() as left:

        def looked_at(name: str, fill: Callable[[Connection[Any]], None]) -> Clone:
            if name not in made:
                dbname = f"{pg_template.dbname}_{name}"
                url = pg_server.url(dbname)
                clones = Clones(admin, pg_template.template_dbname, dbname, url)
                left.callback(clones.drop)
                clone = clones.lend(fresh=False)
                with psycopg.connect(clone.url, autocommit=True) as conn:
                    fill(conn)
                    assert clone.holds()
                    conn.execute(f"alter database {dbname} set default_transaction_read_only = on")
                made[name] = clone
            return made[name]

        yield looked_at


@pytest.fixture
def clone(request: pytest.FixtureRequest, clones: Clones) -> Iterator[Clone]:
    """A database like the template, for this test. When it is over, all checks hold."""
    fresh = request.node.get_closest_marker("fresh_database") is not None
    clone = clones.lend(fresh=fresh)
    yield clone
    broken = []
    if request.node.get_closest_marker("breaks_checks") is None and not clone.holds():
        with psycopg.connect(clone.url) as conn:
            broken = [result for result in database.run_checks(conn) if result.rows]
    clones.take_back(clone, fresh=fresh)
    if broken:
        pytest.fail("\n".join(map(_describe, broken)), pytrace=False)


@pytest.fixture
def url(clone: Clone) -> str:
    """An installed database, as a connection string."""
    return clone.url


def all_hold(conn: Connection[Any]) -> bool:
    """Whether no check finds anything."""
    with conn.transaction(force_rollback=True):
        conn.execute(database.WHOLE_TABLES)
        return nothing_found(conn, checks())


def _describe(broken: database.CheckResult) -> str:
    rows = (f"  {dict(zip(broken.columns, row, strict=True))}" for row in broken.rows[:5])
    return "\n".join([f"sql/checks/{broken.name}.sql finds {len(broken.rows)} row(s):", *rows])


@pytest.fixture
def empty_url(admin: Connection[Any], pg_server: Server) -> Iterator[str]:
    """A database without mixpay in it, as a connection string."""
    name = f"{PREFIX}_empty"
    admin.execute(copy(name, "template1"))
    yield pg_server.url(name)
    drop = sql.SQL("drop database if exists {} with (force)")
    admin.execute(drop.format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[], str]], str]:
    """`once(name, make)`: a text that one worker makes for all."""
    shared = tmp_path_factory.getbasetemp()
    if WORKER:
        shared = shared.parent

    def once(name: str, make: Callable[[], str]) -> str:
        made = shared / f"{name}.txt"
        with open(shared / f"{name}.lock", "w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            if not made.exists():
                made.write_text(make(), encoding="utf-8")
        return made.read_text(encoding="utf-8")

    return once


@pytest.fixture
def connect(clone: Clone) -> Iterator[Callable[..., Connection[Any]]]:
    """`connect()` is one more session; `connect(autocommit=False)` one that keeps its locks."""
    with ExitStack() as opened:

        def connect(**parameters: Any) -> Connection[Any]:
            if parameters.keys() <= {"autocommit", "options"}:
                return clone.borrow(**parameters)
            conn = psycopg.connect(clone.url, **{"autocommit": True, **parameters})
            opened.callback(conn.close)
            return conn

        yield connect


@pytest.fixture
def conn(clone: Clone) -> Connection[Any]:
    """A session of the superuser in which each call is a transaction of its own."""
    return clone.connect()


@pytest.fixture
def shop(conn: Connection[Any]) -> Shop:
    """A merchant that fills a trade's orders one after the other."""
    shop = Shop(conn)
    shop.call("register_merchant", "Shop")
    return shop


@pytest.fixture
def login(conn: Connection[Any], connect: Callable[..., Connection[Any]]) -> Iterator[Any]:
    """`login("mixpay_reader")`: a session of somebody who has that role and nothing else."""
    names = []

    def login(role: str) -> Connection[Any]:
        names.append(f"{conn.info.dbname}_{role}")
        name = sql.Identifier(names[-1])
        conn.execute(sql.SQL("drop role if exists {}").format(name))
        conn.execute(sql.SQL("create role {} login in role {}").format(name, sql.Identifier(role)))
        session = connect()
        session.execute(sql.SQL("set session authorization {}").format(name))
        return session

    yield login
    for name in names:
        conn.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


@pytest.fixture
def background(url: str) -> Iterator[Callable[..., Future[Any]]]:
    """`background(other.execute, "select …")` runs in a thread; `.result()` when it is due."""
    futures: list[Future[Any]] = []
    with ThreadPoolExecutor(max_workers=64) as threads:

        def background(call: Callable[..., Any], *arguments: Any) -> Future[Any]:
            futures.append(threads.submit(call, *arguments))
            return futures[-1]

        yield background
        if not all(future.done() for future in futures):
            # The test failed and holds the lock they wait for: free them, or we wait for ever.
            with psycopg.connect(url) as conn:
                conn.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where datname = current_database() and pid <> pg_backend_pid()"
                )


@pytest.fixture
def waits(clone: Clone) -> Callable[..., list[int]]:
    """`waits(session)` returns when it really waits for a lock: the processes it waits for."""
    observer = clone.keeper

    def waits(session: Connection[Any] | int, seconds: float = 10) -> list[int]:
        pid = session if isinstance(session, int) else session.info.backend_pid
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            row = observer.execute("select pg_blocking_pids(%s)", [pid]).fetchone()
            if row and row[0]:
                return row[0]
            time.sleep(0.01)
        pytest.fail(f"session {pid} does not wait for anybody", pytrace=False)

    return waits
