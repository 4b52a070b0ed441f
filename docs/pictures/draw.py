"""Draws docs/pictures/trade.svg, the money of the demo's first trade: `make pictures`."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import psycopg
from markupsafe import Markup

from mixpay_db import database
from mixpay_db.cli import demo
from mixpay_db.embedded import EmbeddedServer
from mixpay_db.pictures import books, flow, pages, words

TARGET = Path(__file__).resolve().parent / "trade.svg"
# The picture stands alone, so what it needs of the pages' style stands in it.
STYLE = """
svg{--ink:#1d2327;--soft:#59636b;--accent:#14676f;--back:#8a8f94;--warn:#8a4b08;--paper:#fff;
font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
@media(prefers-color-scheme:dark){svg{--ink:#e6e8e9;--soft:#a0abb3;--accent:#6fc7c4;--back:#98a1a8;
--warn:#f0b469;--paper:#0d1117}}
text{font-size:13.5px;fill:var(--ink);paint-order:stroke;stroke:var(--paper);stroke-width:3px;
stroke-linejoin:round;font-variant-numeric:tabular-nums}
.heading{font-size:12.5px;fill:var(--soft)}.name{font-weight:560}.amount{fill:var(--soft)}
.bar{fill:var(--accent)}
.back .bar,.refund .bar,.surplus .bar,.not_refunded .bar,.under_way .bar{fill:var(--back)}
.loss .bar,.anomaly .bar,.owes .bar,.borne .bar{fill:var(--warn)}
.lacking{stroke:var(--accent);stroke-width:.75}.line{stroke:var(--accent);stroke-width:1.5}
.band{fill:var(--accent);fill-opacity:.22}
.to-refund,.from-refund,.to-surplus,.from-surplus,.to-back{fill:var(--back);fill-opacity:.25}
"""


def drawn(told: books.Trade) -> str:
    """The trade's picture as the pages have it, without links and what only pages need."""

    def t(key: str, /, **values: object) -> str:
        return words.say("en", key, **values)

    columns = enumerate(("payments", "orders", "now", "then"))
    svg = pages.drawing(
        flow.lay_out(told.flow, flow.WIDE),
        told.balance["currency"],
        t,
        {i: t(f"flow.{column}") for i, column in columns},
        pages.namer(t, told),
    )
    svg = re.sub(r' (?:data-[a-z]+|role|aria-labelledby)="[^"]*"', "", svg)
    svg = svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    svg = re.sub(r"\n+", "\n", svg.strip())
    return str(Markup(svg)).replace("<defs>", f"<style>{STYLE}</style>\n<defs>", 1) + "\n"  # noqa: S704


def draw() -> str:
    """The demo's, on a server of its own."""
    with EmbeddedServer({"fsync": "off"}) as server:
        url = server.url("postgres")
        with psycopg.connect(url, autocommit=True) as conn:
            database.install(conn)
            with contextlib.redirect_stdout(io.StringIO()):
                story = demo._Story(conn)
                story.console.quiet = True
                story.tell()
        with books.session(url, "UTC") as looking:
            return drawn(books.trade(looking, demo.MALL, demo.TRADE))


if __name__ == "__main__":
    TARGET.write_text(draw(), encoding="utf-8")
