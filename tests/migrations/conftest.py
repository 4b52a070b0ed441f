"""A small mixpay of its own: tables, migrations and code in a folder that a test may change."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from conftest import PREFIX, all_hold
from released import Lender

from mixpay_db import catalog, embedded, migrations, replaceable, resources
from mixpay_db.catalog import Difference
from mixpay_db.cli import main
from mixpay_db.release import Release
from mixpay_db.replaceable import Code

_WIDGETS = """create table mixpay.widgets (
    widget text primary key,
    size bigint not null default 1 constraint size_is_positive check (size > 0),
    created_at timestamptz not null default now()
);
create index widgets_size on mixpay.widgets (size);
comment on table mixpay.widgets is 'What is sold.';
insert into mixpay.widgets (widget, size) values ('small', 1), ('large', 9);
create table mixpay.sales (sale bigint primary key, widget text not null references mixpay.widgets);
"""

_CODE = r"""\set ON_ERROR_STOP on
set role mixpay_owner;
\ir views.sql
reset role;
"""

_VIEWS = """create view mixpay.sold as
select s.widget, count(*) as sales from mixpay.sales as s group by s.widget;
create function mixpay.refuse() returns trigger language plpgsql as 'begin return null; end';
create trigger refuse before delete on mixpay.sales
for each row execute function mixpay.refuse();
grant usage on schema mixpay to mixpay_reader;
grant select on mixpay.sold to mixpay_reader;
"""

# The command, made to work on a folder's files.
_COMMAND = """
import sys
from pathlib import Path
from mixpay_db import resources
from mixpay_db.cli import main
root = Path(sys.argv.pop(1))
resources.sql_dir = lambda: root / "sql"
resources.migrations_dir = lambda: root / "migrations"
main()
"""


class Project:
    gate = "set local lock_timeout = 0;\nselect pg_advisory_xact_lock(4711);\n"

    def __init__(self, root: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.url = root, url
        real = resources.sql_dir()
        for name in ("sql/schema", "sql/checks", "migrations"):
            (root / name).mkdir(parents=True)
        shutil.copy(real / "schema" / "roles.sql", root / "sql/schema/roles.sql")
        roles = self.read("sql/schema/roles.sql")
        self.write("sql/code.sql", _CODE)
        self.write("sql/views.sql", _VIEWS)
        self.write("sql/schema/tables.sql", _WIDGETS)
        self.write(
            "sql/install.sql",
            "\\ir schema/roles.sql\nset role mixpay_owner;\n"
            "\\ir schema/tables.sql\nreset role;\n\\ir code.sql\n",
        )
        self.migration("0001_first", _WIDGETS, "drop table mixpay.sales, mixpay.widgets;", roles)
        self.write(
            "migrations/0001_first.rollback.sql",
            self.read("migrations/0001_first.rollback.sql") + "drop schema mixpay;\n",
        )
        monkeypatch.setattr(resources, "sql_dir", lambda: root / "sql")
        monkeypatch.setattr(resources, "migrations_dir", lambda: root / "migrations")

    def read(self, path: str) -> str:
        return (self.root / path).read_text(encoding="utf-8")

    def write(self, path: str, text: str) -> None:
        (self.root / path).write_text(text, encoding="utf-8")

    def append(self, path: str, text: str) -> None:
        self.write(path, self.read(path) + text)

    def migration(self, name: str, up: str, down: str, first: str = "") -> None:
        """A migration of the owner's."""
        self.write(f"migrations/{name}.sql", f"{first}set role mixpay_owner;\n{up}\nreset role;\n")
        self.write(
            f"migrations/{name}.rollback.sql", f"set role mixpay_owner;\n{down}\nreset role;\n"
        )

    def load_check(self, name: str) -> None:
        code = self.read("sql/code.sql")
        loads = f"\\ir checks/{name}.sql\nreset role;"
        self.write("sql/code.sql", code.replace("reset role;", loads))

    def add_color(self) -> None:
        """A second migration, and the tables as they are with it."""
        change = "alter table mixpay.widgets add color text;\n"
        self.append("sql/schema/tables.sql", change)
        self.migration("0002_color", change, "alter table mixpay.widgets drop color;")

    def mixpay(self, *arguments: str, url: str | None = None) -> Result:
        """Runs the command in this process."""
        return CliRunner().invoke(main, ["--url", url or self.url, *arguments])

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Runs it in a process of its own, which can be killed."""
        return subprocess.Popen(
            [sys.executable, "-c", _COMMAND, str(self.root), "--url", self.url, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.url, autocommit=True)

    def execute(self, statement: str) -> list[tuple]:
        with self.connect() as conn:
            cursor = conn.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def psql(self, path: str) -> None:
        """Runs a file of the folder, as a DBA would."""
        quiet = ("--no-psqlrc", "--quiet", "--output=/dev/null")
        run_program("psql", self.url, *quiet, "-f", str(self.root / path))

    def until_waiting(self, count: int = 1) -> None:
        """Returns when so many sessions really wait for a lock."""
        waiting = (
            "select count(*) from pg_stat_activity"
            " where datname = current_database() and wait_event_type = 'Lock'"
        )
        with self.connect() as conn:
            until(lambda: conn.execute(waiting).fetchone() == (count,))


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)


def run_program(name: str, url: str, *arguments: str) -> str:
    """psql or pg_dump, from beside the server's own programs."""
    done = subprocess.run(
        [str(embedded.find_binaries() / name), f"--dbname={url}", *arguments],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr, done.stderr
    return done.stdout


class Installed:
    """What this version makes: told once, of a database that is as new, not installed each time."""

    def __init__(self, conn: psycopg.Connection, once: Callable[..., str]) -> None:
        self.server, self.files = conn.info.server_version, Release().code
        self.code = replaceable.in_words(replaceable.read(conn), self.files)
        # And what was verified to be the same: a server may spell what it restored otherwise.
        self.catalogs = [(self.server, catalog._describe(conn))]
        self.rows = {table: self._rows(conn, table) for table in catalog._shipped(conn)}
        self.adoption = once("adoption", lambda: migrations.plan(conn, psql=False))

    @contextmanager
    def is_known(self) -> Iterator[None]:
        """While it lasts, `migrate` does not install what there is to be beside what is live."""
        find_out = replaceable.read_fresh

        def read_fresh(conn: psycopg.Connection, files: str) -> Code:
            # Servers spell it in words of their own.
            known = (self.server, self.files) == (conn.info.server_version, files)
            return self.code if known else find_out(conn, files)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(replaceable, "read_fresh", read_fresh)
            yield

    def migrate(self, url: str) -> None:
        with self.is_known():
            migrations.migrate(url, lambda _: None)

    def is_told_by(self, conn: psycopg.Connection) -> bool:
        """Whether another one tells word for word the same; it may have more rows."""
        return (conn.info.server_version, catalog._describe(conn)) in self.catalogs and all(
            rows <= self._rows(conn, table) for table, rows in self.rows.items()
        )

    def _rows(self, conn: psycopg.Connection, table: str) -> set[str]:
        row = "(to_jsonb(t) - '{created_at,updated_at}'::text[])::text"
        return {told for (told,) in conn.execute(f"select {row} from mixpay.{table} as t")}


@pytest.fixture(scope="session")
def installed(pg_server, clones, once) -> Installed:
    with psycopg.connect(pg_server.url(clones.template), autocommit=True) as conn:
        return Installed(conn, once)


@pytest.fixture(scope="session")
def lender(admin, pg_server, installed: Installed) -> Iterator[Lender]:
    lender = Lender(admin, pg_server.url, PREFIX, installed.migrate)
    yield lender
    lender.close()


@pytest.fixture
def lend(lender: Lender) -> Iterator[Callable[..., str]]:
    """`lend("money")`: a database as that version left it; `migrated=True`: as this one found it.

    `lend("nothing", migrated=True)` is one that is new. A second argument names code of its time
    that is there, too.
    """
    yield lender.lend
    lender.take_back()


@pytest.fixture
def verify(installed: Installed) -> Callable[[psycopg.Connection], list[Difference]]:
    """`verify(conn)`: what `mixpay verify` finds, which judges whatever is told otherwise."""

    def verify(conn: psycopg.Connection) -> list[Difference]:
        # Marked, or installed by psql.
        is_whole = set(migrations.status(conn).values()) in ({"applied"}, {"pending"})
        if is_whole and installed.is_told_by(conn) and all_hold(conn):
            return []
        found = migrations.verify(conn)
        if not found:
            installed.catalogs.append((conn.info.server_version, catalog._describe(conn)))
        return found

    return verify


@pytest.fixture
def known(installed: Installed) -> Iterator[None]:
    """`migrate` knows what code there is to be.

    It is for tests of what happens then, and to whom; others see to it that it is found out.
    """
    with installed.is_known():
        yield


@pytest.fixture
def adopted(url: str, installed: Installed) -> str:
    """An installed database whose migrations are marked."""
    with psycopg.connect(url) as conn:
        conn.execute(installed.adoption)
    return url


@pytest.fixture
def project(tmp_path: Path, empty_url: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    return Project(tmp_path / "release [1]*", empty_url, monkeypatch)


@pytest.fixture
def gate(project: Project) -> Iterator[Callable[[], None]]:
    """Whoever runs `project.gate` waits until the test calls this."""
    with project.connect() as conn:
        conn.execute("select pg_advisory_lock(4711)")
        yield lambda: conn.execute("select pg_advisory_unlock(4711)").close()


@pytest.fixture(name="run_program")
def run_program_fixture() -> Callable[..., str]:
    return run_program


# Of tables, what pg_dump says beside what `verify` compares.
_BESIDE = """
select c.relname, concat_ws(' ', c.relam, c.reltablespace, c.relreplident) || (
    select string_agg(
        concat_ws(' ', a.attname, a.attstorage, a.attcompression, a.attstattarget), ', '
        order by a.attnum
    )
    from pg_attribute as a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
) as said
from pg_class as c
where c.relnamespace = 'mixpay'::regnamespace and c.relkind <> 'v'
union all
select i.indexrelid::regclass::text, 'clusters ' || i.indisclustered || i.indisreplident
from pg_index as i
where i.indisclustered or i.indisreplident
union all
select k.conname, k.conrelid::regclass || ' has no null in ' || a.attname
from pg_constraint as k
inner join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
where k.connamespace = 'mixpay'::regnamespace and k.contype = 'n'
order by 1, 2
"""


_GRANTS = re.compile(r"^grants .*\n?", re.MULTILINE)
Shape = tuple[dict[str, tuple[str, str | None]], list[tuple]]


@pytest.fixture
def shape() -> Callable[..., Shape]:
    """`shape(conn)`: the tables, without the rights, which the code gives and which stay.

    It is what pg_dump says of them, and costs a fifth; a transaction that has changed them sees it.
    With `rights=True`, it is what pg_dump says of all that is there.
    """

    def shape(conn: psycopg.Connection, *, rights: bool = False) -> Shape:
        described = {
            name: (one.told if rights else _GRANTS.sub("", one.told), one.printed)
            for name, one in catalog._describe(conn).items()
        }
        return described, conn.execute(_BESIDE).fetchall()

    return shape


@pytest.fixture
def dump() -> Callable[..., str]:
    """`dump(url)`: the schema's definitions, without what pg_dump makes up anew each time."""

    def dump(url: str, *, data: bool = False, rights: bool = True) -> str:
        what = [*([] if data else ["--schema-only"]), *([] if rights else ["--no-privileges"])]
        text = run_program("pg_dump", url, "--schema=mixpay", *what)
        # A server before 17 does not know the setting that a later pg_dump begins with.
        made_up = r"^(\\(un)?restrict|SET transaction_timeout) .*\n"
        return re.sub(made_up, "", text, flags=re.MULTILINE)

    return dump
