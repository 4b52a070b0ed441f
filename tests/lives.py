"""A model that knows sums and queues and nothing else, and a shop that lives by it.

Each step of a `Life` is done to the model and to the database, which must answer alike.
"""

from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

import psycopg
from shop import Json, Row, Shop, day

OFFLINE = ("cash", "pos", "transfer")
ENDED = ("succeeded", "failed", "bounced")


@dataclass(frozen=True)
class Share:
    """An order's share of a merge, as it is sent."""

    order_no: str
    amount: int
    pay: int | None = None
    payee_no: str | None = None
    hold: bool | datetime | None = None
    currency: str = "CNY"

    def json(self) -> dict[str, Any]:
        hold = self.hold.isoformat() if isinstance(self.hold, datetime) else self.hold
        return {**vars(self), "hold": hold}


@dataclass(eq=False)
class Line:
    order_no: str
    amount: int
    paid: int = 0
    refunded: int = 0
    live: bool = True
    cancelled: bool = False


@dataclass(eq=False)
class Payment:
    payment_no: str
    trade: "Trade"
    asked: int
    state: str
    channel: str
    paid_at: datetime | None = None
    seq: int = 0
    applied: int = 0
    surplus: int = 0
    # What is on its way back or has gone: for orders, of the surplus.
    refunded: int = 0
    returned: int = 0


@dataclass(eq=False)
class Trade:
    allocation: str
    currency: str
    lines: list[Line]
    state: str = "open"
    keeps_paid: bool = False
    payments: list[Payment] = field(default_factory=list)

    def lacking(self) -> int:
        return sum(line.amount - line.paid for line in self.lines if line.live)

    def line(self, order_no: str) -> Line:
        return next(line for line in self.lines if line.order_no == order_no)

    def oldest_first(self) -> list[Payment]:
        return sorted((p for p in self.payments if p.paid_at), key=lambda p: (p.paid_at, p.seq))


@dataclass(eq=False)
class Sent:
    """One way that a part of a refund takes: a channel refund."""

    channel: str
    state: str
    successor: "Sent | None" = None
    # Whether it ever succeeded, and what became of money that moved out of place.
    moved: bool = False
    anomaly: str = ""
    # The channel's number of the one and of the other.
    txn: str | None = None
    listed: str | None = None


def way(channel: str) -> Sent:
    return Sent(channel, "waiting" if channel in OFFLINE else "pending")


@dataclass(eq=False)
class Part:
    payment: Payment
    amount: int
    ways: list[Sent]
    freed: bool = False

    def state(self) -> str:
        if self.freed:
            return "failed"
        return "succeeded" if any(x.state == "succeeded" for x in self.ways) else "processing"


@dataclass(eq=False)
class Refund:
    order_no: str | None  # None: a surplus or a reversal
    parts: list[Part]

    def state(self) -> str:
        states = {part.state() for part in self.parts}
        if states == {"failed", "succeeded"}:
            return "partly_failed"
        return next(x for x in ("processing", "failed", "succeeded") if x in states)


class Model:
    """Each call returns the code of the error that is due, or None."""

    def __init__(self, allocation: str) -> None:
        self.allocation = allocation
        self.payees: set[str] = set()
        self.orders: dict[str, Share] = {}
        self.trades: dict[str, Trade] = {}
        self.payments: dict[str, Payment] = {}
        self.refunds: dict[str, Refund] = {}

    def lines_of(self, order_no: str) -> list[tuple[Trade, Line]]:
        """In the order of the trades, which is that of their making."""
        return [(t, x) for t in self.trades.values() for x in t.lines if x.order_no == order_no]

    def left(self, order_no: str) -> int:
        taken = sum(x.amount if x.live else x.paid for _, x in self.lines_of(order_no))
        return self.orders[order_no].amount - taken

    def refundable(self, order_no: str) -> int:
        return sum(line.paid - line.refunded for _, line in self.lines_of(order_no))

    # What happens to a line. Whoever wants to know more of it adds it here.

    def pay(self, line: Line, amount: int) -> None:
        line.paid += amount

    def unpay(self, line: Line, amount: int) -> None:
        line.paid -= amount

    def take(self, line: Line, parts: list[Part]) -> None:
        """For a refund."""
        line.refunded += sum(part.amount for part in parts)

    def give_back(self, line: Line, part: Part) -> None:
        line.refunded -= part.amount

    # The calls.

    def merge(self, trade_no: str, sent: list[Share]) -> str | None:
        names = [share.order_no for share in sent]
        if not {share.payee_no for share in sent} <= {None, *self.payees}:
            return "MX102"
        if len({share.currency for share in sent}) > 1:
            return "MX109"
        for share in sent:
            known = self.orders.get(share.order_no, share)
            if (share.amount, share.currency) != (known.amount, known.currency):
                return "MX105"
            if share.payee_no not in (None, known.payee_no):
                return "MX105"
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
        for share in sent:
            known_no = share.order_no in self.orders
            left = (
                self.left(share.order_no) + freed.get(share.order_no, 0)
                if known_no
                else share.amount
            )
            pay = left if share.pay is None else share.pay
            if not 1 <= pay <= left:
                return "MX108"
            lines.append(Line(share.order_no, pay))
        for trade in abandoned:
            trade.state = "closed"
            for line in trade.lines:
                line.live = False
        for share in sent:
            self.orders.setdefault(share.order_no, share)
        self.trades[trade_no] = Trade(self.allocation, sent[0].currency, lines)
        return None

    def start(self, trade_no: str, payment_no: str, amount: int, channel: str) -> str | None:
        trade = self.trades[trade_no]
        if trade.state != "open":
            return "MX204"
        if amount > trade.lacking():
            return "MX206"
        self.payments[payment_no] = Payment(payment_no, trade, amount, "pending", channel)
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
                None, [Part(payment, payment.surplus, [way(payment.channel)])]
            )

    def allocate(self, trade: Trade, amount: int) -> None:
        live = [line for line in trade.lines if line.live]
        if trade.allocation == "pro_rata" and amount:
            total = trade.lacking()
            shares = [divmod(amount * (x.amount - x.paid), total) for x in live]
            by_remainder = sorted(range(len(live)), key=lambda i: (-shares[i][1], i))
            extra = set(by_remainder[: amount - sum(whole for whole, _ in shares)])
            for i, line in enumerate(live):
                self.pay(line, shares[i][0] + (i in extra))
            return
        for line in live:
            share = min(amount, line.amount - line.paid)
            self.pay(line, share)
            amount -= share

    def record(
        self, trade_no: str, payment_no: str, amount: int, channel: str, paid_at: datetime
    ) -> None:
        trade = self.trades[trade_no]
        payment = self.payments[payment_no] = Payment(payment_no, trade, amount, "", channel)
        trade.payments.append(payment)
        self.arrive(payment, amount, paid_at)

    def refund(self, refund_no: str, order_no: str, amount: int) -> str | None:
        if amount > self.refundable(order_no):
            return "MX301"
        refund = self.refunds[refund_no] = Refund(order_no, [])
        for trade, line in self.lines_of(order_no):
            share = min(amount, line.paid - line.refunded)
            amount -= share
            parts = []
            for payment in trade.oldest_first():
                taken = min(share, payment.applied - payment.refunded)
                if taken:
                    parts.append(Part(payment, taken, [way(payment.channel)]))
                    payment.refunded += taken
                    share -= taken
            self.take(line, parts)
            refund.parts += parts
        return None

    def record_refund(self, refund_no: str, order_no: str, amount: int, channel: str) -> str | None:
        if amount > self.refundable(order_no):
            return "MX301"
        refund = self.refunds[refund_no] = Refund(order_no, [])
        left = {line: line.paid - line.refunded for _, line in self.lines_of(order_no)}
        taken_of: dict[Line, list[Part]] = {line: [] for line in left}
        for offline in (True, False):
            for trade, line in self.lines_of(order_no):
                for payment in trade.oldest_first():
                    taken = min(amount, left[line], payment.applied - payment.refunded)
                    if (payment.channel in OFFLINE) == offline and taken:
                        sent = Sent(channel, "succeeded", moved=True)
                        part = Part(payment, taken, [sent])
                        self.sent(part, sent, taken)
                        taken_of[line].append(part)
                        refund.parts.append(part)
                        payment.refunded += taken
                        left[line] -= taken
                        amount -= taken
        for line, parts in taken_of.items():
            self.take(line, parts)
        return None

    def reverse(self, trade: Trade, lines: list[Line]) -> Refund | None:
        """What goes back of these lines, the oldest money first."""
        amount = 0
        for line in lines:
            back = line.paid - line.refunded
            self.unpay(line, back)
            line.amount -= back if line.cancelled else 0
            amount += back
        parts = []
        for payment in trade.oldest_first():
            taken = min(amount, payment.applied - payment.refunded)
            if taken:
                parts.append(Part(payment, taken, [way(payment.channel)]))
                payment.applied -= taken
                payment.surplus += taken
                payment.returned += taken
                amount -= taken
        assert amount == 0
        return Refund(None, parts) if parts else None

    def end(self, trade: Trade, keep: bool) -> Refund | None:
        trade.state, trade.keeps_paid = "closed", keep
        for payment in trade.payments:
            if payment.state == "pending":
                payment.state = "closed"
        for line in trade.lines:
            line.live = False
        return None if keep else self.reverse(trade, trade.lines)

    def close(self, trade: Trade, keep: bool) -> tuple[str | None, Refund | None]:
        if trade.state == "paid":
            return "MX112", None
        if trade.state == "closed" and keep and not trade.keeps_paid:
            return "MX113", None
        if trade.state == "closed" and keep == trade.keeps_paid:
            return None, None
        return None, self.end(trade, keep)

    def cancel(self, trade: Trade, line: Line) -> tuple[str | None, Refund | None]:
        if line.cancelled:
            return None, None
        if trade.state != "open":
            return "MX204", None
        if self.in_dispute(line.order_no):
            return "MX503", None
        if not any(x.live for x in trade.lines if x is not line):
            reversal = self.end(trade, keep=False)
            line.cancelled, line.amount = True, line.paid
            return None, reversal
        line.live, line.cancelled = False, True
        moved = min(line.paid - line.refunded, trade.lacking())
        self.unpay(line, moved)
        line.amount = line.paid
        self.allocate(trade, moved)
        if trade.lacking() == 0:
            trade.state = "paid"
            for other in trade.lines:
                other.live = False
            return None, self.reverse(trade, [line])
        return None, None

    def in_dispute(self, order_no: str) -> bool:  # noqa: ARG002 (disputes are another model's)
        """Whether a dispute is open of it."""
        return False

    # What becomes of a part of a refund.

    def is_free(self, refund: Refund, part: Part) -> bool:
        """Whether it was freed and may be taken in again."""
        payment = part.payment
        if refund.order_no is None:
            fits = payment.returned + part.amount <= payment.surplus
        else:
            line = payment.trade.line(refund.order_no)
            fits = (
                payment.refunded + part.amount <= payment.applied
                and line.refunded + part.amount <= line.paid
            )
        return part.freed and fits

    def take_in(self, refund: Refund, part: Part) -> None:
        part.freed = False
        if refund.order_no is None:
            part.payment.returned += part.amount
        else:
            part.payment.refunded += part.amount
            self.take(part.payment.trade.line(refund.order_no), [part])

    def free(self, refund: Refund, part: Part) -> None:
        part.freed = True
        if refund.order_no is None:
            part.payment.returned -= part.amount
        else:
            part.payment.refunded -= part.amount
            self.give_back(part.payment.trade.line(refund.order_no), part)

    def sent(self, part: Part, sent: Sent, amount: int) -> None:
        """The channel has sent it, or less than nothing: it came back."""

    def out_of_place(self, part: Part, sent: Sent) -> None:
        """The channel has sent what was given to others; sent.anomaly says what became of it."""

    def redirect(self, refund: Refund, part: Part, was: Sent, channel: str) -> str | None:
        if was.successor:
            same = was.successor.channel == channel and was.state == "failed"
            return None if same else "MX307"
        if was.state not in ("waiting", "pending", "failed", "bounced"):
            return "MX304"
        if any(x.anomaly == "open" for x in part.ways):
            return "MX308"
        if was.state in ("failed", "bounced"):
            if not self.is_free(refund, part):
                return "MX301"
            self.take_in(refund, part)
        was.state = "failed"
        was.successor = way(channel)
        part.ways.append(was.successor)
        return None

    def complete(self, refund: Refund, part: Part, sent: Sent, txn: str | None) -> str | None:
        """txn is a number of the channel that no transfer had before, or none."""
        if sent.moved or sent.anomaly:
            if txn is None:
                return None  # the news that came before
            if sent.moved and sent.txn is None:
                sent.txn = txn  # its second part
                return None
            if not sent.moved and sent.listed is None:
                sent.listed = txn
                return None
            if sent.state == "succeeded" or sent.anomaly in ("open", "written_off"):
                return "MX304"
        if sent.state in ("failed", "bounced"):
            if self.is_free(refund, part):
                self.take_in(refund, part)
            else:
                unsent = [x for x in part.ways if x.state in ("waiting", "pending")]
                if not unsent:
                    if sent.anomaly:
                        return "MX304"
                    sent.anomaly, sent.listed = "open", txn
                    self.out_of_place(part, sent)
                    return None
                unsent[0].state = "failed"
        sent.state, sent.moved, sent.txn = "succeeded", True, txn
        self.sent(part, sent, part.amount)
        return None

    def fail(self, refund: Refund, part: Part, sent: Sent) -> str | None:
        if sent.state in ("succeeded", "bounced"):
            return "MX304"
        if sent.state != "failed":
            sent.state = "failed"
            self.free(refund, part)
        return None

    def doubt(self, sent: Sent) -> str | None:
        if sent.state not in ("pending", "sent", "doubt"):
            return "MX304"
        sent.state = "doubt"
        return None

    def bounce(self, refund: Refund, part: Part, sent: Sent) -> str | None:
        if sent.state != "succeeded":
            return None if sent.moved and sent.state in ("bounced", "failed") else "MX304"
        sent.state = "bounced"
        self.sent(part, sent, -part.amount)
        self.free(refund, part)
        return None

    def resolve(self, refund: Refund, part: Part, sent: Sent, resolution: str) -> str | None:
        if not sent.anomaly:
            return "MX310"
        if sent.anomaly != "open":
            return None if sent.anomaly == resolution else "MX311"
        if resolution == "booked":
            if not self.is_free(refund, part):
                return "MX301"
            self.take_in(refund, part)
            sent.state, sent.moved, sent.txn = "succeeded", True, sent.listed
        sent.anomaly = resolution
        self.out_of_place(part, sent)
        return None


class Life:
    """One shop: each step is done to the model and to the database."""

    model: Model
    # How often the news is of a success that came too late; how many orders are new, or merged.
    late = 0.15
    new = most = 4

    def __init__(self, shop: Shop, model: Model, random: Random) -> None:
        self.shop, self.model, self.random = shop, model, random
        self.codes: set[str] = set()
        self.count = 0

    def number(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def agree(self, expected: str | None, call: str, *arguments: Any, **named: Any) -> list[Row]:
        rows: list[Row] = []
        code, said = None, ""
        try:
            rows = self.shop.rows(call, *arguments, **named)
        except psycopg.Error as error:
            code, said = error.sqlstate, str(error)
            self.codes.add(code or "")
        assert code == expected, (call, arguments, named, said)
        return rows

    def steps(self) -> dict[Any, float]:
        """What may happen, and how often."""
        steps = {
            self.merge: 6,
            self.start: 2,
            self.succeed: 2,
            self.fail: 1,
            self.record: 9,
            self.refund: 7,
            self.close: 1.5,
            self.cancel: 1,
            self.record_refund: 2,
            self.resolve: 0.5,
        }
        if self.model.refunds:
            steps |= {self.claim: 1, self.news: 9, self.redirect: 3}
        return steps

    def step(self) -> None:
        steps = self.steps()
        self.random.choices(list(steps), list(steps.values()))[0]()

    def merge(self) -> None:
        random, model = self.random, self.model
        # Some that are new, and some that nothing, or not all, is paid of.
        names = [f"O{i}" for i in range(len(model.orders) + self.new or 1)]
        if random.random() < 0.8:
            names = [no for no in names if no not in model.orders or model.left(no) > 0] or names
        sent, trade_no = [], self.number("T")
        for order_no in random.sample(names[-8:], random.randint(1, min(self.most, len(names)))):
            known = model.orders.get(order_no)
            amount = known.amount if known else random.randint(20, 300)
            pay = random.randint(1, amount) if random.random() < 0.5 else None
            sent.append(self.share(Share(order_no, amount, pay)))
        lines: Json = [share.json() for share in sent]
        self.agree(model.merge(trade_no, sent), "merge_orders", lines, trade_no)

    def share(self, share: Share) -> Share:
        """The share as it is to be sent."""
        return share

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
            expected = self.model.start(trade_no, number, amount, "alipay")
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
            channel, paid_at = self.channel(), day(self.random.randint(1, 6))
            self.model.record(trade_no, number, amount, channel, paid_at)
            self.agree(None, "record_payment", trade_no, number, channel, amount, paid_at)

    def channel(self) -> str:
        return "cash" if self.random.random() < 0.3 else "card"

    def order_no(self) -> str | None:
        """One to refund."""
        orders = list(self.model.orders)[-8:]
        return self.random.choice(orders) if orders else None

    def back(self, order_no: str) -> int:
        """Some of what is left, and now and then more."""
        left = self.model.refundable(order_no)
        most = left + 5 if self.random.random() < 0.2 else max(1, left)
        return self.random.randint(min(most, left // 4 + 1), most)

    def refund(self) -> None:
        if order_no := self.order_no():
            number, amount = self.number("R"), self.back(order_no)
            expected = self.model.refund(number, order_no, amount)
            self.agree(expected, "refund_order", order_no, number, amount)

    def record_refund(self) -> None:
        if order_no := self.order_no():
            number, amount = self.number("R"), self.back(order_no)
            expected = self.model.record_refund(number, order_no, amount, "pos")
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

    def part(self, newest: int) -> tuple[str, Refund, Part]:
        """A part of one of the newest refunds, with the refund's number."""
        number = self.random.choice(list(self.model.refunds)[-newest:])
        refund = self.model.refunds[number]
        return number, refund, self.random.choice(refund.parts)

    def way(self, part: Part) -> Sent:
        """Most of the time the newest."""
        return part.ways[-1] if self.random.random() < 0.8 else self.random.choice(part.ways)

    def sent_no(self, number: str, part: Part, sent: Sent) -> str:
        """The number of this channel refund: they sort by time."""
        payment_no = part.payment.payment_no
        surplus = number.startswith("surplus")
        refund_no = self.shop.surplus_refund(payment_no).refund_no if surplus else number
        query = (
            "select channel_refund_no from mixpay.channel_refunds "
            "where (merchant_id, refund_no, payment_no) = (%s, %s, %s) order by channel_refund_no"
        )
        found = self.shop.query(query, self.shop.merchant, refund_no, payment_no)
        assert len(found) == len(part.ways)
        return str(found[part.ways.index(sent)].channel_refund_no)

    def redirect(self) -> None:
        number, refund, part = self.part(12)
        sent, channel = self.way(part), self.random.choice(["bank", "pos"])
        sent_no = self.sent_no(number, part, sent)
        code = self.model.redirect(refund, part, sent, channel)
        self.agree(code, "redirect_channel_refund", sent_no, channel, "again")

    def claim(self) -> None:
        claimed = self.shop.rows("claim_channel_refunds", "worker", 5, "1 hour")
        for row in claimed:
            surplus = self.shop.row("refunds", row.refund_no).kind == "surplus"
            number = f"surplus of {row.payment_no}" if surplus else row.refund_no
            parts = self.model.refunds[number].parts
            (part,) = (x for x in parts if x.payment.payment_no == row.payment_no)
            (sent,) = (x for x in part.ways if x.state == "pending")
            sent.state = "sent"

    def news(self) -> None:
        number, refund, part = self.part(8)
        failed = [
            (no, refund, part, sent)
            for no, refund in self.model.refunds.items()
            for part in refund.parts
            for sent in part.ways
            if sent.state == "failed"
        ]
        sent, is_late = self.way(part), bool(failed) and self.random.random() < self.late
        if is_late:
            number, refund, part, sent = self.random.choice(failed[-12:])
        call = self.random.choice([*2 * ["complete"], *3 * ["fail"], "doubt", *2 * ["bounce"]])
        sent_no = self.sent_no(number, part, sent)
        if is_late or call == "complete":
            # Now and then its number comes later, or another transfer of the same.
            txn = self.number("X") if self.random.random() < 0.3 else None
            code = self.model.complete(refund, part, sent, txn)
            self.agree(code, "complete_channel_refund", sent_no, txn)
        elif call == "fail":
            code = self.model.fail(refund, part, sent)
            self.agree(code, "fail_channel_refund", sent_no, "refused")
        elif call == "doubt":
            code = self.model.doubt(sent)
            self.agree(code, "doubt_channel_refund", sent_no, "time-out", retry_after="1 day")
        else:
            code = self.model.bounce(refund, part, sent)
            self.agree(code, "bounce_channel_refund", sent_no, "account closed")

    def resolve(self) -> None:
        listed = [
            (no, refund, part, sent)
            for no, refund in self.model.refunds.items()
            for part in refund.parts
            for sent in part.ways
            if sent.anomaly
        ]
        if listed:
            number, refund, part, sent = self.random.choice(listed)
            sent_no = self.sent_no(number, part, sent)
            resolution = self.random.choice(["booked", "recovered", "written_off"])
            code = self.model.resolve(refund, part, sent, resolution)
            self.agree(code, "resolve_anomaly", sent_no, resolution, "looked into")
