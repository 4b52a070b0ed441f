"""Who may install and upgrade: a managed server has no superuser, and a DBA may make the roles.

The roles belong to the whole server, so all this is done on a server of its own.
"""

import psycopg
import pytest
from click.testing import CliRunner
from conftest import FAST, _roomy
from psycopg import conninfo

from mixpay_db.cli import main
from mixpay_db.embedded import EmbeddedServer


@pytest.fixture(scope="module")
def server():
    with EmbeddedServer(FAST, parent=_roomy()) as server:
        yield server


class Cluster:
    """A server as new, and its superuser."""

    def __init__(self, server):
        self.server = server
        self.dba = psycopg.connect(server.url("postgres"), autocommit=True)

    def login(self, name, rights=""):
        self.dba.execute(f"create role {name} login {rights}")
        return name

    def database(self, name, owner):
        self.dba.execute(f"create database {name} owner {owner}")

    def mixpay(self, user, database, *arguments):
        url = conninfo.make_conninfo(self.server.url(database), user=user)
        return CliRunner().invoke(main, ["--url", url, *arguments])

    def does_all(self, user, database):
        """What is to be is found out by `verify`, with the same rights, and once is enough."""
        for command in ("migrate", "verify", "migrate --reload", "migrate rollback", "migrate"):
            done = self.mixpay(user, database, *command.split())
            assert done.exit_code == 0, f"{command}: {done.output}"

    def close(self):
        names = "select datname from pg_database where datname like 'shop%'"
        for (name,) in self.dba.execute(names).fetchall():
            self.dba.execute(f"drop database {name} with (force)")
        roles = (
            "select rolname from pg_roles where rolname ~ '^(mixpay|admin|shopkeeper)' order by 1"
        )
        for (role,) in self.dba.execute(roles).fetchall():
            self.dba.execute(f"drop owned by {role}")
        for (role,) in self.dba.execute(roles).fetchall():
            self.dba.execute(f"drop role {role}")
        self.dba.close()


@pytest.fixture
def cluster(server, known):  # noqa: ARG001 (for does_all)
    cluster = Cluster(server)
    yield cluster
    cluster.close()


def asked_for(done):
    """What somebody else has to run, by the error."""
    assert done.exit_code == 2, done.output
    return [line.strip() for line in done.output.splitlines() if line.startswith("  ")]


def test_an_admin_of_a_managed_server_does_it_all(cluster):
    admin = cluster.login("admin1", "createrole createdb")
    cluster.database("shop", admin)
    cluster.does_all(admin, "shop")


def test_a_second_database_of_another_admin(cluster):
    first, second = (cluster.login(n, "createrole createdb") for n in ("admin1", "admin2"))
    cluster.database("shop1", first)
    cluster.database("shop2", second)
    assert cluster.mixpay(first, "shop1", "migrate").exit_code == 0
    if cluster.dba.info.server_version >= 160000:
        refused = cluster.mixpay(second, "shop2", "migrate")
        [statement] = asked_for(refused)
        assert statement == "grant mixpay_owner to admin2;"
        with psycopg.connect(
            conninfo.make_conninfo(cluster.server.url("shop1"), user=first), autocommit=True
        ) as conn:
            conn.execute(statement)
    cluster.does_all(second, "shop2")
    cluster.does_all(first, "shop1")


def test_an_owner_of_a_database_who_makes_no_roles(cluster):
    cluster.login("shopkeeper")
    cluster.database("shop", "shopkeeper")
    asked = asked_for(cluster.mixpay("shopkeeper", "shop", "migrate"))
    assert asked == [
        "create role mixpay_owner nologin;",
        "create role mixpay_writer nologin;",
        "create role mixpay_reader nologin;",
        "create role mixpay_monitor nologin;",
        "grant mixpay_owner to shopkeeper;",
    ]
    for statement in asked:
        cluster.dba.execute(statement)
    cluster.does_all("shopkeeper", "shop")


def test_a_member_who_may_make_no_schemas(cluster):
    admin = cluster.login("admin1", "createrole createdb")
    cluster.database("shop", admin)
    assert cluster.mixpay(admin, "shop", "migrate").exit_code == 0
    cluster.login("shopkeeper", "in role mixpay_owner")
    asked = asked_for(cluster.mixpay("shopkeeper", "shop", "migrate", "--reload"))
    assert asked == ["grant create on database shop to shopkeeper;"]
    for statement in asked:
        cluster.dba.execute(statement)
    cluster.does_all("shopkeeper", "shop")


def test_who_may_not_is_told_the_role(cluster):
    admin = cluster.login("admin1", "createrole createdb")
    cluster.database("shop", admin)
    assert cluster.mixpay(admin, "shop", "migrate").exit_code == 0
    keeper = cluster.login("shopkeeper")
    for command in ("verify", "migrate --plan", "migrate status", "migrate rollback"):
        done = cluster.mixpay(keeper, "shop", *command.split())
        assert done.exit_code == 2, command
        assert "42501: permission denied for schema mixpay_migrations\n" in done.stderr
        assert "hint: Members of mixpay_owner migrate and verify." in done.stderr
