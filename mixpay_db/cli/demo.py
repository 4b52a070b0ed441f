"""`mixpay demo`: the whole way of the money once, on a server that is gone afterwards."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType
from typing import Any, Self

import click
import psycopg
from click.core import ParameterSource
from psycopg.rows import dict_row
from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

import mixpay_db as mixpay
from mixpay_db import database, migrations
from mixpay_db.cli import endings
from mixpay_db.cli.help import examples
from mixpay_db.cli.output import Terminal, fitted
from mixpay_db.embedded import EmbeddedServer, uninterrupted
from mixpay_db.problem import Problem

MALL = "mall"
CURRENCY = "CNY"
TRADE = "T-1"
WIDTH = 88
STRETCHES = ("stands for", "the refund takes")
SHARES: list[mixpay.ShareToSplit] = [
    {"kind": "platform_fee", "receiver": "mall", "rate": 800},
    {"kind": "channel_fee", "receiver": "card", "rate": 200, "kept_on_refund": True},
]


@click.command(
    epilog=examples(
        "mixpay demo",
    )
)
@click.pass_context
def demo(ctx: click.Context) -> None:
    """Tell a story in a few seconds: merge, pay, refund, pay out, on a temporary server.

    It never touches another database, also if MIXPAY_URL names one.
    """
    if ctx.find_root().get_parameter_source("url") is ParameterSource.COMMANDLINE:
        raise click.UsageError("The demo always uses a server of its own; leave --url out.")
    click.echo("starting a temporary PostgreSQL server …", err=True)
    with _server() as server:
        url = server.url("postgres")
        migrations.migrate(url, lambda _: None)
        with psycopg.connect(url, autocommit=True) as conn:
            _Story(conn).tell()


@contextmanager
def _server() -> Iterator[EmbeddedServer]:
    """A server that is gone afterwards, and its directory, too, whatever signal ends it."""
    server = None
    puts_away = is_interrupted = False

    def end(number: int, _: FrameType | None) -> None:
        """The first signal is the last one that counts: nothing interrupts what is put away."""
        nonlocal is_interrupted
        if puts_away:
            return
        is_interrupted = True
        for ignored in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ignored, signal.SIG_IGN)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(endings.TERMINATED)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        try:
            with uninterrupted():
                server = EmbeddedServer({"fsync": "off"})
            yield server.start()
        except (Problem, psycopg.Error):
            # The programs that we run may have ended by the same signal before us.
            if is_interrupted:
                raise KeyboardInterrupt from None
            raise
        finally:
            puts_away = True
    finally:
        if server is not None:
            server.stop()
        for number, handler in before.items():
            signal.signal(number, handler)


class _Story:
    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self.conn = conn
        terminal = Terminal()
        # The same lines wherever they go: the README shows them.
        width = min(WIDTH, terminal.width) if terminal.is_terminal else WIDTH
        self.console = Terminal(highlight=False, width=width)
        self.after_call = False
        # What a number of the database's own is called here.
        self.names: dict[str, str] = {}

    def tell(self) -> None:
        self.say(
            "Everything below is computed by a PostgreSQL server that exists for this story only. "
            "Amounts are in CNY. The database counts in fen, so 6000.00 is 600000 there. The "
            "mall connects as mixpay_writer, which may call the functions and read the views, and "
            "may touch no table."
        )
        self.conn.execute("set role mixpay_writer")
        self.merge()
        self.pay()
        self.refund()
        self.refuse()
        self.send()
        self.balances()
        self.undo()
        self.divide()
        self.pay_out()
        self.conn.execute("reset role")
        self.check()

    def merge(self) -> None:
        self.chapter("Merging")
        mixpay.register_merchant(self.conn, MALL, "Willow Furniture Mall")
        mixpay.register_payee(self.conn, MALL, "oakhouse", "Oak House")
        mixpay.register_payee(self.conn, MALL, "lumen", "Lumen")
        self.say(
            "A buyer takes a sofa and a table from Oak House and a lamp from Lumen. The three "
            "orders are merged into one trade, which is paid as a whole."
        )
        orders = [
            _order("SOFA", "6000.00", "oakhouse"),
            _order("TABLE", "2400.00", "oakhouse"),
            _order("LAMP", "600.00", "lumen"),
        ]
        self.do(mixpay.merge_orders, orders, TRADE)
        columns = ("trade_no", "state", "orders", "amount", "paid", "lacking")
        self.table(columns, self.rows("trade_balances", columns))

    def pay(self) -> None:
        self.chapter("Paying")
        self.say(
            "The trade is paid in three steps. The money that arrives fills the orders, one after "
            "the other. What each order has been paid is known after every step."
        )
        self.do(mixpay.record_payment, TRADE, "WALLET-1", "wallet", _Money("1500.00"), _day(1))
        steps = [self.paid()]
        self.do(mixpay.start_payment, TRADE, "CARD-1", _Money("5000.00"), "card")
        for _ in range(2):
            self.do(mixpay.succeed_payment, "CARD-1", "4711", _day(2))
        steps.append(self.paid())
        self.do(mixpay.record_payment, TRADE, "CASH-1", "cash", _Money("2500.00"), _day(3))
        steps.append(self.paid())
        self.say("The card's callback came twice and was booked once. What each order was paid:")
        self.table(
            ("order", "amount", "after the wallet", "after the card", "after the cash"),
            [
                {
                    "order": order,
                    "amount": amount,
                    "after the wallet": steps[0][order],
                    "after the card": steps[1][order],
                    "after the cash": steps[2][order],
                }
                for order, amount in self.each_order("amount").items()
            ],
        )

    def refund(self) -> None:
        self.chapter("Refunding")
        self.say(
            "The order system only says: refund 2000.00 of the table. The money comes from the "
            "trade's payments, first in, first out, whichever order they paid. Put end to end, "
            "the oldest first, each payment stands for a stretch of the trade's money. A refund "
            "takes from 0.00 upwards:"
        )
        self.do(mixpay.refund_order, "TABLE", "R-1", _Money("2000.00"), "one leg is short")
        self.explain("R-1")
        self.say(
            "Then 5200.00 of the sofa are refunded. The wallet payment has nothing left, so the "
            "card comes first now, and the cash gives the rest:"
        )
        self.do(mixpay.refund_order, "SOFA", "R-2", _Money("5200.00"), "wrong colour")
        self.explain("R-2")

    def refuse(self) -> None:
        self.chapter("What is refused, and what may be repeated")
        self.say(
            "800.00 of the sofa are left. A refund of 900.00 gives nothing, not 800.00: the call "
            "fails with a typed error, and nothing is written."
        )
        try:
            self.do(mixpay.refund_order, "SOFA", "R-3", _Money("900.00"))
        except mixpay.RefundTooLarge as error:
            self.error(error)
        self.say(
            "The answer to R-1 was lost, so the service asks for R-1 again. The same number with "
            "the same content returns the first result. With other content it is an error."
        )
        again = self.do(mixpay.refund_order, "TABLE", "R-1", _Money("2000.00"))
        refunded = self.each_order("refunded")["TABLE"]
        self.line(
            f"{again.refund_no}: {_decimal(again.amount)}, {again.state}; "
            f"of TABLE {_decimal(refunded)} is refunded, as before"
        )
        try:
            self.do(mixpay.refund_order, "TABLE", "R-1", _Money("300.00"))
        except mixpay.RefundNoUsed as error:
            self.error(error)

    def send(self) -> None:
        self.chapter("Sending the money back")
        self.say(
            "Each part of a refund goes back through the channel of its own payment, as a channel "
            "refund. A worker claims what is due, commits, and only then calls the channels. The "
            "card's answer about R-1 is lost: nobody knows whether the money moved. So this part "
            "is in doubt, and its amount stays reserved until the answer comes. Cash waits for a "
            "person."
        )
        sent = self.channel_refunds()
        numbers = {(r["refund_no"], r["payment_no"]): r["number"] for r in sent}
        lost = numbers["R-1", "CARD-1"]
        self.names |= {number: " ".join(whose) for whose, number in numbers.items()}
        steps = [self.states()]
        for claimed in self.do(mixpay.claim_channel_refunds, "worker-1"):
            number = claimed.channel_refund_no
            if number == lost:
                self.do(mixpay.doubt_channel_refund, number, "time-out", "worker-1")
            else:
                self.do(mixpay.complete_channel_refund, number, None)
        steps.append(self.states())
        self.do(mixpay.complete_channel_refund, lost, None)
        steps.append(self.states())
        columns = ("refund", "payment", "channel", "amount", "at first", "after the worker", "then")
        self.table(
            columns,
            [
                dict(
                    zip(
                        columns,
                        (
                            row["refund_no"],
                            row["payment_no"],
                            row["channel"],
                            row["amount"],
                            *(step[row["number"]] for step in steps),
                        ),
                        strict=True,
                    )
                )
                for row in sent
            ],
        )
        states = self.states("refund")
        self.say(
            f"R-1 is {states['R-1']}. R-2 is {states['R-2']} until a cashier has handed the cash "
            "back:"
        )
        self.do(mixpay.complete_channel_refund, numbers["R-2", "CASH-1"], None)
        self.line(f"R-2 is {self.states('refund')['R-2']}")

    def balances(self) -> None:
        self.chapter("Where the money is")
        columns = ("order_no", "payee_no", "amount", "paid", "refunded", "refundable")
        self.table(columns, self.rows("order_balances", columns, "amount desc"))
        columns = ("payment_no", "channel", "amount", "applied", "order_refunded", "not_refunded")
        self.table(columns, self.rows("payment_balances", columns, "seq"))
        self.say(
            "The trade's flow: every movement of its money, and what the trade has after it. What "
            "is paid of an order belongs to its payee at once, and a refund first takes it "
            "back."
        )
        columns = ("from_account", "to_account", "amount", "payment_no", "order_no", "refund_no")
        self.table(
            (*columns, "in_minus_out"), self.rows("trade_flow", (*columns, "in_minus_out"), "entry")
        )

    def undo(self) -> None:
        self.chapter("When it goes otherwise")
        self.say(
            "Another buyer takes a rug and a vase, and pays 350.00 of the 500.00. Then the rug "
            "turns out to be sold out, and its order is cancelled. The money that had paid for "
            "the rug pays the rest of the vase first. What remains goes back, to the oldest "
            "payment first. The trade is paid now, and the rug can be merged again."
        )
        orders = [_order("RUG", "300.00", "oakhouse"), _order("VASE", "200.00", "lumen")]
        self.do(mixpay.merge_orders, orders, "T-2")
        self.do(mixpay.record_payment, "T-2", "CARD-2", "card", _Money("350.00"), _day(4))
        self.do(mixpay.cancel_order, "T-2", "RUG", "sold out")
        self.say(
            "Then the buyer's bank sends 80.00 more. The trade needs nothing more, so this is "
            "surplus: it is booked, goes back, and is listed until it has gone."
        )
        self.do(mixpay.record_payment, "T-2", "BANK-1", "bank", _Money("80.00"), _day(5))
        columns = ("payment_no", "kind", "amount", "channel", "state")
        self.table(columns, self.rows("surplus_list", columns, "refund_no"))
        self.say(
            "The card company sends its part back, and it bounces: the card is cancelled. So this "
            "part goes by bank transfer, as a new channel refund of the same refund."
        )
        number = self.rows("surplus_list", ("channel_refund_no",), "refund_no")[0]
        card = number["channel_refund_no"]
        self.names[card] = "CARD-2"
        self.do(mixpay.complete_channel_refund, card, None)
        self.do(mixpay.bounce_channel_refund, card, "the card is cancelled")
        self.do(mixpay.redirect_channel_refund, card, "bank", "the card is cancelled")
        self.table(columns, self.rows("surplus_list", columns, "refund_no"))

    def divide(self) -> None:
        self.chapter("Whose the money is")
        for payee_no, title in (("loom", "Loom"), ("ashwood", "Ashwood"), ("kiln", "Kiln")):
            mixpay.register_payee(self.conn, MALL, payee_no, title)
        self.say(
            "A third buyer takes a carpet from Loom, a desk from Ashwood and bowls from Kiln, and "
            "pays once. The mall gets 8 % of each order, the card company 2 %, and the seller "
            "the rest. On a refund the card company keeps its share. The desk's money is divided "
            "as it arrives. The bowls' money stays in escrow until the mall releases it, and the "
            "carpet's until 10 March, unless somebody objects."
        )
        carpet = _order("CARPET", "2000.00", "loom")
        carpet["hold"] = _day(10)
        bowls = _order("BOWLS", "300.00", "kiln")
        bowls["hold"] = True
        orders = [carpet, _order("DESK", "1500.00", "ashwood"), bowls]
        self.do(mixpay.merge_orders, orders, "T-3")
        for order in orders:
            order_no = order["order_no"]
            self.do(mixpay.split_order, order_no, f"SPLIT-{order_no}", SHARES)
        self.do(mixpay.record_payment, "T-3", "CARD-3", "card", _Money("3800.00"), _day(6))
        self.shares()
        self.say(
            "Two of the three bowls are delivered, and 200.00 are released. The carpet's day has "
            "come, but its buyer has seen moths. An open dispute stops the release, and a list "
            "says so."
        )
        self.do(mixpay.release_order, "BOWLS", "RELEASE-1", _Money("200.00"))
        self.do(mixpay.open_dispute, "CARPET", "DISPUTE-1", "moths")
        self.release_due()
        self.show("due_list", "order_no in_escrow waits_for")
        self.say(
            "It turns out that the moths came with the buyer's old carpet, so the money is the "
            "seller's. Then 500.00 of the desk are refunded. A refund takes back from everybody "
            "in proportion: 40.00 from the mall, 10.00 from the card company and 450.00 from the "
            "seller. The card company keeps its 10.00, so the seller bears them, too."
        )
        self.do(mixpay.close_dispute, "DISPUTE-1", "payee", "the moths are the buyer's")
        self.release_due()
        self.do(mixpay.refund_order, "DESK", "R-4", _Money("500.00"), "a scratch")
        self.shares()

    def pay_out(self) -> None:
        self.chapter("Paying out")
        self.say(
            "A settlement pays out what is payable. Its lines say which orders the money is from."
        )
        for payee_no, settlement_no in (("loom", "S-1"), ("ashwood", "S-2"), ("kiln", "S-3")):
            self.settle(payee_no, settlement_no)
        self.show("settlement_lines", "settlement_no order_no came_in went_out amount")
        self.say(
            "Then 600.00 more of the desk are refunded. Ashwood has been paid out already, so it "
            "owes 552.00 now. That is not an error, but a row on a work list."
        )
        self.do(mixpay.refund_order, "DESK", "R-5", _Money("600.00"), "a second scratch")
        self.show("shortfall_list", "account owner lacking")
        self.say(
            "The next settlement pays nothing and carries the debt over. Then a stool is sold, "
            "and the settlement after that deducts the debt."
        )
        self.settle("ashwood", "S-4")
        self.do(mixpay.merge_orders, [_order("STOOL", "700.00", "ashwood")], "T-4")
        self.do(mixpay.record_payment, "T-4", "WALLET-2", "wallet", _Money("700.00"), _day(12))
        self.settle("ashwood", "S-5")
        self.show("settlement_list", "settlement_no payee_no carried_in earned amount carried_out")
        self.say("One query, mixpay.payee_balances, shows each payee's money from end to end:")
        self.show("payee_balances", "payee_no gross refunds fees net in_escrow payable paid_out")
        self.say(
            "And the books of the whole mall: what came into each kind of account, what went out, "
            "and what is there. Together the balances are zero, as they must be."
        )
        self.table(
            ("account", "came in", "went out", "balance"),
            [
                {"account": what, "came in": x[0], "went out": x[1], "balance": x[2]}
                for what, x in self.trial_balance().items()
            ],
        )

    def release_due(self) -> None:
        released = self.do(mixpay.release_due)
        told = [f"{release.order_no}: {_decimal(release.amount)} released" for release in released]
        self.line("\n".join(told) or "nothing is released")

    def settle(self, payee_no: str, settlement_no: str) -> None:
        # What was written just now may still run in the eyes of the server's housekeeping.
        self.until_final()
        self.do(mixpay.settle_payee, payee_no, settlement_no, None)

    def check(self) -> None:
        self.chapter("Is all of it true?")
        self.say(
            "Each file in sql/checks is a query that returns no rows as long as something is "
            "true, for example: what a trade is paid is what its payments applied."
        )
        self.command("mixpay check")
        results = database.run_checks(self.conn)
        broken = [row for result in results for row in result.rows]
        self.line(f"{len(results)} checks, {len(broken) or 'no'} rows")

    # What is read, from the views.

    def rows(self, view: str, columns: Sequence[str], order: str = "1") -> list[dict[str, Any]]:
        return self.read(
            f"select {', '.join(columns)} from mixpay.{view} "  # noqa: S608 (our own words)
            f"where merchant_id = %s order by {order}"
        )

    def show(self, view: str, names: str) -> None:
        columns = names.split()
        self.table(columns, self.rows(view, columns))

    def read(self, query: str, *more: str) -> list[dict[str, Any]]:
        cursor = self.conn.cursor(row_factory=dict_row)
        return cursor.execute(query.encode(), [MALL, *more]).fetchall()

    def each_order(self, column: str) -> dict[str, int]:
        rows = self.rows("order_balances", ("order_no", column), "amount desc")
        return {row["order_no"]: row[column] for row in rows}

    def paid(self) -> dict[str, int]:
        return self.each_order("paid")

    def channel_refunds(self) -> list[dict[str, Any]]:
        return self.read("""
            select channel_refund_no as number, refund_no, payment_no, channel, amount
            from mixpay.trade_flow
            where merchant_id = %s and from_account = 'order' and to_account = 'refund'
            order by entry
        """)

    def states(self, entity: str = "channel_refund") -> dict[str, str]:
        rows = self.read(
            """
            select distinct on (number) number, to_state as state from mixpay.history
            where merchant_id = %s and entity = %s
            order by number, entry desc
            """,
            entity,
        )
        return {row["number"]: row["state"] for row in rows}

    def shares(self) -> None:
        rows = self.read("""
            select
                order_no, b.payee_no, b.paid, b.refunded, b.in_escrow,
                sum(s.balance) filter (where s.kind = 'platform_fee')::bigint as mall,
                sum(s.balance) filter (where s.kind = 'channel_fee')::bigint as "card company",
                sum(s.balance) filter (where s.kind = 'payee')::bigint as seller
            from mixpay.order_balances as b
            inner join mixpay.split_list as s using (merchant_id, order_no)
            where merchant_id = %s
            group by order_no, b.payee_no, b.paid, b.refunded, b.in_escrow
            order by b.paid desc
        """)
        self.table(tuple(rows[0]), rows)

    def trial_balance(self) -> dict[str, tuple[int, int, int]]:
        totals = mixpay.trial_balance(self.conn, MALL)
        told = {total.account: (total.came_in, total.went_out, total.balance) for total in totals}
        came_in, went_out, balance = map(sum, zip(*told.values(), strict=True))
        return {**told, "together": (came_in, went_out, balance)}

    def until_final(self) -> None:
        """Returns when no transaction runs any more that began before."""
        begun = self.conn.execute("select pg_snapshot_xmax(pg_current_snapshot())").fetchone()
        query = "select from mixpay.final_below where xid < %s::xid8"
        while self.conn.execute(query, begun).fetchone() is not None:
            time.sleep(0.01)

    def explain(self, refund_no: str) -> None:
        columns = ("payment", "refundable", *STRETCHES, "that is", "leaves")
        rows = self.read(
            """
            select
                payment_no, refundable, stands_from, stands_to, takes_from, takes_to, amount,
                left_over
            from mixpay.refund_explained
            where merchant_id = %s and refund_no = %s
            order by nth, place
            """,
            refund_no,
        )
        shown = [
            (
                row["payment_no"],
                row["refundable"],
                _stretch(row["stands_from"], row["stands_to"]),
                _stretch(row["takes_from"], row["takes_to"]),
                row["amount"],
                row["left_over"],
            )
            for row in rows
        ]
        self.table(columns, [dict(zip(columns, row, strict=True)) for row in shown])

    # How it is shown.

    def chapter(self, title: str) -> None:
        self.block(Text(title, style="bold"))
        self.below(Text("=" * len(title), style="bold"))

    def say(self, text: str) -> None:
        self.block(Text(text))

    def do(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Makes the call, and says so."""
        told = ", ".join(filter(None, map(self.told, arguments)))
        self.command(call.__name__, f"({told})")
        return call(self.conn, MALL, *arguments)

    def told(self, argument: Any) -> str:
        match argument:
            case _Money():
                return _decimal(argument)
            case str():
                return self.names.get(argument, argument)
            case list():
                return ", ".join(map(self.told, argument))
            case {"order_no": order_no, "amount": amount}:
                return f"{order_no} {_decimal(amount)}" + (" on hold" if "hold" in argument else "")
            case {"receiver": receiver, "rate": rate}:
                keeps = " kept on refund" if argument.get("kept_on_refund") else ""
                return f"{receiver} {rate / 100:g} %{keeps}"
        return ""  # when it happened

    def command(self, name: str, inside: str = "") -> None:
        told = Text.assemble("> ", (name, "cyan"), inside)
        (self.below if self.after_call else self.block)(told)
        self.after_call = True

    def line(self, text: str) -> None:
        self.below(Padding(Text(text), (0, 0, 0, 2)))

    def error(self, error: mixpay.MixpayError) -> None:
        told = Text.assemble(
            (f"{type(error).__name__}, SQLSTATE {error.sqlstate}: ", "red"),
            f"{error.message}\ndetail: {error.detail}\nhint:   {error.hint}",
        )
        self.below(Padding(told, (0, 0, 0, 2)))

    def table(self, columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
        rows = list(rows)
        table = Table(box=box.SIMPLE_HEAD, show_edge=False)
        for column in columns:
            is_right = any(isinstance(row[column], int) for row in rows) or column in STRETCHES
            title = column.removesuffix("_no").replace("_", " ")
            table.add_column(title, justify="right" if is_right else "left")
        for row in rows:
            table.add_row(*(_cell(column, row[column]) for column in columns))
        self.block(Padding(fitted(self.console.width - 1, table), (0, 0, 0, 1)))

    def block(self, content: RenderableType) -> None:
        click.echo()
        self.below(content)

    def below(self, content: RenderableType) -> None:
        self.after_call = False
        with self.console.capture() as captured:
            self.console.print(content)
        for line in captured.get().splitlines():
            click.echo(line.rstrip())


class _Money(int):
    """An amount in the smallest unit, written as people do."""

    def __new__(cls, amount: str) -> Self:
        return super().__new__(cls, mixpay.to_units(amount, CURRENCY))


def _order(order_no: str, amount: str, payee_no: str) -> mixpay.OrderToMerge:
    return {
        "order_no": order_no,
        "amount": _Money(amount),
        "currency": CURRENCY,
        "payee_no": payee_no,
    }


def _day(number: int) -> datetime:
    return datetime(2026, 3, number, 10, tzinfo=UTC)


def _decimal(units: int) -> str:
    return mixpay.from_units(units, CURRENCY)


def _stretch(begin: int | None, end: int | None) -> str:
    if begin is None or end is None or begin == end:
        return ""
    return f"{_decimal(begin)} to {_decimal(end)}"


def _cell(column: str, value: Any) -> str:
    if value is None:
        return ""
    counts = column == "orders"
    return _decimal(value) if isinstance(value, int) and not counts else str(value)
