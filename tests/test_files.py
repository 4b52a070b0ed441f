"""A file holds one thing and bears its name; and every file is loaded."""

import re
from pathlib import Path

import pytest

from mixpay_db import database
from mixpay_db.resources import migrations_dir, sql_dir

SQL = sql_dir()
CHECKS = sorted((SQL / "checks").glob("*.sql"))
# They hold what several things share.
SEVERAL_THINGS = {"schema/roles.sql", "schema/types.sql"}


def loaded() -> list[str]:
    """The files of install.sql and code.sql, in their order."""
    pieces = database.read_pieces(SQL / "install.sql")
    paths = [path.resolve().relative_to(SQL.resolve()).as_posix() for path, _ in pieces]
    return [path for path in dict.fromkeys(paths) if path not in ("install.sql", "code.sql")]


def created(text: str, kind: str) -> list[str]:
    return re.findall(rf"^create (?:or replace )?{kind} (?:mixpay\.)?(\w+)", text, re.MULTILINE)


def test_every_file_is_in_a_contents_file() -> None:
    files = {path.relative_to(SQL).as_posix() for path in SQL.rglob("*") if path.is_file()}
    assert files == {*loaded(), "install.sql", "code.sql"}


@pytest.mark.parametrize("name", sorted(set(loaded()) - SEVERAL_THINGS))
def test_a_file_creates_what_its_name_says(name: str) -> None:
    path = name.removesuffix(".sql").split("/")
    folder, stem = path[0] if len(path) > 1 else "", path[-1]
    text = (SQL / name).read_text(encoding="utf-8")
    match folder:
        case "schema":
            assert created(text, "table") == [stem]
        case "views":
            assert created(text, "view") == [stem]
        case "checks":
            assert created(text, "view") == [f"_{stem}"]
        case "functions":
            assert created(text, "function") == [stem]
        case "triggers":
            assert stem.removesuffix("s") in {t.removesuffix("s") for t in created(text, "trigger")}
        case _:
            assert name == "grants.sql"
            assert not re.search(r"^create ", text, re.MULTILINE)


def test_functions_stand_by_subject_and_the_contents_say_what_each_is_for() -> None:
    contents = (SQL / "code.sql").read_text(encoding="utf-8")
    files = re.findall(r"^\\ir functions/(.+)$", contents, re.MULTILINE)
    assert all(file.count("/") == 1 for file in files)
    subjects = [file.partition("/")[0] for file in files]
    together = [
        one for one, before in zip(subjects, [None, *subjects], strict=False) if one != before
    ]
    assert len(together) == len(set(together))
    for subject in together:
        assert re.search(rf"^-- .+\n\\ir functions/{subject}/", contents, re.MULTILINE), subject


def test_no_line_is_above_120_characters() -> None:
    """Comments, too, which the linter passes over."""
    lines = [(path, x) for path in SQL.rglob("*.sql") for x in path.read_text("utf-8").splitlines()]
    assert len(lines) > 10_000
    assert [(path.name, line) for path, line in lines if len(line) > 120] == []


def test_a_function_is_quoted_by_its_name() -> None:
    for path in (SQL / "functions").rglob("*.sql"):
        text = path.read_text(encoding="utf-8")
        bound = re.search(r"^language sql \w+\nreturn ", text, re.MULTILINE)
        assert text.count(f"${path.stem}$") == (0 if bound else 2), path


def test_a_layer_uses_only_the_layers_above_it() -> None:
    layers = [name.partition("/")[0] for name in loaded() if "/" in name]
    order = ["schema", "views", "functions", "triggers", "checks"]
    assert list(dict.fromkeys(layers)) == order
    assert layers == sorted(layers, key=order.index)


@pytest.mark.parametrize("path", CHECKS, ids=lambda path: path.stem)
def test_a_check_is_one_query_that_begins_by_saying_what_is_true(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("-- ")
    statement = re.sub(r"--.*", "", text).strip()
    # What it does not show of the rows it reads, no function of whoever asks gets to see.
    view = f"create view mixpay._{path.stem} with (security_barrier) as\n"
    assert statement.startswith(view)
    assert re.match(r"(select|with)\b", statement.removeprefix(view)), path
    assert statement.count(";") == 1
    assert statement.endswith(";")


def test_every_public_function_has_its_tests() -> None:
    functions = {path.stem for path in (SQL / "functions").rglob("[a-z]*.sql")}
    tests = {path.stem for path in (Path(__file__).parent / "functions").glob("test_*.py")}
    assert functions == {name.removeprefix("test_") for name in tests}


def test_sql_is_ascii_so_that_no_clients_encoding_matters() -> None:
    for path in [*SQL.rglob("*.sql"), *migrations_dir().glob("*.sql")]:
        assert path.read_bytes().isascii(), path


def test_a_backslash_means_the_same_whatever_the_session_says() -> None:
    """With standard_conforming_strings off, '\\d' would be 'd'; E'\\\\d' is always the same."""
    no_code = re.compile(r"--[^\n]*|^\\[^\n]*|\$\$.*?\$\$", re.MULTILINE | re.DOTALL)
    latest = sorted(migrations_dir().glob("*.sql"))[-2:]
    for path in (*SQL.rglob("*.sql"), *latest):
        text = no_code.sub("", path.read_text(encoding="utf-8"))
        for prefix, literal in re.findall(r"(E?)'((?:[^']|'')*)'", text):
            assert prefix or "\\" not in literal, (path.name, literal)


def test_every_refusal_has_a_detail_and_a_hint() -> None:
    """What was found, with its numbers, and what to do. 40001 is PostgreSQL's own."""
    raised = 0
    for path in (SQL / "functions").rglob("*.sql"):
        text = path.read_text(encoding="utf-8")
        for raising in re.findall(r"raise exception(.*?);\n", text, re.DOTALL):
            if "'serialization_failure'" not in raising:
                raised += 1
                assert "detail =" in raising, path
                assert "hint =" in raising, path
    assert raised > 90
