"""CSV files: read as strictly as money needs it, written so that a spreadsheet runs nothing.

How a file is written (its encoding, what separates its fields, which line is its header) is not
guessed from what it looks like: the header is the first line that names the columns we look for.
Each line of the file is accounted for.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple, TextIO

from mixpay_db.printable import printable
from mixpay_db.problem import Problem

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
# The header is looked for in so many lines, and in so much of the file.
_LINES = 30
_HEAD = 2**16
# No row has more characters: whoever reads one that never ends would fill the memory with it.
_LONGEST = 2**20

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_OTHERS = (
    (b"PK\x03\x04", "an Excel workbook or another archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF"),
)
_SEP = re.compile(r'"?sep=(.)"?[\r\n]*', re.IGNORECASE)
# What a spreadsheet takes for the beginning of a formula, wide forms included.
_FORMULA = "=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20"
_RISKY = re.compile(f"'*[{_FORMULA}]")
_ADDED = re.compile(f"'+[{_FORMULA}]")
_PLAIN_NUMBER = re.compile(r"-[0-9]+(\.[0-9]+)?")


def guarded(cell: Any) -> Any:
    """A cell that a spreadsheet shows, and does not run: `unguarded` gives back what it was."""
    if isinstance(cell, str) and _RISKY.match(cell) and not _PLAIN_NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def unguarded(cell: str) -> str:
    """Without the apostrophe that `guarded` put before it."""
    return cell[1:] if cell[:1] == "'" and _ADDED.match(cell) else cell


class _Plain:
    """Lines end as they do everywhere here. A writer that knew would leave a \\r without quotes."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> int:
        return self._file.write(line.removesuffix("\r\n") + "\n")


def write(file: TextIO, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    writer = csv.writer(_Plain(file), lineterminator="\r\n")
    writer.writerow([guarded(name) for name in header])
    writer.writerows([guarded(cell) for cell in row] for row in rows)


@dataclass(frozen=True)
class Layout:
    """How a file is written, as far as somebody has said it; None: look."""

    encoding: str | None = None
    delimiter: str | None = None
    header: int | None = None
    # Whether a quote at the beginning of a field is one, or a character like others.
    quoted: bool = True


@dataclass
class Lines:
    """What a file's lines are. Whoever counts the rows adds them: the sum is all lines."""

    read: int = 0
    before_header: int = 0
    header: int = 0
    # Further lines of rows that have a line break within quotes.
    continued: int = 0
    blank: int = 0


class Row(NamedTuple):
    line: int
    values: list[str]
    # The lines after its first one, as they stand in the file.
    more: tuple[str, ...] = ()


class _Header(NamedTuple):
    encoding: str
    delimiter: str
    line: int
    names: list[str]


# How many of the columns that we look for a header has, and whether that is enough.
Judge = Callable[[Sequence[str]], tuple[int, bool]]


class Table:
    """A file, compressed or not: its header, then its rows."""

    def __init__(self, file: BinaryIO, judge: Judge, layout: Layout | None = None) -> None:
        layout = layout or Layout()
        self.lines = Lines()
        self._stream: Any = file
        head = file.read(_HEAD)
        if head.startswith(b"\x1f\x8b"):
            self._stream = gzip.GzipFile(fileobj=io.BufferedReader(_Again(head, file)))
            with _damage(self.lines):
                head = self._stream.read(_HEAD)
        found = _find_header(head, judge, layout)
        self.encoding, self.delimiter = found.encoding, found.delimiter
        self.header_line, self.header = found.line, found.names
        self._head = head
        self._quoted = layout.quoted

    def separated_by(self) -> str:
        return DELIMITERS.get(self.delimiter, repr(self.delimiter))

    def told(self) -> str | None:
        """How the file was read, if that is not what everybody expects."""
        told = []
        if self.encoding not in ("utf-8", "utf-8-sig"):
            told.append(f"as {self.encoding}")
        if self.delimiter != ",":
            told.append(f"separated by {self.separated_by()}")
        if self.header_line > 1:
            told.append(f"with its header in line {self.header_line}")
        return ", ".join(told) or None

    def rows(self) -> Iterator[Row]:
        """Strictly: a quote that is not closed, or closed within a field, ends it with an error."""
        lines = self.lines
        raw = io.BufferedReader(_Again(self._head, self._stream))
        text = io.TextIOWrapper(raw, self.encoding, errors="surrogateescape", newline="")
        pending: list[str] = []

        def following() -> Iterator[str]:
            length = 0
            while line := text.readline(_LONGEST):
                length = len(line) + (length if pending else 0)
                pending.append(line)
                if length >= _LONGEST:
                    message = f"line {lines.read + 1} begins a row of {length:,} characters or more"
                    raise Problem(message, "Is the file what its name says?")
                yield line

        reader = csv.reader(
            following(),
            delimiter=self.delimiter,
            strict=True,
            quoting=csv.QUOTE_MINIMAL if self._quoted else csv.QUOTE_NONE,
        )
        with text, _damage(lines):
            for _ in range(self.header_line - 1):
                text.readline()
            lines.read = lines.before_header = self.header_line - 1
            is_header = True
            while True:
                first = lines.read + 1
                try:
                    values = next(reader, None)
                except csv.Error as error:
                    raise _not_csv(first, pending, self.delimiter, error) from error
                if values is None:
                    return
                lines.read += len(pending)
                if is_header:
                    lines.header = len(pending)
                    is_header = False
                elif not values:
                    lines.blank += len(pending)
                elif len(pending) == 1:
                    yield Row(first, values)
                else:
                    lines.continued += len(pending) - 1
                    yield Row(first, values, tuple(pending[1:]))
                pending.clear()

    def fields(self, line: str) -> list[str]:
        """A line by itself."""
        return next(csv.reader([line], delimiter=self.delimiter), [])


class _damage:  # noqa: N801 (a context manager)
    """What a damaged archive raises while it is read, told."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, UnicodeDecodeError):
            message = f"the input is not {error.encoding} after line {self._lines.read}"
            raise Problem(message, "Is it cut off, or written in another encoding?") from error
        if isinstance(error, EOFError | OSError | zipfile.BadZipFile | zlib.error):
            message = f"the input is damaged after line {self._lines.read}: {error}"
            raise Problem(message) from error


class _Again(io.RawIOBase):
    """What was read already, then the rest."""

    def __init__(self, head: bytes, rest: Any) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._head[: len(buffer)] or self._rest.read(len(buffer))
        self._head = self._head[len(data) :]
        buffer[: len(data)] = data
        return len(data)


def _find_header(head: bytes, judge: Judge, layout: Layout) -> _Header:
    for mark, what in _OTHERS:
        if head.startswith(mark):
            raise Problem(f"the input is {what}, not CSV", "Save the sheet as CSV (UTF-8) first.")
    best: tuple[int, int, _Header] | None = None
    for encoding in [layout.encoding] if layout.encoding else _encodings(head):
        for header in _headers(head, encoding, layout):
            score, is_enough = judge(header.names)
            if is_enough:
                return header
            # If none is good enough, the one to tell of: with most columns of ours, then of any.
            if best is None or (score, len(header.names)) > best[:2]:
                best = (score, len(header.names), header)
    if best is None:
        raise Problem(f"the input has no line {layout.header}", "Name the header's: --header LINE")
    return best[2]


def _encodings(head: bytes) -> list[str]:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return [encoding]
    # Two bytes each, without a mark: of plain letters and separators one of the two is zero.
    if zeros := head.count(0):
        little = head[1::2].count(0) * 2 > zeros
        return ["utf-16-le", "utf-16-be"] if little else ["utf-16-be", "utf-16-le"]
    # Not UTF-8: Chinese systems write this, but it counts only if the columns are found in it.
    return ["utf-8"] if _is_utf_8(head) else ["utf-8", "gb18030"]


def _is_utf_8(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # The end may have been cut within a character.
        return error.end == len(head) and len(head) - error.start < 4 and len(head) == _HEAD
    return True


def _headers(head: bytes, encoding: str, layout: Layout) -> Iterator[_Header]:
    """What could be the header, line by line."""
    # Here no byte has to be told, and UTF-16 knows no other way to pass over one.
    text = head.decode(encoding, errors="replace" if "16" in encoding else "surrogateescape")
    lines = list(io.StringIO(text, newline=""))
    if layout.delimiter:
        delimiters = [layout.delimiter]
    elif lines and (sep := _SEP.fullmatch(lines[0])):
        delimiters = [sep[1]]
    else:
        delimiters = list(DELIMITERS)
    if layout.header:
        places: Iterable[int] = [layout.header - 1] if layout.header <= len(lines) else []
    else:
        # Of an empty file, its empty first line.
        lines = lines or [""]
        places = range(min(len(lines), _LINES))
    for i in places:
        for delimiter in delimiters:
            names = _names(lines[i : i + _LINES], delimiter)
            yield _Header(encoding, delimiter, i + 1, names)


def _names(lines: list[str], delimiter: str) -> list[str]:
    try:
        names = next(csv.reader(lines, delimiter=delimiter, strict=True), [])
    except csv.Error:
        # With its quotes, one of which is not closed.
        names = lines[0].split(delimiter)
    return [unguarded(name.strip()) for name in names]


def _not_csv(first: int, pending: list[str], delimiter: str, error: csv.Error) -> Problem:
    """Where the quote began that is not closed, or that is closed where its field goes on."""
    state, began = "start", first
    for line, text in enumerate(pending, first):
        for i, character in enumerate(text):
            if state == "quoted":
                state = "closed" if character == '"' else "quoted"
            elif character in (delimiter, "\r", "\n"):
                state = "start"
            elif state == "closed" and character != '"':
                rest = printable(text[i : i + 20].strip())
                return _open_quote(began, f"where one closes it, in line {line}, comes {rest!r}")
            elif character == '"' and state in ("start", "closed"):
                began = line if state == "start" else began
                state = "quoted"
            elif state == "start":
                state = "plain"
    if state == "quoted":
        return _open_quote(began, f"the field goes on to line {first + len(pending) - 1}")
    return Problem(f"line {first} is not CSV: {error}")


def _open_quote(line: int, what: str) -> Problem:
    return Problem(
        f"line {line} has a quote that is not closed: {what}",
        'Close it, or double each quote that belongs to a text, as in "5"" screen".',
    )
