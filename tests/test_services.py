"""examples/services: one service in every language, which prints the same; its pages quote it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import tcp
from psycopg import Connection, sql
from recorded import PROJECT, RECORDS

SERVICES = PROJECT / "examples" / "services"
PAGES = sorted((PROJECT / "docs" / "services").glob("*.md"))
EXPECTED = (SERVICES / "expected.txt").read_text(encoding="utf-8")
# Where Debian keeps what it packages.
JARS = [
    Path(f"/usr/share/java/{name}.jar")
    for name in ("postgresql", "HikariCP", "slf4j-api", "slf4j-nop")
]
GO = Path("/usr/share/gocode")


def python(*modules: str) -> Callable[[], list[str]]:
    def command() -> list[str]:
        for module in modules:
            if find_spec(module) is None:
                pytest.skip(f"{module} is not installed")
        return [sys.executable]

    return command


def has(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"there is no {program}")
    return found


def works(*command: str) -> bool:
    return subprocess.run(command, capture_output=True).returncode == 0


def node() -> list[str]:
    program = has("node")
    if not (SERVICES / "node" / "node_modules" / "postgres").is_dir():
        pytest.skip("pg and postgres are not installed; make services does it where npm is")
    return [program]


def java() -> list[str]:
    program = has("java")
    for jar in JARS:
        if not jar.exists():
            pytest.skip(f"there is no {jar}")
    return [program, "-cp", ":".join(map(str, JARS))]


def go() -> list[str]:
    program = has("go")
    if not (GO / "src/github.com/jackc/pgx/v4").is_dir():
        pytest.skip(f"there is no pgx below {GO}")
    return ["env", "GO111MODULE=off", f"GOPATH={GO}", program, "run"]


def php() -> list[str]:
    program = has("php")
    if not works(program, "-r", "exit(extension_loaded('pdo_pgsql') ? 0 : 1);"):
        pytest.skip("php lacks pdo_pgsql")
    return [program]


def ruby() -> list[str]:
    program = has("ruby")
    if not works(program, "-e", "require 'pg'"):
        pytest.skip("ruby lacks pg")
    return [program]


PROGRAMS: dict[str, Callable[[], list[str]]] = {
    "python/with_psycopg.py": python("psycopg_pool"),
    "python/with_asyncpg.py": python("asyncpg"),
    "python/with_sqlalchemy.py": python("sqlalchemy"),
    "python/with_django.py": python("django", "psycopg_pool"),
    "node/with_pg.mjs": node,
    "node/with_postgres.mjs": node,
    "java/Service.java": java,
    "go/service.go": go,
    "php/service.php": php,
    "ruby/service.rb": ruby,
}


@pytest.fixture
def port(conn: Connection[Any]) -> Iterator[int]:
    """A port of 127.0.0.1 that leads to the tests' server: not every driver knows its socket."""
    with tcp.listening(conn.info.host, conn.info.port) as port:
        yield port


@pytest.fixture
def environment(conn: Connection[Any], port: int) -> Iterator[dict[str, str]]:
    """What a service is told: a login that is a member of mixpay_writer and nothing else."""
    name = f"{conn.info.dbname}_service"
    role = sql.Identifier(name)
    conn.execute(sql.SQL("drop role if exists {}").format(role))
    conn.execute(
        sql.SQL("create role {} login password 'secret' in role mixpay_writer").format(role)
    )
    yield {
        **{key: value for key, value in os.environ.items() if not key.startswith("PG")},
        "PGHOST": "127.0.0.1",
        "PGPORT": str(port),
        "PGUSER": name,
        "PGPASSWORD": "secret",
        "PGDATABASE": conn.info.dbname,
    }
    conn.execute(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = %s", [name]
    )
    conn.execute(sql.SQL("drop role {}").format(role))


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_service_does_the_same_in_every_language(
    program: str, request: pytest.FixtureRequest
) -> None:
    command = PROGRAMS[program]()
    environment = request.getfixturevalue("environment")
    ran = subprocess.run(
        [*command, str(SERVICES / program)], env=environment, capture_output=True, text=True
    )
    assert ran.stdout == EXPECTED, ran.stderr


# Each in its own way calls so often that its driver prepares the statement, then once more.
AFTER_AN_UPGRADE = {
    "with_psycopg": """
s.pool.open()
call = lambda: s.call("select * from public.changing(%s)", 1)
""",
    "with_sqlalchemy": """
call = lambda: s.call("select * from public.changing(:n)", n=1)._mapping
""",
    "with_django": """
call = lambda: s.call("select * from public.changing(%s)", 1)
""",
    "with_asyncpg": """
import asyncio, asyncpg
loop = asyncio.new_event_loop()
async def pool():
    return await asyncpg.create_pool(min_size=1, max_size=1, init=s.prepare)
pool = loop.run_until_complete(pool())
call = lambda: loop.run_until_complete(s.call(pool, "select * from public.changing($1)", 1))
""",
}


@pytest.mark.parametrize("module", AFTER_AN_UPGRADE)
def test_a_pool_goes_on_after_an_upgrade(
    module: str, conn: Connection[Any], request: pytest.FixtureRequest
) -> None:
    """What is prepared remembers the columns as they were (0A000): the same call goes through."""
    (command,) = PROGRAMS[f"python/{module}.py"]()
    environment = request.getfixturevalue("environment")
    changing = (
        "create function public.changing(n bigint) returns table (n bigint, {}) "
        "language sql as 'select n, {}'"
    )
    conn.execute(changing.format("old text", "''a''").encode())
    text = (
        f"import {module} as s\n{AFTER_AN_UPGRADE[module]}\n"
        "for _ in range(20): was = call()\n"
        "print(dict(was), flush=True)\ninput()\n"
        "for _ in range(3): print(dict(call()), flush=True)\n"
    )
    service = subprocess.Popen(
        [command, "-c", text],
        env={**environment, "PYTHONPATH": str(SERVICES / "python")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert service.stdout
    assert service.stdout.readline() == "{'n': 1, 'old': 'a'}\n"
    conn.execute("drop function public.changing")
    conn.execute(changing.format("old text, new bigint", "''a'', 7").encode())
    out, err = service.communicate("\n", timeout=60)
    assert out == 3 * "{'n': 1, 'old': 'a', 'new': 7}\n", err
    conn.execute("drop function public.changing")


def test_each_program_is_run_and_has_its_page() -> None:
    files = {
        path.relative_to(SERVICES).as_posix()
        for path in SERVICES.rglob("*.*")
        if path.suffix in {".py", ".mjs", ".java", ".go", ".php", ".rb"}
        and "node_modules" not in path.parts
    }
    assert files == PROGRAMS.keys()
    shown = {file for page in PAGES for file in SHOWN.findall(page.read_text(encoding="utf-8"))}
    assert {f"examples/services/{file}" for file in files} <= shown


SHOWN = re.compile(r"<!-- shown: (\S+) -->")
BLOCK = re.compile(r"(<!-- shown: (\S+) -->\n```\w+\n).*?^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_the_programs_own_text(page: Path) -> None:
    recorded = page.read_text(encoding="utf-8")
    renewed = BLOCK.sub(
        lambda block: f"{block[1]}{(PROJECT / block[2]).read_text(encoding='utf-8')}```", recorded
    )
    if RECORDS:
        page.write_text(renewed, encoding="utf-8")
    else:
        assert recorded == renewed, "MIXPAY_RECORD=1 records it anew"
