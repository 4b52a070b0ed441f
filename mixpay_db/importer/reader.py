"""The first pass: judges each row of the input by itself and beside the rows before it."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, tzinfo
from typing import Any, BinaryIO

from mixpay_db.csvfile import Layout, Lines, Row, Table, unguarded
from mixpay_db.importer.rows import NOTHING, Bad, Good, Order, Reject, Rejects, Said, Trade, group
from mixpay_db.money import MoneyError, OutOfBounds, TooManyDecimals, to_units
from mixpay_db.printable import printable
from mixpay_db.problem import Problem

REQUIRED = ("order_no", "channel", "amount")
OPTIONAL = (
    "payment_no",
    "sequence",
    "trade_no",
    "order_amount",
    "paid_at",
    "payee_no",
    "channel_txn_no",
    "hold",
    "expires_at",
    "kind",
    "refund_no",
)
KINDS = ("payment", "refund")

_NUMBER = re.compile(r"[!-~]{1,64}")
# What a spreadsheet makes of a long number, or of a formula that failed.
_ROUNDED = re.compile(r"[0-9]([.,][0-9]+)?E\+[0-9]+")
_FAILED = re.compile(r"#(N/A|REF!|VALUE!|NAME\?|DIV/0!|NULL!|NUM!|#+)")
_HAS_DIGIT = re.compile(r"\d").search
_NO_TEXT = re.compile("[\ud800-\udfff]")
_YES_OR_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class Reading:
    """How rows are meant."""

    currency: str
    known_channels: Collection[str]
    # What a field of ours is called in the file, where the names differ.
    columns: Mapping[str, str] = field(default_factory=dict)
    # Which channel of ours a channel of the file is, where the names differ.
    channels: Mapping[str, str] = field(default_factory=dict)
    # Whether a word of the file means a payment or a refund.
    kinds: Mapping[str, str] = field(default_factory=dict)
    # Of moments that name no offset from UTC.
    timezone: tzinfo | None = None
    negative_refunds: bool = False
    decimal_comma: bool = False
    # An order is loaded with all its rows, or not at all.
    whole_orders: bool = False
    # All is rolled back that the database did.
    dry_run: bool = False
    layout: Layout = field(default_factory=Layout)


class Reader:
    """Judges each row by itself and beside the rows before it."""

    def __init__(self, rejects: Rejects, reading: Reading) -> None:
        self._rejects = rejects
        self._read = rejects.summary.read
        self._as = reading
        self._orders: dict[str, Order] = {}
        self._payment_nos: set[str] = set()
        self._refund_nos: set[str] = set()
        # Which order each transaction of a channel stands in; and the orders that share one.
        self._transactions: dict[tuple[str, str], str] = {}
        self._sharing: set[str] = set()
        # The first bad line of each order that has one.
        self._bad: dict[str, str] = {}
        self._is_first = True
        # How each file was read, if not as everybody expects.
        self.told: dict[str, str] = {}

    def read(self, file: BinaryIO, name: str = "-") -> Iterator[int]:
        """Read it all; tells every now and then how many rows that were."""
        columns = self._as.columns
        self._rejects.files.append(name)
        table = Table(file, lambda header: _rate(header, columns), self._as.layout)
        if told := table.told():
            self.told[name] = told
        places = _find_columns(table, columns)
        width = len(table.header)
        self._is_first = True
        try:
            for row in table.rows():
                if row.more:
                    self._look_into(table, row, width, places)
                self._judge(row, width, places)
                if self._read.rows % 1000 == 0:
                    yield self._read.rows
        finally:
            total = self._rejects.summary.lines
            for item in fields(Lines):
                counted = getattr(total, item.name) + getattr(table.lines, item.name)
                setattr(total, item.name, counted)
        yield self._read.rows

    def trades(self) -> tuple[list[Trade], list[Trade]]:
        """The good rows; apart those that share a channel's transaction with another order."""
        apart: tuple[list[Trade], list[Trade]] = ([], [])
        for trade in group(self._orders.values()):
            agreed = self._agreed(trade)
            if agreed:
                shares = any(order.order_no in self._sharing for order in agreed.orders)
                apart[shares].append(agreed)
        return apart

    def _agreed(self, trade: Trade) -> Trade | None:
        """Without what cannot be said of one trade, or None if nothing is left."""
        if self._as.whole_orders:
            for order in trade.orders:
                if order.order_no in self._bad:
                    detail = f"{self._bad[order.order_no]} of order {order.order_no}"
                    for row in trade.rows():
                        self._rejects.add_good(row, "another row is rejected", detail)
                    return None
        if len(trade.orders) == 1:
            return trade
        expires_at = next(filter(None, (order.said.expires_at for order in trade.orders)), None)
        for order in list(trade.orders):
            if order.said.expires_at not in (None, expires_at):
                detail = f"{order.said.expires_at} here, {expires_at} before"
                for row in [*order.payments, *order.refunds]:
                    self._rejects.add_good(row, "contradicts the trade's expires_at", detail)
                trade.orders.remove(order)
        return trade

    def _look_into(self, table: Table, row: Row, width: int, places: Mapping[str, int]) -> None:
        """A line within quotes that is a row like others: some quote before it is not closed."""
        for line in row.more:
            values = table.fields(line)
            if len(values) >= width:
                try:
                    self._amount("amount", values[places["amount"]].strip())
                except Bad:
                    continue
                raise Problem(
                    f"line {row.line} has a quote that is closed only after line "
                    f"{row.line + row.more.index(line) + 1}, which is a row of its own",
                    "Close it, or double each quote that belongs to a text.",
                )

    def _judge(self, row: Row, width: int, places: Mapping[str, int]) -> None:
        values = row.values
        said = {name: unguarded(values[i]).strip() for name, i in places.items() if i < len(values)}
        amount = 0
        try:
            if len(values) != width:
                raise Bad("wrong number of fields", f"{len(values)} instead of {width}")
            for name, text in said.items():
                if not text.isascii() and _NO_TEXT.search(text):
                    raise Bad("not in the file's encoding", f"{name} is {printable(text)}")
            amount = self._amount("amount", said["amount"])
            is_refund = self._is_refund(said, amount)
            if is_refund:
                amount = -abs(amount)
            self._keep(row.line, said, abs(amount) if is_refund else amount, is_refund)
        except Bad as bad:
            if self._is_first and not any(map(_HAS_DIGIT, said.values())):
                bad = Bad("looks like a second line of the header", f"{bad.reason}: {bad.detail}")
            number = said.get("refund_no") or said.get("payment_no") or said.get("sequence", "")
            order_no = said.get("order_no", "")
            told = (order_no, number, said.get("channel", ""), said.get("amount", ""))
            file = self._rejects.files[-1]
            texts = (_NO_TEXT.sub("?", text) for text in told)
            reject = Reject(file, row.line, bad.reason, printable(bad.detail), *texts)
            self._rejects.add(reject, amount)
            self._bad.setdefault(order_no, f"line {row.line}")
        self._is_first = False
        self._read.rows += 1
        self._read.amount += amount

    def _keep(self, line: int, row: Mapping[str, str], amount: int, is_refund: bool) -> None:
        order_no = _number("order_no", row["order_no"])
        number, payment_no = self._numbers(order_no, row, is_refund)
        channel = self._channel(row["channel"])
        if amount < 1:
            raise Bad("amount is negative" if amount else "amount is zero")
        paid_at, channel_txn_no = row.get("paid_at"), row.get("channel_txn_no") or None
        if channel_txn_no:
            _refuse_spreadsheets("channel_txn_no", channel_txn_no)
        said = self._said(row)
        moment = self._moment("paid_at", paid_at) if paid_at else None
        numbers = self._refund_nos if is_refund else self._payment_nos
        if number in numbers:
            what = "refund" if is_refund else "payment"
            raise Bad(f"repeated {what} number", f"{number} stands in an earlier line")
        order = self._orders.get(order_no) or Order(order_no)
        if said is not NOTHING:
            for name, value, before in zip(Said._fields, said, order.said, strict=True):
                if value is not None and before is not None and value != before:
                    detail = f"{_shown(value)} here, {_shown(before)} before"
                    raise Bad(f"contradicts the order's {name}", detail)
        if channel_txn_no and not is_refund:
            other = self._transactions.setdefault((channel, channel_txn_no), order_no)
            if other != order_no:
                self._sharing |= {other, order_no}
        order.add(
            Good(
                len(self._rejects.files) - 1,
                line,
                order_no,
                number,
                channel,
                sys.intern(row["channel"]),
                amount,
                row["amount"],
                moment,
                channel_txn_no,
                is_refund,
                payment_no,
                said,
            )
        )
        self._orders[order_no] = order
        numbers.add(number)

    def _numbers(
        self, order_no: str, row: Mapping[str, str], is_refund: bool
    ) -> tuple[str, str | None]:
        """The row's own number; and of a refund the payment that it names."""
        payment_no, refund_no = row.get("payment_no", ""), row.get("refund_no", "")
        if refund_no and not is_refund:
            raise Bad("a payment has a refund_no", refund_no)
        if refund_no:
            named = _number("payment_no", payment_no) if payment_no else None
            return _number("refund_no", refund_no), named
        if not payment_no and "sequence" in row:
            payment_no = f"{order_no}-{_number('sequence', row['sequence'])}"
        return _number("payment_no", payment_no), None

    def _said(self, row: Mapping[str, str]) -> Said:
        trade_no, payee_no, amount, hold, expires_at = map(
            row.get, ("trade_no", "payee_no", "order_amount", "hold", "expires_at")
        )
        if not (trade_no or payee_no or amount or hold or expires_at):
            return NOTHING
        return Said(
            _number("trade_no", trade_no) if trade_no else None,
            _number("payee_no", payee_no) if payee_no else None,
            self._order_amount(amount) if amount else None,
            self._hold(hold) if hold else None,
            self._moment("expires_at", expires_at) if expires_at else None,
        )

    def _is_refund(self, row: Mapping[str, str], amount: int) -> bool:
        text = row.get("kind", "")
        kind = self._as.kinds.get(text, text.lower())
        if kind and kind not in KINDS:
            raise Bad("kind is neither payment nor refund", text)
        return kind == "refund" or (not kind and amount < 0 and self._as.negative_refunds)

    def _channel(self, text: str) -> str:
        if not text:
            raise Bad("empty field", "channel")
        channel = self._as.channels.get(text, text)
        if channel not in self._as.known_channels:
            raise Bad("unknown channel", channel)
        return channel

    def _amount(self, name: str, text: str) -> int:
        if not text:
            raise Bad("empty field", name)
        plain = text
        if self._as.decimal_comma:
            plain = "" if "." in text else text.replace(",", ".", 1)
        try:
            return to_units(plain, self._as.currency)
        except TooManyDecimals as error:
            raise Bad("too many decimals", f"{name} is {text}") from error
        except OutOfBounds as error:
            raise Bad("amount is too large", f"{name} is {text}") from error
        except MoneyError as error:
            if not self._as.decimal_comma and re.fullmatch(r"-?[0-9]+,[0-9]{1,3}", text):
                raise Bad("has a decimal comma", f"{name} is {text}") from error
            raise Bad("not an amount", f"{name} is {text}") from error

    def _order_amount(self, text: str) -> int:
        amount = self._amount("order_amount", text)
        if amount < 1:
            raise Bad("order_amount is not above zero", text)
        return amount

    def _hold(self, text: str) -> bool | str:
        said = _YES_OR_NO.get(text.lower())
        return self._moment("hold", text) if said is None else said

    def _moment(self, name: str, text: str) -> str:
        try:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                if self._as.timezone is None:
                    raise Bad(f"{name} names no offset from UTC", text)
                moment = _in_zone(name, text, moment, self._as.timezone)
            return moment.astimezone(UTC).isoformat()
        except (ValueError, OverflowError) as error:
            raise Bad(f"{name} is not a moment", text) from error


def _in_zone(name: str, text: str, moment: datetime, zone: tzinfo) -> datetime:
    """A local time, if its zone's clocks showed it, and once."""
    moment = moment.replace(tzinfo=zone)
    first, second = moment.utcoffset(), moment.replace(fold=1).utcoffset()
    if first != second and first is not None and second is not None:
        if first < second:
            raise Bad(f"{name} does not exist in {zone}", f"{text}: the clocks were put forward")
        raise Bad(f"{name} was there twice in {zone}", f"{text}: say its offset from UTC")
    return moment


def _number(name: str, text: str) -> str:
    if not text:
        raise Bad("empty field", name)
    _refuse_spreadsheets(name, text)
    if not _NUMBER.fullmatch(text):
        raise Bad("not 1 to 64 printable ASCII characters without spaces", f"{name} is {text}")
    return text


def _refuse_spreadsheets(name: str, text: str) -> None:
    if text[-1:].isdigit() and "E+" in text and _ROUNDED.fullmatch(text):
        raise Bad("a spreadsheet has rounded a number", f"{name} is {text}")
    if text[:1] == "#" and _FAILED.fullmatch(text):
        raise Bad("a spreadsheet's error stands for a number", f"{name} is {text}")


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _wanted(columns: Mapping[str, str]) -> dict[str, str]:
    """What each field is called in the file. A column that is mapped is no other field's."""
    mapped = set(columns.values())
    return {
        name: columns.get(name, name)
        for name in (*REQUIRED, *OPTIONAL)
        if name in columns or name not in mapped
    }


def _rate(header: Sequence[str], columns: Mapping[str, str]) -> tuple[int, bool]:
    found = {name for name, column in _wanted(columns).items() if column in header}
    is_enough = found.issuperset(REQUIRED) and found.issuperset(columns)
    return len(found), is_enough and bool(found & {"payment_no", "sequence"})


def _find_columns(table: Table, columns: Mapping[str, str]) -> dict[str, int]:
    header = table.header
    wanted = _wanted(columns)
    places = {}
    for name, column in wanted.items():
        if header.count(column) > 1:
            raise Problem(f'the header names "{column}" twice')
        if column in header:
            places[name] = header.index(column)
        elif name in columns or name in REQUIRED:
            raise _no_column(column, name, table)
    if not places.keys() & {"payment_no", "sequence"}:
        raise _no_column("payment_no", "payment_no or sequence", table)
    return places


def _no_column(column: str, name: str, table: Table) -> Problem:
    header = ",".join(table.header)
    hint = f"Say which it is: --map {name.split()[0]}=COLUMN"
    if _NO_TEXT.search(header):
        hint = f"It is not in {table.encoding}. Say how it is written: --encoding gb18030, for one"
    elif header.count('"') % 2:
        hint = f"Line {table.header_line} has a quote that is not closed. Close it."
    elif len(table.header) < 2:
        hint += (
            ". Or say which line is the header, or what is between columns: --header, --delimiter"
        )
    return Problem(
        f'the header has no column "{column}" for {name}: it is {printable(header) or "empty"}, '
        f"in line {table.header_line}, separated by {table.separated_by()}, "
        f"read as {table.encoding}",
        hint,
    )
