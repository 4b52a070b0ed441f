"""Amounts for people: decimal, with the currency where no column of the row names it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

import psycopg

from mixpay_db.money import NotACurrency, from_units
from mixpay_db.pictures.words import translated

_BIGINT = 20
# Whole numbers that are no money: places, counts, what the database numbers by itself.
_COUNTS = re.compile(
    r"attempts|days|differences|entry|epoch|fee_rate|fold|lines?|line_count|line_no|max_refunds|"
    r"movements|nth|orders|pending_payments|pid|place|position|priority|rate|run|seq|size|trades|"
    r"transactions_since|until_epoch|value|weight"
)
# A word that is money elsewhere.
_COUNTED = {("trade_balances", "payments")}
# A text that names amounts of the row's currency.
_SAID = {("reconciliation_differences", "reason")}
# Where a row that bears one of these numbers finds its currency.
_LOOK_UP = {
    "trade_no": "select distinct on (trade_no) trade_no, currency from mixpay.trade_lines"
    " where merchant_id = %s and trade_no = any(%s)",
    "order_no": "select order_no, currency from mixpay.order_balances"
    " where merchant_id = %s and order_no = any(%s)",
    "refund_no": "select distinct on (c.refund_no) c.refund_no, l.currency"
    " from mixpay.channel_refund_list as c inner join mixpay.trade_lines as l"
    " on l.merchant_id = c.merchant_id and l.trade_no = c.trade_no"
    " where c.merchant_id = %s and c.refund_no = any(%s)",
}


def money_columns(view: str, columns: Sequence[psycopg.Column]) -> set[str]:
    """Which columns of a view are money."""
    return {
        column.name
        for column in columns
        if column.type_code == _BIGINT
        and not _COUNTS.fullmatch(column.name)
        and (view, column.name) not in _COUNTED
    }


def in_decimals(
    conn: psycopg.Connection[Any],
    view: str,
    columns: Sequence[psycopg.Column],
    rows: Sequence[Sequence[Any]],
) -> list[list[Any]]:
    """The same rows; what has no currency stays in smallest units, and says so."""
    names = [column.name for column in columns]
    money = money_columns(view, columns)
    currencies = _currencies(conn, names, rows) if money else []
    named = "currency" in names
    told = []
    for i, row in enumerate(rows):
        told.append(
            [
                said(value, currencies[i])
                if (view, name) in _SAID
                else _told(value, currencies[i], named=named)
                if name in money and value is not None
                else value
                for name, value in zip(names, row, strict=True)
            ]
        )
    return told


class Decimal(str):
    """A number to whoever lays out a table."""

    __slots__ = ()


def said(text: str, currency: str | None) -> str:
    """A reason of the database, its amounts in decimals; without such a currency, as it is."""
    try:
        return translated("en", text, partial(from_units, currency=currency or ""))
    except NotACurrency:
        return text


def _told(units: int, currency: str | None, *, named: bool) -> Decimal:
    try:
        text = from_units(units, currency or "")
    except NotACurrency:
        return Decimal(f"{units} units")
    return Decimal(text if named else f"{text} {currency}")


def _currencies(
    conn: psycopg.Connection[Any], names: list[str], rows: Sequence[Sequence[Any]]
) -> list[str | None]:
    if "currency" in names:
        place = names.index("currency")
        return [row[place] for row in rows]
    found: list[str | None] = [None] * len(rows)
    if "merchant_id" not in names:
        return found
    whose = names.index("merchant_id")
    for column, query in _LOOK_UP.items():
        if column not in names:
            continue
        place = names.index(column)
        asked: dict[str, set[str]] = {}
        for row, currency in zip(rows, found, strict=True):
            if currency is None and row[place] is not None:
                asked.setdefault(row[whose], set()).add(row[place])
        for merchant, numbers in asked.items():
            known = dict(conn.execute(query.encode(), [merchant, sorted(numbers)]).fetchall())
            for i, row in enumerate(rows):
                if found[i] is None and row[whose] == merchant:
                    found[i] = known.get(row[place])
    return found
