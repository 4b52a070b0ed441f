"""A URL that is written wrongly is told without its password."""

import traceback
from collections.abc import Callable
from threading import Event
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from mixpay_db import importer, migrations
from mixpay_db.cli import main
from mixpay_db.dispatch import Settings, dispatch
from mixpay_db.problem import Problem

# Each holds the password hush.
WRONG = [
    "postgresql://me:hush@hush@nowhere.invalid/db",
    "postgresql://me:hu/hush@nowhere.invalid/db",
    "postgresql://me:hush?hush@nowhere.invalid/db",
    "postgresql://me:hush%zz@nowhere.invalid/db",
    "postgresql://me:hush@[::1/db",
    "postgresql://me:hush@nowhere.invalid:12x/db",
    "postgresql+psycopg://me:hush@nowhere.invalid/db",
    "me:hush@nowhere.invalid/db",
    "host=nowhere.invalid password=hu hush",
    "host=nowhere.invalid password='hush",
    "password=hush hosst=nowhere.invalid",
    "postgresql://me:hush@nowhere.invalid/db",
]


@pytest.mark.parametrize("url", WRONG)
@pytest.mark.parametrize("how", ["option", "environment", "argument"])
def test_the_password_is_not_told(url: str, how: str) -> None:
    arguments, environment = {
        "option": (["--url", url, "check"], {}),
        "environment": (["check"], {"MIXPAY_URL": url}),
        # Where nothing says that it is a URL, nobody can know.
        "argument": (["check", *([] if "://" in url else ["--url"]), url], {}),
    }[how]
    result = CliRunner(env={"COLUMNS": "200", **environment}).invoke(main, arguments)

    assert result.exit_code == 2
    assert "rror: " in result.stderr
    assert "hush" not in result.output


@pytest.mark.parametrize("empty", ["", " "])
@pytest.mark.parametrize(
    "arguments", [["--url", "{}", "migrate"], ["migrate", "--url", "{}"], ["migrate"]]
)
def test_an_empty_one_is_not_the_embedded_server(arguments: list[str], empty: str) -> None:
    """As where a pipeline's secret is not there."""
    said = [argument.format(empty) for argument in arguments]
    environment = {"MIXPAY_URL": None if "--url" in said else empty}
    told = CliRunner().invoke(main, said, env=environment)
    assert told.exit_code == 2
    assert f"{'--url' if '--url' in said else 'MIXPAY_URL'} is empty" in told.output


def test_what_libpq_reads_is_taken() -> None:
    for url in (
        "postgresql://me:hush%40%2F@127.0.0.1:1/db?connect_timeout=1",
        "postgresql:///db?host=/nowhere&user=me%40home",
        "host=/nowhere user=me@home",
        "postgresql://me@127.0.0.1,127.0.0.1:1,1/db",
    ):
        result = CliRunner().invoke(main, ["--url", url, "check"])
        assert "connection" in result.stderr, (url, result.stderr)


CALLS: dict[str, Callable[[str], Any]] = {
    "migrate": migrations.migrate,
    "rollback": migrations.rollback,
    "import": importer.connect,
    "dispatch": lambda url: dispatch(url, {}, Settings(worker="w"), Event()),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("url", WRONG)
def test_nor_by_a_function_that_takes_a_url(url: str, call: str) -> None:
    """Neither in its message nor in what it was raised from."""
    with pytest.raises((Problem, psycopg.OperationalError)) as caught:
        CALLS[call](url)
    assert "hush" not in "".join(traceback.format_exception(caught.value))
