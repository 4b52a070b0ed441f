"""Where the marks are, who may reach them, and that yoyo reads them as its own."""

import glob
import os
from urllib.parse import quote

import pytest
import yoyo
from psycopg import conninfo

from mixpay_db import bookkeeping, migrations


def test_yoyo_itself_agrees(project):
    project.mixpay("migrate")
    project.add_color()
    backend = migrations._backend(conninfo.make_conninfo(project.url))
    backend.connection.execute("set search_path = mixpay_migrations")
    found = yoyo.read_migrations(glob.escape(str(project.root / "migrations")))
    with backend:
        assert [m.id for m in backend.to_apply(found)] == ["0002_color"]
        assert [m.id for m in backend.to_rollback(found)] == ["0001_first"]


def test_the_bookkeeping_is_what_yoyo_would_make(project):
    columns = """
        select table_name, column_name, data_type, character_maximum_length, is_nullable
        from information_schema.columns
        where table_schema = '{}' and table_name like '\\_yoyo%'
        order by table_name, column_name
    """
    backend = migrations._backend(project.url)
    with backend:
        backend.connection.execute("create schema theirs")
        backend.connection.execute("set search_path = theirs")
        backend.create_lock_table()
        backend.get_applied_migration_hashes()
        backend.connection.execute(bookkeeping.CREATE)
        theirs = backend.connection.execute(columns.format("theirs")).fetchall()
        ours = backend.connection.execute(columns.format("mixpay_migrations")).fetchall()
        versions = backend.connection.execute(
            "select o.version, t.version"
            " from mixpay_migrations._yoyo_version as o, theirs._yoyo_version as t"
            " order by t.version desc limit 1"
        ).fetchall()
    assert len(theirs) > 10
    assert ours == theirs
    assert len({version for row in versions for version in row}) == 1


def test_nobody_else_enters_the_bookkeeping(project):
    project.mixpay("migrate")
    for role in ("mixpay_writer", "mixpay_reader"):
        assert project.execute(
            f"select has_schema_privilege('{role}', 'mixpay_migrations', 'usage, create')"
        ) == [(False,)]


def test_a_login_that_is_no_superuser_can_do_it_all(project):
    """It needs to be a member of mixpay_owner and to create schemas in the database."""
    project.mixpay("migrate")  # makes the roles, if this server had none
    project.mixpay("migrate", "rollback")
    deployer = f"mixpay_deployer_{os.getpid()}"
    with project.connect() as conn:
        conn.execute("drop schema mixpay_migrations cascade")
        conn.execute(f"create role {deployer} login in role mixpay_owner")
        conn.execute(f"grant create on database {conn.info.dbname} to {deployer}")
        try:
            url = conninfo.make_conninfo(project.url, user=deployer)
            for command in ("migrate", "verify", "migrate --reload", "migrate rollback", "migrate"):
                done = project.mixpay(*command.split(), url=url)
                assert done.exit_code == 0, f"{command}: {done.output}"
        finally:
            conn.execute("drop schema mixpay, mixpay_migrations cascade")
            conn.execute(f"drop owned by {deployer}")
            conn.execute(f"drop role {deployer}")


@pytest.mark.parametrize("form", ["url", "key=value"])
def test_both_forms_of_connection_string(project, form):
    password = "p@ss w/ord:'%\\"  # noqa: S105
    options = "-c statement_timeout=12345"
    with project.connect() as conn:
        host, port, user, name = conn.info.host, conn.info.port, conn.info.user, conn.info.dbname
    if form == "url":
        quoted = [quote(part, safe="") for part in (user, password, name, host, options)]
        url = "postgresql://{}:{}@/{}?host={}&options={}&port={}".format(*quoted, port)
    else:
        url = conninfo.make_conninfo(project.url, password=password, options=options)
    assert project.mixpay("migrate", url=url).exit_code == 0
    with migrations._backend(url) as backend:
        assert backend.connection.info.password == password
        assert backend.connection.info.dbname == name
        assert backend.connection.execute("show statement_timeout").fetchone() == ("12345ms",)
