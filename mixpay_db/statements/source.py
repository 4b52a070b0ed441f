"""A statement's file on disk: counted while it is read, unpacked, within bounds."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from mixpay_db.printable import printable
from mixpay_db.statements.line import StatementError

HEAD = 2**16
# What archives may become. Bills pack to a tenth; one that packs to a thousandth is a bomb.
LARGEST = 16 * 2**30
LARGEST_RATIO = 250
_RATIO_FROM = 64 * 2**20
_MEMBERS = 100
_GZIP = b"\x1f\x8b"
# What reading a damaged archive, or one that is cut off, raises.
DAMAGE = (EOFError, OSError, zipfile.BadZipFile, zlib.error)
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")


class Damaged(StatementError):
    """The file ends too early, or is not what it begins as."""


class _Counted(io.RawIOBase):
    """How much of the file was read, for whoever draws a bar."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.count = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


class _Bounded(io.RawIOBase):
    """What comes out of an archive, as long as that is in proportion to what went in."""

    def __init__(self, inner: Any, packed: int) -> None:
        self._inner = inner
        self._packed = packed
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._inner.read(len(buffer))
        buffer[: len(data)] = data
        self._count += len(data)
        beyond = self._count > _RATIO_FROM and self._count > self._packed * LARGEST_RATIO
        if beyond or self._count > LARGEST:
            message = f"the archive has more than {self._count:,} bytes for its {self._packed:,}"
            raise Damaged(message, "No statement is packed so tightly: it is refused.")
        return len(data)


class Source:
    """The file, open: `stream` begins at its first unpacked byte."""

    def __init__(self, path: Path) -> None:
        try:
            file = open(path, "rb")  # noqa: SIM115 (closed by close)
            self.size = path.stat().st_size
        except (OSError, ValueError) as error:
            what = getattr(error, "strerror", None) or str(error)
            message = f"cannot read {printable(str(path))}: {what}"
            raise StatementError(message) from error
        self._counted = _Counted(file)
        self._raw = io.BufferedReader(self._counted, HEAD)
        self.stream: Any = self._raw

    @property
    def read(self) -> int:
        return min(self._counted.count, self.size)

    def close(self) -> None:
        self._raw.close()

    def unpack(self, judge: Callable[[bytes], bool]) -> None:
        """Go to the content; of an archive of several files, to the one that is a statement."""
        begin = _peek(self._raw)
        if begin.startswith(_GZIP):
            unpacked = gzip.GzipFile(fileobj=self._raw)
            self.stream = io.BufferedReader(_Bounded(unpacked, self.size), HEAD)
        elif begin.startswith(_ZIP):
            self._unzip(judge)
        begin = self.head()
        if begin.startswith((_GZIP, *_ZIP)) and self.stream is not self._raw:
            raise Damaged("the archive has another archive in it", "Unpack it first.")

    def head(self) -> bytes:
        """The beginning, which stays to be read."""
        return _peek(self.stream)

    def _unzip(self, judge: Callable[[bytes], bool]) -> None:
        try:
            archive = zipfile.ZipFile(self._raw)
            members = [
                member
                for member in archive.infolist()
                if not member.is_dir() and not member.filename.startswith("__MACOSX/")
            ]
            if len(members) > _MEMBERS:
                raise Damaged(f"the archive has {len(members)} files", "Unpack the one to load.")
            found = [member for member in members if judge(_peek(self._member(archive, member)))]
            if len(members) == 1:
                found = members
            if len(found) != 1:
                names = ", ".join(printable(member.filename) for member in found or members)
                what = f"{len(found)} statements" if found else "no statement that is known"
                raise StatementError(f"the archive has {what}: {names}", "Unpack the one to load.")
            self.stream = self._member(archive, found[0])
        except (*DAMAGE, NotImplementedError, RuntimeError) as error:
            raise Damaged(f"the archive cannot be read: {error}") from error

    def _member(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> io.BufferedReader:
        return io.BufferedReader(_Bounded(archive.open(member), self.size), HEAD)


def _peek(stream: Any) -> bytes:
    try:
        return stream.peek(HEAD)
    except DAMAGE as error:
        raise Damaged(f"the archive is damaged: {error}") from error
