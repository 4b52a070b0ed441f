"""The real files: sql/install.sql and migrations/ make the same database, there and back."""

from contextlib import contextmanager

import psycopg
import pytest
from click.testing import CliRunner
from clones import copy
from conftest import PREFIX
from psycopg import conninfo, sql
from released import apply
from sqlparse.engine import FilterStack
from sqlparse.tokens import Comment

from mixpay_db import database, resources
from mixpay_db.cli import main
from mixpay_db.release import Release, text, way_back


def mixpay(url, *arguments):
    done = CliRunner().invoke(main, ["--url", url, *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def rows(conn):
    """Every table's rows, but for the moment at which they were written."""
    tables = conn.execute(
        "select oid::regclass::text from pg_class"
        " where relnamespace = 'mixpay'::regnamespace and relkind = 'r'"
    ).fetchall()
    query = "select '{0}', to_jsonb(t) - '{{created_at,updated_at}}'::text[] from {0} as t"
    found = {table: [] for (table,) in tables}
    for table, row in conn.execute(" union all ".join(query.format(t) for t in found)).fetchall():
        found[table].append(row)
    return {table: sorted(rows, key=repr) for table, rows in found.items()}


def told(url, dump):
    with psycopg.connect(url) as conn:
        return dump(url), rows(conn)


def test_psql_python_and_the_migrations_make_the_same_database(
    url, empty_url, lend, run_program, dump, verify
):
    install = resources.sql_dir() / "install.sql"
    quiet = ("--no-psqlrc", "--quiet", "--output=/dev/null", "--single-transaction")
    run_program("psql", empty_url, *quiet, "-f", str(install))
    by_psql = told(empty_url, dump)
    assert by_psql[1]["mixpay.currencies"]
    assert not by_psql[1]["mixpay.merchants"]
    with psycopg.connect(empty_url, autocommit=True) as conn:
        assert verify(conn) == []
    assert told(lend("nothing", migrated=True), dump) == by_psql
    assert told(url, dump) == by_psql


@pytest.fixture
def copied(admin, pg_server):
    """`with copied(url) as other`: for a while, one more database like that one."""
    name = f"{PREFIX}_copied"

    @contextmanager
    def copied(url):
        admin.execute(copy(name, conninfo.conninfo_to_dict(url)["dbname"]))
        try:
            yield pg_server.url(name)
        finally:
            drop = sql.SQL("drop database {} with (force)")
            admin.execute(drop.format(sql.Identifier(name)))

    return copied


def test_each_migration_goes_down_and_up_again(lend, copied, shape, verify):
    """One by one down to nothing, and from each step one up again: so from each all the way up.

    By the command from the first step and from nothing; and down all at once.
    """

    def goes_down(gone):
        mixpay(url, "migrate", "rollback")
        assert mixpay(url, "migrate", "status").count("pending") == gone + 1  # and the code

    def all_of_it(url):
        with psycopg.connect(url) as conn:
            return shape(conn, rights=True), rows(conn)

    url = lend("nothing", migrated=True)
    there = all_of_it(url)
    first, *_ = names = [migration.id for migration in Release().migrations]
    _, *others = reversed(Release().migrations)
    goes_down(1)
    with copied(url) as other:
        mixpay(other, "migrate")
        assert all_of_it(other) == there
    with psycopg.connect(url, autocommit=True) as conn:

        def step():
            return shape(conn), rows(conn)

        steps = [step()]  # each one's tables and rows, without the code, which gives the rights
        for gone, migration in enumerate(others, 2):
            goes_down(gone)
            with conn.transaction(force_rollback=True):
                apply(conn, migration)
                assert step() == steps[-1]
            if gone < len(names):
                steps.append(step())
        assert conn.execute("select to_regnamespace('mixpay')::text").fetchone() == (None,)
        mixpay(url, "migrate")
        assert all_of_it(url) == there
        assert verify(conn) == []
        mixpay(url, "migrate", "rollback", "--to", first)
        assert step() == steps[-1]


@pytest.mark.parametrize("migration", Release().migrations, ids=lambda migration: migration.id)
def test_a_migration_leaves_transactions_alone_and_makes_no_code(migration):
    for contents in (text(migration), way_back(migration).read_text(encoding="utf-8")):
        # Split into statements and words: what belongs together within one is nothing to us.
        for statement in FilterStack().run(contents):
            words = [
                token.normalized.upper()
                for token in statement.flatten()
                if not token.is_whitespace and token.ttype not in Comment
            ]
            start = " ".join(words)
            assert not start.startswith(("BEGIN", "START TRANSACTION", "COMMIT", "ROLLBACK", "END"))
            assert not start.startswith("CREATE") or not any(
                word in ("FUNCTION", "PROCEDURE", "VIEW", "TRIGGER") for word in words[:4]
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
