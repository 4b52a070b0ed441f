"""Statements of channels and banks, read as strictly as money needs it.

A module for each format, a `Line` for each movement. All are read in a stream, by the names of
their columns; nothing is dropped, and a file whose own totals differ ends in an error.

    with open_statement("bill.csv.gz") as statement:
        for line in statement.lines():
            print(line.as_json())
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, tzinfo
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

from mixpay_db.money import exponents
from mixpay_db.printable import printable
from mixpay_db.problem import Problem
from mixpay_db.statements.adyen import SettlementDetail
from mixpay_db.statements.alipay import AccountBill, BusinessBill
from mixpay_db.statements.camt import Camt053
from mixpay_db.statements.format import Format, Options
from mixpay_db.statements.line import (
    KINDS,
    STATES,
    BadLine,
    Line,
    StatementError,
    Total,
    TotalsDiffer,
    UnknownFormat,
)
from mixpay_db.statements.mapped import Mapped, read_map
from mixpay_db.statements.mt940 import Mt940
from mixpay_db.statements.paypal import Settlement
from mixpay_db.statements.source import DAMAGE, Damaged, Source
from mixpay_db.statements.stripe import BalanceActivity
from mixpay_db.statements.wechat import FundBill, TradeBill

__all__ = [
    "KINDS",
    "STATES",
    "BadLine",
    "Damaged",
    "Format",
    "Line",
    "Statement",
    "StatementError",
    "Total",
    "TotalsDiffer",
    "UnknownFormat",
    "formats",
    "open_statement",
]

_FORMATS: tuple[type[Format], ...] = (
    TradeBill,
    FundBill,
    BusinessBill,
    AccountBill,
    BalanceActivity,
    SettlementDetail,
    Settlement,
    Camt053,
    Mt940,
    Mapped,
)


def formats() -> dict[str, type[Format]]:
    """All formats by name."""
    return {format_.name: format_ for format_ in _FORMATS}


class Statement:
    """A file that is open. Its lines are read once."""

    def __init__(self, source: Source, reader: Format, account_kind: str) -> None:
        self._source = source
        self._reader = reader
        self.format = reader.name
        self.account_kind = account_kind
        self._first: datetime | None = None
        self._last: datetime | None = None

    @property
    def size(self) -> int:
        """Of the file, in bytes, packed as it is."""
        return self._source.size

    @property
    def read(self) -> int:
        """How many of them were read."""
        return self._source.read

    @property
    def totals(self) -> list[Total]:
        """What the file says of its lines as a whole; known when they are read."""
        return self._reader.totals

    @property
    def zone(self) -> tzinfo | None:
        """In which its days are; None if the format does not say so, and nobody else does."""
        return None if self._reader.in_zone is UTC else self._reader.in_zone

    def lines(self) -> Iterator[Line]:
        """Each line. The last step raises if the file's own totals differ: then none counts."""
        try:
            for line in self._reader.lines(self._source):
                self._first = min(self._first or line.happened_at, line.happened_at)
                self._last = max(self._last or line.happened_at, line.happened_at)
                yield line
        except DAMAGE as error:
            raise Damaged(f"the file is damaged: {error}") from error

    def days(self) -> tuple[datetime, datetime] | None:
        """From the beginning of the first line's day to the end of the last one's; known when all
        are read. None if nothing says in which zone its days are, or it has no lines."""
        zone = self.zone
        if zone is None or self._first is None or self._last is None:
            return None
        first, last = (moment.astimezone(zone).date() for moment in (self._first, self._last))
        return (
            datetime.combine(first, time(), zone),
            datetime.combine(last + timedelta(days=1), time(), zone),
        )

    def close(self) -> None:
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_statement(
    path: str | Path,
    *,
    format: str | None = None,  # noqa: A002 (the option is called so)
    map: Any = None,  # noqa: A002
    zone: str | tzinfo | None = None,
    currency: str | None = None,
    account: str | None = None,
) -> Statement:
    """Open a statement; without a format it is found out by what the file begins with.

    `map` is a TOML file, a text key=value or several, or a dict: then the file is any CSV. `zone`
    and `currency` are for files that do not name their own. `account` is the IBAN, or whatever the
    file calls it by, of the one account to read of a bank's file that is of several.
    """
    options = _options(map, zone, currency, account)
    chosen = _chosen(format, map is not None)
    source = Source(Path(path))
    try:
        source.unpack(lambda head: _recognise(head, chosen, options) is not None)
        found = chosen or _recognise(source.head(), None, options)
        if found is None:
            names = ", ".join(formats())
            raise UnknownFormat(
                f"{printable(Path(path).name)} is no statement that is known",
                f"Name its format ({names}), or say what its columns are by a map.",
            )
        if account is not None and not found.names_accounts:
            raise Problem(
                f"{found.name} does not say of which account a line is", "Leave the account out."
            )
        account_kind = options.map.get("account", found.account_kind)
        return Statement(source, found(options), account_kind)
    except BaseException as error:
        source.close()
        if isinstance(error, DAMAGE):
            raise Damaged(f"the file is damaged: {error}") from error
        raise


def _options(
    given: Any, zone: str | tzinfo | None, currency: str | None, account: str | None
) -> Options:
    if isinstance(zone, str):
        try:
            zone = ZoneInfo(zone)
        except (ValueError, OSError, LookupError) as error:
            message = f"{zone!r} is not a time zone, such as Asia/Shanghai"
            raise Problem(message) from error
    if currency is not None and currency not in exponents():
        raise Problem(f"{currency!r} is not a currency of ISO 4217, in upper case")
    read = {}
    if given is not None:
        if currency and isinstance(given, dict):
            given = [given]
        given = [given] if isinstance(given, str | Path) else given
        read = read_map([*given, {"currency": currency}] if currency else given)
    return Options(zone, currency, account, read)


def _chosen(name: str | None, has_map: bool) -> type[Format] | None:
    if name is None:
        return Mapped if has_map else None
    if name not in formats():
        raise UnknownFormat(f"there is no format {name!r}", f"There are {', '.join(formats())}.")
    if has_map != (name == Mapped.name):
        what = "needs a map" if name == Mapped.name else "has columns of its own"
        raise UnknownFormat(f"format {name} {what}", "A map goes with the format csv.")
    return formats()[name]


def _recognise(head: bytes, chosen: type[Format] | None, options: Options) -> type[Format] | None:
    """The format of a file that begins so."""
    for format_ in [chosen] if chosen else _FORMATS:
        if format_.recognises(head, options):
            return format_
    return None
