"""Loads the lines of a statement, batch by batch, while the next ones are read.

The memory that it takes is that of a few batches, however long the statement is. The transaction is
the caller's: a statement whose own totals differ raises at its end, and is rolled back whole.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any

import psycopg

from mixpay_db.statements import Line
from mixpay_db.statements.format import plain_account

BATCH = 5000
_AHEAD = 3
_LOAD = "select line_count from mixpay.load_statement_lines(%s, %s, %s::jsonb)"
_NUMBER = re.compile(r"[!-~]{1,64}")


def statement_no(path: str | Path, account: str | None = None) -> str:
    """The number of a statement that bears none: the name of its file, as far as it can be one.

    A file of several accounts is a statement of each.
    """
    name = "/".join([Path(path).name, *([plain_account(account)] if account else [])])
    if _NUMBER.fullmatch(name):
        return name
    return f"file-{hashlib.sha256(name.encode(errors='surrogateescape')).hexdigest()[:16]}"


def load(
    conn: psycopg.Connection[Any], merchant_id: str, number: str, lines: Iterable[Line]
) -> Iterator[int]:
    """Load them; tells after each batch how many lines are there."""
    done = 0
    for count, text in _read_ahead(lines):
        conn.execute(_LOAD, [merchant_id, number, text])
        done += count
        yield done


def _read_ahead(lines: Iterable[Line]) -> Iterator[tuple[int, str]]:
    """Batches of lines as JSON, which a thread reads while the database works."""
    queue: Queue[tuple[int, str] | BaseException | None] = Queue(_AHEAD)
    enough = Event()

    def put(item: tuple[int, str] | BaseException | None) -> None:
        while not enough.is_set():
            try:
                queue.put(item, timeout=0.1)
            except Full:
                continue
            return

    def read() -> None:
        try:
            rest = iter(lines)
            while (
                told := [line.as_json() for line in islice(rest, BATCH)]
            ) and not enough.is_set():
                put((len(told), json.dumps(told, ensure_ascii=False)))
            put(None)
        except BaseException as error:
            # It is raised where the lines are awaited.
            put(error)

    reader = Thread(target=read, name="reading a statement", daemon=True)
    reader.start()
    try:
        while True:
            try:
                item = queue.get(timeout=0.1)
            except Empty:
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        enough.set()
        reader.join()
