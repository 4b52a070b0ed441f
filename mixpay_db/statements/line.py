"""A line of a statement, as `mixpay.load_statement_lines` takes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mixpay_db.money import MoneyError, to_units
from mixpay_db.printable import UNPRINTABLE, printable
from mixpay_db.problem import Problem

KINDS = (
    "payment",
    "refund",
    "refund_reversal",
    "chargeback",
    "chargeback_reversal",
    "return",
    "fee",
    "payout",
    "payout_reversal",
    "adjustment",
    "transfer",
    "other",
    "unknown",
)
STATES = ("succeeded", "processing", "failed")
# Which way the money of a kind goes on a channel's statement. The others go either way.
_SIGNS = {
    "payment": 1,
    "refund": -1,
    "refund_reversal": 1,
    "chargeback": -1,
    "chargeback_reversal": 1,
    "return": -1,
    "payout": -1,
    "payout_reversal": 1,
}
# As mixpay.number is: what looks otherwise is none of ours.
_NUMBER = re.compile(r"[!-~]{1,64}")
_LONGEST_TEXT = 500


class StatementError(Problem):
    """The statement is not loaded, no line of it."""


class UnknownFormat(StatementError):
    """Nothing here reads such a file."""


class BadLine(StatementError):
    """A line that does not say what a line of its format says."""

    def __init__(self, line_no: int, what: str, hint: str | None = None) -> None:
        super().__init__(f"line {line_no}: {what}", hint)
        self.line_no = line_no


class TotalsDiffer(StatementError):
    """The file's own totals or number of lines are not those of its lines."""


@dataclass(frozen=True, slots=True)
class Line:
    """One movement, signed as the account sees it: what came in is above zero.

    `fee` is what the channel took for it, and is not inside `amount`. The numbers that begin with
    `of_` are those of the payment that a refund, a chargeback or a fee is about.
    """

    line_no: int
    kind: str
    type: str
    amount: int
    currency: str
    happened_at: datetime
    part: str = ""
    fee: int | None = None
    channel_txn_no: str | None = None
    our_no: str | None = None
    of_channel_txn_no: str | None = None
    of_our_no: str | None = None
    batch_no: str | None = None
    state: str = "succeeded"
    description: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Without what is not said."""
        told: dict[str, Any] = {
            "line_no": self.line_no,
            "kind": self.kind,
            "type": self.type,
            "amount": self.amount,
            "currency": self.currency,
            "happened_at": self.happened_at.isoformat(),
            "state": self.state,
        }
        if self.part:
            told["part"] = self.part
        if self.fee is not None:
            told["fee"] = self.fee
        for name in (
            "channel_txn_no",
            "our_no",
            "of_channel_txn_no",
            "of_our_no",
            "batch_no",
            "description",
        ):
            if value := getattr(self, name):
                told[name] = value
        return told


@dataclass(frozen=True)
class Total:
    """What the file says of its lines as a whole, and what they say themselves."""

    name: str
    said: str
    read: str
    # Where the file says it for certain, the two must agree.
    binding: bool = True

    def agrees(self) -> bool:
        return self.said == self.read


def as_signed(kind: str, amount: int) -> str:
    """The kind; unknown, if its money goes the wrong way."""
    return "unknown" if amount * _SIGNS.get(kind, 0) < 0 else kind


def units(line_no: int, name: str, text: str, currency: str, *, zeros: bool = False) -> int:
    """The smallest units of a decimal text; `zeros` at its end may be too many."""
    plain = text[1:] if text[:1] == "+" else text
    if zeros and "." in plain:
        plain = plain.rstrip("0").removesuffix(".")
    try:
        return to_units(plain, currency)
    except MoneyError as error:
        raise BadLine(line_no, f"{printable(name)}: {printable(str(error))}") from error


def number(line_no: int, name: str, text: str) -> str | None:
    """A number of the channel's, which may have blanks and other alphabets, as it is written."""
    if UNPRINTABLE.search(text) or len(text) > 255:
        what = f"{printable(name)} is no number: {printable(text[:80])!r}"
        raise BadLine(line_no, what, "The file is damaged, or read in the wrong encoding.")
    return text or None


def ours(text: str) -> str | None:
    """A number of ours; None if it cannot be one."""
    return text if _NUMBER.fullmatch(text) else None


def told(*parts: str) -> str | None:
    """What a person reads."""
    text = printable("; ".join(" ".join(part.split()) for part in parts if part))
    return (text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…") or None
