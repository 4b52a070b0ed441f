"""What all formats share: how a file is meant, and what is said about a format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, ClassVar

from mixpay_db.money import from_units
from mixpay_db.printable import printable
from mixpay_db.statements.line import BadLine, Line, StatementError, Total, TotalsDiffer
from mixpay_db.statements.source import Source


@dataclass(frozen=True)
class Options:
    """How the file is meant, where it does not say so itself."""

    zone: tzinfo | None = None
    currency: str | None = None
    account: str | None = None
    map: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stretch:
    """What one message of a file covers of an account: its balances, in the smallest unit."""

    where: str
    opening: int
    closing: int


class Format:
    """A kind of file. An object reads one."""

    name: ClassVar[str]
    title: ClassVar[str]
    account_kind: ClassVar[str] = "channel"
    zone: ClassVar[tzinfo] = UTC
    # Whether the file says of which account each line is.
    names_accounts: ClassVar[bool] = False
    # What each column of ours is called in the file, and which of them must be there.
    columns: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    required: ClassVar[tuple[str, ...]] = ()
    # What each word of the file means. docs/statements.md has both as tables.
    kinds: ClassVar[Mapping[str, str]] = {}

    def __init__(self, options: Options) -> None:
        self.options = options
        self.in_zone = options.zone or type(self).zone
        self.totals: list[Total] = []
        self._accounts: dict[str, None] = {}
        self._stretches: dict[tuple[str, str], list[Stretch]] = {}

    @classmethod
    def recognises(cls, head: bytes, options: Options) -> bool:
        """Whether a file that begins so is one of these."""
        raise NotImplementedError

    def lines(self, source: Source) -> Iterator[Line]:
        raise NotImplementedError

    def is_asked_for(self, account: str) -> bool:
        """Whether lines of this account of the file are read: of the one that was chosen.

        If none was, there must be only one: what another one moved would be taken for this one's.
        """
        if account:
            self._accounts[account] = None
        if self.options.account is not None:
            return plain_account(account) == plain_account(self.options.account)
        if len(self._accounts) > 1:
            one, other = self._accounts
            raise StatementError(
                f"the file is of several accounts: {printable(one)} and {printable(other)}",
                "Say which one by --iban, and run it once for each, with its own --bank.",
            )
        return True

    def covers(self, account: str, currency: str, stretch: Stretch) -> None:
        self._stretches.setdefault((account, currency), []).append(stretch)

    def _refuse_gaps(self) -> None:
        """One message of an account opens with what none closes with: the first, wherever it is."""
        for (_, currency), stretches in self._stretches.items():
            closings = Counter(stretch.closing for stretch in stretches)
            begins = []
            for stretch in stretches:
                if closings[stretch.opening] > 0:
                    closings[stretch.opening] -= 1
                else:
                    begins.append(stretch)
            if len(begins) > 1:
                opening = from_units(begins[1].opening, currency)
                raise TotalsDiffer(
                    f"{printable(begins[1].where)} opens with {opening}, and no other one closes "
                    "with that",
                    "What came before it is not in the file. Download it with all days, or load "
                    "what is before the gap and what is after it as statements of their own.",
                )

    def agree(self) -> None:
        """The account that was chosen is there; the totals, all of them: the first that differs."""
        asked = self.options.account
        if asked is not None and plain_account(asked) not in map(plain_account, self._accounts):
            raise StatementError(
                f"the file has no account {printable(asked)}",
                f"It has {printable(', '.join(self._accounts)) or 'none'}.",
            )
        for total in self.totals:
            if total.binding and not total.agrees():
                raise TotalsDiffer(
                    f"the file says {printable(total.name)} {printable(total.said)}, "
                    f"its lines say {printable(total.read)}",
                    "Nothing is loaded. Download it again: it was changed or is not complete.",
                )
        self._refuse_gaps()


def plain_account(account: str) -> str:
    """An account however it is written: some write an IBAN in groups, some in lower case."""
    return account.replace(" ", "").upper()


def cut_off(what: str) -> TotalsDiffer:
    return TotalsDiffer(f"the file has no {what}", "It is cut off. Download it again.")


def at(line_no: int, name: str, text: str, zone: tzinfo) -> datetime:
    """A moment in ISO 8601. Without an offset it is one of the zone's; of two, the earlier one."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        what = f"{printable(name)} is no moment: {printable(text[:40])!r}"
        raise BadLine(line_no, what) from error
    if moment.tzinfo is not None:
        return moment
    try:
        moment = moment.replace(tzinfo=zone)
        there = moment.astimezone(UTC).astimezone(zone)
    except (OverflowError, ValueError) as error:
        raise BadLine(line_no, f"{printable(name)} is no moment: {text}") from error
    if there.replace(tzinfo=None) != moment.replace(tzinfo=None):
        what = f"{printable(name)} {text} does not exist in {zone}: the clocks were put forward"
        raise BadLine(line_no, what, "Is it the file's zone?")
    return moment


def exact(text: str) -> str:
    """A decimal text with no more digits than it needs, to compare it with another."""
    whole, _, decimals = text.partition(".")
    sign = "-" if whole.startswith("-") else ""
    whole = whole.lstrip("+-").lstrip("0") or "0"
    decimals = decimals.rstrip("0")
    plain = f"{whole}.{decimals}" if decimals else whole
    return plain if plain == "0" else sign + plain
