"""A merchant's days, weeks or months as charts: Vega-Lite says what, vl-convert draws it as SVG.

It needs no browser and no network, and what it draws has no script and no style of its own: colours
are variables of the page, so that it is light or dark with it, and marks bear labels for a screen
reader. docs/pictures.md says what else was looked at.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from mixpay_db.money import from_units
from mixpay_db.pictures import books
from mixpay_db.problem import Problem

_SVG = "{http://www.w3.org/2000/svg}"
# All that a chart is made of.
_DRAWN = {"svg", "g", "path", "line", "rect", "text", "tspan", "defs", "clipPath", "title", "desc"}
COLOURS = [f"var(--s{i})" for i in range(1, 9)]
WIDTHS = {"wide": 1056, "narrow": 350}
# Up to so many days are drawn day by day, or week by week; what is longer, month by month.
_DAYS, _WEEKS = 62, 400


def step(told: books.Merchant) -> str:
    """What a bar of the chart stands for: day, week or month."""
    count = (told.last - told.first).days + 1
    return "day" if count <= _DAYS else "week" if count <= _WEEKS else "month"


def _begins(told: books.Merchant, day: date) -> date:
    """The first day of the period that is drawn together with this one. Weeks begin on Mondays."""
    begin = {
        "day": day,
        "week": day - timedelta(days=day.weekday()),
        "month": day.replace(day=1),
    }[step(told)]
    return max(begin, told.first)


def _steps(told: books.Merchant) -> dict[date, date]:
    """The first and the last day of each bar, from left to right."""
    steps: dict[date, date] = {}
    for i in range((told.last - told.first).days + 1):
        day = told.first + timedelta(days=i)
        steps[_begins(told, day)] = day
    return steps


def days(told: books.Merchant, currency: str, texts: dict[str, str], today: date) -> dict[str, str]:
    """What came in and went back by channel, above what is in escrow: wide and narrow."""
    # The channels that moved most, each with a colour of its own; the others share the last one.
    moved: dict[str, int] = {}
    for row in told.flow:
        if row["currency"] == currency:
            moved[row["channel"]] = moved.get(row["channel"], 0) + row["came_in"] + row["went_out"]
    channels = sorted(moved, key=lambda channel: (-moved[channel], channel))
    named = set(channels if len(channels) <= len(COLOURS) else channels[: len(COLOURS) - 1])
    summed: dict[tuple[date, str, str], int] = {}
    for row in told.flow:
        if row["currency"] == currency:
            channel = row["channel"] if row["channel"] in named else texts["others"]
            for way, units in (("in", row["came_in"]), ("out", -row["went_out"])):
                if units:
                    key = _begins(told, row["day"]), channel, way
                    summed[key] = summed.get(key, 0) + units
    if not summed:
        return {}
    steps = _steps(told)
    bars = [
        {
            "day": day.isoformat(),
            "channel": channel,
            "amount": _number(units, currency),
            "told": f"{_named(day, steps[day])}, {channel}, {texts[way]}: "
            f"{from_units(abs(units), currency)} {currency}",
        }
        for (day, channel, way), units in sorted(summed.items())
    ]
    legend = [c for c in channels if c in named]
    if len(legend) < len(channels):
        legend.append(texts["others"])
    balances = _each_day(told, currency)
    line = [
        {
            "day": day.isoformat(),
            "amount": _number(balances[end], currency),
            "told": f"{end}, {texts['escrow']}: {from_units(balances[end], currency)} {currency}",
        }
        # Nobody knows what tomorrow ends with.
        for day, end in ((day, min(last, today)) for day, last in steps.items() if day <= today)
        if balances
    ]
    return {
        which: _drawn(json.dumps(_spec(told, bars, line, legend, width, texts), sort_keys=True))
        for which, width in WIDTHS.items()
    }


def _named(first: date, last: date) -> str:
    return str(first) if first == last else f"{first} – {last}"


def _each_day(told: books.Merchant, currency: str) -> dict[date, int]:
    """What was in escrow at the end of every day; nothing, if there never was anything."""
    known = {row["day"]: row["balance"] for row in told.escrow if row["currency"] == currency}
    if not any(known.values()):
        return {}
    balance = known.get(told.first - timedelta(days=1), 0)
    each = {}
    for i in range((told.last - told.first).days + 1):
        day = told.first + timedelta(days=i)
        balance = known.get(day, balance)
        each[day] = balance
    return each


def _number(units: int, currency: str) -> float:
    """Where a mark stands. Only for drawing: what is told are exact texts."""
    return float(from_units(units, currency))


def _spec(
    told: books.Merchant,
    bars: list[dict[str, Any]],
    line: list[dict[str, Any]],
    legend: list[str],
    width: int,
    texts: dict[str, str],
) -> dict[str, Any]:
    narrow = width < 600
    inner = width - (56 if narrow else 84)
    begins = [day.isoformat() for day in _steps(told)]
    each = max(1, -(-len(begins) // (4 if narrow else 10)))
    by = step(told)
    x = {
        "field": "day",
        "type": "ordinal",
        "title": None,
        "scale": {
            "domain": begins,
            "paddingInner": 0.25,
        },
        "axis": {
            "values": begins[::each],
            "labelExpr": "slice(datum.value, 0, 7)" if by == "month" else "slice(datum.value, 5)",
            "labelAngle": 0,
            "ticks": False,
            "domain": False,
        },
    }

    def y(title: str) -> dict[str, Any]:
        return {
            "field": "amount",
            "type": "quantitative",
            "title": title,
            "axis": {"tickCount": 5, "format": "~s" if narrow else ",~f"},
        }

    told_as = {"field": "told", "type": "nominal"}
    parts: list[dict[str, Any]] = [
        {
            "width": inner,
            "height": 220,
            "data": {"values": bars},
            "layer": [
                {
                    "mark": {"type": "bar", "cornerRadius": 1},
                    "encoding": {
                        "x": x,
                        "y": y(texts["flow"]),
                        "color": {
                            "field": "channel",
                            "type": "nominal",
                            "scale": {"domain": legend, "range": COLOURS[: len(legend)]},
                            "legend": {
                                "orient": "top",
                                "title": None,
                                "symbolType": "square",
                                "columns": 3 if narrow else 8,
                                "labelLimit": 90 if narrow else 140,
                            },
                        },
                        "description": told_as,
                    },
                },
                {
                    "mark": {"type": "rule", "color": "var(--ink)", "aria": False},
                    "encoding": {"y": {"datum": 0}},
                },
            ],
        }
    ]
    if line:
        parts.append(
            {
                "width": inner,
                "height": 110,
                "data": {"values": line},
                "mark": {"type": "bar", "cornerRadius": 1, "color": "var(--escrow)"},
                "encoding": {"x": x, "y": y(texts["escrow"]), "description": told_as},
            }
        )
    text = {"labelColor": "var(--soft)", "titleColor": "var(--soft)", "labelFont": "inherit",
            "titleFont": "inherit", "labelFontSize": 12, "titleFontSize": 12,
            "titleFontWeight": "normal"}  # fmt: skip
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "description": texts["title"],
        "vconcat": parts,
        "spacing": 28,
        "background": None,
        "padding": 0,
        "config": {
            "axis": {
                **text,
                "gridColor": "var(--rule)",
                "domain": False,
                "ticks": False,
                "titleAnchor": "end",
                "titleAngle": 0,
                "titleAlign": "left",
                "titleX": 0,
                "titleY": -14,
                "labelPadding": 6,
            },
            "axisX": {"grid": False},
            "legend": {**text, "symbolSize": 110},
            "view": {"stroke": None},
            "font": "inherit",
        },
    }


@lru_cache(maxsize=64)
def _drawn(spec: str) -> str:
    try:
        import vl_convert
    except ImportError as error:
        raise Problem(
            "the charts need a library that is not here: vl-convert-python",
            'pip install "mixpay-db[web]" brings it.',
        ) from error
    return cleaned(vl_convert.vegalite_to_svg(json.loads(spec), allowed_base_urls=[]))


def warm_up() -> None:
    """The first drawing takes a second, for the library begins then: better before one waits."""
    _drawn(json.dumps({"data": {"values": [{}]}, "mark": "point"}))


def cleaned(svg: str) -> str:
    """As it was drawn, if it is nothing but a drawing: it becomes a part of the page."""
    root = ET.fromstring(svg)  # noqa: S314 (what the library has just written)
    for element in root.iter():
        name = element.tag.removeprefix(_SVG)
        if name not in _DRAWN:
            raise AssertionError(f"a chart with <{name}>")
        for attribute in element.attrib:
            if attribute.startswith("on") or attribute in ("style", "href"):
                raise AssertionError(f"a chart with {attribute}=")
    ET.register_namespace("", _SVG.strip("{}"))
    return ET.tostring(root, encoding="unicode")
