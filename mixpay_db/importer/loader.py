"""The second pass: sends trades, then their payments, then their refunds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from queue import SimpleQueue

import psycopg
from psycopg.errors import DeadlockDetected, SerializationFailure
from psycopg.rows import tuple_row

from mixpay_db.errors import MixpayError
from mixpay_db.importer.calls import Answer, Calls, Connection, Merchant, told
from mixpay_db.importer.reader import Reading
from mixpay_db.importer.rows import Bad, Good, Order, Rejects, Trade, group
from mixpay_db.printable import printable
from mixpay_db.url import checked

_ATTEMPTS = 5


class Loader:
    """Sends trades, then their payments, then their refunds.

    In a dry run each batch is rolled back at its end, and nothing else is different.
    """

    def __init__(self, rejects: Rejects, merchant: Merchant, reading: Reading) -> None:
        self._rejects = rejects
        self._merchant = merchant
        self._whole_orders = reading.whole_orders
        self._dry_run = reading.dry_run
        self._batches_sent: Counter[Connection] = Counter()

    def load(
        self,
        url: str,
        trades: Sequence[Trade],
        one_by_one: Sequence[Trade] = (),
        batch: int = 1000,
        jobs: int = 2,
    ) -> Iterator[int]:
        """Load these trades; tells after each batch how many rows are done.

        A batch has whole trades only, of `batch` rows or a few more, so that a trade's payments
        arrive in the order of the input however many `jobs` work side by side. Those that go
        `one_by_one` come last, in the order of the input, and never side by side.
        """
        done = 0
        if self._dry_run:
            # Each would wait for the other, which registers the merchant and takes it back.
            jobs = 1
        # What is only refunded goes apart: its trades would be locked after greater numbers.
        paid = [trade for trade in trades if any(order.payments for order in trade.orders)]
        refunded = [trade for trade in trades if not any(o.payments for o in trade.orders)]
        batches = [*_batches(paid, batch), *_batches(refunded, batch)]
        last = list(_batches(one_by_one, batch))
        with ExitStack() as stack:
            free: SimpleQueue[Connection] = SimpleQueue()
            for _ in range(max(min(jobs, len(batches)), 1 if last else 0)):
                free.put(stack.enter_context(connect(url)))
            workers = ThreadPoolExecutor(jobs)
            # Should one batch fail, those that have not begun shall not.
            stack.callback(workers.shutdown, cancel_futures=True)
            for future in as_completed([workers.submit(self._send, free, b) for b in batches]):
                done += self._tally(future.result())
                yield done
            if last and self._dry_run:
                last = [[trade for some in last for trade in some]]
            for some in last:
                done += self._tally(self._send(free, some))
                yield done

    def _tally(self, loaded: Answer) -> int:
        summary = self._rejects.summary
        summary.loaded.rows += loaded.rows
        summary.loaded.amount += loaded.amount
        summary.new_rows += loaded.new_rows
        summary.surplus += loaded.surplus
        summary.trades += loaded.trades
        summary.new_trades += loaded.new_trades
        summary.changed_trades += len(loaded.changed)
        summary.refunds.rows += loaded.refunds.rows
        summary.refunds.amount += loaded.refunds.amount
        for row, reason, detail in loaded.refused:
            self._rejects.add_good(row, reason, printable(detail))
        return loaded.rows + len(loaded.refused)

    def _send(self, free: SimpleQueue[Connection], trades: Sequence[Trade]) -> Answer:
        conn = free.get()
        try:
            self._forget_plans(conn)
            for attempt in range(_ATTEMPTS):
                try:
                    with conn.transaction(force_rollback=self._dry_run):
                        if self._dry_run:
                            register(conn, self._merchant.merchant_id)
                        return self._load(conn, trades)
                except (DeadlockDetected, SerializationFailure):
                    # Somebody else was at the same rows: theirs are there now.
                    if attempt == _ATTEMPTS - 1:
                        raise
            raise AssertionError
        finally:
            free.put(conn)

    def _forget_plans(self, conn: Connection) -> None:
        """Now and then, ever more rarely: plans made while the tables were small.

        The server keeps a session's plans until the tables are analyzed, a minute later or so. By
        then an import that finds a new database empty would have read whole tables row by row.
        """
        self._batches_sent[conn] += 1
        if self._batches_sent[conn].bit_count() == 1:
            conn.execute("discard plans")

    def _load(self, conn: Connection, trades: Sequence[Trade]) -> Answer:
        """All of them; if that is refused each half, down to the trades that are refused."""
        try:
            with conn.transaction():
                call = Calls(conn, self._merchant, trades)
                call.merge()
                call.record()
                call.refund()
                return call.loaded
        except (MixpayError, Bad):
            if len(trades) == 1:
                return self._load_what_is_good(conn, trades[0])
        middle = len(trades) // 2
        return self._load(conn, trades[:middle]).add(self._load(conn, trades[middle:]))

    def _load_what_is_good(self, conn: Connection, trade: Trade) -> Answer:
        """A trade that is refused with all its rows, without those that are to blame."""
        refused: list[tuple[Good, str, str]] = []
        trades = [trade]
        done = Answer()
        while trades:
            trade = trades.pop()
            call, bad = self._try(conn, trade)
            if bad and self._whole_orders:
                return self._refuse_whole([trade, *trades], refused + bad)
            if call is None:
                refused += bad
                # What a row that is refused said of its order, nobody has said.
                gone = {id(row) for row, _, _ in bad}
                trades += _without(trade, gone)
            else:
                done.add(call.loaded)
                refused += bad
        done.refused += refused
        return done

    def _refuse_whole(
        self, trades: Sequence[Trade], refused: list[tuple[Good, str, str]]
    ) -> Answer:
        named = {id(row) for row, _, _ in refused}
        detail = f"line {refused[0][0].line} of order {refused[0][0].order_no}"
        rest = [row for trade in trades for row in trade.rows() if id(row) not in named]
        others = [(row, "another row is rejected", detail) for row in rest]
        return Answer(refused=[*refused, *others])

    def _try(
        self, conn: Connection, trade: Trade
    ) -> tuple[Calls | None, list[tuple[Good, str, str]]]:
        """Load a trade, as far as its refunds allow; or say which of its rows are to blame."""
        call = Calls(conn, self._merchant, [trade], self._stored_amounts(conn, trade))
        bad: list[tuple[Good, str, str]] = []
        try:
            with conn.transaction():
                call.merge()
                bad = call.refused_of(trade.payments(), call.record)
                if bad:
                    raise psycopg.Rollback
                bad = call.refused_of(trade.refunds(), call.refund)
                if not (bad and self._whole_orders):
                    return call, bad
                raise psycopg.Rollback
        except MixpayError as error:
            bad = call.refused_of_stored(trade)
            if not bad:
                bad = [(row, *told(error)) for row in trade.rows()]
        return None, bad

    def _stored_amounts(self, conn: Connection, trade: Trade) -> dict[str, int]:
        """An order that is there keeps its amount, unless the input names another."""
        order_nos = [order.order_no for order in trade.orders if order.said.amount is None]
        return dict(
            conn.execute(
                "select order_no, amount from mixpay.order_balances "
                "where merchant_id = %s and order_no = any (%s)",
                [self._merchant.merchant_id, order_nos],
            ).fetchall()
        )


def _without(trade: Trade, gone: Collection[int]) -> list[Trade]:
    """What is left of a trade, grouped anew by what the rows that are left say."""
    orders = []
    for order in trade.orders:
        left = Order(order.order_no)
        for row in [*order.payments, *order.refunds]:
            if id(row) not in gone:
                left.add(row)
        if left.payments or left.refunds:
            orders.append(left)
    return group(orders)


def _batches(trades: Sequence[Trade], size: int) -> Iterator[list[Trade]]:
    batch: list[Trade] = []
    rows = 0
    for trade in trades:
        batch.append(trade)
        rows += sum(len(order.payments) + len(order.refunds) for order in trade.orders)
        if rows >= size:
            yield batch
            batch, rows = [], 0
    if batch:
        yield batch


def connect(url: str) -> Connection:
    return psycopg.connect(
        checked(url), autocommit=True, row_factory=tuple_row, application_name="mixpay import"
    )


def look(conn: Connection, merchant_id: str, currency: str) -> tuple[dict[str, str], Merchant]:
    """The channels, each with its kind, and what is there of the merchant."""
    channels: dict[str, str] = dict(
        conn.execute("select channel, kind from mixpay.channel_list").fetchall()
    )
    payees = conn.execute(
        "select payee_no from mixpay.payee_list where merchant_id = %s", [merchant_id]
    )
    return channels, Merchant(
        merchant_id,
        currency,
        frozenset(channel for channel, kind in channels.items() if kind == "offline"),
        frozenset(payee_no for (payee_no,) in payees),
    )


def register(conn: Connection, merchant_id: str) -> None:
    """Register a merchant that is missing, under its number as title; one that is there stays."""
    found = conn.execute(
        "select merchant_id from mixpay.merchant_list where merchant_id = %s", [merchant_id]
    )
    if found.fetchone() is None:
        conn.execute("select from mixpay.register_merchant(%s, %s)", [merchant_id, merchant_id])


def sum_up(conn: Connection, merchant_id: str) -> None:
    """So that whoever asks for balances next need not add up all that was loaded."""
    conn.execute("select from mixpay.fold_balances(%s)", [merchant_id])
