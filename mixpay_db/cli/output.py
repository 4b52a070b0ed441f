"""How rows are shown: to people as a table or one below the other, to machines as JSON or CSV."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import click
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from mixpay_db import csvfile
from mixpay_db.cli.amounts import Decimal
from mixpay_db.printable import UNPRINTABLE, printable

_WIDE = Console(width=10**6)
# A word that is longer may be folded in a table: a number that mixpay makes is not.
_LONGEST = 32


class Terminal(Console):
    """A console that does not choose the exit status itself when nobody reads any more."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def echo_json(value: Any) -> None:
    """JSON writes out some control characters by itself; here all that a terminal would obey."""
    text = json.dumps(value, default=_text, ensure_ascii=False)
    click.echo(UNPRINTABLE.sub(lambda found: json.dumps(found[0])[1:-1], text))


def echo_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Safe to open in a spreadsheet, and on a terminal."""
    csvfile.write(sys.stdout, columns, ([_cell(value) for value in row] for row in rows))


def _cell(value: Any) -> Any:
    """Numbers stay numbers, for what is below zero is no formula."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return printable(_text(value))


def echo_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table; where it would not fit the terminal, the columns of each row below one another."""
    console = console_for_people()
    table = Table()
    for i, column in enumerate(columns):
        numbers = any(isinstance(row[i], (int, Decimal)) for row in rows)
        table.add_column(column, justify="right" if numbers else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(_shown(value) for value in row))
    if _WIDE.measure(table).maximum <= console.width:
        console.print(table)
        return
    if not rows:
        click.echo("no rows")
    for row in rows:
        echo_record(columns, row)
        click.echo()


def fitted(width: int, *tables: Table) -> RenderableType:
    """The first of the tables that fits, if need be with narrower columns; no text loses its end.

    Where none fits, the columns of each row of the last stand below one another.
    """
    for table in tables:
        if _WIDE.measure(table).maximum <= width or _narrowed(table, width):
            return table
    columns = tables[-1].columns
    records: list[RenderableType] = []
    for cells in zip(*(column.cells for column in columns), strict=True):
        record = Table(box=None, show_header=False, pad_edge=False)
        record.add_column(style="dim")
        record.add_column(overflow="fold")
        for column, cell in zip(columns, cells, strict=True):
            record.add_row(column.header, cell)
        records += [record, ""]
    return Group(*records[:-1])


def _narrowed(table: Table, width: int) -> bool:
    """Whether it fits with its columns down to their longest words, and if need be closer."""
    columns = table.columns
    texts = [[str(text) for text in (column.header, *column.cells)] for column in columns]
    natural = [max(map(cell_len, of_column)) for of_column in texts]
    needed = [
        min(max((cell_len(word) for text in of_column for word in text.split()), default=0), most)
        for of_column, most in zip(texts, (min(most, _LONGEST) for most in natural), strict=True)
    ]
    padding = table.padding
    for closer in (padding, (0, 1, 0, 0)):
        table.padding = closer
        spare = width - (_WIDE.measure(table).maximum - sum(natural)) - sum(needed)
        if spare < 0:
            continue
        for i in sorted(range(len(columns)), key=lambda i: natural[i] - needed[i]):
            more = min(spare, natural[i] - needed[i])
            spare -= more
            columns[i].width = needed[i] + more
            columns[i].no_wrap = False
            columns[i].overflow = "fold"
        return True
    table.padding = padding
    return False


def echo_record(columns: Sequence[str], row: Sequence[Any]) -> None:
    """One row, its columns below one another."""
    record = Table(box=None, show_header=False, pad_edge=False)
    record.add_column(style="bold")
    record.add_column(overflow="fold")
    for column, value in zip(columns, row, strict=True):
        record.add_row(column, _shown(value))
    console_for_people().print(record)


def console_for_people() -> Console:
    console = Terminal()
    # What is no terminal has no width: nothing is folded for whoever reads on.
    return console if console.is_terminal else Terminal(width=_WIDE.width)


def _shown(value: Any) -> Text:
    """For people: a moment to the second."""
    text = value.isoformat(" ", "seconds") if isinstance(value, datetime) else _text(value)
    return Text(printable(text))


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case datetime():
            return value.isoformat()
        case list():
            return ", ".join(map(_text, value))
        case dict():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)
