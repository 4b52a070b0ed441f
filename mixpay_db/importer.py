"""Payments of a legacy system, read from CSV and loaded through merge_many and record_payments.

Two passes. The first, a `Reader`, judges the whole file and keeps its good rows in memory, grouped
into orders and trades: an order's amount may be the sum of rows that stand far apart. The second,
a `Loader`, sends the trades in batches over several connections. What it sends depends on the file
alone, never on what is loaded already: a second run, or one after a crash, repeats the same calls,
and the database answers with what is there.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from queue import SimpleQueue
from typing import Any, BinaryIO, NamedTuple, TextIO, TypeVar

import psycopg
from psycopg.errors import DeadlockDetected, SerializationFailure
from psycopg.rows import tuple_row

from mixpay_db.errors import MixpayError
from mixpay_db.money import MoneyError, OutOfBounds, TooManyDecimals, to_units
from mixpay_db.problem import Problem

REQUIRED = ("order_no", "channel", "amount")
OPTIONAL = ("payment_no", "sequence", "trade_no", "order_amount", "paid_at", "payee_no")
# What one call of merge_many or record_payments takes.
LARGEST_BATCH = 10_000

_NUMBER = re.compile(r"[!-~]{1,64}")
_ATTEMPTS = 5

# Each call is a transaction of its own: what it wrote itself was created now.
_MERGE = """
select count(*), count(*) filter (where created_at = now())
from mixpay.merge_many(%s, %s)
"""
_RECORD = """
select
    count(*), count(*) filter (where created_at = now()),
    sum(amount)::bigint, sum(surplus)::bigint
from mixpay.record_payments(%s, %s)
"""

Connection = psycopg.Connection[tuple[Any, ...]]
T = TypeVar("T")


class Bad(Exception):
    """Why a row is rejected: a reason that many rows may share, and what it is in this one."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class Reject(NamedTuple):
    """A row that is not loaded, as the file of rejects has it."""

    line: int
    reason: str
    detail: str
    order_no: str
    payment_no: str
    channel: str
    amount: str


class Payment(NamedTuple):
    """A good row. Its channel and amount also as they were read, should it be rejected later."""

    line: int
    order_no: str
    payment_no: str
    channel: str
    channel_text: str
    amount: int
    amount_text: str
    paid_at: str | None


class Order:
    """An order as its good rows tell it so far; None is what none of them has said."""

    __slots__ = ("amount", "order_no", "payee_no", "payments", "trade_no")

    def __init__(self, order_no: str) -> None:
        self.order_no = order_no
        self.trade_no: str | None = None
        self.payee_no: str | None = None
        self.amount: int | None = None
        self.payments: list[Payment] = []


class Trade(NamedTuple):
    trade_no: str
    orders: list[Order]

    def payments(self) -> list[Payment]:
        """In the order of the file, which decides between equally old money."""
        return sorted(payment for order in self.orders for payment in order.payments)


@dataclass
class Tally:
    rows: int = 0
    amount: int = 0


@dataclass
class Summary:
    """What became of the rows. Amounts are in the currency's smallest unit."""

    read: Tally = field(default_factory=Tally)
    loaded: Tally = field(default_factory=Tally)
    rejected: Tally = field(default_factory=Tally)
    reasons: dict[str, int] = field(default_factory=dict)
    new_rows: int = 0
    trades: int = 0
    new_trades: int = 0
    surplus: int = 0


class Rejects(list[Reject]):
    """The rows that are not loaded, told to the summary as well."""

    def __init__(self, summary: Summary) -> None:
        super().__init__()
        self.summary = summary

    def add(self, reject: Reject, amount: int) -> None:
        self.append(reject)
        self.summary.rejected.rows += 1
        self.summary.rejected.amount += amount
        self.summary.reasons[reject.reason] = self.summary.reasons.get(reject.reason, 0) + 1

    def write(self, file: TextIO) -> None:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Reject._fields)
        writer.writerows(sorted(self))


class Reader:
    """Judges each row by itself and beside the rows before it.

    `channels` says which of our channels a channel of the file is, where the names differ;
    `timezone` is the zone of moments that name no offset from UTC.
    """

    def __init__(
        self,
        rejects: Rejects,
        currency: str,
        known_channels: Collection[str],
        channels: Mapping[str, str] | None = None,
        timezone: tzinfo | None = None,
    ) -> None:
        self._rejects = rejects
        self._read = rejects.summary.read
        self._currency = currency
        self._known_channels = frozenset(known_channels)
        self._channels = channels or {}
        self._timezone = timezone
        self._orders: dict[str, Order] = {}
        self._payment_nos: set[str] = set()

    def read(self, file: BinaryIO, columns: Mapping[str, str] | None = None) -> Iterator[int]:
        """Read it all; tells every now and then how many rows that were.

        `columns` says what a field of ours is called in the file, where the names differ.
        """
        rows = _rows(file)
        _, header = next(rows, (0, []))
        places = _find_columns([name.strip() for name in header], columns or {})
        for line, values in rows:
            self._judge(line, values, len(header), places)
            if self._read.rows % 1000 == 0:
                yield self._read.rows
        yield self._read.rows

    def trades(self) -> list[Trade]:
        """The good rows: rows that share a trade number, or an order that names none."""
        trades: dict[str, Trade] = {}
        for order in self._orders.values():
            # Its own number, so that running again finds it.
            trade_no = order.trade_no or order.order_no
            trades.setdefault(trade_no, Trade(trade_no, [])).orders.append(order)
        return list(trades.values())

    def payees(self) -> set[str]:
        return {order.payee_no for order in self._orders.values() if order.payee_no}

    def _judge(self, line: int, values: list[str], width: int, places: Mapping[str, int]) -> None:
        row = {name: values[i].strip() for name, i in places.items() if i < len(values)}
        amount = 0
        try:
            if len(values) != width:
                raise Bad("wrong number of fields", f"{len(values)} instead of {width}")
            amount = self._amount("amount", row["amount"])
            self._keep(line, row, amount)
        except Bad as bad:
            payment_no = row.get("payment_no") or row.get("sequence", "")
            told = (row.get("order_no", ""), payment_no, row.get("channel", ""))
            reject = Reject(line, bad.reason, bad.detail, *told, row.get("amount", ""))
            self._rejects.add(reject, amount)
        self._read.rows += 1
        self._read.amount += amount

    def _keep(self, line: int, row: Mapping[str, str], amount: int) -> None:
        order_no = _number("order_no", row["order_no"])
        payment_no = row.get("payment_no", "")
        if not payment_no and "sequence" in row:
            payment_no = f"{order_no}-{_number('sequence', row['sequence'])}"
        _number("payment_no", payment_no)
        channel = self._channel(row["channel"])
        if amount < 1:
            raise Bad("amount is negative" if amount else "amount is zero")
        trade_no, payee_no, order_amount, paid_at = map(
            row.get, ("trade_no", "payee_no", "order_amount", "paid_at")
        )
        said = {
            "trade_no": _number("trade_no", trade_no) if trade_no else None,
            "payee_no": _number("payee_no", payee_no) if payee_no else None,
            "amount": self._order_amount(order_amount) if order_amount else None,
        }
        moment = self._moment(paid_at) if paid_at else None
        if payment_no in self._payment_nos:
            raise Bad("repeated payment number", f"{payment_no} stands in an earlier line")
        order = self._orders.get(order_no) or Order(order_no)
        # The first row that says something is believed.
        for name, value in said.items():
            before = getattr(order, name)
            if None not in (value, before) and value != before:
                raise Bad(f"contradicts the order's {name}", f"{value} here, {before} before")
        for name, value in said.items():
            if value is not None:
                setattr(order, name, value)
        texts = (sys.intern(row["channel"]), amount, row["amount"])
        order.payments.append(Payment(line, order_no, payment_no, channel, *texts, moment))
        self._orders[order_no] = order
        self._payment_nos.add(payment_no)

    def _channel(self, text: str) -> str:
        if not text:
            raise Bad("empty field", "channel")
        channel = self._channels.get(text, text)
        if channel not in self._known_channels:
            raise Bad("unknown channel", channel)
        return channel

    def _amount(self, name: str, text: str) -> int:
        if not text:
            raise Bad("empty field", name)
        try:
            return to_units(text, self._currency)
        except TooManyDecimals as error:
            raise Bad("too many decimals", f"{name} is {text}") from error
        except OutOfBounds as error:
            raise Bad("amount is too large", f"{name} is {text}") from error
        except MoneyError as error:
            raise Bad("not an amount", f"{name} is {text}") from error

    def _order_amount(self, text: str) -> int:
        amount = self._amount("order_amount", text)
        if amount < 1:
            raise Bad("order_amount is not above zero", text)
        return amount

    def _moment(self, text: str) -> str:
        try:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                if self._timezone is None:
                    raise Bad("paid_at names no offset from UTC", text)
                moment = moment.replace(tzinfo=self._timezone)
            return moment.astimezone(UTC).isoformat()
        except (ValueError, OverflowError) as error:
            raise Bad("paid_at is not a moment", text) from error


def _number(name: str, text: str) -> str:
    if not text:
        raise Bad("empty field", name)
    if not _NUMBER.fullmatch(text):
        raise Bad("not 1 to 64 printable ASCII characters without spaces", f"{name} is {text}")
    return text


def _rows(file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """Each row of a file, compressed or not, with the line that it begins in; no blank lines."""
    with io.BufferedReader(file) as buffered:  # type: ignore[type-var]
        if buffered.peek(2)[:2] != b"\x1f\x8b":
            yield from _rows_of_text(buffered)
            return
        with gzip.GzipFile(fileobj=buffered) as plain:
            yield from _rows_of_text(plain)


def _rows_of_text(file: BinaryIO | gzip.GzipFile) -> Iterator[tuple[int, list[str]]]:
    line = 1
    # What is no UTF-8 is refused where it stands, not with the whole file.
    with io.TextIOWrapper(file, "utf-8-sig", errors="backslashreplace", newline="") as text:
        reader = csv.reader(text)
        try:
            for values in reader:
                if values:
                    yield line, values
                line = reader.line_num + 1
        except csv.Error as error:
            raise Problem(f"line {line} is not CSV: {error}") from error
        except (EOFError, OSError, zlib.error) as error:
            raise Problem(f"the input is damaged after line {line - 1}: {error}") from error


def _find_columns(header: Sequence[str], columns: Mapping[str, str]) -> dict[str, int]:
    places = {}
    for name in (*REQUIRED, *OPTIONAL):
        column = columns.get(name, name)
        if header.count(column) > 1:
            raise Problem(f'the header names "{column}" twice')
        if column in header:
            places[name] = header.index(column)
        elif name in columns or name in REQUIRED:
            raise _no_column(column, name, header)
    if not places.keys() & {"payment_no", "sequence"}:
        raise _no_column("payment_no", "payment_no or sequence", header)
    return places


def _no_column(column: str, name: str, header: Sequence[str]) -> Problem:
    return Problem(
        f'the header has no column "{column}" for {name}: it is {",".join(header) or "empty"}',
        f"Say which it is: --map {name.split()[0]}=COLUMN",
    )


@dataclass
class _Loaded:
    """What the database answered to one batch, and the rows of it that it refused."""

    rows: int = 0
    new_rows: int = 0
    amount: int = 0
    surplus: int = 0
    trades: int = 0
    new_trades: int = 0
    refused: list[tuple[Payment, MixpayError]] = field(default_factory=list)


class Loader:
    """Sends trades, then their payments."""

    def __init__(self, rejects: Rejects, merchant_id: str, currency: str) -> None:
        self._rejects = rejects
        self._merchant_id = merchant_id
        self._currency = currency
        self._batches_sent: Counter[Connection] = Counter()

    def load(
        self, url: str, trades: Sequence[Trade], batch: int = 1000, jobs: int = 2
    ) -> Iterator[int]:
        """Load these trades; tells after each batch how many rows are done.

        A batch has whole trades only, of `batch` rows or a few more, so that a trade's payments
        arrive in the order of the file however many `jobs` work side by side.
        """
        batches = list(_batches(trades, batch))
        done = 0
        with ExitStack() as stack:
            free: SimpleQueue[Connection] = SimpleQueue()
            for _ in range(min(jobs, len(batches))):
                free.put(stack.enter_context(connect(url)))
            workers = ThreadPoolExecutor(jobs)
            # Should one batch fail, those that have not begun shall not.
            stack.callback(workers.shutdown, cancel_futures=True)
            for future in as_completed([workers.submit(self._send, free, b) for b in batches]):
                loaded = future.result()
                self._tally(loaded)
                done += loaded.rows + len(loaded.refused)
                yield done

    def _tally(self, loaded: _Loaded) -> None:
        summary = self._rejects.summary
        summary.loaded.rows += loaded.rows
        summary.loaded.amount += loaded.amount
        summary.new_rows += loaded.new_rows
        summary.surplus += loaded.surplus
        summary.trades += loaded.trades
        summary.new_trades += loaded.new_trades
        for row, error in loaded.refused:
            reason = f"{error.sqlstate}: {type(error).__doc__}".removesuffix(".")
            detail = ": ".join(filter(None, (error.message, error.detail)))
            told = (row.order_no, row.payment_no, row.channel_text, row.amount_text)
            self._rejects.add(Reject(row.line, reason, detail, *told), row.amount)

    def _send(self, free: SimpleQueue[Connection], trades: Sequence[Trade]) -> _Loaded:
        conn = free.get()
        self._forget_plans(conn)
        loaded = _Loaded()

        def merge(some: Sequence[Trade]) -> None:
            merged, new = self._call(conn, _MERGE, [self._merge_line(trade) for trade in some])
            loaded.trades += merged
            loaded.new_trades += new
            payments.extend(payment for trade in some for payment in trade.payments())

        def record(some: Sequence[Payment]) -> None:
            sent = [_payment_line(trade_nos[row.order_no], row) for row in some]
            rows, new_rows, amount, surplus = self._call(conn, _RECORD, sent)
            loaded.rows += rows
            loaded.new_rows += new_rows
            loaded.amount += amount
            loaded.surplus += surplus

        try:
            trade_nos = {o.order_no: trade.trade_no for trade in trades for o in trade.orders}
            payments: list[Payment] = []
            for trade, error in _in_halves(merge, trades):
                loaded.refused += [(payment, error) for payment in trade.payments()]
            for i in range(0, len(payments), LARGEST_BATCH):
                loaded.refused += _in_halves(record, payments[i : i + LARGEST_BATCH])
        finally:
            free.put(conn)
        return loaded

    def _forget_plans(self, conn: Connection) -> None:
        """Now and then, ever more rarely: plans made while the tables were small.

        The server keeps a session's plans until the tables are analyzed, a minute later or so. By
        then an import that finds a new database empty would have read whole tables row by row.
        """
        self._batches_sent[conn] += 1
        if self._batches_sent[conn].bit_count() == 1:
            conn.execute("discard plans")

    def _merge_line(self, trade: Trade) -> dict[str, Any]:
        return {
            "trade_no": trade.trade_no,
            "orders": [
                {
                    "order_no": order.order_no,
                    "amount": order.amount or sum(payment.amount for payment in order.payments),
                    "currency": self._currency,
                    "payee_no": order.payee_no,
                }
                for order in trade.orders
            ],
        }

    def _call(self, conn: Connection, query: str, lines: list[dict[str, Any]]) -> tuple[Any, ...]:
        parameters = (self._merchant_id, json.dumps(lines))
        for attempt in range(_ATTEMPTS):
            try:
                return conn.execute(query, parameters).fetchone() or ()
            except (DeadlockDetected, SerializationFailure):
                # Somebody else was at the same rows: theirs are there now.
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError


def _payment_line(trade_no: str, row: Payment) -> dict[str, Any]:
    return {
        "trade_no": trade_no,
        "payment_no": row.payment_no,
        "channel": row.channel,
        "amount": row.amount,
        "paid_at": row.paid_at,
    }


def _batches(trades: Sequence[Trade], size: int) -> Iterator[list[Trade]]:
    batch: list[Trade] = []
    rows = 0
    for trade in trades:
        batch.append(trade)
        rows += sum(len(order.payments) for order in trade.orders)
        if rows >= size:
            yield batch
            batch, rows = [], 0
    if batch:
        yield batch


def _in_halves(
    call: Callable[[Sequence[T]], None], items: Sequence[T]
) -> Iterator[tuple[T, MixpayError]]:
    """Call with all; if that is refused, with each half, down to single ones: yields those."""
    if not items:
        return
    try:
        call(items)
    except MixpayError as error:
        if len(items) == 1:
            yield items[0], error
            return
        middle = len(items) // 2
        yield from _in_halves(call, items[:middle])
        yield from _in_halves(call, items[middle:])


def connect(url: str) -> Connection:
    return psycopg.connect(
        url, autocommit=True, row_factory=tuple_row, application_name="mixpay import"
    )


def known_channels(conn: Connection) -> set[str]:
    return {channel for (channel,) in conn.execute("select channel from mixpay.channel_list")}


def register(conn: Connection, merchant_id: str, payee_nos: Collection[str]) -> None:
    """Register what is missing, under its number as title; what is there keeps its own."""
    found = conn.execute(
        "select merchant_id from mixpay.merchant_list where merchant_id = %s", [merchant_id]
    )
    if found.fetchone() is None:
        conn.execute("select from mixpay.register_merchant(%s, %s)", [merchant_id, merchant_id])
    known = conn.execute(
        "select payee_no from mixpay.payee_list where merchant_id = %s", [merchant_id]
    )
    missing = set(payee_nos) - {payee_no for (payee_no,) in known}
    conn.cursor().executemany(
        "select from mixpay.register_payee(%s, %s, %s)",
        [(merchant_id, payee_no, payee_no) for payee_no in sorted(missing)],
    )
