"""The wheel, away from the checkout: everything that the commands need travels inside it."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

PROJECT = Path(__file__).resolve().parent.parent

Mixpay = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dist = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(dist)]
    subprocess.run(build, cwd=PROJECT, check=True, capture_output=True)
    (wheel,) = dist.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its own files only; the libraries are those of the interpreter that runs the tests."""
    target = tmp_path_factory.mktemp("installed")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*install, "--target", str(target), str(wheel)], check=True)
    return target


@pytest.fixture
def mixpay(installed: Path, tmp_path: Path) -> Mixpay:
    def mixpay(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [installed / "bin" / "mixpay", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
        )

    return mixpay


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("folder", ["sql", "migrations"])
def test_the_wheel_holds_the_tree_s_sql(installed: Path, folder: str) -> None:
    travelled = files_below(installed / "mixpay_db" / f"_{folder}")

    assert travelled == files_below(PROJECT / folder)
    assert travelled


def test_the_wheel_holds_nothing_but_the_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0].split("-")[0] for name in names} == {"mixpay_db"}
    assert [name for name in names if name.endswith(".pyc") or "/tests/" in name] == []


def test_the_installed_package_finds_its_own_sql(installed: Path, tmp_path: Path) -> None:
    code = "from mixpay_db import resources as r; print(r.sql_dir(), r.migrations_dir(), sep='\\n')"
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )

    package = installed / "mixpay_db"
    assert found.stdout.splitlines() == [f"{package}/_sql", f"{package}/_migrations"]


def test_the_command_helps_and_tells_its_version(mixpay: Mixpay) -> None:
    helped = mixpay("--help")

    assert helped.returncode == 0, helped.stderr
    assert "MIXPAY_URL" in helped.stdout
    assert mixpay("--version").stdout.startswith("mixpay 0.")


def test_the_installed_command_migrates_an_empty_database(mixpay: Mixpay, empty_url: str) -> None:
    migrated = mixpay("--url", empty_url, "migrate")

    assert migrated.returncode == 0, migrated.stderr
    with psycopg.connect(empty_url) as conn:
        known = conn.execute("select count(*) > 100 from mixpay.currencies").fetchone()
    assert known == (True,)


def test_a_server_that_is_not_there_is_no_stack_of_calls(mixpay: Mixpay) -> None:
    refused = mixpay("--url", "postgresql://somebody@/db?host=/nonexistent", "migrate")

    assert refused.returncode == 2
    assert refused.stderr.startswith("error: ")
    assert "/nonexistent/.s.PGSQL.5432" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_installed_command_tells_the_demo_s_story(mixpay: Mixpay) -> None:
    told = mixpay("demo")

    assert told.returncode == 0, told.stderr
    assert told.stdout.endswith(" checks, no rows\n")
