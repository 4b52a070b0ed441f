"""Banks: MT940 of SWIFT, read message by message with the library mt-940."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, time
from decimal import Decimal
from typing import Any, ClassVar

import mt940

from mixpay_db.money import from_units
from mixpay_db.printable import printable
from mixpay_db.statements.format import Format, Options, Stretch, at, cut_off
from mixpay_db.statements.line import (
    BadLine,
    Line,
    StatementError,
    Total,
    number,
    ours,
    told,
    units,
)
from mixpay_db.statements.source import Damaged, Source

_FIRST = re.compile(rb"(?:^|\n)(?:\{4:\r?\n)?:20:")
_ENTRY = re.compile(r"^:61:", re.MULTILINE)
# A message in SWIFT has 2,000 characters; banks' files have whole months in one.
_LONGEST = 64 * 2**20
_LONGEST_LINE = 2**20


class Mt940(Format):
    name = "mt940"
    title = "Bank statement MT940 (SWIFT)"
    account_kind = "bank"
    names_accounts = True
    kinds: ClassVar = {
        "C": "payout",
        "D": "transfer",
        "RC, RD, type RTI": "return",
        "type CHG, COM": "fee",
    }

    @classmethod
    def recognises(cls, head: bytes, options: Options) -> bool:  # noqa: ARG003
        return _FIRST.search(head) is not None and b"\n:60" in head

    def lines(self, source: Source) -> Iterator[Line]:
        nth = 0
        for first, message in _messages(source):
            nth += 1
            yield from self._message(nth, first, message)
        if not nth:
            raise StatementError("the file has no message in it (:20:)")
        self.agree()

    def _message(self, nth: int, first: int, text: str) -> Iterator[Line]:
        places = [first + text.count("\n", 0, found.start()) for found in _ENTRY.finditer(text)]
        parsed = mt940.models.Transactions(options=mt940.Options.all())
        try:
            entries = [entry for entry in parsed.parse(text) if "amount" in entry.data]
        except (ValueError, RuntimeError, ArithmeticError, LookupError, TypeError) as error:
            what = printable(str(error).splitlines()[0][:200] if str(error) else repr(error))
            raise Damaged(f"message {nth}, from line {first}, is no MT940: {what}") from error
        if len(entries) != len(places):
            raise StatementError(
                f"message {nth}, from line {first}, has {len(places)} entries (:61:), of which "
                f"{len(entries)} can be read"
            )
        opening = self._balance(parsed.data, first, "opening")
        closing = self._balance(parsed.data, first, "closing")
        if opening is None or closing is None:
            raise cut_off(f"opening and closing balance in message {nth}, from line {first}")
        currency = opening[1]
        if closing[1] != currency:
            raise StatementError(f"message {nth} opens in {currency} and closes in {closing[1]}")
        account = str(parsed.data.get("account_identification") or "").strip()
        # Some banks write the currency behind it: one account, perhaps with several.
        account = account.removesuffix(currency).rstrip()
        is_asked_for = self.is_asked_for(account)
        balance = opening[0]
        for place, entry in zip(places, entries, strict=True):
            line = self._line(place, entry.data, currency)
            balance += line.amount
            if is_asked_for:
                yield line
        said, read = from_units(closing[0], currency), from_units(balance, currency)
        where = f"message {nth}, from line {first},"
        self.totals.append(Total(f"closing balance of {where}", said, read))
        self.covers(account, currency, Stretch(where, opening[0], closing[0]))

    def _balance(self, data: dict[str, Any], first: int, which: str) -> tuple[int, str] | None:
        for kind in ("final", "intermediate"):
            if balance := data.get(f"{kind}_{which}_balance"):
                currency = str(balance.amount.currency)
                return self._units(first, f"{which} balance", balance.amount.amount, currency), (
                    currency
                )
        return None

    def _units(self, line_no: int, name: str, amount: Decimal, currency: str) -> int:
        if not amount.is_finite():
            raise BadLine(line_no, f"{name} is no amount")
        return units(line_no, name, f"{amount:f}", currency, zeros=True)

    def _line(self, line_no: int, data: dict[str, Any], currency: str) -> Line:
        amount = self._units(line_no, "amount", data["amount"].amount, currency)
        mark, type_ = str(data.get("status") or ""), str(data.get("id") or "").strip()
        date = data.get("entry_date") or data["date"]
        day = datetime.combine(date, time()).isoformat()
        reference = str(data.get("customer_reference") or "").strip()
        bank_no = str(data.get("bank_reference") or "").strip()
        return Line(
            line_no=line_no,
            kind=_kind(mark.upper(), type_, amount),
            type=printable(f"{mark} {type_}".strip()),
            amount=amount,
            currency=currency,
            happened_at=at(line_no, "date", day, self.in_zone),
            channel_txn_no=number(line_no, "bank reference", bank_no),
            our_no=ours(reference) if reference != "NONREF" else None,
            description=told(
                " ".join(str(data.get("extra_details") or "").split()),
                " ".join(_details(data).split()),
            ),
        )


def _details(data: dict[str, Any]) -> str:
    parts = [data.get("applicant_name"), data.get("purpose"), data.get("transaction_details")]
    return " ".join(str(part) for part in parts if part)


def _kind(mark: str, type_: str, amount: int) -> str:
    if mark.startswith("R") or type_[1:] == "RTI":
        return "return"
    if type_[1:] in ("CHG", "COM"):
        return "fee"
    return "payout" if amount > 0 else "transfer"


def _messages(source: Source) -> Iterator[tuple[int, str]]:
    """Each message from :20: on, with the number of its first line."""
    first, line_no, size = 0, 0, 0
    lines: list[str] = []
    for line in _texts(source):
        line_no += 1
        if line.startswith(":20:"):
            if lines:
                yield first, "".join(lines)
            first, lines, size = line_no, [], 0
        if not first:
            continue
        plain = line.rstrip()
        if plain in ("-", "-}") or plain.startswith(("{", "-}")):
            # Of the blocks around the message.
            plain = ""
        lines.append(f"{plain}\n")
        size += len(line)
        if size > _LONGEST:
            raise StatementError(f"the message from line {first} is longer than {_LONGEST:,}")
    if lines:
        yield first, "".join(lines)


def _texts(source: Source) -> Iterator[str]:
    while line := source.stream.readline(_LONGEST_LINE):
        if len(line) >= _LONGEST_LINE:
            raise StatementError(f"a line of {len(line):,} bytes or more")
        try:
            text = line.decode()
        except UnicodeDecodeError:
            text = line.decode("latin-1")
        # A file's mark, and the block before a message's text.
        text = text.removeprefix("\ufeff")
        yield text.removeprefix("{4:") if text.startswith("{4:") and len(text) > 6 else text
