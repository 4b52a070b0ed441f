"""What README.md and docs show is what happens: each block is run, or is a file's own text."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from psycopg import Connection
from recorded import PROJECT, RECORDS, WAIT, demo

from mixpay_db.cli import main

README = PROJECT / "README.md"
CHINESE = PROJECT / "README.zh.md"
# Its commands begin with nothing; those of the others find a database that is migrated.
MIGRATING = PROJECT / "docs" / "migrating.md"
PAGES = [
    README,
    CHINESE,
    MIGRATING,
    *(
        PROJECT / "docs" / f"{name}.md"
        for name in (
            "tour",
            "calling",
            "import",
            "elsewhere",
            "reading-the-books",
            "reconciliation",
        )
    ),
]
# A block may say before it what it shows: <!-- shown: a file or a command -->
BLOCK = re.compile(
    r"(?P<before>^(?:<!-- shown: (?P<shown>[^\n]+) -->\n)?```(?P<language>\w+)\n)"
    r"(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
TESTED = ("console", "sql", "sh")
COMMAND = re.compile(r"^\$ .*\n(?:> .*\n)*", re.MULTILINE)
# Our command, and where its output goes.
PLAIN = re.compile(r"mixpay ([^|<>;&$`]*)(\|.*|(?<!\d)>[^&]*)?")
# What another one of ours says, as one of its words.
INNER = re.compile(r"\$\((mixpay [^()]*)\)")


def texts(language: str) -> list[str]:
    # Those of elsewhere.md need what is there by then: tests/test_elsewhere.py.
    pages = [page for page in PAGES if page.name != "elsewhere.md"]
    blocks = [b for page in pages for b in BLOCK.finditer(page.read_text(encoding="utf-8"))]
    return [b["text"] for b in blocks if b["language"] == language and not b["shown"]]


def compare(renew: Callable[[re.Match[str]], str], document: Path) -> None:
    """`renew` says what should be in a block."""
    recorded = document.read_text(encoding="utf-8")
    renewed = BLOCK.sub(lambda block: f"{block['before']}{renew(block)}```", recorded)
    if RECORDS:
        document.write_text(renewed, encoding="utf-8")
    else:
        assert recorded == renewed, "MIXPAY_RECORD=1 records it anew"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_shows_what_is_there(once: Callable[[str, Callable[[], str]], str], page: Path) -> None:
    def renew(block: re.Match[str]) -> str:
        what = block["shown"]
        if what == "mixpay demo":
            return once("demo", demo).lstrip("\n")
        return (PROJECT / what).read_text(encoding="utf-8") if what else block["text"]

    compare(renew, page)


def test_shows_an_example_and_the_demo() -> None:
    assert "<!-- shown: examples/refund_first_in_first_out.out -->" in README.read_text("utf-8")
    assert "<!-- shown: mixpay demo -->" in (PROJECT / "docs" / "tour.md").read_text("utf-8")


def shape(section: str) -> dict[str, Any]:
    """What two languages have in common."""
    prose = BLOCK.sub("", section)
    return {
        "blocks": [block[0] for block in BLOCK.finditer(section)],
        "paragraphs": len(re.split(r"\n\n+", prose.strip())),
        "items": len(re.findall(r"^- ", prose, re.MULTILINE)),
        "links": sorted(set(re.findall(r"\]\((?!README)([^)]+)\)", prose))),
        "names": sorted({name.replace("\n", " ") for name in re.findall(r"`([^`]+)`", prose)}),
    }


def test_says_the_same_in_chinese() -> None:
    english, chinese = (
        re.split(r"^## .+$", page.read_text("utf-8"), flags=re.MULTILINE)
        for page in (README, CHINESE)
    )
    assert len(english) == len(chinese) > 5
    for said, said_in_chinese in zip(english, chinese, strict=True):
        assert shape(said_in_chinese) == shape(said)


def test_is_read_in_two_minutes() -> None:
    assert README.stat().st_size <= 9 * 1024


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_commands_print_what_is_shown(
    request: pytest.FixtureRequest,
    conn: Connection[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    document: Path,
) -> None:
    url = request.getfixturevalue("empty_url" if document == MIGRATING else "url")
    monkeypatch.chdir(tmp_path)
    programs = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "MIXPAY_URL": url,
        "PGTZ": "UTC",
    }
    began = False

    def run(command: str) -> str:
        if " settle_" in command:
            conn.execute(WAIT.encode())
        said = answer(re.sub(r"^[$>] ", "", command, flags=re.MULTILINE))
        return command + "".join(f"{line.rstrip()}\n" for line in said.splitlines())

    def answer(script: str) -> str:
        nonlocal began
        if began:
            script = INNER.sub(lambda inner: answer(inner[1]).rstrip("\n"), script)
        mine = PLAIN.fullmatch(script.replace("\\\n", " ").rstrip().removesuffix("2>&1"))
        # The first of a page is started as a reader starts it. To start the others, too, would
        # take longer than all that they do.
        if began and mine is not None:
            ran = CliRunner().invoke(main, shlex.split(mine[1]), env=environment)
            return ran.stderr + in_shell(f"cat {mine[2]}", ran.stdout) if mine[2] else ran.output
        began = True
        return in_shell(script)

    def in_shell(script: str, given: str = "") -> str:
        ran = subprocess.run(
            ["bash", "-c", script],
            env=environment,
            input=given.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return ran.stdout.decode()

    def renew(block: re.Match[str]) -> str:
        if block["language"] != "console":
            return block["text"]
        return "".join(map(run, COMMAND.findall(block["text"])))

    compare(renew, document)


@pytest.mark.parametrize("statements", texts("sql"))
def test_statements_run(statements: str, conn: Connection[Any]) -> None:
    with conn.transaction(force_rollback=True):
        conn.execute(statements.encode())


def test_commands_for_a_shell_exist() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for line in "".join(texts("sh")).splitlines():
        match line.split():
            case ["make", target]:
                assert re.search(rf"^{target}:", makefile, re.MULTILINE)
            case ["pip", "install", requirement]:
                name, extra = re.fullmatch(r'"([\w-]+)\[(\w+)\]"', requirement).groups()
                assert name == project["name"]
                assert extra in project["optional-dependencies"]
            case ["mixpay", name, *words]:
                command = main.get_command(click.Context(main), name)
                assert command is not None, line
                command.make_context(name, words)
            case _:
                pytest.fail(f"nothing runs {line!r}")


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_every_block_is_tested(document: Path) -> None:
    blocks = BLOCK.finditer(document.read_text(encoding="utf-8"))
    untested = [b[0] for b in blocks if not b["shown"] and b["language"] not in TESTED]
    assert untested == []
    assert document.read_text(encoding="utf-8").count("\n```") % 2 == 0
