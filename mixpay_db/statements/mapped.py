"""Any CSV, by a map that says what its columns are."""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from mixpay_db.csvfile import Layout
from mixpay_db.money import exponents, from_units
from mixpay_db.printable import printable
from mixpay_db.problem import Problem
from mixpay_db.statements.format import Options, at, cut_off, exact
from mixpay_db.statements.line import (
    KINDS,
    STATES,
    BadLine,
    Line,
    Total,
    TotalsDiffer,
    as_signed,
    ours,
    told,
    units,
)
from mixpay_db.statements.sheet import Cells, Sheet

COLUMNS = {
    "at": "the moment",
    "amount": "the amount, or instead of it",
    "credit": "what came in, and",
    "debit": "what went out",
    "direction": "a word that says which way an amount goes",
    "currency": "ISO 4217",
    "type": "the channel's own word, which `kinds` explains",
    "fee": "what the channel took for the line",
    "state": "a word that `states` explains",
    "channel_txn_no": "the channel's number of the movement",
    "our_no": "our number of it",
    "of_channel_txn_no": "the channel's number of the payment it is about",
    "of_our_no": "our number of that payment",
    "batch_no": "the payout that it belongs to; another payout has another one",
    "description": "what a person reads",
}
# What each key may be; None: any text.
KEYS: dict[str, tuple[str, ...] | None] = {
    "account": ("channel", "bank"),
    "encoding": None,
    "delimiter": None,
    "header": None,
    "zone": None,
    "currency": None,
    "unit": ("decimal", "smallest"),
    "decimal": (".", ","),
    "thousands": (",", ".", "'", " "),
    "sign": ("as written", "reversed", "by kind"),
    "fee": ("as written", "reversed"),
    "date": None,
    "kind": KINDS,
}
TABLES = ("columns", "kinds", "states", "directions", "footer")
_FOOTER = ("begins", "lines", "amount")
_WHOLE = re.compile(r"[-+]?[0-9]{1,16}")


def read_map(given: Any) -> dict[str, Any]:
    """A map out of a TOML file, of texts key=value (`columns.amount=Total`), or both, checked."""
    found: dict[str, Any] = {}
    for one in [given] if isinstance(given, str | Path | Mapping) else given:
        if isinstance(one, Mapping):
            _merge(found, one)
        elif isinstance(one, str) and "=" in one and not Path(one).is_file():
            key, _, value = one.partition("=")
            table, _, name = key.strip().partition(".")
            _merge(found, {table: {name: value}} if name else {table: value})
        else:
            _merge(found, _toml(Path(one)))
    _check(found)
    return found


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        what = getattr(error, "strerror", None) or str(error)
        hint = "Give a file of TOML, or key=value."
        raise Problem(f"cannot read the map {printable(str(path))}: {what}", hint) from error


def _merge(found: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, Mapping) and isinstance(found.get(key, {}), dict):
            found.setdefault(key, {}).update(value)
        else:
            found[key] = value


def _check(found: dict[str, Any]) -> None:
    for key, value in found.items():
        if key in TABLES:
            if not isinstance(value, dict):
                raise Problem(f"map: {key} is no table", f"Write {key}.NAME=VALUE.")
        elif key not in KEYS:
            known = ", ".join((*KEYS, *TABLES))
            raise Problem(f"map: unknown key {printable(str(key))}", f"Known are {known}.")
        elif (known_values := KEYS[key]) and value not in known_values:
            known = ", ".join(map(repr, known_values))
            raise Problem(f"map: {key} is {value!r:.80}", f"It is one of {known}.")
    for table, names in (("columns", tuple(COLUMNS)), ("footer", _FOOTER)):
        for name, value in found.get(table, {}).items():
            if name not in names:
                raise Problem(
                    f"map: unknown key {table}.{printable(str(name))}",
                    f"Known are {', '.join(names)}.",
                )
            several = value if isinstance(value, list) and table == "columns" else [value]
            if not several or not all(isinstance(one, str) and one for one in several):
                raise Problem(f"map: {table}.{name} is {value!r:.80}, not a text")
    for table, values in (("kinds", KINDS), ("states", STATES), ("directions", ("+", "-"))):
        for word, value in found.get(table, {}).items():
            if value not in values:
                raise Problem(
                    f"map: {table}.{printable(str(word))} is {value!r:.80}",
                    f"It is one of {', '.join(values)}.",
                )
    columns = found.get("columns", {})
    if not ("amount" in columns or {"credit", "debit"} <= columns.keys()):
        raise Problem("map: no column of amounts", "Name columns.amount, or credit and debit.")
    if "at" not in columns:
        raise Problem("map: no column of moments", "Name columns.at.")
    if "currency" not in columns and found.get("currency") not in exponents():
        raise Problem("map: no currency", "Name currency, as CNY, or columns.currency.")
    _check_layout(found)


def _check_layout(found: dict[str, Any]) -> None:
    try:
        if encoding := found.get("encoding"):
            codec = codecs.lookup(encoding)
            if not getattr(codec, "_is_text_encoding", True):
                raise LookupError(f"{encoding} is no encoding of texts")
        if zone := found.get("zone"):
            ZoneInfo(zone)
        for name in ("lines", "amount"):
            if pattern := found.get("footer", {}).get(name):
                re.compile(pattern)
        if found.get("footer") and "begins" not in found["footer"]:
            raise ValueError("footer.begins is missing")
        header = int(found.get("header", 1))
        delimiter = found.get("delimiter", ",")
        if header < 1 or not (isinstance(delimiter, str) and len(delimiter) == 1):
            raise ValueError(f"header is {header}, delimiter {delimiter!r:.20}")
        if not isinstance(found.get("date", ""), str):
            raise ValueError("date is not a text")
    except (LookupError, ValueError, TypeError, OSError, UnicodeError, re.error) as error:
        raise Problem(f"map: {printable(str(error))[:200]}") from error


class Mapped(Sheet):
    name = "csv"
    title = "Any CSV, by a map"

    def unfit(self) -> str:
        return "the map does not fit"

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._map = dict(options.map)
        if options.currency:
            self._map["currency"] = options.currency
        self._columns = {
            ours: tuple(names) if isinstance(names, list) else (names,)
            for ours, names in self._map["columns"].items()
        }
        if options.zone is None and "zone" in self._map:
            self.in_zone = ZoneInfo(self._map["zone"])
        self._footer = self._map.get("footer", {})
        self._said: str | None = None
        self._sum: dict[str, int] = {}

    @classmethod
    def recognises(cls, head: bytes, options: Options) -> bool:
        return bool(options.map) and super().recognises(head, options)

    def names(self) -> Mapping[str, tuple[str, ...]]:
        return self._columns

    def needed(self) -> Sequence[str]:
        return tuple(self._columns)

    def layout(self, head: bytes) -> Layout:  # noqa: ARG002
        encoding = self._map.get("encoding")
        if encoding and codecs.lookup(encoding).name == "utf-8":
            encoding = "utf-8-sig"
        header = self._map.get("header")
        return Layout(encoding, self._map.get("delimiter"), int(header) if header else None)

    def aside(self, line_no: int, values: list[str]) -> bool:
        if super().aside(line_no, values):
            return True
        begins = self._footer.get("begins")
        if begins and values[0].strip().startswith(begins):
            self._said = ",".join(values)
            return True
        if self._said is not None:
            raise TotalsDiffer(f"line {line_no} comes after the footer")
        return False

    def read(self, cells: Cells) -> Iterable[Line]:
        currency = cells.text("currency").upper() or self._map.get("currency", "")
        type_ = cells.text("type")
        kind = self._map.get("kinds", {}).get(type_) or (
            "unknown" if cells.has("type") else self._map.get("kind", "unknown")
        )
        amount = self._amount(cells, currency, kind)
        fee = None
        if cells.text("fee"):
            fee = self._units(cells, "fee", currency)
            fee = -fee if self._map.get("fee") == "reversed" else fee
        is_channel = self._map.get("account", "channel") == "channel"
        yield Line(
            line_no=cells.line_no,
            kind=as_signed(kind, amount) if is_channel else kind,
            type=type_ or kind,
            amount=amount,
            currency=currency,
            happened_at=self._at(cells),
            fee=fee,
            channel_txn_no=cells.number("channel_txn_no"),
            our_no=ours(cells.text("our_no")),
            of_channel_txn_no=cells.number("of_channel_txn_no"),
            of_our_no=ours(cells.text("of_our_no")),
            batch_no=cells.number("batch_no"),
            state=self._state(cells),
            description=told(cells.text("description")),
        )

    def _state(self, cells: Cells) -> str:
        word = cells.text("state")
        if not cells.has("state"):
            return "succeeded"
        state = self._map.get("states", {}).get(word)
        if state is None:
            raise cells.bad(f"state is {printable(word)!r}", f"Explain it: states.{word}=succeeded")
        return str(state)

    def _at(self, cells: Cells) -> datetime:
        text = cells.text("at")
        form = self._map.get("date")
        if not form:
            return at(cells.line_no, "at", text, self.in_zone)
        try:
            if form in ("epoch", "epoch_ms"):
                # Digits are moved, as those of amounts are.
                number = int(text) if _WHOLE.fullmatch(text) else None
                if number is None:
                    raise ValueError(text)
                seconds, rest = divmod(number, 1000) if form == "epoch_ms" else (number, 0)
                return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)
            moment = datetime.strptime(text, form)
        except (ValueError, OverflowError, OSError, re.error) as error:
            raise cells.bad(f"at is {printable(text[:40])!r}, not of the form {form}") from error
        return at(cells.line_no, "at", moment.isoformat(), self.in_zone)

    def _amount(self, cells: Cells, currency: str, kind: str) -> int:
        if not cells.has("amount"):
            credit = self._units(cells, "credit", currency) if cells.text("credit") else 0
            debit = abs(self._units(cells, "debit", currency)) if cells.text("debit") else 0
            return credit - debit
        amount = self._units(cells, "amount", currency)
        if cells.has("direction"):
            word = cells.text("direction")
            way = self._map.get("directions", {}).get(word)
            if way is None:
                hint = f"Explain it: directions.{printable(word)}=+"
                raise cells.bad(f"direction is {printable(word)!r}", hint)
            return abs(amount) if way == "+" else -abs(amount)
        match self._map.get("sign"):
            case "reversed":
                return -amount
            case "by kind":
                out = kind in ("refund", "chargeback", "return", "fee", "payout")
                return -abs(amount) if out else amount
        return amount

    def _units(self, cells: Cells, name: str, currency: str) -> int:
        text = cells.text(name)
        if not text:
            raise cells.bad(f"{name} is empty")
        return self._said_units(cells.line_no, name, text, currency)

    def _said_units(self, line_no: int, name: str, text: str, currency: str) -> int:
        if (thousands := self._map.get("thousands")) and thousands in text:
            decimal = re.escape(self._map.get("decimal", "."))
            groups = rf"[-+]?[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+(?:{decimal}[0-9]*)?"
            if not re.fullmatch(groups, text):
                raise BadLine(line_no, f"{name} is no amount: {printable(text[:40])!r}")
            text = text.replace(thousands, "")
        if self._map.get("decimal") == ",":
            text = "" if "." in text else text.replace(",", ".", 1)
        if self._map.get("unit") == "smallest":
            if not _WHOLE.fullmatch(text):
                raise BadLine(line_no, f"{name} is no whole number: {printable(text[:40])!r}")
            if abs(int(text)) > 10**15:
                raise BadLine(line_no, f"{name} is too large: {text}")
            if currency not in exponents():
                raise BadLine(line_no, f"{printable(currency)!r} is no currency")
            return int(text)
        return units(line_no, name, text, currency)

    def count(self, cells: Cells, lines: Sequence[Line]) -> None:
        currency = lines[0].currency
        if "amount" in self._footer and cells.has("amount"):
            written = self._units(cells, "amount", currency)
            self._sum[currency] = self._sum.get(currency, 0) + written

    def end(self) -> None:
        if not self._footer:
            return
        if self._said is None:
            raise cut_off(f"line that begins with {self._footer['begins']!r}")
        if pattern := self._footer.get("lines"):
            said = self._group(pattern)
            said = exact(said) if re.fullmatch(r"[0-9]+(\.0+)?", said) else said
            self.totals.append(Total("rows", said, str(self.rows_read)))
        if pattern := self._footer.get("amount"):
            currency, added = next(iter(self._sum.items()), (self._map.get("currency", ""), 0))
            if len(self._sum) > 1:
                raise TotalsDiffer("the footer's amount is of several currencies")
            said_units = self._said_units(0, "footer.amount", self._group(pattern), currency)
            self.totals.append(
                Total("amount", from_units(said_units, currency), from_units(added, currency))
            )

    def _group(self, pattern: str) -> str:
        found = re.search(pattern, self._said or "")
        if not found or not found.groups() or found[1] is None:
            raise TotalsDiffer(
                f"the footer has nothing like {pattern!r}: {printable(self._said or '')}"
            )
        return found[1].strip()
