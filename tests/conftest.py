"""A database of its own for each test, cloned from an installed template.

The server is an embedded one for each worker, or the one that MIXPAY_TEST_URL names.
After every test that had a database, all of sql/checks must find nothing.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import Connection, conninfo
from pytest_postgresql import factories
from pytest_postgresql.janitor import DatabaseJanitor
from shop import Shop

from mixpay_db import database
from mixpay_db.embedded import EmbeddedServer

# Nothing here outlives the tests, so nothing has to reach the disk.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# Distinctive, and of this process alone: several runs may share the server of MIXPAY_TEST_URL.
PREFIX = f"mixpay_test_{os.getpid()}"


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


@pytest.fixture(scope="session")
def pg_server() -> Iterator[Server]:
    """The server: `pg_server.url("name")` connects to a database in it."""
    named = os.environ.get("MIXPAY_TEST_URL")
    if named is None:
        with EmbeddedServer(FAST) as server:
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
pg_clone = factories.postgresql("pg_template")


@pytest.fixture
def url(request: pytest.FixtureRequest, pg_server: Server, pg_clone: Connection) -> Iterator[str]:
    """An installed database, as a connection string. When the test is over, all checks hold."""
    url = pg_server.url(pg_clone.info.dbname)
    yield url
    if request.node.get_closest_marker("breaks_checks") is None:
        with psycopg.connect(url) as conn:
            broken = [result for result in database.run_checks(conn) if result.rows]
        if broken:
            pytest.fail("\n".join(map(_describe, broken)), pytrace=False)


def _describe(broken: database.CheckResult) -> str:
    rows = (f"  {dict(zip(broken.columns, row, strict=True))}" for row in broken.rows[:5])
    return "\n".join([f"sql/checks/{broken.name}.sql finds {len(broken.rows)} row(s):", *rows])


@pytest.fixture
def empty_url(pg_server: Server) -> Iterator[str]:
    """A database without mixpay in it, as a connection string."""
    janitor = DatabaseJanitor(
        user=pg_server.user,
        host=pg_server.host,
        port=pg_server.port,
        password=pg_server.password,
        maintenance_dbname=pg_server.maintenance_dbname,
        dbname=f"{PREFIX}_empty",
    )
    with janitor:
        yield pg_server.url(janitor.dbname)


@pytest.fixture
def connect(url: str) -> Iterator[Callable[..., Connection[Any]]]:
    """`connect()` makes one more session; `connect(autocommit=False)` one that keeps its locks."""
    with ExitStack() as opened:

        def connect(**parameters: Any) -> Connection[Any]:
            conn = psycopg.connect(url, **{"autocommit": True, **parameters})
            opened.callback(conn.close)
            return conn

        yield connect


@pytest.fixture
def conn(connect: Callable[..., Connection[Any]]) -> Connection[Any]:
    """A session of the superuser in which each call is a transaction of its own."""
    return connect()


@pytest.fixture
def shop(conn: Connection[Any]) -> Shop:
    """A merchant that fills a trade's orders one after the other."""
    shop = Shop(conn)
    shop.call("register_merchant", "Shop")
    return shop


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
def waits(connect: Callable[..., Connection[Any]]) -> Callable[..., list[int]]:
    """`waits(session)` returns when it really waits for a lock: the processes it waits for."""
    observer = connect()

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
