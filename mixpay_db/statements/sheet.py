"""Statements that are tables: read by the names of their columns, never by their places."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache, cached_property

from mixpay_db.counted import counted
from mixpay_db.csvfile import Layout, Row, Table, unguarded
from mixpay_db.printable import printable
from mixpay_db.problem import Problem
from mixpay_db.statements.format import Format, Options, at
from mixpay_db.statements.line import BadLine, Line, StatementError, UnknownFormat, number, units
from mixpay_db.statements.source import Source

_NO_TEXT = re.compile("[\ud800-\udfff]")
_WIDE = str.maketrans("（）：，［］", "():,[]")


@cache
def plain(name: str) -> str:
    """A column's name: parentheses may be wide, blanks many, a backtick before it."""
    return " ".join(name.translate(_WIDE).lstrip("`").split()).casefold()


class Cells:
    """A row by the names that we have for its columns."""

    __slots__ = ("_places", "_values", "line_no")

    def __init__(self, line_no: int, values: Sequence[str], places: Mapping[str, int]) -> None:
        self.line_no = line_no
        self._values = values
        self._places = places

    def text(self, name: str) -> str:
        """Without the blanks around it; empty, if the file has no such column."""
        place = self._places.get(name)
        if place is None:
            return ""
        text = self._values[place].strip()
        if not text or (text.isascii() and text[0] != "'"):
            return text
        if _NO_TEXT.search(text):
            raise BadLine(
                self.line_no,
                f"{name} is not in the file's encoding: {printable(text[:80])!r}",
                "A map may name another: encoding = …",
            )
        return unguarded(text)

    def has(self, name: str) -> bool:
        return name in self._places

    def number(self, name: str) -> str | None:
        return number(self.line_no, name, self.text(name))

    def amount(self, name: str, currency: str, *, zeros: bool = False) -> int:
        """In smallest units. An empty cell is no amount."""
        text = self.text(name)
        if not text:
            raise BadLine(self.line_no, f"{name} is empty")
        return units(self.line_no, name, text, currency, zeros=zeros)

    def amount_or_zero(self, name: str, currency: str, *, zeros: bool = False) -> int:
        return self.amount(name, currency, zeros=zeros) if self.text(name) else 0

    def bad(self, what: str, hint: str | None = None) -> BadLine:
        return BadLine(self.line_no, what, hint)


class Sheet(Format):
    """A format whose files are CSV."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.rows_read = 0
        self.places: dict[str, int] = {}
        self.width = 0
        # With the names at its end that are empty.
        self._header_width = 0

    def names(self) -> Mapping[str, tuple[str, ...]]:
        """What each column of ours may be called."""
        return self.columns

    def needed(self) -> Sequence[str]:
        return self.required

    def layout(self, head: bytes) -> Layout:  # noqa: ARG002
        """How a file is written that begins so."""
        return Layout()

    @classmethod
    def recognises(cls, head: bytes, options: Options) -> bool:
        reader = cls(options)
        try:
            header = Table(io.BytesIO(head), reader.rate, reader.layout(head)).header
        except Problem:
            return False
        return reader.rate(header)[1]

    def rate(self, header: Sequence[str]) -> tuple[int, bool]:
        """How many of our columns a row names, and whether it is the header."""
        # Most rows of a file name none of ours.
        there = self._sought.keys() & {plain(name) for name in header}
        found = {ours for name in there for ours in self._sought[name]}
        return len(found), found.issuperset(self.needed())

    @cached_property
    def _sought(self) -> dict[str, list[str]]:
        """Our columns by what each may be called."""
        sought: dict[str, list[str]] = {}
        for ours, names in self.names().items():
            for name in names:
                sought.setdefault(plain(name), []).append(ours)
        return sought

    def open(self, source: Source) -> Table:
        return Table(source.stream, self.rate, self.layout(source.head()))

    def lines(self, source: Source) -> Iterator[Line]:
        table = self.open(source)
        self.find_columns(table.header, table.header_line, table)
        for row in table.rows():
            values = self.values(row)
            if self.aside(row.line, values):
                continue
            values = self._as_wide(row.line, values)
            cells = Cells(row.line, values, self.places)
            read = list(self.read(cells))
            if row.more:
                self._look_into(table, row)
            self.rows_read += 1
            self.count(cells, read)
            yield from read
        self.end()
        self.agree()

    def find_columns(self, header: Sequence[str], line_no: int, table: Table | None = None) -> None:
        """Where each column is."""
        there = [plain(name) for name in header]
        self._header_width = len(there)
        while there and not there[-1]:
            there.pop()
        self.places = {}
        for ours, called in self.names().items():
            for name in map(plain, called):
                if there.count(name) > 1:
                    raise StatementError(f'the header names "{printable(name)}" twice')
                if name in there and ours not in self.places:
                    self.places[ours] = there.index(name)
        self.width = len(there)
        for ours in self.needed():
            if ours not in self.places:
                names = " or ".join(f'"{name}"' for name in self.names()[ours])
                how = f", read as {table.encoding}, by {table.separated_by()}" if table else ""
                raise UnknownFormat(
                    f"{self.unfit()}: no column {names} in line {line_no}, which is "
                    f"{printable(','.join(header)[:300]) or 'empty'}{how}",
                    "Name another format, or a map.",
                )

    def unfit(self) -> str:
        """What a file is told that lacks a column."""
        return f"this is no {self.title}"

    def _as_wide(self, line_no: int, values: list[str]) -> list[str]:
        if len(values) == self._header_width and not any(map(str.strip, values[self.width :])):
            return values[: self.width]
        if len(values) != self.width:
            raise BadLine(line_no, f"{counted(len(values), 'field')} instead of {self.width}")
        return values

    def _look_into(self, table: Table, row: Row) -> None:
        """A line within quotes that is a row like others: some quote before it is not closed."""
        for i, line in enumerate(row.more, row.line + 1):
            values = table.fields(line)
            if len(values) != self.width:
                continue
            try:
                list(self.read(Cells(i, values, self.places)))
            except Problem:
                continue
            raise BadLine(
                row.line,
                f"a quote is closed only after line {i}, which is a row of its own",
                "Close it, or double each quote that belongs to a text.",
            )

    def moment(self, cells: Cells, *names: str) -> datetime:
        """Of the first of these columns that says one."""
        for name in names:
            if text := cells.text(name):
                return at(cells.line_no, name, text, self.in_zone)
        raise cells.bad(f"{names[0]} is empty")

    # What a format brings.

    def values(self, row: Row) -> list[str]:
        """The row's fields, without what the format puts around them."""
        return row.values

    def aside(self, line_no: int, values: list[str]) -> bool:  # noqa: ARG002
        """Whether this is no line of the statement, but of its frame."""
        return not any(map(str.strip, values))

    def read(self, cells: Cells) -> Iterable[Line]:
        raise NotImplementedError

    def count(self, cells: Cells, lines: Sequence[Line]) -> None:
        """Add up what the footer will say."""

    def end(self) -> None:
        """All is read: what the footer says becomes totals."""
