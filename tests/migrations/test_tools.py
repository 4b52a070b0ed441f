"""The plan is deployed by the tools that docs/pipelines.md names, as that page says."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
import tcp
from psycopg import conninfo
from recorded import PROJECT

from mixpay_db import migrations
from mixpay_db.catalog import Difference

PAGE = (PROJECT / "docs" / "pipelines.md").read_text(encoding="utf-8")


class Target:
    """A database by TCP, and a folder in which a tool keeps its own."""

    def __init__(self, url: str, port: int, folder: Path) -> None:
        parts = conninfo.conninfo_to_dict(url)
        self.url, self.port, self.folder = url, port, folder
        self.user, self.database = str(parts["user"]), str(parts["dbname"])

    def run(self, *command: str, **environment: str) -> None:
        ran = subprocess.run(
            command,
            cwd=self.folder,
            # What PG… variables say is of the tests' own server.
            env={
                **{key: value for key, value in os.environ.items() if not key.startswith("PG")},
                "HOME": str(self.folder),
                **environment,
            },
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, (ran.stdout + ran.stderr)[-3000:]

    def plan(self, *, reload: bool = False) -> str:
        with psycopg.connect(self.url, autocommit=True) as conn:
            text = migrations.plan(conn, reload=reload, psql=False)
        (self.folder / "plan.sql").write_text(text, encoding="utf-8")
        return text


@pytest.fixture
def target(empty_url: str, tmp_path: Path) -> Iterator[Target]:
    parts = conninfo.conninfo_to_dict(empty_url)
    with tcp.listening(str(parts["host"]), int(parts["port"] or 5432)) as port:
        yield Target(empty_url, port, tmp_path)


def program(name: str) -> str:
    # Python's own are beside this interpreter.
    found = shutil.which(
        name, path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    )
    if found is None:
        pytest.skip(f"there is no {name}")
    return found


def recipe(language: str, begins: str) -> str:
    """A block of the page, which is what people copy."""
    found = [
        text
        for text in re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
        if text.startswith(begins)
    ]
    assert len(found) == 1, begins
    return found[0]


ALEMBIC = """
import sys
from alembic.config import main
for command in sys.argv[1:]:
    main(command.split(), prog="alembic")
"""


def alembic(target: Target, nth: int) -> None:
    command = program("alembic")
    if nth == 1:
        # Both revisions at once: each start of it takes as long as the rest.
        target.run(
            *(sys.executable, "-c", ALEMBIC),
            *("init alembic", "revision -m mixpay_1", "revision -m mixpay_2"),
        )
        settings = target.folder / "alembic.ini"
        url = f"postgresql+psycopg://{target.user}@127.0.0.1:{target.port}/{target.database}"
        settings.write_text(
            re.sub("(?m)^sqlalchemy.url = .*$", f"sqlalchemy.url = {url}", settings.read_text())
        )
    (revision,) = (target.folder / "alembic" / "versions").glob(f"*_mixpay_{nth}.py")
    text = revision.read_text()
    upgrade = text.index("def upgrade()")
    ours = recipe("python", "import pathlib\n\nfrom alembic import op")
    revision.write_text(f"{text[:upgrade]}{ours}\n\ndef downgrade() -> None:\n    pass\n")
    target.run(command, "upgrade", "+1")


def django(target: Target, nth: int) -> None:
    if find_spec("django") is None:
        pytest.skip("django is not installed")
    folder = target.folder / "shop" / "migrations"
    if nth == 1:
        folder.mkdir(parents=True)
        for package in (folder.parent, folder):
            (package / "__init__.py").touch()
        (target.folder / "settings.py").write_text(
            "SECRET_KEY, INSTALLED_APPS = 'x', ['shop']\n"
            "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', "
            f"'HOST': '127.0.0.1', 'PORT': {target.port}, 'USER': {target.user!r}, "
            f"'NAME': {target.database!r}}}}}\n"
        )
    ours = recipe("python", "import pathlib\n\nfrom django.db import migrations")
    needs = f"    dependencies = [('shop', '{nth - 1:04}_mixpay')]\n" if nth > 1 else ""
    (folder / f"{nth:04}_mixpay.py").write_text(ours + needs)
    target.run(
        *(sys.executable, "-m", "django", "migrate", "--settings", "settings"),
        PYTHONPATH=str(target.folder),
    )


def sqitch(target: Target, nth: int) -> None:
    command = program("sqitch")
    who = {"SQITCH_FULLNAME": "A DBA", "SQITCH_EMAIL": "dba@example.org"}
    if nth == 1:
        target.run(command, "init", "shop", "--engine", "pg", **who)
    target.run(command, "add", f"mixpay_{nth}", "--note", "mixpay", **who)
    plan = (target.folder / "plan.sql").read_text(encoding="utf-8")
    deploy = target.folder / "deploy" / f"mixpay_{nth}.sql"
    deploy.write_text(f"begin;\n{plan}\ncommit;\n")
    where = f"db:pg://{target.user}@127.0.0.1:{target.port}/{target.database}"
    target.run(command, "deploy", where, **who)


def dbmate(target: Target, nth: int) -> None:
    command = program("dbmate")
    folder = target.folder / "db" / "migrations"
    folder.mkdir(parents=True, exist_ok=True)
    plan = (target.folder / "plan.sql").read_text(encoding="utf-8")
    (folder / f"2026010100000{nth}_mixpay.sql").write_text(
        f"-- migrate:up\n{plan}\n-- migrate:down\n"
    )
    where = f"postgres://{target.user}@127.0.0.1:{target.port}/{target.database}?sslmode=disable"
    target.run(command, "--no-dump-schema", "up", DATABASE_URL=where)


def liquibase(target: Target, nth: int) -> None:
    command = program("liquibase")
    (target.folder / "plan.sql").rename(target.folder / f"plan_{nth}.sql")
    sets = "".join(
        recipe("xml", "<changeSet")
        .replace("mixpay-5", f"mixpay-{i}")
        .replace("plan.sql", f"plan_{i}.sql")
        for i in range(1, nth + 1)
    )
    (target.folder / "changelog.xml").write_text(
        '<databaseChangeLog xmlns="http://www.liquibase.org/xml/ns/dbchangelog" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:schemaLocation="http://www.liquibase.org/xml/ns/dbchangelog '
        'http://www.liquibase.org/xml/ns/dbchangelog/dbchangelog-latest.xsd">'
        f"{sets}</databaseChangeLog>"
    )
    target.run(
        command,
        *("--changelog-file", "changelog.xml", "--username", target.user, "--password", "x"),
        *("--url", f"jdbc:postgresql://127.0.0.1:{target.port}/{target.database}", "update"),
    )


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("deploy", [alembic, django, sqitch, dbmate, liquibase])
def test_a_tool_deploys_the_plan(
    target: Target, deploy: Callable[[Target, int], None], verify: Callable[..., list[Difference]]
) -> None:
    assert "mixpay.facts" in target.plan()
    deploy(target, 1)
    with psycopg.connect(target.url, autocommit=True) as conn:
        assert verify(conn) == []
        assert migrations.plan(conn) == ""
        # And what comes later.
        conn.execute("drop function mixpay.preview_refund")
        conn.execute("comment on view mixpay.events is '100 % of them'")
    assert "mixpay.preview_refund(" in target.plan(reload=True)
    deploy(target, 2)
    with psycopg.connect(target.url, autocommit=True) as conn:
        assert verify(conn) == []
        assert migrations.plan(conn) == ""
