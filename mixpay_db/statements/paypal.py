"""PayPal: the settlement report (STL)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from mixpay_db.money import exponents
from mixpay_db.printable import printable
from mixpay_db.statements.format import Options, at, cut_off
from mixpay_db.statements.line import BadLine, Line, Total, as_signed, ours, told
from mixpay_db.statements.sheet import Cells, Sheet

_UNITS = re.compile(r"[0-9]{1,18}")
_MOMENT = re.compile(
    r"(\d{4})/(\d\d)/(\d\d) (\d\d:\d\d:\d\d) ([+-]\d\d):?(\d\d)",
    re.ASCII,
)
# By group, the first two digits of a code, where the code itself is not listed.
_GROUPS = {
    "00": "payment",
    "01": "fee",
    "02": "transfer",
    "03": "transfer",
    "04": "payout",
    "05": "other",
    "06": "other",
    "07": "other",
    "08": "adjustment",
    "09": "adjustment",
    "10": "transfer",
    "11": "adjustment",
    "12": "adjustment",
    "13": "other",
    "14": "other",
    "15": "other",
    "16": "other",
    "17": "other",
    "18": "other",
    "19": "adjustment",
    "20": "transfer",
    "21": "other",
    "22": "other",
    "97": "other",
    "98": "other",
    "99": "other",
}


@dataclass
class _Sums:
    """Of a section or of the report, by currency: what came in and went out, gross and fee."""

    rows: int = 0
    count: dict[str, int] = field(default_factory=dict)
    gross: dict[str, tuple[int, int]] = field(default_factory=dict)
    fees: dict[str, tuple[int, int]] = field(default_factory=dict)


def _add(sums: dict[str, tuple[int, int]], currency: str, amount: int) -> None:
    came, went = sums.get(currency, (0, 0))
    sums[currency] = (came + amount, went) if amount > 0 else (came, went - amount)


class Settlement(Sheet):
    name = "paypal"
    title = "PayPal settlement report (STL)"
    columns: ClassVar = {
        "record": ("CH",),
        "channel_txn_no": ("Transaction ID",),
        "our_no": ("Invoice ID",),
        "of_no": ("PayPal Reference ID",),
        "of_type": ("PayPal Reference ID Type",),
        "type": ("Transaction Event Code",),
        "begun_at": ("Transaction Initiation Date",),
        "at": ("Transaction Completion Date",),
        "direction": ("Transaction Debit or Credit",),
        "amount": ("Gross Transaction Amount",),
        "currency": ("Gross Transaction Currency",),
        "fee_direction": ("Fee Debit or Credit",),
        "fee": ("Fee Amount",),
        "fee_currency": ("Fee Currency",),
        "status": ("Transactional Status",),
        "custom": ("Custom Field",),
        "bank_no": ("Bank Reference ID",),
    }
    required = ("record", "channel_txn_no", "type", "direction", "amount", "currency")
    kinds: ClassVar = {
        "T00…": "payment",
        "T01…": "fee",
        "T02…": "transfer",
        "T04…": "payout",
        "T1101": "return",
        "T1102": "return",
        "T1106": "chargeback",
        "T1107": "refund",
        "T1108": "fee",
        "T1109": "fee",
        "T1110": "other",
        "T1111": "other",
        "T1201": "chargeback",
        "T1202": "chargeback_reversal",
        "T19…": "adjustment",
    }

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._section, self._report = _Sums(), _Sums()
        self._is_closed = False

    def rate(self, header: Sequence[str]) -> tuple[int, bool]:
        score, is_enough = super().rate(header)
        return score, is_enough and header[0] == "CH"

    def aside(self, line_no: int, values: list[str]) -> bool:
        if super().aside(line_no, values):
            return True
        record = values[0].strip().strip("\ufeff")
        match record:
            case "SB":
                self._is_closed = False
                return False
            case "CH":
                self.find_columns(values, line_no)
            case "SH":
                self._section = _Sums()
            case "RH" | "FH":
                pass
            case "SF" | "RF":
                self._check_sums(line_no, record, values)
            case "SC":
                self._check_rows(line_no, record, values, self._section.rows)
            case "RC" | "FF":
                self._check_rows(line_no, record, values, self._report.rows)
            case _:
                raise BadLine(line_no, f"a record of type {printable(record[:20])!r}")
        return True

    def _check_rows(self, line_no: int, record: str, values: list[str], rows: int) -> None:
        self._is_closed = True
        said = str(_whole(line_no, record, values[1] if len(values) > 1 else ""))
        self.totals.append(Total(f"{record} (line {line_no})", said, str(rows)))

    def _check_sums(self, line_no: int, record: str, values: list[str]) -> None:
        self._is_closed = True
        if len(values) < 7:
            raise BadLine(line_no, f"{record} has {len(values)} fields")
        sums = self._section if record == "SF" else self._report
        currency = values[1].strip()
        name = f"{record} {currency} (line {line_no})"
        said = [_whole(line_no, record, value) for value in values[2:6]]
        gross, fees = (
            sums.gross.get(currency, (0, 0)),
            sums.fees.get(currency, (0, 0)),
        )
        self.totals.append(Total(f"{name} credits", str(said[0]), str(gross[0])))
        self.totals.append(Total(f"{name} debits", str(said[1]), str(gross[1])))
        # Which stands first is not known for certain.
        total = Total(f"{name} fees", str(sorted(said[2:4])), str(sorted(fees)))
        self.totals.append(total)
        count = _whole(line_no, record, values[-1])
        rows = {sums.rows, sums.count.get(currency, 0)}
        read = count if count in rows else sums.count.get(currency, 0)
        self.totals.append(Total(f"{name} rows", str(count), str(read)))

    def read(self, cells: Cells) -> Iterator[Line]:
        currency = cells.text("currency")
        type_ = cells.text("type")
        amount = self._signed(cells, "amount", "direction", currency)
        kind = self._kind(type_, amount)
        fee_currency = cells.text("fee_currency") or currency
        fee = -self._signed(cells, "fee", "fee_direction", fee_currency) if self._fee(cells) else 0
        is_payment = kind == "payment"
        invoice_no = ours(cells.text("our_no"))
        is_about_txn = cells.text("of_type") == "TXN" and not is_payment
        moment = self._moment(cells)
        status = cells.text("status")
        yield Line(
            line_no=cells.line_no,
            kind=kind,
            type=type_,
            amount=amount,
            currency=currency,
            happened_at=moment,
            fee=fee if fee_currency == currency else 0,
            channel_txn_no=cells.number("channel_txn_no"),
            our_no=invoice_no if is_payment else None,
            of_channel_txn_no=cells.number("of_no") if is_about_txn else None,
            of_our_no=None if is_payment else invoice_no,
            state=_STATUSES.get(status, "processing"),
            description=told(cells.text("custom"), cells.text("bank_no")),
        )
        if fee and fee_currency != currency:
            yield Line(
                line_no=cells.line_no,
                part="fee",
                kind="fee",
                type=type_,
                amount=-fee,
                currency=fee_currency,
                happened_at=moment,
                of_channel_txn_no=cells.number("channel_txn_no"),
                of_our_no=invoice_no,
            )

    def _fee(self, cells: Cells) -> bool:
        text = cells.text("fee")
        return bool(text) and text.strip("0") != ""

    def _signed(self, cells: Cells, name: str, direction: str, currency: str) -> int:
        hundredths = _whole(cells.line_no, name, cells.text(name))
        way = cells.text(direction)
        if way not in ("CR", "DR"):
            raise cells.bad(f"{name} is neither CR nor DR, but {printable(way)!r}")
        if currency not in exponents():
            raise cells.bad(f"{printable(currency)!r} is no currency")
        exponent = exponents()[currency]
        amount, rest = divmod(hundredths * 10**exponent, 100)
        if rest:
            raise cells.bad(f"{name} {hundredths} is no whole number of units of {currency}")
        if amount > 10**15:
            raise cells.bad(f"{name} {hundredths} is too large")
        return amount if way == "CR" else -amount

    def _kind(self, code: str, amount: int) -> str:
        if not re.fullmatch(r"T[0-9]{4}", code):
            return "unknown"
        kind = self.kinds.get(code) or _GROUPS.get(code[1:3], "unknown")
        if kind == "payment" and amount < 0:
            # We paid somebody.
            return "other"
        if kind == "payout" and amount > 0:
            return "payout_reversal"
        return as_signed(kind, amount)

    def _moment(self, cells: Cells) -> datetime:
        text = cells.text("at") or cells.text("begun_at")
        found = _MOMENT.fullmatch(text)
        if not found:
            raise cells.bad(f"Transaction Completion Date is no moment: {printable(text[:40])!r}")
        iso = f"{found[1]}-{found[2]}-{found[3]}T{found[4]}{found[5]}:{found[6]}"
        return at(cells.line_no, "Transaction Completion Date", iso, self.in_zone)

    def count(self, cells: Cells, lines: Sequence[Line]) -> None:  # noqa: ARG002
        currency = cells.text("currency")
        signed = _whole(cells.line_no, "amount", cells.text("amount"))
        signed = signed if cells.text("direction") == "CR" else -signed
        for sums in (self._section, self._report):
            sums.rows += 1
            sums.count[currency] = sums.count.get(currency, 0) + 1
            _add(sums.gross, currency, signed)
            if self._fee(cells):
                fee = _whole(cells.line_no, "fee", cells.text("fee"))
                fee_currency = cells.text("fee_currency") or currency
                _add(sums.fees, fee_currency, fee if cells.text("fee_direction") == "CR" else -fee)

    def end(self) -> None:
        if not self._is_closed:
            raise cut_off("closing record (SF, SC, RF, RC or FF)")


_STATUSES = {
    "": "succeeded",
    "S": "succeeded",
    "P": "processing",
    "D": "failed",
    "F": "failed",
    "V": "failed",
}


def _whole(line_no: int, name: str, text: str) -> int:
    text = text.strip()
    if not _UNITS.fullmatch(text):
        raise BadLine(line_no, f"{name} is no whole number: {printable(text[:40])!r}")
    return int(text)
