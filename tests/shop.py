"""A shop that calls mixpay the way a service does, for tests that read like the worked cases.

shop.merge("T", A=100, B=50)
shop.pay("T", "P1", 60, "cash", day(1))
assert shop.refund("A", "R1", 45) == {"P1": 45}
with shop.refused("MX301", 45, 46):
    shop.refund("A", "R2", 46)
"""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from time import monotonic, sleep
from typing import Any

import psycopg
import pytest
from psycopg import Connection, sql
from psycopg.rows import namedtuple_row
from psycopg.types.json import Jsonb

Row = Any
# Numbers as channels give them, and what no channel gives.
CHANNELS_NUMBERS = ["4" * 66, "RF18 5390 0754 7034", "交易 42", "x" * 255, "~ä\u2028ß'\\\""]
NO_CHANNELS_NUMBER = ["", "x" * 256, "a\tb", "a\n", "\x7f", "a\x85b", "\x1b[2J"]
# The day within which a number is unique where it is so for ever.
FOR_EVER = date(1, 1, 1)
FIRST_DAY = datetime.combine(datetime.now(UTC).date(), time(12), UTC) - timedelta(days=90)
Json = list[dict[str, Any]]


def day(number: int) -> datetime:
    """A moment in the past, but not so long ago that a channel's window has closed."""
    return FIRST_DAY + timedelta(days=number - 1)


def orders(currency: str = "CNY", /, **amounts: int | tuple[int, int]) -> Json:
    """orders(A=100, B=(50, 20)): all of A, and of B's 50 a share of 20."""
    return [
        {"order_no": number, "amount": amount[0], "pay": amount[1], "currency": currency}
        if isinstance(amount, tuple)
        else {"order_no": number, "amount": amount, "currency": currency}
        for number, amount in amounts.items()
    ]


def contents(conn: Connection[Any]) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, to compare before with after."""
    tables = conn.execute(
        "select oid::regclass::text from pg_class "
        "where relnamespace = 'mixpay'::regnamespace and relkind = 'r' order by 1"
    ).fetchall()
    found: dict[str, list[tuple[Any, ...]]] = {name: [] for (name,) in tables}
    # All in one, for it is asked twice for everything that is refused.
    rows = " union all ".join(f"select '{name}', t::text from {name} as t" for name in found)
    for name, *row in conn.execute(f"{rows} order by 1, 2").fetchall():
        found[name].append(tuple(row))
    return found


def outcome(future: Future[Any]) -> Any:
    """The result of a call in the background, or its error."""
    try:
        return future.result(timeout=30)
    except psycopg.Error as error:
        return error


@cache
def _calling(function: str, arguments: int, *named: str) -> bytes:
    placeholders = [sql.SQL("%s")] * arguments + [
        sql.SQL("{} => %s").format(sql.Identifier(f"p_{name}")) for name in named
    ]
    query = sql.SQL("select * from mixpay.{}({})").format(
        sql.Identifier(function), sql.SQL(", ").join(placeholders)
    )
    return query.as_bytes()


class Shop:
    """One merchant's calls on one connection. Arguments as in SQL, without the merchant."""

    def __init__(self, conn: Connection[Any], merchant: str = "m") -> None:
        self.conn = conn
        self.merchant = merchant

    def query(self, query: str, *parameters: Any) -> list[Row]:
        return self.conn.cursor(row_factory=namedtuple_row).execute(query, parameters).fetchall()

    def rows(self, function: str, *arguments: Any, **named: Any) -> list[Row]:
        """select * from mixpay.function(merchant, arguments, p_name => named)"""
        values = [
            Jsonb(value)
            if isinstance(value, dict)
            or (isinstance(value, list) and not all(isinstance(item, str) for item in value))
            or value == []
            else value
            for value in (self.merchant, *arguments, *named.values())
        ]
        query = _calling(function, 1 + len(arguments), *named)
        return self.conn.cursor(row_factory=namedtuple_row).execute(query, values).fetchall()

    def call(self, function: str, *arguments: Any, **named: Any) -> Row:
        (row,) = self.rows(function, *arguments, **named)
        return row

    # The calls that most tests make.

    def channel(self, channel: str, kind: str = "online", **limits: Any) -> Row:
        """Registers it with these limits, a fallback, a source."""
        named = "".join(f", p_{name} => %s" for name in limits)
        (row,) = self.query(
            f"select * from mixpay.register_channel(%s, %s, %s{named})",
            channel,
            channel.title(),
            kind,
            *limits.values(),
        )
        return row

    def merge(
        self,
        trade_no: str | None = None,
        currency: str = "CNY",
        /,
        **amounts: int | tuple[int, int],
    ) -> Row:
        return self.call("merge_orders", orders(currency, **amounts), trade_no)

    def start(
        self, trade_no: str, payment_no: str, amount: int, channel: str | None = "alipay"
    ) -> Row:
        return self.call("start_payment", trade_no, payment_no, amount, channel)

    def succeed(self, payment_no: str, txn: str | None = None, **named: Any) -> Row:
        return self.call("succeed_payment", payment_no, txn, **named)

    def pay(
        self,
        trade_no: str,
        payment_no: str,
        amount: int,
        channel: str = "alipay",
        paid_at: datetime | None = None,
        txn: str | None = None,
    ) -> Row:
        return self.call("record_payment", trade_no, payment_no, channel, amount, paid_at, txn)

    def refund(self, order_no: str, refund_no: str, amount: int, **named: Any) -> dict[str, int]:
        self.call("refund_order", order_no, refund_no, amount, **named)
        return self.details(refund_no)

    def preview(self, order_no: str, amount: int) -> list[tuple[str, int]]:
        """Payments and amounts in the order in which they are taken."""
        rows = self.rows("preview_refund", order_no, amount)
        return [(row.payment_no, row.amount) for row in rows]

    def complete(self, refund_no: str, payment_no: str, txn: str | None = None) -> Row:
        number = self.channel_refund(refund_no, payment_no).channel_refund_no
        return self.call("complete_channel_refund", number, txn)

    def fail(self, refund_no: str, payment_no: str) -> Row:
        number = self.channel_refund(refund_no, payment_no).channel_refund_no
        return self.call("fail_channel_refund", number, "refused")

    def close(self, trade_no: str, keep: bool | None = None) -> Row:
        return self.call("close_trade", trade_no, "abandoned", keep)

    def cancel(self, trade_no: str, order_no: str) -> Row:
        return self.call("cancel_order", trade_no, order_no, "out of stock")

    def expire(self, limit: int = 1000) -> list[str]:
        return [row.trade_no for row in self.rows("expire_trades", limit)]

    def record_refund(
        self, order_no: str, refund_no: str, amount: int, channel: str = "cash", **named: Any
    ) -> dict[str, int]:
        self.call("record_refund", order_no, refund_no, amount, channel, **named)
        return self.details(refund_no)

    def redirect(self, refund_no: str, payment_no: str, channel: str) -> Row:
        number = self.channel_refund(refund_no, payment_no).channel_refund_no
        return self.call("redirect_channel_refund", number, channel, "another way")

    def bounce(self, refund_no: str, payment_no: str) -> Row:
        number = self.channel_refund(refund_no, payment_no).channel_refund_no
        return self.call("bounce_channel_refund", number, "account closed")

    def sell(self, order_no: str, amount: int, payee_no: str = "S", currency: str = "CNY") -> Row:
        """An order of the payee, alone in its trade T…, and paid by P…; the payee's at once."""
        known = "select from mixpay.payees where (merchant_id, payee_no) = (%s, %s)"
        if not self.query(known, self.merchant, payee_no):
            self.call("register_payee", payee_no, f"The store {payee_no}")
        (order,) = orders(currency, **{order_no: amount})
        self.call("merge_orders", [{**order, "payee_no": payee_no}], f"T{order_no}")
        return self.pay(f"T{order_no}", f"P{order_no}", amount)

    def release(self, order_no: str, release_no: str, amount: int | None = None) -> Row:
        return self.call("release_order", order_no, release_no, amount)

    def settle(
        self,
        settlement_no: str,
        payee_no: str = "S",
        until: datetime | None = None,
        currency: str | None = None,
    ) -> Row:
        """settle_payee, with nothing that runs and would be left for the next one."""
        self.until_final()
        return self.call("settle_payee", payee_no, settlement_no, until, currency)

    # What became of it.

    def owns(self, account: str) -> dict[str, int]:
        """What an account holds, in each currency that it has: shop.owns("payee:S")."""
        return {row.currency: row.balance for row in self.rows("account_balance", account)}

    def row(self, table: str, number: str) -> Row:
        """shop.row("trades", "T1"): the row whose own number this is."""
        key = {"trades": "trade_no", "payments": "payment_no", "orders": "order_no"}.get(
            table, f"{table.removesuffix('s')}_no"
        )
        query = f"select * from mixpay.{table} where merchant_id = %s and {key} = %s"
        (row,) = self.query(query, self.merchant, number)
        return row

    def line(self, trade_no: str, order_no: str) -> Row:
        (row,) = self.query(
            "select * from mixpay.trade_orders "
            "where (merchant_id, trade_no, order_no) = (%s, %s, %s)",
            self.merchant,
            trade_no,
            order_no,
        )
        return row

    def paid(self, trade_no: str) -> dict[str, int]:
        """What each order of the trade is paid, in their order."""
        rows = self.query(
            "select order_no, paid from mixpay.trade_orders "
            "where merchant_id = %s and trade_no = %s order by position",
            self.merchant,
            trade_no,
        )
        return {row.order_no: row.paid for row in rows}

    def balance(self, order_no: str) -> Row:
        (row,) = self.query(
            "select * from mixpay.order_balances where merchant_id = %s and order_no = %s",
            self.merchant,
            order_no,
        )
        return row

    def details(self, refund_no: str) -> dict[str, int]:
        """What each payment bears of the refund."""
        rows = self.query(
            "select payment_no, amount from mixpay.refund_details "
            "where merchant_id = %s and refund_no = %s order by payment_no",
            self.merchant,
            refund_no,
        )
        return {row.payment_no: row.amount for row in rows}

    def channel_refund(self, refund_no: str, payment_no: str) -> Row:
        """The last of the part: the others were redirected."""
        (row,) = self.query(
            "select * from mixpay.channel_refunds "
            "where (merchant_id, refund_no, payment_no) = (%s, %s, %s) "
            "order by channel_refund_no desc limit 1",
            self.merchant,
            refund_no,
            payment_no,
        )
        return row

    def surplus_refund(self, payment_no: str) -> Row:
        """The refund that sends the payment's surplus back."""
        (row,) = self.query(
            "select r.* from mixpay.refunds as r "
            "inner join mixpay.refund_details as d using (merchant_id, refund_no) "
            "where (r.merchant_id, r.kind, d.payment_no) = (%s, 'surplus', %s)",
            self.merchant,
            payment_no,
        )
        return row

    def reversal(self, trade_no: str) -> Row:
        """The last refund that sends un-applied money of the trade back."""
        (row,) = self.query(
            "select r.* from mixpay.refunds as r "
            "inner join mixpay.facts as f using (merchant_id, refund_no) "
            "where (r.merchant_id, r.kind, f.log, f.log_no) = (%s, 'reversal', 'trade', %s) "
            "order by r.refund_no desc limit 1",
            self.merchant,
            trade_no,
        )
        return row

    def listed(self, view: str) -> dict[str, int]:
        """What each payment has on a work list: shop.listed("surplus_list")."""
        rows = self.query(
            f"select payment_no, sum(amount)::bigint as amount from mixpay.{view} "
            "where merchant_id = %s group by payment_no",
            self.merchant,
        )
        return {row.payment_no: row.amount for row in rows}

    def named(self, entity: str, number: str) -> list[str]:
        """What came later of something whose state stayed: shop.named("payment", "P")."""
        events = self.query(
            "select reason from mixpay.history "
            "where entity = %s and number = %s and from_state = to_state order by trade_no, entry",
            entity,
            number,
        )
        return [event.reason for event in events]

    # What time does.

    def later(self, interval: str) -> None:
        """As if so much time had passed for payments and for what is to be sent back."""
        moments = {
            "payments": ["paid_at"],
            "trades": ["fifo_paid_at"],
            "channel_refunds": ["created_at", "sent_at", "refunded_at", "not_before", "due_at"],
            "anomalies": ["happened_at"],
            "facts": ["happened_at"],
        }
        with self.conn.transaction():
            # What happened is moved, too, for it tells of these moments.
            self.conn.execute("set local session_replication_role = replica")
            for table, columns in moments.items():
                shift = ", ".join(f"{column} = {column} - %(by)s::interval" for column in columns)
                of = "and entity in ('payment', 'channel_refund')" if table == "facts" else ""
                self.conn.execute(
                    f"update mixpay.{table} set {shift} where merchant_id = %(merchant)s {of}",
                    {"by": interval, "merchant": self.merchant},
                )

    def until_final(self) -> None:
        """Returns when nothing runs any more that began before: all is to be settled and folded.

        PostgreSQL's own housekeeping is such a thing, now and then.
        """
        ((xmax,),) = self.query("select pg_snapshot_xmax(pg_current_snapshot())")
        deadline = monotonic() + 10
        while self.query("select from mixpay.final_below where xid < %s::xid8", xmax):
            assert monotonic() < deadline, "something runs on"
            sleep(0.01)

    # What must not happen.

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Nothing in the whole database changes here."""
        before = contents(self.conn)
        yield
        assert contents(self.conn) == before

    @contextmanager
    def refused(self, code: str, *numbers: int | str) -> Iterator[None]:
        """This raises the error, with these numbers in its detail, a way out, and no trace."""
        with self.unchanged(), pytest.raises(psycopg.Error) as caught:
            yield
        error = caught.value
        assert error.sqlstate == code, f"{error.sqlstate}: {error}"
        assert error.diag.message_hint
        for number in numbers:
            assert str(number) in f"{error.diag.message_primary} {error.diag.message_detail}"


def open_for_a_week(shop: Shop) -> None:
    """Something of everything, for tests that break it.

    T1 is paid: A100 of payee S and B50 by P1 100 and P2 60 (surplus 10). Of A, R1 30 went back,
    R2 20 failed and its late success is an anomaly, R3 60 is sent. T2, C80, is open: P3 40 is
    there and P4 is pending. T3, E5, was abandoned for T4.
    """
    shop.call("register_payee", "S", "Store")
    a, b = orders(A=100, B=50)
    shop.call("merge_orders", [{**a, "payee_no": "S"}, b], "T1")
    shop.pay("T1", "P1", 100, "card", day(1), "X1")
    shop.pay("T1", "P2", 60, "cash", day(2), "X2")
    shop.refund("A", "R1", 30)
    shop.complete("R1", "P1", "Y1")
    shop.refund("A", "R2", 20)
    shop.fail("R2", "P1")
    shop.refund("A", "R3", 60)
    shop.complete("R2", "P1", "Y2")
    shop.rows("claim_channel_refunds", "worker")
    shop.merge("T2", C=80)
    shop.pay("T2", "P3", 40, "wallet", day(3))
    shop.start("T2", "P4", 10)
    shop.merge("T3", E=5)
    shop.merge("T4", E=5)


def open_for_another_week(shop: Shop) -> None:
    """What was undone, and what went another way, on top of the first week.

    T5 is paid: of F30 of payee S and G20, F was cancelled, 20 of its 25 went to G, and 5 go back to
    P5, by bank instead of card. T6, H20, is paid by P6: RH1 and RH2, 10 each, were refused, given
    to RH3, and sent after all; one came back, the other is the merchant's loss.
    """
    f, g = orders(F=30, G=20)
    shop.call("merge_orders", [{**f, "payee_no": "S"}, g], "T5")
    shop.pay("T5", "P5", 25, "card", day(4))
    shop.cancel("T5", "F")
    shop.redirect(shop.reversal("T5").refund_no, "P5", "bank")
    shop.merge("T6", H=20)
    shop.pay("T6", "P6", 20, "card", day(5))
    for refund_no in ("RH1", "RH2"):
        shop.refund("H", refund_no, 10)
        shop.fail(refund_no, "P6")
    shop.refund("H", "RH3", 20)
    for refund_no, resolution in (("RH1", "recovered"), ("RH2", "written_off")):
        number = shop.complete(refund_no, "P6", f"Y{refund_no}").channel_refund_no
        shop.call("resolve_anomaly", number, resolution, "as it is")
    shop.call("set_route", "qr", "card", currency="CNY")


def on_hold(payee_no: str, hold: str | bool = True, /, **amounts: int | tuple[int, int]) -> Json:
    """orders(…) of a payee, in escrow until they are released, or until a moment."""
    return [{**order, "payee_no": payee_no, "hold": hold} for order in orders(**amounts)]


def open_for_a_third_week(shop: Shop) -> None:
    """Whose the money is, on top of the first two weeks.

    T7 is paid: K100 of payee S and L50 of payee V are on hold. Of K, L1 60 was released; dispute D1
    was closed in favour of the buyer, 70 went back, failed, and goes another way. L is due, but D2
    is open. T8, M100 of S, is on hold and split at release (X1): L2 80 was released, and RM 60 goes
    back. T9, N200 of V, is on hold and split at payment (X2): L3 100 of V's share was released, and
    RN 50 goes back.
    V was paid out (S1), which failed, and again (S2); so were agent (S3) and S (S4), who owes 25
    since RK 30: B1 5 came in, S5 carries over the rest. All was folded twice and a period closed.
    """
    shop.call("register_payee", "V", "Vintage")
    shop.call("merge_orders", on_hold("S", K=100) + on_hold("V", day(1).isoformat(), L=50), "T7")
    shop.pay("T7", "P7", 150, "bank", day(6))
    shop.call("release_order", "K", "L1", 60)
    shop.call("open_dispute", "K", "D1", "too late")
    refund_no = shop.call("close_dispute", "D1", "buyer", "it was", 70).refund_no
    shop.fail(refund_no, "P7")
    shop.redirect(refund_no, "P7", "alipay")
    shop.call("open_dispute", "L", "D2", "wrong colour")
    shop.call("merge_orders", on_hold("S", M=100), "T8")
    shop.pay("T8", "P8", 100, "bank", day(7))
    fee = {"kind": "platform_fee", "receiver": "us", "fixed": 5, "kept_on_refund": True}
    shop.rows("split_order", "M", "X1", [{"receiver": "agent", "rate": 1000}, fee])
    shop.call("release_order", "M", "L2", 80)
    shop.refund("M", "RM", 60)
    shop.call("merge_orders", on_hold("V", N=200), "T9")
    fee = {"kind": "channel_fee", "receiver": "bank", "rate": 100}
    part = {"kind": "payee", "receiver": "S", "fixed": 10}
    shop.rows("split_order", "N", "X2", [fee, {"receiver": "agent", "rate": 500}, part], "payment")
    shop.pay("T9", "P9", 200, "bank", day(8))
    shop.call("release_order", "N", "L3", 100)
    shop.until_final()
    shop.call("fold_balances")
    shop.call("settle_payee", "V", "S1", None)
    shop.call("reverse_settlement", "S1", "no such account")
    shop.refund("N", "RN", 50)
    shop.until_final()
    shop.call("settle_payee", "V", "S2", None)
    shop.call("settle_receiver", "agent", "S3", None)
    shop.call("settle_payee", "S", "S4", None)
    shop.refund("K", "RK", 30)
    shop.call("record_repayment", "payee:S", "B1", 5, "CNY")
    shop.until_final()
    shop.call("settle_payee", "S", "S5", None)
    shop.call("fold_balances")
    ((now,),) = shop.query("select clock_timestamp()")
    shop.call("close_period", now)


def open_for_a_week_of_returns(shop: Shop) -> None:
    """What channels took back by themselves, on top of the other weeks.

    T10, Q1000, was paid by P10: RQ 400 went back; of the chargeback C1, 1000 and a fee of 15, the
    channel gave 300 back, so 600 are Q's and 100 are lost. T11, U100, was paid by P11: RU 30 went
    back; of the return V1, 100, U is to pay 70 again, and 30 are lost.
    """
    shop.merge("T10", Q=1000)
    shop.pay("T10", "P10", 1000, "wechat", day(9))
    shop.refund("Q", "RQ", 400)
    shop.complete("RQ", "P10")
    shop.call("charge_back_payment", "P10", "C1", 1000, "fraud", 15)
    shop.call("reverse_chargeback", "C1", "it was he", 300)
    shop.merge("T11", U=100)
    shop.pay("T11", "P11", 100, "wechat", day(9))
    shop.refund("U", "RU", 30)
    shop.complete("RU", "P11")
    shop.call("return_payment", "P11", "V1", "no funds")


def open_for_a_fourth_week(shop: Shop) -> None:
    """Money that moved elsewhere, on top of the first three weeks.

    TW is paid: W100 of payee W. W took 30 of it in cash (J1), and the bank paid 5 of interest
    (J2). For PW, transfer took 2 (F1) and gave 1 back (F2); it paid 60 to the bank (O1), which paid
    3 to it (O2). W was paid out 70 (S6), which was thought to have failed, and had not.
    """
    shop.sell("W", 100, "W")
    shop.call("adjust_account", "payee:W", "J1", -30, "CNY", "taken in cash", "channel:cash")
    shop.call("adjust_account", "bank:main", "J2", -5, "CNY", "interest")
    shop.call("record_channel_fee", "transfer", "F1", 2, "CNY", "PW")
    shop.call("record_channel_fee", "transfer", "F2", -1, "CNY", "PW")
    shop.call("record_channel_payout", "transfer", "O1", 60, "CNY")
    shop.call("record_channel_payout", "transfer", "O2", -3, "CNY")
    shop.settle("S6", "W")
    shop.call("reverse_settlement", "S6", "no answer")
    shop.call("reinstate_settlement", "S6", "it had arrived")


def open_for_a_week_of_statements(shop: Shop) -> None:
    """Two statements of a bank transfer's gateway, with something on every list: S-1 has a line
    that is matched (1), one that differs (2), one that nobody knows here and is ignored (3), and
    the first one again (4); of S-2 the only line is a payment that S-1 should have had. The bank
    giro pays O-91 and O-92 by one line of S-3; S-4 was loaded wrongly, and is withdrawn."""
    first = day(60)
    shop.merge("TZ", Z1=300)
    for number, amount in (("Z1", 100), ("Z2", 80), ("Z3", 60), ("Z4", 40)):
        shop.pay("TZ", number, amount, "bank", first, f"x-{number}")
    shop.call("set_reconciliation", "channel:bank", fee_rate=10000, write_off_limit=5)
    shop.call("open_statement", "S-1", "channel:bank", first, first + timedelta(days=1))
    told = {"kind": "payment", "currency": "CNY", "happened_at": first.isoformat()}
    lines = [
        {**told, "line_no": 1, "amount": 100, "channel_txn_no": "x-Z1", "fee": 1},
        {**told, "line_no": 2, "amount": 79, "channel_txn_no": "x-Z2"},
        {**told, "line_no": 3, "amount": 7, "channel_txn_no": "x-Z9"},
        {**told, "line_no": 4, "amount": 100, "channel_txn_no": "x-Z1", "fee": 1},
    ]
    shop.call("load_statement_lines", "S-1", lines)
    shop.call("seal_statement", "S-1", 4, [{"currency": "CNY", "amount": 286, "fee": 2}])
    shop.rows("reconcile", "S-1")
    shop.call(
        "open_statement",
        "S-2",
        "channel:bank",
        first + timedelta(days=1),
        first + timedelta(days=2),
    )
    late = {**lines[0], "amount": 60, "channel_txn_no": "x-Z3", "fee": None}
    shop.call("load_statement_lines", "S-2", [late])
    shop.call("seal_statement", "S-2", 1)
    shop.rows("reconcile", "S-2")
    shop.call("ignore_difference", "E1", "Zoe", None, "S-1", 3)
    for number, amount in (("O-91", 90), ("O-92", 60)):
        shop.call("record_channel_payout", "bank", number, amount, "CNY", first, "giro")
    for number, amount in (("S-3", 150), ("S-4", 9)):
        shop.call("open_statement", number, "bank:giro")
        line = {**told, "line_no": 1, "kind": "transfer", "amount": amount}
        shop.call("load_statement_lines", number, [line])
        shop.call("seal_statement", number, 1)
        shop.rows("reconcile", number)
    shop.call("withdraw_statement", "E2", "S-4", "Zoe", "of another account")
