"""What stands in sql/, put into a database and compared with it: install, load, check.

All functions work on the caller's own psycopg connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from mixpay_db import resources
from mixpay_db.problem import Problem

# No function of others, whatever schemas there are, is taken for one of ours or of PostgreSQL.
PATH = "set local search_path = pg_catalog, pg_temp"

# A check compares whole tables. A planner that knows them from when they were small, or not at all,
# goes through one again for each row of another, or joins them by the merchant alone. So each join
# is made where it is written, where all of a key is compared, and of each table once.
WHOLE_TABLES = """
set join_collapse_limit = 1;
set enable_nestloop = off;
set enable_mergejoin = off;
set jit = off;
"""


class ContentsError(Problem):
    """A contents file says what only psql would understand."""


@dataclass(frozen=True)
class CheckResult:
    """The rows for which the truth named by a check does not hold: none when all is well."""

    name: str
    columns: list[str]
    rows: list[tuple]


def read_pieces(path: Path) -> Iterator[tuple[Path, str]]:
    r"""The SQL of a contents file in its order, each piece with the file it stands in.

    `\ir FILE` is followed, relative to the file it stands in; `\set` is psql's own affair.
    """
    piece = ""
    text = path.read_text(encoding="utf-8")
    # Most files hold no command: all of such a file is one line for us.
    lines = text.splitlines(keepends=True) if "\\" in text else [text]
    for number, line in enumerate(lines, 1):
        command, *arguments = line.split(maxsplit=2) or [""]
        if not command.startswith("\\"):
            piece += line
        elif command == "\\ir" and len(arguments) == 1:
            if piece:
                yield path, piece
            piece = ""
            yield from read_pieces(path.parent / arguments[0])
        elif command != "\\set":
            raise ContentsError(f"{path}:{number}: only \\ir and \\set may stand here")
    if piece:
        yield path, piece if piece.endswith("\n") else f"{piece}\n"


def read_contents(path: Path) -> str:
    """One SQL text that does what psql does with this contents file."""
    return "".join(text for _, text in read_pieces(path))


def _run(conn: psycopg.Connection, pieces: Iterable[tuple[Path, str]]) -> None:
    """All of it at once: on a busy machine each way to the server and back waits for its turn."""
    pieces = list(pieces)
    try:
        with conn.transaction():
            # The contents set another path, which is nothing to whoever has begun a transaction.
            path = conn.cursor(row_factory=tuple_row).execute("show search_path").fetchone()
            conn.execute("".join(text for _, text in pieces), prepare=False)
            conn.execute("select set_config('search_path', %s, true)", path)
    except psycopg.Error:
        with conn.transaction():
            _name_the_file(conn, pieces)
        raise


def _name_the_file(conn: psycopg.Connection, pieces: list[tuple[Path, str]]) -> None:
    """Fails again, and says where."""
    for path, text in pieces:
        try:
            conn.execute(text, prepare=False)
        except psycopg.Error as error:
            error.add_note(f"in {path}")
            raise


def install(conn: psycopg.Connection) -> None:
    """The whole database, as sql/install.sql makes it, in one transaction."""
    _run(conn, read_pieces(resources.sql_dir() / "install.sql"))


def install_tables(conn: psycopg.Connection) -> None:
    """What sql/install.sql makes before it comes to the code: tables, and the rows they begin with.

    It takes a third of the time.
    """
    pieces = read_pieces(resources.sql_dir() / "install.sql")
    _run(conn, takewhile(lambda piece: piece[0].name != "code.sql", pieces))


def load_code(conn: psycopg.Connection) -> None:
    """Views, functions, triggers and grants anew, as sql/code.sql has them, in one transaction."""
    _run(conn, read_pieces(resources.sql_dir() / "code.sql"))


def checks() -> list[tuple[Path, str]]:
    """Each file in sql/checks, and the query of its view."""
    paths = sorted((resources.sql_dir() / "checks").glob("*.sql"))
    return [(path, f'select * from mixpay."_{path.stem}"') for path in paths]  # noqa: S608 (a file's name)


def run_checks(conn: psycopg.Connection, merchant_id: str | None = None) -> list[CheckResult]:
    """What each file in sql/checks finds; of one merchant only, where the check knows merchants."""
    results = []
    for path, check in checks():
        try:
            # Nothing of it stays, in a transaction of the caller's, too.
            with conn.transaction(force_rollback=True):
                conn.execute(WHOLE_TABLES)
                if merchant_id is not None and "merchant_id" in _columns(conn, check):
                    check += f" where merchant_id = {sql.Literal(merchant_id).as_string(conn)}"
                cursor = conn.cursor(row_factory=tuple_row).execute(check)
        except psycopg.Error as error:
            error.add_note(f"in {path}")
            raise
        names = [column.name for column in cursor.description or ()]
        results.append(CheckResult(path.stem, names, cursor.fetchall()))
    return results


def _columns(conn: psycopg.Connection, query: str) -> list[str]:
    return [column.name for column in conn.execute(f"{query} limit 0").description or ()]
