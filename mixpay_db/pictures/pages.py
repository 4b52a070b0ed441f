"""Pages out of what books asks: the same templates for `mixpay web` and `mixpay report --html`."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, Protocol

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from mixpay_db.money import from_units
from mixpay_db.pictures import books, charts, flow, stretches, words
from mixpay_db.printable import printable

_TEMPLATES = Path(__file__).resolve().parent.parent / "templates" / "pages"


class Site(Protocol):
    """What a page needs to know of the site that it belongs to; a file belongs to none."""

    style: str
    home: str
    zone: str | None
    asked: str
    languages: list[tuple[str, str]]

    def href(self, kind: str, number: str | None) -> str: ...
    def in_language(self, language: str) -> str: ...
    def checking(self) -> str: ...
    def merchant(self, merchant: str) -> str: ...


@dataclass
class Page:
    """For whom a page is made: its language, its merchant, the moment it tells of."""

    language: str
    now: datetime
    zone: str
    merchant: books.Row | None = None
    site: Site | None = None

    def t(self, key: str, /, **values: Any) -> str:
        return words.say(self.language, key, **values)

    def href(self, kind: str, number: str | None) -> str | None:
        return None if self.site is None else self.site.href(kind, number)


def style() -> str:
    return (_TEMPLATES / "style.css").read_text(encoding="utf-8")


# Nothing but the page's own style: no script, no picture, font or frame from anywhere.
def policy(style_source: str, forms: str) -> str:
    return (
        f"default-src 'none'; style-src {style_source}; img-src data:; form-action {forms}; "
        "base-uri 'none'"
    )


def render(template: str, page: Page, **values: Any) -> str:
    text = style()
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return (
        _environment()
        .get_template(f"pages/{template}.html.j2")
        .render(
            t=page.t,
            href=page.href,
            told_in_words=partial(in_words, page.language),
            check_in_words=partial(words.check, page.language),
            moment=moment,
            step=step,
            language=page.language,
            now=page.now,
            zone=page.zone,
            merchant=page.merchant,
            site=page.site,
            style=Markup(text),  # noqa: S704 (our own file)
            policy=policy(f"'sha256-{digest}'", "'none'"),
            **values,
        )
    )


def trade(page: Page, told: books.Trade) -> str:
    name = namer(page.t, told)
    picture = {
        "wide": flow.lay_out(told.flow, flow.WIDE),
        "narrow": flow.lay_out(told.flow, flow.NARROW),
    }
    columns = dict(enumerate(("payments", "orders", "now", "then")))
    return render(
        "trade",
        page,
        trade=told,
        **picture,
        headings={i: page.t(f"flow.{column}") for i, column in columns.items()},
        short_headings={i: page.t(f"flow.{column}_short") for i, column in columns.items()},
        named=name,
        bands=bands(told.flow, name),
    )


def merchant(page: Page, told: books.Merchant, checked: books.Checked | None) -> str:
    texts = {name: page.t(f"chart.{name}") for name in
             ("flow", "escrow", "in", "out", "others")}  # fmt: skip
    chart_step = charts.step(told)
    texts["title"] = page.t("chart.title", step=page.t(f"chart.{chart_step}"))
    parts = []
    for currency in told.currencies:
        flow_of = [row for row in told.flow if row["currency"] == currency]
        escrow = [row for row in told.escrow if row["currency"] == currency]
        came_in, went_out = (sum(row[way] for row in flow_of) for way in ("came_in", "went_out"))
        parts.append(
            {
                "currency": currency,
                "came_in": came_in,
                "went_out": went_out,
                "net": came_in - went_out,
                "in_escrow": escrow[-1]["balance"] if escrow else 0,
                "flow": flow_of[: books.SHOWN],
                "days": len(flow_of) if len(flow_of) > books.SHOWN else None,
                "escrow": escrow[-books.SHOWN :],
                "channels": _by_channel(flow_of),
                # Parsed and looked through: charts.cleaned.
                "charts": {
                    which: Markup(svg)  # noqa: S704
                    for which, svg in charts.days(told, currency, texts, page.now.date()).items()
                },
            }
        )
    return render("merchant", page, told=told, parts=parts, checked=checked, chart_step=chart_step)


def _by_channel(rows: list[books.Row]) -> list[books.Row]:
    summed: dict[str, books.Row] = {}
    for row in rows:
        of = summed.setdefault(
            row["channel"], {"channel": row["channel"], "came_in": 0, "went_out": 0, "net": 0}
        )
        for way in ("came_in", "went_out", "net"):
            of[way] += row[way]
    return sorted(summed.values(), key=lambda row: (-row["came_in"], row["channel"]))


def order(page: Page, told: books.Order) -> str:
    pools = [(line, rows, _stretches(rows)) for line, rows in told.pools]
    return render("order", page, order=told, pools=pools)


def refund(page: Page, told: books.Refund) -> str:
    trades = [(trade_no, rows, _stretches(rows)) for trade_no, rows in told.trades]
    return render("refund", page, refund=told, trades=trades)


def step(t: Callable[..., str], row: books.Row, currency: str, taken_by: str) -> str:
    """Why a refund takes of a payment what it takes."""
    amounts = ("refundable", "stands_from", "stands_to", "takes_from", "takes_to", "amount")
    said = {name: decimal(row[name] or 0, currency) for name in amounts}
    key = "named" if row["named"] else "takes" if row["amount"] else "rests"
    return t(
        f"steps.{key}", by=taken_by, left=decimal(row["left_over"], currency),
        start=said.pop("stands_from"), end=said.pop("stands_to"), **said,
    )  # fmt: skip


def search(page: Page, number: str, found: list[books.Row]) -> str:
    return render("search", page, number=number, found=found)


def home(page: Page, merchants: list[books.Row]) -> str:
    return render("home", page, merchants=merchants)


def problem(page: Page, what: str, *told: str) -> str:
    return render("problem", page, what=what, told=[in_words(page.language, t) for t in told])


def _stretches(rows: list[books.Row]) -> list[stretches.PlacedStretch]:
    """None where an operator named the payments: then there is nothing to lay out."""
    if any(row["named"] for row in rows):
        return []
    return stretches.lay_out(
        [
            stretches.Stretch(
                row["payment_no"], row["stands_from"], row["stands_to"], row["amount"]
            )
            for row in rows
        ],
        1000,
    )


def drawing(
    picture: flow.Picture,
    currency: str,
    t: Callable[..., str],
    headings: dict[int, str],
    name: Callable[[tuple[str, str]], str],
) -> str:
    """A trade's picture by itself, without links."""
    values = {"t": t, "named": name, "href": lambda *_: None}
    macros: Any = _environment().get_template("pages/flow.svg.j2").make_module(values)
    return str(macros.drawing(picture, "wide", currency, headings))


def bands(drawn: flow.Flow, name: Callable[[tuple[str, str]], str]) -> list[books.Row]:
    """The picture's bands as rows of a table, from left to right."""
    columns = {node.key: (node.column, i) for i, node in enumerate(drawn.nodes)}
    ordered = sorted(drawn.bands, key=lambda band: (columns[band.source], columns[band.target]))
    return [
        {"from": name(band.source), "to": name(band.target), "amount": band.units}
        for band in ordered
    ]


def namer(t: Callable[..., str], told: books.Trade) -> Callable[[tuple[str, str]], str]:
    """What the nodes of a trade's picture are called."""
    channels = {row["payment_no"]: row["channel"] for row in told.payments}
    kinds = {row["refund_no"]: row["kind"] for row in told.refunds}

    def name(key: tuple[str, str]) -> str:
        kind, number = key
        if number == "borne":
            return t(f"flow.{kind}_borne")
        if number == books.OTHERS and kind in ("payment", "order", "refund", "surplus", "back",
                                               "not_refunded"):  # fmt: skip
            return t(f"flow.others_{kind}")
        if kind == "refund" and kinds.get(number, "order") not in ("order", "offline"):
            return f"{t(f'term.{kinds[number]}')} {number}"
        return t(f"flow.{kind}", number=printable(number), channel=channels.get(number, ""))

    return name


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mixpay_db"),
        autoescape=select_autoescape(("html.j2", "svg.j2")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(decimal=decimal, cut=_cut, tight=_tight, fits=_fits, said=_said)
    # What a terminal would obey is not shown on a page either.
    environment.finalize = lambda value: printable(value) if type(value) is str else value
    return environment


def decimal(units: int, currency: str) -> str:
    """With thousands apart and a true minus: 1,234,500.00."""
    whole, point, decimals = from_units(abs(units), currency).partition(".")
    return f"{'−' if units < 0 else ''}{int(whole):,}{point}{decimals}"


def in_words(language: str, text: str, currency: str | None = None) -> str:
    """What the database says, with amounts of this currency in decimals."""
    money = None if currency is None else partial(decimal, currency=currency)
    return words.translated(language, text, money)


def _said(columns: list[tuple[str, str]], rows: list[books.Row]) -> list[tuple[str, str]]:
    """The columns in which a row says something."""
    if not rows:
        return columns
    return [column for column in columns if any(row[column[0]] not in (None, "") for row in rows)]


# How wide letters are in a wide, bold font, in parts of its size.
_THIN, _SMALL, _BROAD, _FULL = 0.4, 0.7, 0.85, 1.1
# Letters pressed together more than this are not read any more.
_PRESSED = 0.7


def _width(character: str) -> float:
    if ord(character) > 0x2E7F:
        return _FULL
    if character in "mwMW@%…→":
        return _FULL
    if character in "iljtfr.,:;'|!() -·":
        return _THIN
    return _BROAD if character.isupper() else _SMALL


def _fits(text: str, room: float, size: float) -> bool:
    """Whether it fits into so many pixels at this size of letters, whatever the font."""
    return sum(map(_width, text)) * size <= room


def _cut(text: str, room: float, size: float, number: str = "") -> str:
    """As much as fits. Of what ends with a number, both ends: numbers differ most in their last
    digits. The channel behind a payment's number goes first."""
    if _fits(text, room, size):
        return text
    if number and text.startswith(f"{number} · "):
        return _cut(number, room, size, number)
    room = room / size - _width("…")
    ends, begin, end = number != "" and text.endswith(number), 0, 0
    while begin + end < len(text):
        last = ends and end <= begin
        room -= _width(text[-1 - end] if last else text[begin])
        if room < 0 and begin + end > 0:
            break
        begin, end = (begin, end + 1) if last else (begin + 1, end)
    return text[:begin] + "…" + text[len(text) - end :]


def _tight(text: str, room: float, size: float) -> float | None:
    """How wide an amount is drawn that needs more room than there is: its letters are pressed
    together. 0: it is not drawn, for nobody would read it, and half an amount is a wrong one."""
    needs = sum(map(_width, text)) * size
    if needs <= room:
        return None
    return room if room >= needs * _PRESSED else 0


def moment(value: datetime | date) -> str:
    if isinstance(value, datetime):
        return value.isoformat(" ", "minutes")[:16]
    return value.isoformat()
