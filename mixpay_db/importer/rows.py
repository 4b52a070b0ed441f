"""A row of the input, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, TextIO

from mixpay_db import csvfile
from mixpay_db.csvfile import Lines


class Bad(Exception):
    """Why a row is rejected: a reason that many rows may share, and what it is in this one."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class Reject(NamedTuple):
    """A row that is not loaded, as the file of rejects has it."""

    file: str
    line: int
    reason: str
    detail: str
    order_no: str
    payment_no: str
    channel: str
    amount: str


class Said(NamedTuple):
    """What a row says of its order; None is what it leaves to others."""

    trade_no: str | None = None
    payee_no: str | None = None
    amount: int | None = None
    hold: bool | str | None = None
    expires_at: str | None = None

    def and_then(self, other: Said) -> Said:
        """The first that says something is believed."""
        if other is NOTHING or other == self:
            return self
        return Said._make(b if a is None else a for a, b in zip(self, other, strict=True))


NOTHING = Said()


class Good(NamedTuple):
    """A good row. Its channel and amount also as they were read, should it be rejected later."""

    file: int
    line: int
    order_no: str
    number: str
    channel: str
    channel_text: str
    amount: int
    amount_text: str
    at: str | None
    channel_txn_no: str | None
    is_refund: bool
    # The payment whose money went back, where the row of a refund names it.
    payment_no: str | None
    said: Said

    def signed(self) -> int:
        return -self.amount if self.is_refund else self.amount


class Order:
    """An order as its good rows tell it so far."""

    __slots__ = ("order_no", "payments", "refunds", "said")

    def __init__(self, order_no: str) -> None:
        self.order_no = order_no
        self.said = NOTHING
        self.payments: list[Good] = []
        self.refunds: list[Good] = []

    def add(self, row: Good) -> None:
        (self.refunds if row.is_refund else self.payments).append(row)
        self.said = self.said.and_then(row.said)


class Trade(NamedTuple):
    trade_no: str
    orders: list[Order]

    def payments(self) -> list[Good]:
        """In the order of the input, which decides between equally old money."""
        return sorted((row for order in self.orders for row in order.payments), key=_place)

    def refunds(self) -> list[Good]:
        """The oldest first."""
        return sorted(
            (row for order in self.orders for row in order.refunds),
            key=lambda row: (row.at or "", row.file, row.line),
        )

    def rows(self) -> list[Good]:
        return [*self.payments(), *self.refunds()]


def _place(row: Good) -> tuple[int, int]:
    return row.file, row.line


def group(orders: Iterable[Order]) -> list[Trade]:
    """Orders that share a trade number, or an order that names none."""
    trades: dict[str, Trade] = {}
    for order in orders:
        # Its own number, so that running again finds it.
        trade_no = order.said.trade_no or order.order_no
        trades.setdefault(trade_no, Trade(trade_no, [])).orders.append(order)
    return list(trades.values())


@dataclass
class Tally:
    rows: int = 0
    amount: int = 0


@dataclass
class Summary:
    """What became of the rows. Amounts are in the currency's smallest unit, refunds below zero."""

    read: Tally = field(default_factory=Tally)
    loaded: Tally = field(default_factory=Tally)
    rejected: Tally = field(default_factory=Tally)
    reasons: dict[str, int] = field(default_factory=dict)
    new_rows: int = 0
    trades: int = 0
    new_trades: int = 0
    # Those that were there before and have new rows now.
    changed_trades: int = 0
    refunds: Tally = field(default_factory=Tally)
    surplus: int = 0
    # All lines of the input: the header, the rows, and what is neither.
    lines: Lines = field(default_factory=Lines)


class Rejects(list[Reject]):
    """The rows that are not loaded, told to the summary as well."""

    def __init__(self, summary: Summary) -> None:
        super().__init__()
        self.summary = summary
        self.files: list[str] = []

    def add(self, reject: Reject, amount: int) -> None:
        self.append(reject)
        self.summary.rejected.rows += 1
        self.summary.rejected.amount += amount
        self.summary.reasons[reject.reason] = self.summary.reasons.get(reject.reason, 0) + 1

    def add_good(self, row: Good, reason: str, detail: str) -> None:
        told = (row.order_no, row.number, row.channel_text, row.amount_text)
        self.add(Reject(self.files[row.file], row.line, reason, detail, *told), row.signed())

    def write(self, file: TextIO) -> None:
        places = {name: i for i, name in enumerate(self.files)}
        rows = sorted(self, key=lambda reject: (places[reject.file], reject.line))
        csvfile.write(file, Reject._fields, rows)
