"""Banks: camt.053 of ISO 20022, whatever its version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

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

_STATEMENT = re.compile(rb"<(?:\w+:)?BkToCstmrStmt[\s/>]")
# An entry with its details; a message whose elements are larger is none.
_LARGEST_ENTRY = 100_000
_DEEPEST = 100


def _tag(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _child(element: Element | None, *path: str) -> Element | None:
    for name in path:
        if element is None:
            return None
        element = next((child for child in element if _tag(child) == name), None)
    return element


def _children(element: Element | None, name: str) -> list[Element]:
    return [] if element is None else [child for child in element if _tag(child) == name]


def _text(element: Element | None, *path: str) -> str:
    found = _child(element, *path)
    return (found.text or "").strip() if found is not None else ""


class Camt053(Format):
    name = "camt053"
    title = "Bank statement camt.053 (ISO 20022)"
    account_kind = "bank"
    names_accounts = True
    kinds: ClassVar = {
        "CRDT": "payout",
        "DBIT": "transfer",
        "RvslInd true, RtrInf, …/RRTN": "return",
        "…/CHRG, …/COMM, …/FEES": "fee",
    }

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._entries = 0
        self._begin()

    def _begin(self) -> None:
        self._balances: dict[str, tuple[int, str]] = {}
        self._booked = 0
        self._counts = {"": 0, "CRDT": 0, "DBIT": 0}
        self._sums = {"CRDT": 0, "DBIT": 0}
        self._currency = ""
        self._summary: Element | None = None
        self._id = ""
        self._account = ""
        self._is_asked_for = self.options.account is None

    @classmethod
    def recognises(cls, head: bytes, options: Options) -> bool:  # noqa: ARG003
        return _STATEMENT.search(head) is not None

    def lines(self, source: Source) -> Iterator[Line]:
        path: list[Element] = []
        statements = 0
        try:
            for event, element in iterparse(
                source.stream, events=("start", "end"), forbid_dtd=True
            ):
                if event == "start":
                    path.append(element)
                    if len(path) > _DEEPEST:
                        raise StatementError(f"more than {_DEEPEST} elements in one another")
                    if _tag(element) == "Stmt":
                        self._begin()
                    continue
                path.pop()
                parent = path[-1] if path else None
                match _tag(element):
                    case "Ntry" if parent is not None and _tag(parent) == "Stmt":
                        for line in self._entry(element):
                            if self._is_asked_for:
                                yield line
                        parent.remove(element)
                    case "Bal" if parent is not None and _tag(parent) == "Stmt":
                        self._balance(element)
                        parent.remove(element)
                    case "Acct" if parent is not None and _tag(parent) == "Stmt":
                        self._currency = _text(element, "Ccy")
                        self._account = _text(element, "Id", "IBAN") or _text(
                            element, "Id", "Othr", "Id"
                        )
                        self._is_asked_for = self.is_asked_for(self._account)
                    case "TxsSummry":
                        self._summary = element
                    case "Id" if parent is not None and _tag(parent) == "Stmt":
                        self._id = (element.text or "").strip()
                    case "Stmt":
                        statements += 1
                        self._close(statements)
                        if parent is not None:
                            parent.remove(element)
        except (ParseError, DefusedXmlException, UnicodeError, ValueError, LookupError) as error:
            raise Damaged(f"the XML cannot be read: {error}") from error
        if not statements:
            raise StatementError("the file has no statement in it (Stmt)")
        self.agree()

    def _amount(self, element: Element | None, name: str = "Amt") -> tuple[int, str]:
        found = _child(element, name)
        if found is None:
            raise BadLine(self._entries, f"an amount is missing ({name})")
        currency = found.get("Ccy", self._currency)
        return self._units(name, (found.text or "").strip(), currency), currency

    def _units(self, name: str, text: str, currency: str) -> int:
        amount = units(self._entries, name, text, currency, zeros=True)
        if amount < 0:
            raise BadLine(self._entries, f"{name} is {printable(text)}")
        return amount

    def _way(self, element: Element) -> int:
        way = _text(element, "CdtDbtInd")
        if way not in ("CRDT", "DBIT"):
            raise BadLine(self._entries, f"CdtDbtInd is {printable(way)!r}")
        return 1 if way == "CRDT" else -1

    def _balance(self, element: Element) -> None:
        code = _text(element, "Tp", "CdOrPrtry", "Cd")
        amount, currency = self._amount(element)
        self._currency = self._currency or currency
        # Of several pages the first opens and the last closes.
        if code not in ("OPBD", "PRCD") or code not in self._balances:
            self._balances[code] = (amount * self._way(element), currency)

    def _entry(self, entry: Element) -> Iterator[Line]:
        self._entries += 1
        if sum(1 for _ in entry.iter()) > _LARGEST_ENTRY:
            raise BadLine(self._entries, f"the entry has more than {_LARGEST_ENTRY:,} elements")
        amount, currency = self._amount(entry)
        way = self._way(entry)
        status = _text(entry, "Sts") or _text(entry, "Sts", "Cd") or "BOOK"
        if status == "BOOK":
            self._booked += way * amount
        indicator = "CRDT" if way > 0 else "DBIT"
        for name in ("", indicator):
            self._counts[name] += 1
        self._sums[indicator] += amount
        details = [
            tx for group in _children(entry, "NtryDtls") for tx in _children(group, "TxDtls")
        ]
        parts = self._parts(details, amount, currency, way) if len(details) > 1 else None
        if parts is None:
            yield self._line(entry, details[0] if len(details) == 1 else None, "", way * amount)
        else:
            for i, (tx, signed) in enumerate(parts, 1):
                yield self._line(entry, tx, str(i), signed)

    def _parts(
        self, details: list[Element], amount: int, currency: str, way: int
    ) -> list[tuple[Element, int]] | None:
        """What each transaction of an entry moves, if they say so and it adds up."""
        parts = []
        for tx in details:
            found = _child(tx, "Amt")
            if found is None:
                found = _child(tx, "AmtDtls", "TxAmt", "Amt")
            if found is None or found.get("Ccy", currency) != currency:
                return None
            own_way = self._way(tx) if _child(tx, "CdtDbtInd") is not None else way
            parts.append((tx, own_way * self._units("Amt", (found.text or "").strip(), currency)))
        return parts if sum(signed for _, signed in parts) == way * amount else None

    def _line(self, entry: Element, tx: Element | None, part: str, signed: int) -> Line:
        _, currency = self._amount(entry)
        references = _child(tx, "Refs")
        end_to_end = _text(references, "EndToEndId")
        entry_no = _text(entry, "AcctSvcrRef")
        # What each of several says of itself; the entry's own number is that of all.
        bank_no = _text(references, "AcctSvcrRef") or ("" if part else entry_no)
        code = "/".join(
            text
            for text in (
                _text(entry, "BkTxCd", "Domn", "Cd"),
                _text(entry, "BkTxCd", "Domn", "Fmly", "Cd"),
                _text(entry, "BkTxCd", "Domn", "Fmly", "SubFmlyCd"),
            )
            if text
        ) or _text(entry, "BkTxCd", "Prtry", "Cd")
        batch_no = _text(references, "PmtInfId") or _text(entry, "NtryDtls", "Btch", "PmtInfId")
        batch_no = batch_no or (entry_no if part else "")
        name = "Dbtr" if signed > 0 else "Cdtr"
        party = _child(tx, "RltdPties", name)
        remittance = _child(tx, "RmtInf")
        return Line(
            line_no=self._entries,
            part=part,
            kind=self._kind(entry, tx, code, signed),
            type=printable(code) or ("CRDT" if signed > 0 else "DBIT"),
            amount=signed,
            currency=currency,
            happened_at=at(self._entries, "BookgDt", self._booked_at(entry), self.in_zone),
            channel_txn_no=number(self._entries, "AcctSvcrRef", bank_no),
            our_no=ours(end_to_end) if end_to_end != "NOTPROVIDED" else None,
            batch_no=number(self._entries, "PmtInfId", batch_no),
            state="succeeded"
            if (_text(entry, "Sts") or _text(entry, "Sts", "Cd") or "BOOK") == "BOOK"
            else "processing",
            description=told(
                _text(party, "Nm") or _text(party, "Pty", "Nm"),
                *(text.text or "" for text in _children(remittance, "Ustrd")),
                *(_text(text, "CdtrRefInf", "Ref") for text in _children(remittance, "Strd")),
                _text(tx, "AddtlTxInf") or _text(entry, "AddtlNtryInf"),
            ),
        )

    def _booked_at(self, entry: Element) -> str:
        for date in ("BookgDt", "ValDt"):
            for form in ("DtTm", "Dt"):
                if text := _text(entry, date, form):
                    return text
        raise BadLine(self._entries, "the entry has no date")

    def _kind(self, entry: Element, tx: Element | None, code: str, signed: int) -> str:
        is_return = (
            _text(entry, "RvslInd").lower() in ("true", "1")
            or _child(tx, "RtrInf") is not None
            or code.endswith(("/RRTN", "/RPCR", "/URTN"))
        )
        if is_return:
            return "return"
        if code.endswith(("/CHRG", "/COMM", "/FEES")):
            return "fee"
        return "payout" if signed > 0 else "transfer"

    def _close(self, nth: int) -> None:
        """The statement's own balances and summary against its entries."""
        currency = self._currency
        where = f"statement {self._id or nth}"
        opening = self._balances.get("OPBD") or self._balances.get("PRCD")
        closing = self._balances.get("CLBD")
        if opening and closing:
            read = from_units(opening[0] + self._booked, currency)
            said = from_units(closing[0], currency)
            self.totals.append(Total(f"closing balance of {where}", said, read))
            self.covers(self._account, currency, Stretch(where, opening[0], closing[0]))
        elif self._summary is None:
            raise cut_off(f"opening and closing balance in {where}")
        if self._summary is not None:
            self._summarise(self._summary, where, currency)

    def _summarise(self, summary: Element, where: str, currency: str) -> None:
        for group, indicator in (
            ("TtlNtries", ""),
            ("TtlCdtNtries", "CRDT"),
            ("TtlDbtNtries", "DBIT"),
        ):
            if said := _text(summary, group, "NbOfNtries"):
                read: Any = self._counts[indicator]
                said = said.lstrip("0") or "0"
                self.totals.append(Total(f"{group} of {where}", said, str(read)))
            if said := _text(summary, group, "Sum"):
                added = self._sums[indicator] if indicator else sum(self._sums.values())
                units_said = from_units(self._units("Sum", said, currency), currency)
                total = Total(f"{group} sum of {where}", units_said, from_units(added, currency))
                self.totals.append(total)
