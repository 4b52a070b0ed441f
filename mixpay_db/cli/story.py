"""`mixpay trade`, `mixpay order`, `mixpay refund`: what the pages tell, in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import click
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mixpay_db.cli.common import connect_url, json_option, url_option
from mixpay_db.cli.help import examples
from mixpay_db.cli.output import console_for_people, echo_json, fitted
from mixpay_db.pictures import books, pages, words
from mixpay_db.printable import printable
from mixpay_db.problem import Problem

# The widest bar of a picture in letters.
_BAR = 24
_INDENT = 2
# A column: its name among the words, and how its values are written.
Columns = Sequence[tuple[str, str]]


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        url_option,
        json_option,
        click.option(
            "--lang",
            "language",
            type=click.Choice(list(words.LANGUAGES)),
            default="en",
            show_default=True,
        ),
        click.option("--zone", metavar="ZONE", help="Whose hours; without: the database's own."),
        click.option("--merchant", metavar="ID", help="Whose; needed if there are several."),
        click.argument("number"),
    ):
        command = option(command)
    return command


@click.command(
    epilog=examples("mixpay trade T-1", "mixpay trade T-1 --merchant mall --zone Asia/Shanghai")
)
@_options
@click.pass_context
def trade(ctx: click.Context, number: str, as_json: bool, language: str, **of: str | None) -> None:
    """Tell of a trade: its payments, its orders, and where its money is."""
    with _looking(ctx, language, of) as (conn, merchant, story):
        told = books.trade(conn, merchant, number)
        if as_json:
            echo_json(asdict(told))
            return
        b = told.balance
        story.title("trade", b["trade_no"], b["state"])
        story.say(
            "trade.lead", orders=b["orders"], payments=b["payments"],
            amount=story.decimal(b["amount"], b["currency"]),
            paid=story.decimal(b["paid"], b["currency"]), currency=b["currency"],
        )  # fmt: skip
        if b["lacking"]:
            story.say(
                "trade.lacks",
                amount=story.decimal(b["lacking"], b["currency"]),
                currency=b["currency"],
            )
        if told.flow.bands:
            story.table(
                "trade.money",
                [("from", "text"), ("to", "text"), ("amount", "bar")],
                pages.bands(told.flow, pages.namer(story.t, told)),
                b["currency"],
            )
        story.table("trade.orders_caption", LINES, told.lines, b["currency"])
        story.table("trade.payments_caption", PAYMENTS, told.payments, b["currency"])
        story.table("trade.refunds_caption", REFUNDS, told.refunds, b["currency"])
        story.table("trade.channel_refunds_caption", WAYS, told.channel_refunds, b["currency"])
        story.table("trade.splits_caption", SPLITS, told.splits, b["currency"])
        story.table("trade.settlements_caption", SETTLEMENTS, told.settlements, b["currency"])


@click.command(epilog=examples("mixpay order SOFA"))
@_options
@click.pass_context
def order(ctx: click.Context, number: str, as_json: bool, language: str, **of: str | None) -> None:
    """Tell of an order: how it was paid, what went back, and what a refund would take."""
    with _looking(ctx, language, of) as (conn, merchant, story):
        told = books.order(conn, merchant, number)
        if as_json:
            echo_json(asdict(told))
            return
        b = told.balance
        story.title("order", b["order_no"], b["state"])
        story.say(
            "order.lead", trades=b["trades"], amount=story.decimal(b["amount"], b["currency"]),
            paid=story.decimal(b["paid"], b["currency"]), currency=b["currency"],
        )  # fmt: skip
        story.table("order.paid", ALLOCATIONS, told.allocations, b["currency"])
        story.table("order.lines_caption", [("trade_no", "text"), *LINES[1:]], told.lines,
                    b["currency"])  # fmt: skip
        story.table("order.refunds_caption", REFUNDS, told.refunds, b["currency"])
        if told.pools:
            story.heading("order.next")
            story.say(
                "order.next_note",
                amount=story.decimal(b["refundable"], b["currency"]),
                currency=b["currency"],
            )
        for line, rows in told.pools:
            story.steps(line["trade_no"], rows, b["currency"], "steps.such_a_refund")
        story.table("trade.splits_caption", SPLITS, told.splits, b["currency"])
        story.table("order.releases_caption", RELEASES, told.releases, b["currency"])
        story.table("order.disputes_caption", DISPUTES, told.disputes, b["currency"])
        story.table("order.repricings_caption", REPRICINGS, told.repricings, b["currency"])


@click.command(epilog=examples("mixpay refund R-2"))
@_options
@click.pass_context
def refund(ctx: click.Context, number: str, as_json: bool, language: str, **of: str | None) -> None:
    """Tell of a refund: which payments bear it and why, and how it goes back."""
    with _looking(ctx, language, of) as (conn, merchant, story):
        told = books.refund(conn, merchant, number)
        if as_json:
            echo_json(asdict(told))
            return
        row = told.row
        story.title("refund", row["refund_no"], row["state"])
        story.say(
            f"refund.lead_{row['kind']}",
            amount=story.decimal(row["amount"], told.currency),
            currency=told.currency,
        )
        if row["reason"] is not None:
            reason = pages.in_words(language, row["reason"], told.currency)
            story.say("refund.reason", reason=printable(reason))
        if told.trades:
            story.heading("refund.fifo")
            story.say("refund.fifo_note" if row["payment_nos"] is None else "refund.named_note")
        for trade_no, rows in told.trades:
            story.steps(trade_no, rows, told.currency, "steps.this_refund")
        story.table("refund.ways", [("trade_no", "text"), *WAYS], told.channel_refunds,
                    told.currency)  # fmt: skip


LINES: Columns = [
    ("order_no", "text"), ("payee_no", "text"), ("amount", "money"), ("paid", "money"),
    ("refunded", "money"), ("refundable", "money"), ("in_escrow", "money"),
]  # fmt: skip
PAYMENTS: Columns = [
    ("payment_no", "text"), ("channel", "text"), ("state", "state"), ("paid_at", "moment"),
    ("amount", "money"), ("applied", "money"), ("surplus", "money"), ("not_refunded", "money"),
]  # fmt: skip
REFUNDS: Columns = [
    ("refund_no", "text"), ("kind", "term"), ("order_no", "text"), ("state", "state"),
    ("amount", "money"), ("succeeded", "money"), ("under_way", "money"), ("reason", "told"),
]  # fmt: skip
WAYS: Columns = [
    ("payment_no", "text"), ("channel", "text"), ("state", "state"), ("amount", "money"),
    ("refunded_at", "moment"), ("reason", "told"),
]  # fmt: skip
SPLITS: Columns = [
    ("order_no", "text"), ("kind", "term"), ("receiver", "text"), ("amount", "money"),
    ("gave_back", "money"), ("balance", "money"),
]  # fmt: skip
SETTLEMENTS: Columns = [
    ("settlement_no", "text"), ("order_no", "text"), ("owner", "text"), ("state", "state"),
    ("amount", "money"),
]  # fmt: skip
ALLOCATIONS: Columns = [
    ("payment_no", "text"), ("channel", "text"), ("happened_at", "moment"), ("trade_no", "text"),
    ("amount", "money"),
]  # fmt: skip
RELEASES: Columns = [("release_no", "text"), ("created_at", "moment"), ("amount", "money")]
DISPUTES: Columns = [
    ("dispute_no", "text"), ("state", "state"), ("created_at", "moment"), ("reason", "told"),
]  # fmt: skip
REPRICINGS: Columns = [
    ("reprice_no", "text"), ("created_at", "moment"), ("from_amount", "money"),
    ("amount", "money"), ("reason", "told"),
]  # fmt: skip


@contextmanager
def _looking(
    ctx: click.Context, language: str, of: dict[str, str | None]
) -> Iterator[tuple[books.Connection, str, _Story]]:
    """By whatever login: who has no right to ask the views is told so by the server."""
    with books.session(connect_url(ctx), of["zone"], reader=False) as conn:
        yield conn, whose(conn, of["merchant"]), _Story(language)


def whose(conn: books.Connection, merchant: str | None) -> str:
    if merchant is not None:
        return str(books.the_merchant(conn, merchant)["merchant_id"])
    known = [row["merchant_id"] for row in books.merchants(conn)]
    if not known:
        raise Problem("no merchant is registered here", "mixpay call register_merchant does it.")
    if len(known) > 1:
        raise Problem(
            f"there are {len(known)} merchants here",
            "Say whose it is: --merchant ID. mixpay report merchant_list lists them.",
        )
    return str(known[0])


class _Story:
    def __init__(self, language: str) -> None:
        self.language = language
        self.console = console_for_people()

    def t(self, key: str, /, **values: Any) -> str:
        return words.say(self.language, key, **values)

    @staticmethod
    def decimal(units: int, currency: str) -> str:
        return pages.decimal(units, currency)

    def title(self, kind: str, number: str, state: str) -> None:
        told = Text.assemble(
            (f"{self.t(f'term.{kind}')} {printable(number)}", "bold"),
            f"  {self.t(f'state.{state}')}",
        )
        self.console.print(told)

    def heading(self, key: str) -> None:
        self.console.print()
        self.console.print(Text(self.t(key), style="bold"))

    def say(self, key: str, **values: Any) -> None:
        self.console.print(Text(self.t(key, **values)))

    def table(
        self, title: str, columns: Columns, rows: Sequence[dict[str, Any]], currency: str
    ) -> None:
        """What has rows; amounts at the right, in decimals of the currency that the head names."""
        if not rows:
            return
        self.heading(title)
        tables = [self._table(columns, rows, currency)]
        if any(kind == "bar" for _, kind in columns):
            plain = [(name, "money" if kind == "bar" else kind) for name, kind in columns]
            tables.append(self._table(plain, rows, currency))
        content = fitted(self.console.width - _INDENT, *tables)
        self.console.print(Padding(content, (0, 0, 0, _INDENT), expand=False))

    def _table(self, columns: Columns, rows: Sequence[dict[str, Any]], currency: str) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
        for name, kind in columns:
            head = self.t(f"column.{name}")
            if kind in ("money", "bar"):
                table.add_column(f"{head} {currency}", justify="right", no_wrap=True)
            else:
                table.add_column(head)
            if kind == "bar":
                table.add_column("", no_wrap=True)
        largest = max((row[name] for row in rows for name, kind in columns if kind == "bar"),
                      default=0)  # fmt: skip
        for row in rows:
            cells: list[Text] = []
            for name, kind in columns:
                cells.append(Text(self._cell(row[name], kind, currency)))
                if kind == "bar":
                    cells.append(Text(_bar(row[name], largest), style="cyan"))
            table.add_row(*cells)
        return table

    def steps(
        self, trade_no: str, rows: Sequence[dict[str, Any]], currency: str, taken_by: str
    ) -> None:
        """First in, first out: each payment, what it stands for, and what is taken of it."""
        self.console.print()
        self.console.print(Text(f"{self.t('term.trade')} {printable(trade_no)}", style="bold"))
        for place, row in enumerate(rows, 1):
            head = f"{printable(row['payment_no'])} · {printable(row['channel'])}"
            taken = self.decimal(row["amount"], currency)
            self.console.print(
                Padding(Text.assemble(f"{place}. {head}  ", (f"{taken} {currency}", "bold")),
                        (0, 0, 0, 2), expand=False)
            )  # fmt: skip
            sentence = Text(pages.step(self.t, row, currency, self.t(taken_by)))
            self.console.print(Padding(sentence, (0, 0, 0, 5), expand=False))

    def _cell(self, value: Any, kind: str, currency: str) -> str:
        if value is None:
            return ""
        match kind:
            case "money" | "bar":
                return self.decimal(value, currency)
            case "moment":
                return pages.moment(value)
            case "state" | "term":
                return self.t(f"{kind}.{value}")
            case "told":
                return printable(pages.in_words(self.language, value, currency))
            case _:
                return printable(str(value))


def _bar(units: int, largest: int) -> str:
    """To scale, by eighths of a letter; what is there at all is seen."""
    eighths = max(round(units * _BAR * 8 / largest), 1) if largest else 0
    return "█" * (eighths // 8) + ("", *"▏▎▍▌▋▊▉")[eighths % 8]
