"""Random lives of two shops, against a model that knows sums and queues and nothing else."""

from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from shop import Json, Shop, day

STEPS = 1000


@dataclass
class Line:
    order_no: str
    amount: int
    paid: int = 0
    refunded: int = 0
    live: bool = True
    cancelled: bool = False


@dataclass
class Payment:
    payment_no: str
    trade: "Trade"
    asked: int
    state: str
    cash: bool
    paid_at: datetime | None = None
    seq: int = 0
    applied: int = 0
    surplus: int = 0
    # What is on its way back or has gone: for orders, of the surplus.
    refunded: int = 0
    returned: int = 0


@dataclass
class Trade:
    allocation: str
    lines: list[Line]
    state: str = "open"
    kept: bool = False
    payments: list[Payment] = field(default_factory=list)

    def lacking(self) -> int:
        return sum(line.amount - line.paid for line in self.lines if line.live)

    def oldest_first(self) -> list[Payment]:
        return sorted((p for p in self.payments if p.paid_at), key=lambda p: (p.paid_at, p.seq))


@dataclass
class Refund:
    order_no: str | None  # None: a surplus or a reversal
    parts: dict[str, int]
    states: dict[str, str]

    def state(self) -> str:
        states = set(self.states.values())
        if not states <= {"succeeded", "failed", "bounced"}:
            return "processing"
        return "succeeded" if states == {"succeeded"} else "failed"


class Model:
    """Each call returns the code of the error that is due, or None."""

    def __init__(self, allocation: str) -> None:
        self.allocation = allocation
        self.orders: dict[str, int] = {}
        self.trades: dict[str, Trade] = {}
        self.payments: dict[str, Payment] = {}
        self.refunds: dict[str, Refund] = {}
        self.anomalies: set[tuple[str, str]] = set()

    def lines_of(self, order_no: str) -> list[tuple[Trade, Line]]:
        """In the order of the trades, which is that of their making."""
        return [(t, x) for t in self.trades.values() for x in t.lines if x.order_no == order_no]

    def left(self, order_no: str) -> int:
        held = sum(x.amount if x.live else x.paid for _, x in self.lines_of(order_no))
        return self.orders[order_no] - held

    def merge(self, trade_no: str, sent: list[tuple[str, int, int | None]]) -> str | None:
        names = [order_no for order_no, _, _ in sent]
        abandoned = [
            t for t in self.trades.values() if any(x.live and x.order_no in names for x in t.lines)
        ]
        for trade in abandoned:
            if any(x.paid for x in trade.lines) or any(
                p.state == "pending" for p in trade.payments
            ):
                return "MX107"
        freed = {x.order_no: x.amount for t in abandoned for x in t.lines if x.live}
        lines = []
        for order_no, amount, pay in sent:
            known = order_no in self.orders
            left = self.left(order_no) + freed.get(order_no, 0) if known else amount
            share = left if pay is None else pay
            if not 1 <= share <= left:
                return "MX108"
            lines.append(Line(order_no, share))
        for trade in abandoned:
            trade.state = "closed"
            for line in trade.lines:
                line.live = False
        self.orders |= {order_no: amount for order_no, amount, _ in sent}
        self.trades[trade_no] = Trade(self.allocation, lines)
        return None

    def start(self, trade_no: str, payment_no: str, amount: int, cash: bool) -> str | None:
        trade = self.trades[trade_no]
        if trade.state != "open":
            return "MX204"
        if amount > trade.lacking():
            return "MX206"
        self.payments[payment_no] = Payment(payment_no, trade, amount, "pending", cash)
        trade.payments.append(self.payments[payment_no])
        return None

    def arrive(self, payment: Payment, amount: int, paid_at: datetime) -> None:
        trade = payment.trade
        payment.state, payment.paid_at = "succeeded", paid_at
        payment.seq = 1 + max(p.seq for p in trade.payments)
        payment.applied = min(amount, trade.lacking()) if trade.state == "open" else 0
        payment.surplus = amount - payment.applied
        self.allocate(trade, payment.applied)
        if trade.state == "open" and trade.lacking() == 0:
            trade.state = "paid"
            for line in trade.lines:
                line.live = False
        if payment.surplus:
            payment.returned = payment.surplus
            self.refunds[f"surplus of {payment.payment_no}"] = Refund(
                None,
                {payment.payment_no: payment.surplus},
                {payment.payment_no: "waiting" if payment.cash else "pending"},
            )

    @staticmethod
    def allocate(trade: Trade, amount: int) -> None:
        live = [line for line in trade.lines if line.live]
        if trade.allocation == "pro_rata" and amount:
            total = trade.lacking()
            shares = [divmod(amount * (x.amount - x.paid), total) for x in live]
            by_remainder = sorted(range(len(live)), key=lambda i: (-shares[i][1], i))
            extra = set(by_remainder[: amount - sum(whole for whole, _ in shares)])
            for i, line in enumerate(live):
                line.paid += shares[i][0] + (i in extra)
            return
        for line in live:
            share = min(amount, line.amount - line.paid)
            line.paid += share
            amount -= share

    def record(
        self, trade_no: str, payment_no: str, amount: int, cash: bool, paid_at: datetime
    ) -> None:
        trade = self.trades[trade_no]
        payment = self.payments[payment_no] = Payment(payment_no, trade, amount, "", cash)
        trade.payments.append(payment)
        self.arrive(payment, amount, paid_at)

    def refund(self, refund_no: str, order_no: str, amount: int) -> str | None:
        lines = self.lines_of(order_no)
        if amount > sum(line.paid - line.refunded for _, line in lines):
            return "MX301"
        parts: dict[str, int] = {}
        for trade, line in lines:
            share = min(amount, line.paid - line.refunded)
            line.refunded += share
            amount -= share
            for payment in trade.oldest_first():
                taken = min(share, payment.applied - payment.refunded)
                if taken:
                    parts[payment.payment_no] = taken
                    payment.refunded += taken
                    share -= taken
        states = {no: "waiting" if self.payments[no].cash else "pending" for no in parts}
        self.refunds[refund_no] = Refund(order_no, parts, states)
        return None

    def record_refund(self, refund_no: str, order_no: str, amount: int) -> str | None:
        lines = self.lines_of(order_no)
        if amount > sum(line.paid - line.refunded for _, line in lines):
            return "MX301"
        parts: dict[str, int] = {}
        for cash in (True, False):
            for trade, line in lines:
                for payment in trade.oldest_first():
                    taken = min(
                        amount, line.paid - line.refunded, payment.applied - payment.refunded
                    )
                    if payment.cash == cash and taken:
                        parts[payment.payment_no] = taken
                        payment.refunded += taken
                        line.refunded += taken
                        amount -= taken
        self.refunds[refund_no] = Refund(order_no, parts, dict.fromkeys(parts, "succeeded"))
        return None

    @staticmethod
    def reverse(trade: Trade, lines: list[Line], amount: int) -> Refund | None:
        """What goes back of this amount, the oldest money first."""
        for line in lines:
            back = line.paid - line.refunded
            line.paid -= back
            line.amount -= back if line.cancelled else 0
        parts = {}
        for payment in trade.oldest_first():
            taken = min(amount, payment.applied - payment.refunded)
            if taken:
                parts[payment.payment_no] = taken
                payment.applied -= taken
                payment.surplus += taken
                payment.returned += taken
                amount -= taken
        assert amount == 0
        states = {
            p.payment_no: "waiting" if p.cash else "pending"
            for p in trade.payments
            if p.payment_no in parts
        }
        return Refund(None, parts, states) if parts else None

    def end(self, trade: Trade, keep: bool) -> Refund | None:
        trade.state, trade.kept = "closed", keep
        for payment in trade.payments:
            if payment.state == "pending":
                payment.state = "closed"
        for line in trade.lines:
            line.live = False
        if keep:
            return None
        return self.reverse(trade, trade.lines, sum(x.paid - x.refunded for x in trade.lines))

    def close(self, trade: Trade, keep: bool) -> tuple[str | None, Refund | None]:
        if trade.state == "paid":
            return "MX112", None
        if trade.state == "closed" and keep and not trade.kept:
            return "MX113", None
        if trade.state == "closed" and keep == trade.kept:
            return None, None
        return None, self.end(trade, keep)

    def cancel(self, trade: Trade, line: Line) -> tuple[str | None, Refund | None]:
        if line.cancelled:
            return None, None
        if trade.state != "open":
            return "MX204", None
        if not any(x.live for x in trade.lines if x is not line):
            reversal = self.end(trade, keep=False)
            line.cancelled, line.amount = True, line.paid
            return None, reversal
        line.live, line.cancelled = False, True
        moved = min(line.paid - line.refunded, trade.lacking())
        line.paid -= moved
        line.amount = line.paid
        self.allocate(trade, moved)
        if trade.lacking() == 0:
            trade.state = "paid"
            for other in trade.lines:
                other.live = False
            return None, self.reverse(trade, [line], line.paid - line.refunded)
        return None, None

    def redirect(self, refund_no: str, payment_no: str, cash: bool) -> str | None:
        refund = self.refunds[refund_no]
        was = refund.states[payment_no]
        if was not in ("waiting", "pending", "failed", "bounced"):
            return "MX304"
        if (refund_no, payment_no) in self.anomalies:
            return "MX308"
        if was in ("failed", "bounced") and not self.reserve(refund, payment_no, +1):
            return "MX301"
        refund.states[payment_no] = "waiting" if cash else "pending"
        return None

    def reserve(self, refund: Refund, payment_no: str, sign: int) -> bool:
        """Take a part in again, or free it; whether that can be."""
        payment, amount = self.payments[payment_no], sign * refund.parts[payment_no]
        if refund.order_no is None:
            if not 0 <= payment.returned + amount <= payment.surplus:
                return False
            payment.returned += amount
            return True
        (line,) = (x for x in payment.trade.lines if x.order_no == refund.order_no)
        if payment.refunded + amount > payment.applied or line.refunded + amount > line.paid:
            return False
        payment.refunded += amount
        line.refunded += amount
        return True

    def news(self, call: str, refund_no: str, payment_no: str) -> str | None:
        """complete, fail, doubt or bounce a channel refund"""
        refund = self.refunds[refund_no]
        was = refund.states[payment_no]
        if call == "doubt":
            if was not in ("pending", "sent", "doubt"):
                return "MX304"
            refund.states[payment_no] = "doubt"
        elif call == "bounce":
            if was not in ("succeeded", "bounced"):
                return "MX304"
            if was == "succeeded":
                refund.states[payment_no] = "bounced"
                self.reserve(refund, payment_no, -1)
        elif call == "fail":
            if was in ("succeeded", "bounced"):
                return "MX304"
            if was != "failed":
                refund.states[payment_no] = "failed"
                self.reserve(refund, payment_no, -1)
        elif was == "bounced":
            return None  # the news that came before
        elif was == "failed":
            if (refund_no, payment_no) in self.anomalies:
                return None
            if self.reserve(refund, payment_no, +1):
                refund.states[payment_no] = "succeeded"
            else:
                self.anomalies.add((refund_no, payment_no))
        else:
            refund.states[payment_no] = "succeeded"
        return None

    def everything(self) -> dict[str, Any]:
        return {
            "trades": {
                no: (
                    trade.state,
                    sum(x.amount for x in trade.lines),
                    sum(x.paid for x in trade.lines),
                    sum(x.refunded for x in trade.lines),
                )
                for no, trade in self.trades.items()
            },
            "lines": {
                (no, x.order_no): (x.amount, x.paid, x.refunded, x.live)
                for no, trade in self.trades.items()
                for x in trade.lines
            },
            "payments": {
                no: (p.state, p.applied, p.surplus, p.refunded + p.returned, p.returned)
                for no, p in self.payments.items()
            },
            "details": {
                (no, payment_no): (refund.parts[payment_no], refund.state(), state)
                for no, refund in self.refunds.items()
                for payment_no, state in refund.states.items()
            },
            "anomalies": len(self.anomalies),
        }


NUMBER = "case r.kind when 'surplus' then 'surplus of ' || d.payment_no else r.refund_no end"
EVERYTHING = {
    "trades": "select trade_no, state, amount, paid, refunded from mixpay.trades",
    "lines": "select trade_no, order_no, amount, paid, refunded, live from mixpay.trade_orders",
    "payments": "select payment_no, state, applied, surplus, refunded, surplus_refunded "
    "from mixpay.payments",
    "details": f"select {NUMBER} as number, d.payment_no, d.amount, r.state, c.state as sent "
    "from mixpay.refund_details as d "
    "inner join mixpay.refunds as r using (merchant_id, refund_no) "
    "cross join lateral (select x.state from mixpay.channel_refunds as x where (x.merchant_id, "
    "x.refund_no, x.payment_no) = (d.merchant_id, d.refund_no, d.payment_no) "
    "order by x.channel_refund_no desc limit 1) as c",
}


def everything(shop: Shop) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, query in EVERYTHING.items():
        keys = 2 if name in ("lines", "details") else 1
        rows = [tuple(row) for row in shop.query(f"{query} where merchant_id = %s", shop.merchant)]
        found[name] = {(row[:keys] if keys > 1 else row[0]): row[keys:] for row in rows}
    query = "select from mixpay.anomalies where merchant_id = %s"
    found["anomalies"] = len(shop.query(query, shop.merchant))
    return found


class Life:
    """One shop: each step is done to the model and to the database."""

    def __init__(self, shop: Shop, model: Model, random: Random) -> None:
        self.shop, self.model, self.random = shop, model, random
        self.codes: set[str] = set()
        self.count = 0

    def number(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def agree(self, expected: str | None, call: str, *arguments: Any) -> None:
        try:
            self.shop.rows(call, *arguments)
            code = None
        except psycopg.Error as error:
            code = error.sqlstate
            self.codes.add(code or "")
        assert code == expected, (call, arguments)

    def step(self) -> None:
        calls = [self.merge, self.start, self.succeed, self.fail, self.record, self.refund]
        weights = [6, 2, 2, 1, 9, 7]
        calls += [self.close, self.cancel, self.record_refund]
        weights += [1.5, 1, 2]
        if self.model.refunds:
            calls += [self.claim, self.news, self.redirect]
            weights += [1, 9, 3]
        self.random.choices(calls, weights)[0]()

    def merge(self) -> None:
        random, model = self.random, self.model
        # Some that are new, and some that nothing, or not all, is paid of.
        names = [f"O{i}" for i in range(len(model.orders) + 4)]
        if random.random() < 0.8:
            names = [no for no in names if no not in model.orders or model.left(no) > 0]
        sent, trade_no = [], self.number("T")
        for order_no in random.sample(names[-8:], random.randint(1, 4)):
            amount = model.orders.get(order_no, random.randint(20, 300))
            pay = random.randint(1, amount) if random.random() < 0.5 else None
            sent.append((order_no, amount, pay))
        lines: Json = [
            {"order_no": order_no, "amount": amount, "currency": "CNY", "pay": pay}
            for order_no, amount, pay in sent
        ]
        self.agree(model.merge(trade_no, sent), "merge_orders", lines, trade_no)

    def trade_no(self) -> str | None:
        """Most of the time an open one."""
        trades = self.model.trades
        some = [no for no in trades if trades[no].state == "open" or self.random.random() < 0.1]
        return self.random.choice(some) if some else None

    def amount(self, trade_no: str) -> int:
        lacking = self.model.trades[trade_no].lacking()
        return self.random.choice([lacking or 1, *self.random.choices(range(1, 60), k=4)])

    def start(self) -> None:
        if trade_no := self.trade_no():
            number, amount = self.number("P"), self.amount(trade_no)
            expected = self.model.start(trade_no, number, amount, cash=False)
            self.agree(expected, "start_payment", trade_no, number, amount, "alipay")

    def started(self, *states: str) -> Payment | None:
        found = [p for p in self.model.payments.values() if p.state in states]
        return self.random.choice(found) if found else None

    def succeed(self) -> None:
        if payment := self.started("pending", "failed", "closed"):
            amount = self.random.choice([payment.asked, payment.asked + 5])
            paid_at = day(self.random.randint(1, 6))
            self.model.arrive(payment, amount, paid_at)
            self.agree(None, "succeed_payment", payment.payment_no, None, paid_at, amount)

    def fail(self) -> None:
        if payment := self.started("pending", "failed", "succeeded"):
            expected = "MX208" if payment.state == "succeeded" else None
            if payment.state == "pending":
                payment.state = "failed"
            self.agree(expected, "fail_payment", payment.payment_no, "declined")

    def record(self) -> None:
        if trade_no := self.trade_no():
            number, amount = self.number("P"), self.amount(trade_no)
            cash, paid_at = self.random.random() < 0.3, day(self.random.randint(1, 6))
            self.model.record(trade_no, number, amount, cash, paid_at)
            channel = "cash" if cash else "card"
            self.agree(None, "record_payment", trade_no, number, channel, amount, paid_at)

    def refund(self) -> None:
        if self.model.orders:
            order_no = self.random.choice(list(self.model.orders)[-8:])
            left = sum(x.paid - x.refunded for _, x in self.model.lines_of(order_no))
            number, amount = self.number("R"), self.random.randint(left // 3 + 1, left + 5)
            expected = self.model.refund(number, order_no, amount)
            self.agree(expected, "refund_order", order_no, number, amount)

    def record_refund(self) -> None:
        if self.model.orders:
            order_no = self.random.choice(list(self.model.orders)[-8:])
            left = sum(x.paid - x.refunded for _, x in self.model.lines_of(order_no))
            number, amount = self.number("R"), self.random.randint(left // 4 + 1, left // 2 + 5)
            expected = self.model.record_refund(number, order_no, amount)
            self.agree(expected, "record_refund", order_no, number, amount, "pos")

    def reversed(self, reversal: Refund | None) -> None:
        """The database makes the number; the newest is this one's."""
        if reversal:
            query = "select max(refund_no) from mixpay.refunds where merchant_id = %s and kind = %s"
            ((number,),) = self.shop.query(query, self.shop.merchant, "reversal")
            self.model.refunds[number] = reversal

    def close(self) -> None:
        if number := self.trade_no():
            keep = self.random.random() < 0.6
            code, reversal = self.model.close(self.model.trades[number], keep)
            self.agree(code, "close_trade", number, "abandoned", keep)
            self.reversed(reversal)

    def cancel(self) -> None:
        if number := self.trade_no():
            trade = self.model.trades[number]
            line = self.random.choice(trade.lines)
            code, reversal = self.model.cancel(trade, line)
            self.agree(code, "cancel_order", number, line.order_no, "sold out")
            self.reversed(reversal)

    def latest(self, number: str, payment_no: str) -> str:
        """The number of the newest channel refund of this part."""
        surplus = number.startswith("surplus")
        refund_no = self.shop.surplus_refund(payment_no).refund_no if surplus else number
        query = (
            "select max(channel_refund_no) from mixpay.channel_refunds "
            "where (merchant_id, refund_no, payment_no) = (%s, %s, %s)"
        )
        ((found,),) = self.shop.query(query, self.shop.merchant, refund_no, payment_no)
        return str(found)

    def redirect(self) -> None:
        number = self.random.choice(list(self.model.refunds)[-12:])
        payment_no = self.random.choice(list(self.model.refunds[number].parts))
        channel = self.random.choice(["bank", "pos"])
        latest = self.latest(number, payment_no)
        code = self.model.redirect(number, payment_no, channel == "pos")
        self.agree(code, "redirect_channel_refund", latest, channel, "again")

    def claim(self) -> None:
        claimed = self.shop.rows("claim_channel_refunds", "worker", 5)
        for row in claimed:
            surplus = self.shop.row("refunds", row.refund_no).kind == "surplus"
            number = f"surplus of {row.payment_no}" if surplus else row.refund_no
            states = self.model.refunds[number].states
            assert states[row.payment_no] == "pending"
            states[row.payment_no] = "sent"

    def news(self) -> None:
        number = self.random.choice(list(self.model.refunds)[-8:])
        payment_no = self.random.choice(list(self.model.refunds[number].parts))
        failed = [
            (no, payment_no)
            for no, refund in self.model.refunds.items()
            for payment_no, state in refund.states.items()
            if state == "failed"
        ]
        late = bool(failed) and self.random.random() < 0.15
        if late:
            number, payment_no = self.random.choice(failed[-12:])
        call = self.random.choice([*2 * ["complete"], *3 * ["fail"], "doubt", *2 * ["bounce"]])
        call = "complete" if late else call
        channel_refund_no = self.latest(number, payment_no)
        expected = self.model.news(call, number, payment_no)
        self.agree(expected, f"{call}_channel_refund", channel_refund_no, None)


@pytest.mark.parametrize("seed", [52, 55, 58])
def test_model_and_database_agree_after_each_step(conn: Connection[Any], seed: int) -> None:
    random = Random(seed)
    lives = []
    for allocation in ("fifo", "pro_rata"):
        shop = Shop(conn, allocation)
        shop.call("register_merchant", "Shop", allocation)
        lives.append(Life(shop, Model(allocation), random))
    for _ in range(STEPS):
        life = random.choice(lives)
        life.step()
        assert everything(life.shop) == life.model.everything()
    conn.execute("analyze")  # for the checks

    for life in lives:
        # It was no quiet life.
        assert {"MX107", "MX108", "MX301", "MX304"} <= life.codes
        assert any(refund.order_no is None for refund in life.model.refunds.values())
        assert any(len(refund.parts) > 1 for refund in life.model.refunds.values())
    refunds = [(life.model, refund) for life in lives for refund in life.model.refunds.values()]
    assert any("bounced" in refund.states.values() for _, refund in refunds)
    trades = [trade for life in lives for trade in life.model.trades.values()]
    assert any(trade.kept for trade in trades)
    assert any(line.cancelled for trade in trades for line in trade.lines)
    # Refunds over several trades, and successes that came too late.
    assert any(len({id(m.payments[no].trade) for no in r.parts}) > 1 for m, r in refunds)
    assert any(life.model.anomalies for life in lives)
