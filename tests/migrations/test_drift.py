"""The real files: sql/install.sql and migrations/ make the same database, there and back."""

from contextlib import contextmanager

import psycopg
import pytest
import sqlparse
from click.testing import CliRunner
from conftest import PREFIX
from psycopg import conninfo, sql
from released import apply

from mixpay_db import database, migrations, resources
from mixpay_db.cli import main
from mixpay_db.release import Release, text, way_back


def mixpay(url, *arguments):
    done = CliRunner().invoke(main, ["--url", url, *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def rows(url):
    """Every table's rows, but for the moment at which they were written."""
    with psycopg.connect(url) as conn:
        tables = conn.execute(
            "select oid::regclass::text from pg_class"
            " where relnamespace = 'mixpay'::regnamespace and relkind = 'r'"
        ).fetchall()
        query = "select to_jsonb(t) - '{{created_at,updated_at}}'::text[] from {} as t order by 1"
        return {table: conn.execute(query.format(table)).fetchall() for (table,) in tables}


def test_psql_and_the_migrations_make_the_same_database(empty_url, run_program, dump):
    install = resources.sql_dir() / "install.sql"
    quiet = ("--no-psqlrc", "--quiet", "--output=/dev/null", "--single-transaction")
    run_program("psql", empty_url, *quiet, "-f", str(install))
    by_psql = dump(empty_url), rows(empty_url)
    assert by_psql[1]["mixpay.currencies"]
    assert not by_psql[1]["mixpay.merchants"]
    assert mixpay(empty_url, "verify").startswith("all is as it should be")
    with psycopg.connect(empty_url) as conn:
        conn.execute("drop schema mixpay cascade")
    mixpay(empty_url, "migrate")
    assert (dump(empty_url), rows(empty_url)) == by_psql


def test_python_installs_what_psql_installs(url, empty_url, run_program, dump):
    quiet = ("--no-psqlrc", "--quiet", "--output=/dev/null", "--single-transaction")
    run_program("psql", empty_url, *quiet, "-f", str(resources.sql_dir() / "install.sql"))
    assert dump(url) == dump(empty_url)


@pytest.fixture
def copied(admin, pg_server):
    """`with copied(url) as other`: for a while, one more database like that one."""
    name = sql.Identifier(f"{PREFIX}_copied")

    @contextmanager
    def copied(url):
        original = sql.Identifier(conninfo.conninfo_to_dict(url)["dbname"])
        admin.execute(sql.SQL("create database {} template {}").format(name, original))
        try:
            yield pg_server.url(f"{PREFIX}_copied")
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(name))

    return copied


def test_each_migration_goes_down_and_up_again(empty_url, copied, dump):
    """One by one down to nothing, and from each step one up again: so from each all the way up.

    By the command from the first step and from nothing; and down all at once.
    """

    def told(url, *, rights=False):
        return dump(url, rights=rights), rows(url)

    mixpay(empty_url, "migrate")
    there = told(empty_url, rights=True)
    steps = []  # each step's tables and rows, without the code, which gives the rights
    names = [migration.id for migration in Release().migrations]
    for gone, migration in enumerate(reversed(Release().migrations), 1):
        mixpay(empty_url, "migrate", "rollback")
        with copied(empty_url) as url:
            status = mixpay(url, "migrate", "status")
            assert status.count("pending") == gone + 1  # and the code
            if steps:
                with psycopg.connect(url) as conn:
                    apply(conn, migration)
                assert told(url) == steps[-1]
            else:
                mixpay(url, "migrate")
                assert told(url, rights=True) == there
        if gone < len(names):
            steps.append(told(empty_url))
    with psycopg.connect(empty_url) as conn:
        assert conn.execute("select to_regnamespace('mixpay')::text").fetchone() == (None,)
    mixpay(empty_url, "migrate")
    assert told(empty_url, rights=True) == there
    with psycopg.connect(empty_url, autocommit=True) as conn:
        assert migrations.verify(conn) == []
    mixpay(empty_url, "migrate", "rollback", "--to", names[0])
    assert told(empty_url) == steps[-1]


@pytest.mark.parametrize("migration", Release().migrations, ids=lambda migration: migration.id)
def test_a_migration_leaves_transactions_alone_and_makes_no_code(migration):
    for contents in (text(migration), way_back(migration).read_text(encoding="utf-8")):
        for statement in sqlparse.parse(contents):
            start = " ".join(t.normalized for t in statement.flatten() if not t.is_whitespace)
            assert not start.upper().startswith(
                ("BEGIN", "START TRANSACTION", "COMMIT", "ROLLBACK", "END")
            )
            assert statement.get_type() != "CREATE" or not any(
                t.normalized in ("FUNCTION", "PROCEDURE", "VIEW", "TRIGGER")
                for t in statement.tokens[:5]
            )


def test_contents_are_read_as_psql_reads_them(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "outer.sql").write_text(
        "\\set ON_ERROR_STOP on\n-- one\n\\ir inner/a.sql\nselect 3;\n"
    )
    (tmp_path / "inner/a.sql").write_text("select 1;\n\\ir b.sql")
    (tmp_path / "inner/b.sql").write_text("select 2;")
    assert database.read_contents(tmp_path / "outer.sql") == (
        "-- one\nselect 1;\nselect 2;\nselect 3;\n"
    )
    (tmp_path / "inner/b.sql").write_text("\\copy t from x\n")
    with pytest.raises(database.ContentsError, match=r"b\.sql:1"):
        database.read_contents(tmp_path / "outer.sql")


def test_a_new_epoch_is_no_drift(url):
    assert mixpay(url, "events", "--new-epoch") == "2\n"
    assert mixpay(url, "verify").startswith("all is as it should be")
