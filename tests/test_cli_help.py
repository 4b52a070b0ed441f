"""Every command's help ends with examples, and they are commands."""

import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mixpay_db.cli import main

Found = tuple[str, click.Command]


def commands(command: click.Command, path: str = "mixpay") -> Iterator[Found]:
    yield path, command
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            found = command.get_command(ctx, name)
            assert found is not None
            yield from commands(found, f"{path} {name}")


ALL = list(commands(main))


def examples(path: str) -> list[str]:
    """The last lines of its help."""
    told = CliRunner().invoke(main, [*path.split()[1:], "--help"], terminal_width=78)
    assert told.exit_code == 0, told.output
    _, heading, lines = told.output.partition("\n  Examples:\n")
    assert heading, path
    assert all(line.startswith("    ") for line in lines.splitlines()), lines
    return [line.strip() for line in lines.splitlines()]


def test_there_are_many() -> None:
    assert len(ALL) > 100


@pytest.mark.parametrize("path", [path for path, _ in ALL])
def test_help_ends_with_examples_that_are_commands(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = examples(path)
    assert found
    own = 0
    for line in found:
        own += path in line.replace("-", "_") or path in line
        for part in line.replace("$(", "| ").replace(")", " ").split("|"):
            words = shlex.split(part.partition(">")[0].partition("<")[0])
            if words[:1] == ["mixpay"]:
                parse(words[1:])
    assert own, f"none of its examples is about {path}"


def test_examples_of_calls_say_what_the_database_takes(url: str) -> None:
    """Nothing is there but what they make, so most may say that something is not there."""
    refused = {}
    for path, _ in ALL:
        for line in examples(path) if path.startswith("mixpay call ") else []:
            if "@" not in line and "--help" not in line:
                told = CliRunner().invoke(main, ["--url", url, *shlex.split(line)[1:]])
                if told.exit_code:
                    refused[line] = told.stderr.splitlines()[0].partition(": MX")[2][5:]
    assert len(refused) > 30
    assert {
        line: error
        for line, error in refused.items()
        if not error.startswith(("there is no", "say which currency", "statement S-1 "))
    } == {}


def parse(words: list[str]) -> None:
    """As the command would, up to doing something."""
    for word in words:
        if word.startswith("@") or word.endswith((".csv", ".gz", ".xml")):
            Path(word.removeprefix("@")).write_text("[]", encoding="utf-8")
    command: click.Command = main
    ctx = None
    with suppress(click.exceptions.Exit):
        while True:
            ctx = command.make_context(command.name or "mixpay", list(words), parent=ctx)
            rest = [*ctx._protected_args, *ctx.args]
            if not isinstance(command, click.Group) or not rest:
                return
            _, found, words = command.resolve_command(ctx, rest)
            assert found is not None
            command = found
