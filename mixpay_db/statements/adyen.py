"""Adyen: the settlement detail report."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone, tzinfo
from functools import cache
from typing import ClassVar
from zoneinfo import ZoneInfo

from mixpay_db.money import from_units
from mixpay_db.printable import printable
from mixpay_db.statements.format import Options, at
from mixpay_db.statements.line import Line, Total, as_signed, ours, told
from mixpay_db.statements.sheet import Cells, Sheet

# What the column TimeZone says, in hours. CST, IST and BST are several zones: they are not here.
_HOURS = {
    "UTC": 0,
    "GMT": 0,
    "WET": 0,
    "WEST": 1,
    "CET": 1,
    "CEST": 2,
    "EET": 2,
    "EEST": 3,
    "MSK": 3,
    "SGT": 8,
    "HKT": 8,
    "JST": 9,
    "AEST": 10,
    "AEDT": 11,
    "NZST": 12,
    "NZDT": 13,
    "BRT": -3,
    "EST": -5,
    "EDT": -4,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
}
_PAYOUT_NO = re.compile(r"\bTX\w+XT\b")


@cache
def _zone(name: str) -> tzinfo | None:
    if name in _HOURS:
        return timezone(timedelta(hours=_HOURS[name]), name)
    try:
        return ZoneInfo(name) if "/" in name else None
    except (ValueError, OSError, LookupError):
        return None


class SettlementDetail(Sheet):
    name = "adyen"
    title = "Adyen settlement detail report"
    columns: ClassVar = {
        "payment_txn_no": ("Psp Reference",),
        "payment_no": ("Merchant Reference",),
        "method": ("Payment Method",),
        "at": ("Creation Date",),
        "zone": ("TimeZone",),
        "type": ("Type",),
        "txn_no": ("Modification Reference",),
        "gross_currency": ("Gross Currency",),
        "gross_out": ("Gross Debit (GC)",),
        "gross_in": ("Gross Credit (GC)",),
        "rate": ("Exchange Rate",),
        "net_currency": ("Net Currency",),
        "net_out": ("Net Debit (NC)",),
        "net_in": ("Net Credit (NC)",),
        "our_no": ("Modification Merchant Reference",),
        "batch_no": ("Batch Number",),
    }
    required = (
        "payment_txn_no",
        "payment_no",
        "at",
        "zone",
        "type",
        "txn_no",
        "gross_currency",
        "gross_out",
        "gross_in",
        "net_currency",
        "net_out",
        "net_in",
        "batch_no",
    )
    kinds: ClassVar = {
        "settled": "payment",
        "settledexternally": "payment",
        "refunded": "refund",
        "refundedexternally": "refund",
        "refundedreversed": "refund_reversal",
        "chargeback": "chargeback",
        "chargebackexternally": "chargeback",
        "secondchargeback": "chargeback",
        "chargebackreversed": "chargeback_reversal",
        "chargebackreversedexternally": "chargeback_reversal",
        "fee": "fee",
        "misccosts": "fee",
        "paymentcost": "fee",
        "settlecost": "fee",
        "authorisationschemefee": "fee",
        "invoicededuction": "fee",
        "depositcorrection": "adjustment",
        "reserveadjustment": "adjustment",
        "manualcorrected": "adjustment",
        "balancetransfer": "transfer",
        "internalcompanypayout": "transfer",
        "paidout": "transfer",
        "paidoutreversed": "transfer",
        "merchantpayout": "payout",
        "bankinstructionreturned": "payout_reversal",
        "matchedstatement": "other",
        "epapaid": "other",
    }

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._batches: dict[tuple[str, str], int] = {}
        self._paid: dict[tuple[str, str], int] = {}

    def read(self, cells: Cells) -> Iterator[Line]:
        type_ = cells.text("type")
        kind = self.kinds.get(type_.replace(" ", "").lower(), "unknown")
        gross_currency, net_currency = cells.text("gross_currency"), cells.text("net_currency")
        has_gross = bool(gross_currency and (cells.text("gross_in") or cells.text("gross_out")))
        net = self._difference(cells, "net_in", "net_out", net_currency)
        amount, currency, fee = net, net_currency, None
        if has_gross:
            amount = self._difference(cells, "gross_in", "gross_out", gross_currency)
            currency = gross_currency
            fee = amount - net if currency == net_currency else None
        is_payout = kind in ("payout", "payout_reversal")
        is_payment = kind == "payment"
        text = cells.text("txn_no")
        payment_txn_no = cells.number("payment_txn_no")
        payment_no = ours(cells.text("payment_no"))
        yield Line(
            line_no=cells.line_no,
            kind=as_signed(kind, amount),
            type=type_,
            amount=amount,
            currency=currency,
            happened_at=self._moment(cells),
            fee=fee,
            channel_txn_no=(
                payment_txn_no
                if is_payment
                else found[0]
                if is_payout and (found := _PAYOUT_NO.search(text))
                else cells.number("txn_no")
                if payment_txn_no
                else None
            ),
            our_no=payment_no if is_payment else self._own_no(cells),
            of_channel_txn_no=None if is_payment else payment_txn_no,
            of_our_no=None if is_payment else payment_no,
            batch_no=cells.number("batch_no"),
            description=told(
                cells.text("method"),
                "" if payment_txn_no else text,
                f"net {from_units(net, net_currency)} {net_currency}"
                if has_gross and currency != net_currency
                else "",
            ),
        )

    def _own_no(self, cells: Cells) -> str | None:
        """Our number of a modification, which repeats the payment's if there is none."""
        text = cells.text("our_no")
        return ours(text) if text != cells.text("payment_no") else None

    def _difference(self, cells: Cells, credit: str, debit: str, currency: str) -> int:
        return cells.amount_or_zero(credit, currency, zeros=True) - cells.amount_or_zero(
            debit, currency, zeros=True
        )

    def _moment(self, cells: Cells) -> datetime:
        name = cells.text("zone")
        zone = _zone(name) or self.options.zone
        if zone is None:
            raise cells.bad(
                f"TimeZone is {printable(name)!r}, which may be several",
                "Say which: --zone America/Chicago, for one.",
            )
        return at(cells.line_no, "Creation Date", cells.text("at"), zone)

    def count(self, cells: Cells, lines: Sequence[Line]) -> None:
        currency = cells.text("net_currency")
        if not currency:
            return
        batch = (cells.text("batch_no"), currency)
        net = self._difference(cells, "net_in", "net_out", currency)
        self._batches[batch] = self._batches.get(batch, 0) + net
        if lines[0].kind == "payout":
            self._paid[batch] = self._paid.get(batch, 0) - net

    def end(self) -> None:
        for (batch_no, currency), paid in self._paid.items():
            rows = self._batches[batch_no, currency] + paid
            said, read = from_units(paid, currency), from_units(rows, currency)
            name = f"payout of batch {batch_no} in {currency}"
            self.totals.append(Total(name, said, read, binding=False))
