"""Other tools run the plan: each statement as it comes, in a transaction that is theirs."""

import psycopg
import pytest
import sqlparse
from psycopg import IsolationLevel
from psycopg.errors import ObjectNotInPrerequisiteState

from mixpay_db import database, migrations, resources


def run_as_one_text(conn, text):
    """As Flyway, Liquibase with splitStatements:false, dbmate and Alembic's op.execute do."""
    conn.execute(text, prepare=False)


def run_one_by_one(conn, text):
    """As tools do that split at semicolons and know dollar quotes."""
    for statement in sqlparse.split(text):
        if sqlparse.format(statement, strip_comments=True).strip(" ;\n"):
            conn.execute(statement, prepare=False)


def installed_by(run, project):
    project.add_color()
    project.write("plan.sql", project.mixpay("migrate", "--plan", "--for", "any").output)
    text = project.read("plan.sql")
    assert not [line for line in text.splitlines() if line.startswith("\\")]
    with psycopg.connect(project.url) as conn:
        run(conn, text)
        # Their transaction, which they may take back.
        conn.rollback()
        assert conn.execute("select to_regnamespace('mixpay')").fetchone() == (None,)
        run(conn, text)
    assert project.mixpay("migrate").output == "nothing to do\n"
    assert project.mixpay("verify").exit_code == 0
    # And so is a change of code.
    views = project.read("sql/views.sql").replace("as sales from", "as sold from")
    project.write("sql/views.sql", views)
    change = project.mixpay("migrate", "--plan", "--for", "any").output
    with psycopg.connect(project.url) as conn:
        run(conn, change)
    assert project.mixpay("migrate").output == "nothing to do\n"
    assert project.mixpay("verify").exit_code == 0


def test_a_tool_that_sends_a_file_as_it_is(project):
    installed_by(run_as_one_text, project)


def test_a_tool_that_splits_a_file(project):
    installed_by(run_one_by_one, project)


def test_a_tool_that_runs_each_statement_by_itself_is_refused(project):
    text = project.mixpay("migrate", "--plan", "--for", "any").output
    with project.connect() as conn:
        with pytest.raises(ObjectNotInPrerequisiteState, match="not run in one transaction"):
            run_one_by_one(conn, text)
        assert conn.execute("select to_regnamespace('mixpay_migrations')").fetchone() == (None,)


@pytest.mark.parametrize("level", [IsolationLevel.REPEATABLE_READ, IsolationLevel.SERIALIZABLE])
def test_a_tool_whose_transaction_sees_what_was_is_refused(project, level):
    text = project.mixpay("migrate", "--plan", "--for", "any").output
    with psycopg.connect(project.url) as conn:
        conn.isolation_level = level
        with pytest.raises(ObjectNotInPrerequisiteState, match="isolation level"):
            run_as_one_text(conn, text)
        conn.rollback()


def test_the_real_plan_by_a_tool_that_sends_it_as_it_is(empty_url, verify):
    with psycopg.connect(empty_url, autocommit=True) as conn:
        text = migrations.plan(conn, psql=False)
        with conn.transaction():
            conn.execute(text, prepare=False)
        assert verify(conn) == []
        assert migrations.plan(conn) == ""
        assert migrations.status(conn)["code"] == "applied"
    assert database.read_contents(resources.sql_dir() / "code.sql") in text
