"""A database that was dumped and restored is the one that it was, for every version at hand."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from conftest import FAST, PREFIX, Server, _roomy
from psycopg import sql
from test_api import tell

from mixpay_db import embedded, migrations
from mixpay_db.cli import main
from mixpay_db.cli.events import raise_epoch
from mixpay_db.embedded import EmbeddedServer

DEBIAN = Path("/usr/lib/postgresql/15/bin")
# From the version that was dumped to the one that is restored into.
WAYS = [(15, 15), (15, 18), (18, 18)]
FORMATS = {"custom": ["-Fc"], "directory": ["-Fd", "-j2"], "plain": ["-Fp"]}


@dataclass
class Place:
    """A server, its programs, and what was dumped there."""

    url: Callable[[str], str]
    programs: Path
    made: list[str] = field(default_factory=list)

    def run(self, program: str, *arguments: str) -> None:
        done = subprocess.run([self.programs / program, *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""

    def create(self, name: str) -> str:
        name = f"{PREFIX}_{name}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
            conn.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        self.made.append(name)
        return self.url(name)

    def drop(self) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
            for name in self.made:
                drop = sql.SQL("drop database if exists {} with (force)")
                conn.execute(drop.format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def places(pg_server: Server) -> Iterator[Callable[[int], Place]]:
    """`places(15)`: a server of that version; skips where there is none."""
    with psycopg.connect(pg_server.url()) as conn:
        version = conn.info.server_version // 10000
    started = {version: Place(pg_server.url, embedded.find_binaries())}
    make_roles(pg_server.url())
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:

        def place(version: int) -> Place:
            if version not in started:
                if version == 15:
                    if not (DEBIAN / "postgres").is_file():
                        pytest.skip(f"PostgreSQL 15 is not installed in {DEBIAN}")
                    patch.setenv("MIXPAY_PG_BIN", str(DEBIAN))
                else:
                    patch.delenv("MIXPAY_PG_BIN", raising=False)
                    if embedded.major_version(embedded.find_binaries()) != version:
                        pytest.skip(f"the embedded server is not PostgreSQL {version}")
                server = stack.enter_context(EmbeddedServer(FAST, parent=_roomy()))
                started[version] = Place(server.url, embedded.find_binaries())
                make_roles(server.url("postgres"))
            return started[version]

        yield place
        for one in started.values():
            one.drop()


@pytest.fixture(scope="module")
def dumps(places: Callable[[int], Place], tmp_path_factory: pytest.TempPathFactory) -> Callable:
    """`dumps(15, "plain")`: a dump of a database in which much has happened."""
    made: dict[tuple[int, str], Path] = {}
    told: dict[int, str] = {}

    def dump(version: int, form: str) -> Path:
        if (version, form) not in made:
            place = places(version)
            if version not in told:
                url = told[version] = place.create("told")
                migrations.migrate(url, lambda _: None)
                with psycopg.connect(url, autocommit=True) as conn:
                    tell(conn, "mall")
            path = tmp_path_factory.mktemp("dumps") / form
            place.run("pg_dump", *FORMATS[form], "-f", str(path), told[version])
            made[version, form] = path
        return made[version, form]

    return dump


def make_roles(url: str) -> None:
    """Those of the package, to which belongs what is restored."""
    with psycopg.connect(url, autocommit=True) as conn:
        for role in ("mixpay_owner", "mixpay_writer", "mixpay_reader", "mixpay_monitor"):
            if conn.execute("select from pg_roles where rolname = %s", [role]).rowcount == 0:
                conn.execute(sql.SQL("create role {} nologin").format(sql.Identifier(role)))


def restore(place: Place, path: Path, form: str, name: str, *options: str) -> str:
    url = place.create(name)
    if form == "plain":
        place.run(
            "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, "-f", str(path), url
        )
    else:
        jobs = ["-j2"] if form == "directory" else []
        place.run("pg_restore", "--exit-on-error", *jobs, *options, "-d", url, str(path))
    return url


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: "→".join(map(str, way)))
def test_what_is_restored_is_as_it_should_be(places, dumps, way, form, verify):
    source, target = way
    path = dumps(source, form)
    place = places(target)
    url = restore(place, path, form, f"restored_{source}_{form}")
    with psycopg.connect(url, autocommit=True) as conn:
        raise_epoch(conn)
        assert verify(conn) == []


def mixpay(url: str, *arguments: str, status: int = 0) -> str:
    done = CliRunner().invoke(main, ["--url", url, *arguments])
    assert done.exit_code == status, done.output
    return done.output


def test_owners_and_grants_are_put_back(places, dumps, verify):
    place = places(18)
    without = ["--no-owner", "--no-privileges"]
    url = restore(place, dumps(18, "custom"), "custom", "repaired", *without)
    with psycopg.connect(url, autocommit=True) as conn:
        assert "changed: table mixpay.payments" in mixpay(url, "verify", status=1)
        theirs = sql.Identifier(f"{PREFIX}_cashier")
        conn.execute(sql.SQL("create role {}").format(theirs))
        conn.execute(sql.SQL("grant select on mixpay.payments to {}").format(theirs))
        call = "mixpay.record_payment(text, text, text, text, bigint, timestamptz, text, text)"
        found = conn.execute("select to_regprocedure(%s)::text", [call]).fetchone()
        function = found[0] or "mixpay.fail_payment(text, text, text)"
        conn.execute(sql.SQL(f"grant execute on function {function} to {{}}").format(theirs))

        planned = mixpay(url, "migrate", "--repair", "--plan")
        assert "alter table mixpay.payments owner to mixpay_owner" in planned
        assert "create" not in re.sub(r"'[^']*'", "", planned.lower())
        told = mixpay(url, "migrate", "--repair")
        assert told.splitlines()[0] == "put back owners and grants"
        assert "give to mixpay_owner what was postgres's: schema, 1" in told
        assert re.search(r"^  grant execute to mixpay_writer: function, \d+$", told, re.MULTILINE)
        assert re.search(r"^  grant select to mixpay_reader: view, \d+$", told, re.MULTILINE)
        assert re.search(r"^  revoke execute from public: function, \d+$", told, re.MULTILINE)
        assert mixpay(url, "migrate", "--repair") == "nothing to do\n"

        # What others have granted stays; without it nothing differs any more.
        may = (
            "select has_function_privilege(%s, %s, 'execute'), "
            "has_table_privilege(%s, %s, 'select')"
        )
        who = f"{PREFIX}_cashier"
        parameters = [who, function, who, "mixpay.payments"]
        assert conn.execute(may, parameters).fetchone() == (True, True)
        conn.execute(sql.SQL("drop owned by {}").format(theirs))
        conn.execute(sql.SQL("drop role {}").format(theirs))
        raise_epoch(conn)
        assert verify(conn) == []
        assert mixpay(url, "migrate") == "nothing to do\n"
        # And it works: a call acts as its owner again, which is no superuser.
        conn.execute("set role mixpay_writer")
        conn.execute("select from mixpay.register_merchant('m', 'M')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("select from mixpay.merchants")


def test_repairs_no_other_version(project):
    project.add_color()
    assert project.mixpay("migrate").exit_code == 0
    assert project.mixpay("migrate", "rollback").exit_code == 0
    done = project.mixpay("migrate", "--repair")
    assert done.exit_code == 2
    assert "Repair it with the version that it belongs to" in done.stderr
