"""`mixpay sql`: the database without Python, by psql or as an extension."""

import os
import re
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from clones import Clones, copy
from conftest import FAST, Server, _roomy
from psycopg import conninfo
from recorded import PROJECT
from shop import Shop

from mixpay_db import catalog, database, migrations
from mixpay_db.cli import main
from mixpay_db.embedded import EmbeddedServer, find_binaries

DEBIAN = Path("/usr/lib/postgresql/15/bin")
VERSION = metadata.version("mixpay-db")


def told(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["sql", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def psql(url: str, text: str) -> subprocess.CompletedProcess[str]:
    program = [find_binaries() / "psql", "--no-psqlrc", "--quiet", "-f", "-", url]
    return subprocess.run(program, input=text, capture_output=True, text=True)


def test_psql_makes_what_migrate_takes_over(
    empty_url: str, pg_server: Server, clones: Clones
) -> None:
    made = psql(empty_url, told())
    assert (made.returncode, made.stderr) == (0, "")
    with psycopg.connect(empty_url) as conn:
        assert [check.rows for check in database.run_checks(conn) if check.rows] == []
    said: list[str] = []
    migrations.migrate(empty_url, said.append)
    fresh_url = pg_server.url(clones.template)
    with psycopg.connect(empty_url) as conn, psycopg.connect(fresh_url) as fresh:
        assert set(migrations.status(conn).values()) == {"applied"}
        assert catalog._describe(conn) == catalog._describe(fresh)


def test_an_error_leaves_nothing(empty_url: str) -> None:
    broken = told().replace("commit;", "select 1 / 0;\ncommit;")
    assert psql(empty_url, broken).returncode == 3
    with psycopg.connect(empty_url) as conn:
        assert conn.execute("select to_regnamespace('mixpay')").fetchone() == (None,)


def test_a_place_that_cannot_be_written() -> None:
    result = CliRunner().invoke(main, ["sql", "--extension", "/dev/null/x"])
    assert result.exit_code == 2
    assert "cannot write" in result.stderr


@pytest.fixture(scope="module")
def debian() -> Iterator[str]:
    """Debian's own server, with the extension's files where it looks for them, and databases."""
    if not DEBIAN.is_dir():
        pytest.skip("Debian's PostgreSQL 15 is not here")
    config = [DEBIAN / "pg_config", "--sharedir"]
    share = subprocess.run(config, capture_output=True, text=True, check=True).stdout.strip()
    directory = Path(share) / "extension"
    if not os.access(directory, os.W_OK):
        pytest.skip(f"{directory} cannot be written")
    names = ("mixpay.control", f"mixpay--{VERSION}.sql")
    assert not any((directory / name).exists() for name in names)
    before = os.environ.get("MIXPAY_PG_BIN")
    os.environ["MIXPAY_PG_BIN"] = str(DEBIAN)
    try:
        told("--extension", str(directory))
        with EmbeddedServer(FAST, parent=_roomy()) as server:
            with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
                conn.execute("create database extended")
                with psycopg.connect(server.url("extended")) as extended:
                    extended.execute("create extension mixpay")
                for name in ("made", "leaving"):
                    conn.execute(copy(name, "extended"))
                for name in ("restored", "mixed"):
                    conn.execute(copy(name, "template1"))
            yield server.url("postgres")
    finally:
        for name in names:
            (directory / name).unlink(missing_ok=True)
        if before is None:
            del os.environ["MIXPAY_PG_BIN"]
        else:
            os.environ["MIXPAY_PG_BIN"] = before


def test_as_an_extension_it_works_and_its_rows_are_dumped(debian: str, tmp_path: Path) -> None:
    made = conninfo.make_conninfo(debian, dbname="made")
    restored = conninfo.make_conninfo(debian, dbname="restored")
    with psycopg.connect(made, autocommit=True) as conn:
        mall = Shop(conn, "mall")
        mall.call("register_merchant", "Willow Furniture Mall")
        mall.merge("T", A=100, B=50)
        mall.pay("T", "P", 150, "card")
        mall.refund("A", "R", 60)
        before = mall.query("select * from mixpay.refund_explained order by refund_no, place")
        assert [check.rows for check in database.run_checks(conn) if check.rows] == []
        members = "select count(*) from pg_depend where deptype = 'e' and refobjid = "
        own = conn.execute(
            f"{members} (select oid from pg_extension where extname = 'mixpay')"
        ).fetchone()
        assert own
        assert own[0] > 300
    dump = tmp_path / "made.sql"
    subprocess.run([DEBIAN / "pg_dump", "-f", dump, made], check=True)
    restoring = "-c mixpay.restored=on -c session_replication_role=replica"
    psql_ = [DEBIAN / "psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", dump, restored]
    environment = {**os.environ, "PGOPTIONS": restoring}
    ended = subprocess.run(psql_, env=environment, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    with psycopg.connect(restored, autocommit=True) as conn:
        mall = Shop(conn, "mall")
        after = mall.query("select * from mixpay.refund_explained order by refund_no, place")
        assert after == before
        assert [check.rows for check in database.run_checks(conn) if check.rows] == []
        mall.refund("A", "R2", 40)
    # Without saying that it is a restore, nothing is mixed: it stops.
    mixed = conninfo.make_conninfo(debian, dbname="mixed")
    ended = subprocess.run([*psql_[:-1], mixed], capture_output=True, text=True)
    assert ended.returncode == 3


def test_a_database_leaves_the_extension_and_is_migrated(debian: str) -> None:
    """As docs/pipelines.md says it."""
    page = (PROJECT / "docs" / "pipelines.md").read_text(encoding="utf-8")
    (leave,) = re.findall(r"```sql\n-- leave the extension\n(.*?)```", page, re.DOTALL)
    url = conninfo.make_conninfo(debian, dbname="leaving")
    with psycopg.connect(url, autocommit=True) as conn:
        mall = Shop(conn, "mall")
        mall.call("register_merchant", "Willow Furniture Mall")
        mall.merge("T", A=100)
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="no update path"):
            conn.execute("alter extension mixpay update to '99.0.0'")
        conn.execute(leave)
        assert conn.execute("select from pg_extension where extname = 'mixpay'").rowcount == 0
    said: list[str] = []
    migrations.migrate(url, said.append)
    with psycopg.connect(url, autocommit=True) as conn:
        assert [d for d in migrations.verify(conn) if d.kind not in ("granted",)] == []
        mall = Shop(conn, "mall")
        mall.pay("T", "P", 100, "card")
        assert mall.balance("A").paid == 100
        assert [check.rows for check in database.run_checks(conn) if check.rows] == []
