"""A model that knows sums and queues and nothing else, and a shop that lives by it.

Each step of a `Life` is done to the model and to the database, which must answer alike.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Any

import psycopg
from psycopg import Connection
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
    # Nobody has named the moment yet: it may come later.
    assumed: bool = False
    seq: int = 0
    applied: int = 0
    surplus: int = 0
    # What is on its way back or has gone: for orders, of the surplus.
    refunded: int = 0
    returned: int = 0
    # What a channel has reserved, and whether it let go of it.
    authorized: int | None = None
    voided: bool = False
    recorded: bool = False
    # What the channel took back by itself.
    takings: list["Taking"] = field(default_factory=list)

    def refundable(self) -> int:
        return self.applied - self.refunded


@dataclass(eq=False)
class Taking:
    """A return, or a chargeback."""

    number: str
    payment: Payment
    amount: int
    is_return: bool
    order_no: str | None = None
    fee: int = 0
    lost: int = 0
    # Of a return: what is to be paid again. Of a chargeback: what came back.
    unapplied: int = 0
    reversed: int = 0
    refunds: list["Refund"] = field(default_factory=list)

    def reason(self) -> str:
        return f"{'returned' if self.is_return else 'charged back'}: {self.number}"

    def state(self) -> str:
        if not self.reversed:
            return "charged"
        return "reversed" if self.reversed == self.amount else "partly_reversed"


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
    # Each time that the channel sent it; the one that it stands for, if it ever succeeded.
    transfers: list["Transfer"] = field(default_factory=list)
    transfer: "Transfer | None" = None
    written_off: bool = False
    # For which return or chargeback a person is to look at it.
    waits_for: str | None = None
    nth: int = field(default_factory=count().__next__)

    def arrives(self, transfer: "Transfer") -> None:
        """It is the one that stands on record from now on."""
        self.state, self.transfer = "succeeded", transfer
        if transfer not in self.transfers:
            self.transfers.append(transfer)

    def anomalies(self) -> dict[int, "Transfer"]:
        return {nth: x for nth, x in enumerate(self.transfers, 1) if x.anomaly}

    def told(self) -> str:
        return ", ".join(
            f"{nth}{x.txn or ''} {self.became(x)}" for nth, x in enumerate(self.transfers, 1)
        )

    def became(self, transfer: "Transfer") -> str:
        if transfer.anomaly not in ("", "booked"):
            return "anomaly" if transfer.anomaly == "open" else transfer.anomaly
        stands = transfer is self.transfer and self.state == "succeeded"
        return "succeeded" if stands else "bounced"


@dataclass(eq=False)
class Transfer:
    """Money that a channel sent for a channel refund."""

    # The channel's number.
    txn: str | None = None
    # Out of place: open, or how that was resolved.
    anomaly: str = ""


def gone(channel: str) -> Sent:
    sent = Sent(channel, "")
    sent.arrives(Transfer())
    return sent


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
        ended = any(x.state in ("succeeded", "written_off") for x in self.ways)
        return "succeeded" if ended else "processing"


@dataclass(eq=False)
class Refund:
    order_no: str | None  # None: of a surplus
    parts: list[Part]
    # The channel took it by itself, for a return or a chargeback.
    is_taken: bool = False

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
        self._lines: defaultdict[str, list[tuple[Trade, Line]]] = defaultdict(list)
        self.payments: dict[str, Payment] = {}
        self.refunds: dict[str, Refund] = {}
        self.takings: dict[str, Taking] = {}
        self.made: Counter[str] = Counter()
        # What happened, to see that it does.
        self.seen: Counter[str] = Counter()

    def make(self, kind: str, refund: Refund) -> None:
        """Of a refund whose number the database makes: it is the how many of its kind."""
        self.made[kind] += 1
        self.refunds[f"{kind} {self.made[kind]}"] = refund

    def lines_of(self, order_no: str) -> list[tuple[Trade, Line]]:
        """In the order of the trades, which is that of their making."""
        return self._lines[order_no]

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
                p.state in ("pending", "authorized") for p in trade.payments
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
        trade = self.trades[trade_no] = Trade(self.allocation, sent[0].currency, lines)
        for line in lines:
            self._lines[line.order_no].append((trade, line))
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

    def arrive(self, payment: Payment, amount: int, paid_at: datetime | None) -> None:
        trade = payment.trade
        payment.state, payment.assumed = "succeeded", paid_at is None
        payment.paid_at = paid_at or datetime.now(UTC)
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
            self.make(
                "surplus", Refund(None, [Part(payment, payment.surplus, [way(payment.channel)])])
            )

    def allocate(self, trade: Trade, amount: int) -> None:
        if not amount:
            return
        live = [line for line in trade.lines if line.live]
        if trade.allocation == "pro_rata":
            total = trade.lacking()
            shares = [divmod(amount * (x.amount - x.paid), total) for x in live]
            by_remainder = sorted(range(len(live)), key=lambda i: (-shares[i][1], i))
            extra = set(by_remainder[: amount - sum(whole for whole, _ in shares)])
            for i, line in enumerate(live):
                if share := shares[i][0] + (i in extra):
                    self.pay(line, share)
            return
        for line in live:
            if share := min(amount, line.amount - line.paid):
                self.pay(line, share)
                amount -= share

    def record(
        self,
        trade_no: str,
        payment_no: str,
        amount: int,
        channel: str,
        paid_at: datetime | None,
        captured: Payment | None = None,
    ) -> str | None:
        trade = self.trades[trade_no]
        if captured:
            same = captured.trade is trade and captured.channel == channel
            if captured.authorized is None or not same:
                return "MX212"
        payment = self.payments[payment_no] = Payment(payment_no, trade, amount, "", channel)
        payment.recorded = True
        trade.payments.append(payment)
        self.arrive(payment, amount, paid_at)
        return None

    def date(self, payment: Payment, paid_at: datetime) -> str | None:
        """Refunds that come later go by it."""
        if payment.assumed:
            self.seen["a moment came later"] += 1
            payment.paid_at, payment.assumed = paid_at, False
        if payment.paid_at == paid_at:
            return None
        return "MX202" if payment.recorded else "MX208"

    def authorize(self, payment: Payment, amount: int | None) -> str | None:
        known = payment.authorized
        if payment.recorded or (None not in (known, amount) and amount != known):
            return "MX211"
        if known is not None:
            return None  # the news came before
        payment.authorized = payment.asked if amount is None else amount
        if payment.state == "pending":
            payment.state = "authorized"
        return None

    def fail_payment(self, payment: Payment) -> str | None:
        """Of one that was authorized: it was voided, or has expired."""
        if payment.state == "succeeded":
            return "MX208"
        if payment.state in ("pending", "authorized"):
            payment.state = "failed"
        payment.voided = payment.authorized is not None
        return None

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
                        sent = gone(channel)
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

    def record_channel_refund(
        self, refund_no: str, order_no: str, amount: int, payment: Payment
    ) -> str | None:
        lines = [line for line in payment.trade.lines if line.order_no == order_no]
        if not lines:
            return "MX301" if amount > self.refundable(order_no) else "MX306"
        (line,) = lines
        if amount > min(payment.refundable(), line.paid - line.refunded):
            return "MX301"
        sent = gone(payment.channel)
        part = Part(payment, amount, [sent])
        self.refunds[refund_no] = Refund(order_no, [part])
        self.sent(part, sent, amount)
        payment.refunded += amount
        self.take(line, [part])
        return None

    def reverse(self, trade: Trade, lines: list[Line]) -> None:
        """What is not refunded of these lines goes back."""
        back = {line: line.paid - line.refunded for line in lines}
        self.send_back(trade, back)
        for line, amount in back.items():
            line.amount -= amount if line.cancelled else 0

    def send_back(self, trade: Trade, back: dict[Line, int]) -> None:
        """So much of each line, the oldest money first."""
        for line, each in back.items():
            self.unpay(line, each)
        amount = sum(back.values())
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
        if parts:
            self.make("reversal", Refund(None, parts))

    def end(self, trade: Trade, keep: bool) -> None:
        trade.state, trade.keeps_paid = "closed", keep
        for payment in trade.payments:
            if payment.state in ("pending", "authorized"):
                payment.state = "closed"
        for line in trade.lines:
            line.live = False
        if not keep:
            self.reverse(trade, trade.lines)

    def close(self, trade: Trade, keep: bool) -> str | None:
        if trade.state == "paid":
            return "MX112"
        if trade.state == "closed" and keep and not trade.keeps_paid:
            return "MX113"
        if trade.state == "open" or keep != trade.keeps_paid:
            self.end(trade, keep)
        return None

    def cancel(self, trade: Trade, line: Line) -> str | None:
        if line.cancelled:
            return None
        if trade.state != "open":
            return "MX204"
        if self.in_dispute(line.order_no):
            return "MX503"
        # One that is paid need not be live: its trade was paid before something was returned.
        others = [x for x in trade.lines if x is not line and not x.cancelled]
        if not any(x.live or x.paid for x in others):
            self.end(trade, keep=False)
            line.cancelled, line.amount = True, line.paid
            return None
        line.live, line.cancelled = False, True
        moved = min(line.paid - line.refunded, trade.lacking())
        self.unpay(line, moved)
        line.amount = line.paid
        self.allocate(trade, moved)
        if trade.lacking() == 0:
            trade.state = "paid"
            for other in trade.lines:
                other.live = False
            self.reverse(trade, [line])
        return None

    def reprice(self, order_no: str, amount: int) -> str | None:
        order, lines = self.orders[order_no], self.lines_of(order_no)
        taken = sum(line.paid for _, line in lines if not line.live)
        live = next(((trade, line) for trade, line in lines if line.live), None)
        if amount < taken + (live[1].refunded if live else 0):
            return "MX114"
        if not self.divides(order_no, amount):
            return "MX510"
        if live and live[1].paid > amount - taken and self.in_dispute(order_no):
            return "MX503"
        self.orders[order_no] = replace(order, amount=amount)
        if not live:
            return None
        trade, line = live
        # A part stays what it is, if there is that much; all the rest is all the rest still.
        is_part = line.amount < order.amount - taken
        share = min(amount - taken, line.amount) if is_part else amount - taken
        above = max(0, line.paid - share)
        others = sum(x.amount - x.paid for x in trade.lines if x.live and x is not line)
        moved = min(above, others)
        line.amount = share + above - moved
        self.unpay(line, moved)
        self.allocate(trade, moved)
        if trade.lacking() == 0:
            trade.state = "paid"
            for other in trade.lines:
                other.live = False
        if above > moved:
            self.send_back(trade, {line: above - moved})
            line.amount = share
        self.seen["served others, for it costs less"] += moved > 0
        self.seen["went back, for it costs less"] += above > moved
        return None

    def divides(self, order_no: str, amount: int) -> bool:  # noqa: ARG002 (splits, too)
        """Whether its split divides an order of this amount."""
        return True

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
        self.cover(part.payment, refund.order_no, part.amount)

    def sent(self, part: Part, sent: Sent, amount: int) -> None:
        """The channel has sent it, or less than nothing: it came back."""

    def rounded(self, part: Part, sent: Sent, amount: int) -> None:
        """It will never be handed over, or less than nothing: it was after all."""

    def out_of_place(self, part: Part, sent: Sent, anomaly: str) -> None:
        """The channel has sent what was given to others: open, or what became of it."""

    def redirect(self, refund: Refund, part: Part, was: Sent, channel: str) -> str | None:
        if refund.is_taken:
            return "MX321"
        if was.successor:
            same = was.successor.channel == channel and was.state in ("failed", "succeeded")
            return None if same else "MX307"
        if was.state not in ("waiting", "pending", "failed", "bounced"):
            return "MX304"
        if any(y.anomaly == "open" for x in part.ways for y in x.transfers):
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
        if refund.is_taken:
            return "MX321"
        # Of those that came back and in whose place another one stands, only a number tells.
        heard = [x for x in sent.transfers if x is sent.transfer or x.anomaly not in ("", "booked")]
        stands = [x for x in heard if sent.became(x) not in ("bounced", "recovered")]
        if heard:
            if txn is None:
                return None  # the news that came before
            if nameless := [x for x in heard if x.txn is None]:
                # Its second part.
                max(nameless, key=lambda x: (x in stands, sent.transfers.index(x))).txn = txn
                return None
            if stands:
                return "MX304"
        transfer = Transfer(txn)
        if sent.state in ("failed", "bounced"):
            if self.is_free(refund, part):
                self.take_in(refund, part)
            else:
                unsent = [x for x in part.ways if x.state in ("waiting", "pending")]
                if not unsent:
                    transfer.anomaly = "open"
                    sent.transfers.append(transfer)
                    self.out_of_place(part, sent, "open")
                    return None
                unsent[0].state = "failed"
        if sent.state == "written_off":
            self.rounded(part, sent, -part.amount)
        sent.arrives(transfer)
        self.sent(part, sent, part.amount)
        return None

    def write_off(self, refund: Refund, part: Part, sent: Sent) -> str | None:
        if refund.is_taken:
            return "MX321"
        if sent.state == "succeeded" and sent.written_off:
            return None  # it was handed over after all
        if sent.state not in ("waiting", "pending", "written_off"):
            return "MX304"
        if sent.state != "written_off":
            sent.state, sent.written_off = "written_off", True
            self.rounded(part, sent, part.amount)
        return None

    def fail(self, refund: Refund, part: Part, sent: Sent) -> str | None:
        if refund.is_taken:
            return "MX321"
        if sent.state in ("succeeded", "bounced", "written_off"):
            return "MX304"
        if sent.state != "failed":
            sent.state = "failed"
            self.free(refund, part)
        return None

    def doubt(self, refund: Refund, sent: Sent) -> str | None:
        if refund.is_taken:
            return "MX321"
        if sent.state not in ("pending", "sent", "doubt"):
            return "MX304"
        sent.state = "doubt"
        return None

    def bounce(self, refund: Refund, part: Part, sent: Sent, txn: str | None) -> str | None:
        """txn is the channel's number of what came back, if that is known."""
        if refund.is_taken:
            return "MX321"
        meant = sent.transfers
        if txn is not None:
            meant = [x for x in meant if x.txn == txn] or [x for x in meant if x.txn is None]
        elif sent.transfer:
            meant = [sent.transfer]
        if not meant:
            return "MX304"
        order = ("succeeded", "anomaly")
        transfer = max(
            meant,
            key=lambda x: (*(sent.became(x) == state for state in order), sent.transfers.index(x)),
        )
        became = sent.became(transfer)
        if became == "written_off":
            return "MX311"
        transfer.txn = transfer.txn or txn
        if became == "anomaly":
            transfer.anomaly = "recovered"
            self.out_of_place(part, sent, "recovered")
        elif became == "succeeded":
            sent.state = "bounced"
            self.sent(part, sent, -part.amount)
            self.free(refund, part)
        return None

    def resolve(
        self, refund: Refund, part: Part, sent: Sent, resolution: str, nth: int | None
    ) -> str | None:
        meant = [x for at, x in sent.anomalies().items() if nth in (None, at)]
        if len(meant) != 1:
            return "MX314" if meant else "MX310"
        (transfer,) = meant
        if transfer.anomaly != "open":
            return None if transfer.anomaly == resolution else "MX311"
        if resolution == "booked":
            if not self.is_free(refund, part):
                return "MX301"
            self.take_in(refund, part)
            sent.arrives(transfer)
        transfer.anomaly = resolution
        self.out_of_place(part, sent, resolution)
        return None

    # What channels take back by themselves.

    def lose(self, payment: Payment, amount: int) -> None:
        """The channel took it and nobody owes it, or less than nothing: it is lost no longer."""

    def charge_fee(self, payment: Payment, fee: int) -> None:
        """What the channel takes for a chargeback."""

    def ways_of(self, payment: Payment) -> list[tuple[Refund, Part, Sent]]:
        """All that a payment gives back, the oldest first."""
        found = [
            (refund, part, sent)
            for refund in self.refunds.values()
            for part in refund.parts
            if part.payment is payment
            for sent in part.ways
        ]
        return sorted(found, key=lambda x: x[2].nth)

    def free_surplus(self, payment: Payment, amount: int) -> int:
        """What of this much is free of the surplus, after all has been freed that is not sent."""
        while payment.surplus - payment.returned < amount:
            unsent = [
                (refund, part, sent)
                for refund, part, sent in self.ways_of(payment)
                if refund.order_no is None and sent.state in ("waiting", "pending")
            ]
            if not unsent:
                break
            refund, part, sent = unsent[0]
            sent.state = "failed"
            self.free(refund, part)
        return min(amount, payment.surplus - payment.returned)

    def from_lines(self, trade: Trade, amount: int, order_no: str | None) -> dict[Line, int]:
        """In reverse of how money fills them."""
        lines = [x for x in trade.lines if order_no in (None, x.order_no)]
        refundable = {line: line.paid - line.refunded for line in lines}
        taken = {}
        if trade.allocation == "pro_rata" and order_no is None:
            total = sum(refundable.values()) or 1
            taken = {line: amount * x // total for line, x in refundable.items()}
            first = sorted(lines, key=lambda x: -(amount * refundable[x] % total))
            for line in first[: amount - sum(taken.values())]:
                taken[line] += 1
        else:
            for line in reversed(lines):
                taken[line] = min(amount, refundable[line])
                amount -= taken[line]
        return {line: taken[line] for line in lines if taken[line]}

    def leave_to_a_person(self, payment: Payment, reason: str) -> None:
        for _, _, sent in self.ways_of(payment):
            if sent.state in ("waiting", "pending") and not sent.waits_for:
                sent.state, sent.waits_for = "waiting", reason

    def rest_of_surplus(self, payment: Payment, taking: Taking) -> None:
        """What is left of it goes back anew, when somebody has looked at it."""
        rest = payment.surplus - payment.returned
        if rest:
            payment.returned += rest
            self.make("surplus", Refund(None, [Part(payment, rest, [way(payment.channel)])]))
            self.leave_to_a_person(payment, taking.reason())

    def take_back(self, taking: Taking, kind: str, order_no: str | None, amount: int) -> None:
        payment = taking.payment
        sent = gone(payment.channel)
        part = Part(payment, amount, [sent])
        refund = Refund(order_no, [part], is_taken=True)
        self.make(kind, refund)
        taking.refunds.append(refund)
        self.sent(part, sent, amount)
        if order_no is None:
            payment.returned += amount
        else:
            payment.refunded += amount
            self.take(payment.trade.line(order_no), [part])

    def return_payment(self, payment: Payment, number: str, amount: int | None) -> str | None:
        if payment.state != "succeeded":
            return "MX226"
        if amount is None:
            before = sum(x.amount for x in payment.takings if x.is_return)
            amount = payment.applied + payment.surplus - before
            if amount <= 0:
                return "MX222"
        taking = self.takings[number] = Taking(number, payment, amount, is_return=True)
        surplus = self.free_surplus(payment, amount)
        taking.unapplied = min(amount - surplus, payment.refundable())
        taking.lost = amount - surplus - taking.unapplied
        payment.takings.append(taking)
        self.lose(payment, taking.lost)
        self.unapply(taking, surplus, self.from_lines(payment.trade, taking.unapplied, None))
        if surplus:
            self.rest_of_surplus(payment, taking)
        self.leave_to_a_person(payment, taking.reason())
        return None

    def unapply(self, taking: Taking, surplus: int, taken: dict[Line, int]) -> None:
        """Money of a returned payment: its orders are payable again, here or where they are."""
        payment, total = taking.payment, sum(taken.values())
        trade = payment.trade
        if not surplus + total:
            return
        falling = {line for line in taken if line.cancelled}
        for line in taken:
            if trade.state != "closed" and not line.live and not line.cancelled:
                if any(x.live for _, x in self.lines_of(line.order_no)):
                    falling.add(line)
                    self.seen["returned of an order that is elsewhere"] += 1
                else:
                    line.live = True
        if trade.state == "paid" and not falling.issuperset(taken):
            trade.state = "open"
            self.seen["open again"] += 1
        for line, amount in taken.items():
            self.unpay(line, amount)
            line.amount -= amount if line in falling else 0
        payment.applied -= total
        payment.surplus += total
        self.take_back(taking, "return", None, surplus + total)
        if trade.state == "paid" and not any(line.paid for line in trade.lines):
            self.end(trade, keep=False)
            self.seen["closed, for nothing is left"] += 1

    def charge_back(
        self, payment: Payment, number: str, amount: int, fee: int, order_no: str | None
    ) -> str | None:
        if payment.state != "succeeded":
            return "MX226"
        if order_no and not any(x.order_no == order_no for x in payment.trade.lines):
            return "MX111"
        taking = Taking(number, payment, amount, is_return=False, order_no=order_no, fee=fee)
        self.takings[number] = taking
        self.charge_fee(payment, fee)
        self.charge(taking, amount)
        payment.takings.append(taking)
        self.leave_to_a_person(payment, taking.reason())
        return None

    def charge(self, taking: Taking, amount: int) -> None:
        """Of the surplus, then of the orders; of an order that is named first."""
        payment, trade = taking.payment, taking.payment.trade
        if taking.order_no:
            of_orders = min(amount, payment.refundable())
            taken = self.from_lines(trade, of_orders, taking.order_no)
            surplus = self.free_surplus(payment, amount - sum(taken.values()))
        else:
            surplus = self.free_surplus(payment, amount)
            taken = self.from_lines(trade, min(amount - surplus, payment.refundable()), None)
        lost = amount - surplus - sum(taken.values())
        taking.lost += lost
        self.lose(payment, lost)
        for line, share in taken.items():
            self.take_back(taking, "chargeback", line.order_no, share)
        if surplus:
            self.take_back(taking, "chargeback", None, surplus)
            self.rest_of_surplus(payment, taking)

    def reverse_chargeback(self, taking: Taking, amount: int | None) -> str | None:
        """amount: what came back in all."""
        payment = taking.payment
        if amount is not None and amount > taking.amount:
            return "MX225"
        back = (taking.amount if amount is None else amount) - taking.reversed
        if back <= 0:
            return None
        found = min(back, taking.lost)
        taking.reversed += back
        taking.lost -= found
        self.lose(payment, -found)
        left, too_much, surplus = back - found, 0, False
        for refund in list(taking.refunds):
            (part,) = refund.parts
            (sent,) = part.ways
            if not left or sent.state != "succeeded":
                continue
            sent.state = "bounced"
            self.sent(part, sent, -part.amount)
            self.free(refund, part)
            too_much, left = max(0, part.amount - left), max(0, left - part.amount)
            surplus = surplus or refund.order_no is None
        if too_much:
            # The books are as if it had been for the rest.
            self.charge(taking, too_much)
            self.seen["came back in part"] += 1
        if surplus:
            self.rest_of_surplus(payment, taking)
        if taking.reversed == taking.amount:
            self.send_after_all(payment, taking.reason())
        return None

    def send_after_all(self, payment: Payment, reason: str) -> None:
        """What waited for it goes on, or waits for the next."""
        others = [x.reason() for x in payment.takings if x.is_return or x.state() != "reversed"]
        for _, _, sent in self.ways_of(payment):
            if sent.state == "waiting" and sent.waits_for == reason:
                sent.waits_for = others[0] if others else None
                if not others:
                    sent.state = way(sent.channel).state

    def cover(self, payment: Payment, order_no: str | None, freed: int) -> None:
        """What has just come free is taken for what is lost, of the oldest first."""
        last = None
        for taking in payment.takings:
            other = order_no and taking.order_no and taking.order_no != order_no
            amount = 0 if other else min(freed, taking.lost)
            if not amount:
                continue
            last = taking
            freed -= amount
            taking.lost -= amount
            self.lose(payment, -amount)
            self.seen["covered what was lost"] += 1
            if not taking.is_return:
                self.take_back(taking, "chargeback", order_no, amount)
            elif order_no:
                taking.unapplied += amount
                self.unapply(taking, 0, {payment.trade.line(order_no): amount})
            else:
                self.unapply(taking, amount, {})
        if last and order_no is None:
            self.rest_of_surplus(payment, last)


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
            self.merge: 9,
            self.start: 3,
            self.succeed: 2,
            self.fail: 1,
            self.record: 11,
            self.refund: 7,
            self.close: 1.5,
            self.cancel: 1,
            self.record_refund: 2,
            self.record_channel_refund: 1,
            self.resolve: 0.5,
            self.reprice: 1.5,
            self.capture: 1,
            self.take: 3,
            self.charge_back: 3,
        }
        states = {payment.state for payment in self.model.payments.values()}
        steps[self.authorize] = 3 if "pending" in states else 0.3
        if any(not x.is_return for x in self.model.takings.values()):
            steps[self.win] = 2.5
        if self.model.refunds:
            steps |= {self.claim: 1, self.news: 9, self.redirect: 3, self.write_off: 1}
        return steps

    def step(self) -> None:
        steps = self.steps()
        self.random.choices(list(steps), list(steps.values()))[0]()
        if self.count % 3 == 0:
            self.date()

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
        if payment := self.started("pending", "authorized", "failed", "closed"):
            reserved = payment.authorized or payment.asked
            amount = self.random.choice([None, reserved, (reserved + 1) // 2, payment.asked + 5])
            paid_at = self.moment()
            self.model.seen["captured"] += payment.authorized is not None
            self.model.arrive(payment, reserved if amount is None else amount, paid_at)
            self.agree(None, "succeed_payment", payment.payment_no, None, paid_at, amount)

    def fail(self) -> None:
        states = ["pending", "authorized", "failed", "closed", "succeeded"]
        if payment := self.started(*self.random.sample(states, 3)):
            self.model.seen["voided"] += payment.state != "succeeded" and bool(payment.authorized)
            expected = self.model.fail_payment(payment)
            self.agree(expected, "fail_payment", payment.payment_no, "declined")

    def authorize(self) -> None:
        states = ("pending", "authorized", "failed", "closed")
        if payment := self.started(*states if self.random.random() < 0.9 else ["succeeded"]):
            known = payment.authorized or payment.asked
            amount = self.random.choice([None, None, known, payment.asked + 3])
            expected = self.model.authorize(payment, amount)
            arguments = (payment.payment_no, None, None, amount)
            rows = self.agree(expected, "authorize_payment", *arguments)
            if rows:
                assert (rows[0].state, rows[0].authorized) == (payment.state, payment.authorized)

    def capture(self) -> None:
        """One more capture of what was authorized."""
        found = [p for p in self.model.payments.values() if p.authorized is not None]
        if found or self.random.random() < 0.05:
            captured = self.random.choice(found or list(self.model.payments.values()) or [None])
            if not captured:
                return
            trade_no = next(no for no, t in self.model.trades.items() if t is captured.trade)
            trade_no = trade_no if self.random.random() < 0.9 else self.trade_no() or trade_no
            number, amount, paid_at = self.number("P"), self.amount(trade_no), day(3)
            expected = self.model.record(
                trade_no, number, amount, captured.channel, paid_at, captured
            )
            arguments = (trade_no, number, captured.channel, amount, paid_at)
            self.agree(expected, "record_payment", *arguments, captures=captured.payment_no)

    def record(self) -> None:
        if trade_no := self.trade_no():
            number, amount = self.number("P"), self.amount(trade_no)
            channel, paid_at = self.channel(), self.moment()
            self.model.record(trade_no, number, amount, channel, paid_at)
            self.agree(None, "record_payment", trade_no, number, channel, amount, paid_at)

    def moment(self) -> datetime | None:
        """When money arrived; not always known at once."""
        moment = day(self.random.randint(1, 6))
        return None if self.count % 3 == 1 else moment

    def date(self) -> None:
        """The same news once more, with the moment."""
        arrived = [p for p in self.model.payments.values() if p.state == "succeeded"]
        if not arrived:
            return
        payment = next((p for p in arrived if p.assumed), arrived[self.count % len(arrived)])
        paid_at = day(1 + self.count % 7)
        expected = self.model.date(payment, paid_at)
        if payment.recorded:
            trade_no = next(no for no, t in self.model.trades.items() if t is payment.trade)
            arguments = (trade_no, payment.payment_no, payment.channel, payment.asked, paid_at)
            self.agree(expected, "record_payment", *arguments)
        else:
            self.agree(expected, "succeed_payment", payment.payment_no, None, paid_at)

    def channel(self) -> str:
        return "cash" if self.random.random() < 0.3 else "card"

    def order_no(self) -> str | None:
        """One to refund."""
        orders = list(self.model.orders)
        # Now and then one that was paid through several trades.
        several = [
            no
            for no in orders
            if sum(line.paid > line.refunded for _, line in self.model.lines_of(no)) > 1
        ]
        if several and self.random.random() < 0.2:
            return self.random.choice(several)
        return self.random.choice(orders[-8:]) if orders else None

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

    def reprice(self) -> None:
        if order_no := self.random.choice([*self.model.orders][-8:] or [""]):
            number, known = self.number("Q"), self.model.orders[order_no]
            amount = self.random.randint(1, known.amount + known.amount // 4 + 1)
            expected = self.model.reprice(order_no, amount)
            for row in self.agree(expected, "reprice_order", order_no, number, amount, "as agreed"):
                assert row.amount == amount

    def record_channel_refund(self) -> None:
        if payment := self.started("succeeded"):
            order_no = self.random.choice(payment.trade.lines).order_no
            if self.random.random() < 0.1:
                order_no = self.random.choice(list(self.model.orders))
            number, amount = self.number("R"), self.random.randint(1, max(2, payment.refundable()))
            expected = self.model.record_channel_refund(number, order_no, amount, payment)
            arguments = (order_no, number, amount, payment.payment_no)
            for row in self.agree(expected, "record_channel_refund", *arguments):
                assert (row.amount, row.state) == (amount, "succeeded")

    def close(self) -> None:
        if number := self.trade_no():
            keep = self.random.random() < 0.6
            code = self.model.close(self.model.trades[number], keep)
            self.agree(code, "close_trade", number, "abandoned", keep)

    def cancel(self) -> None:
        if number := self.trade_no():
            trade = self.model.trades[number]
            line = self.random.choice(trade.lines)
            code = self.model.cancel(trade, line)
            self.agree(code, "cancel_order", number, line.order_no, "sold out")

    # What channels take back by themselves.

    def arrived(self) -> Payment | None:
        """One of the newest payments, most of the time one that has arrived."""
        found = [
            p
            for p in self.model.payments.values()
            if p.state == "succeeded" or self.random.random() < 0.02
        ]
        # Its orders may have been merged elsewhere meanwhile.
        elsewhere = [p for p in found if p.trade.state == "paid" and self.elsewhere(p.trade)]
        found = elsewhere if elsewhere and self.random.random() < 0.6 else found
        return self.random.choice(found[-12:]) if found else None

    def elsewhere(self, trade: Trade) -> bool:
        others = (x for line in trade.lines for _, x in self.model.lines_of(line.order_no))
        return any(x.live for x in others)

    def some(self, payment: Payment) -> int:
        arrived = payment.applied + payment.surplus or payment.asked
        return self.random.choice([arrived, *3 * [self.random.randint(1, arrived)], arrived + 4])

    def take(self) -> None:
        if payment := self.arrived():
            number, amount = self.number("B"), self.random.choice([None, self.some(payment)])
            expected = self.model.return_payment(payment, number, amount)
            arguments = (payment.payment_no, number, "no cover", amount)
            for row in self.agree(expected, "return_payment", *arguments):
                taking = self.model.takings[number]
                assert row.amount == taking.amount
                assert (row.unapplied, row.lost) == (taking.unapplied, taking.lost)

    def charge_back(self) -> None:
        if payment := self.arrived():
            number, amount = self.number("C"), self.some(payment)
            fee, order_no = self.random.choice([0, 3]), None
            if self.random.random() < 0.4:
                orders = [x.order_no for x in payment.trade.lines]
                order_no = self.random.choice([*2 * orders, *list(self.model.orders)[-1:]])
            expected = self.model.charge_back(payment, number, amount, fee, order_no)
            arguments = (payment.payment_no, number, amount, "not mine", fee)
            self.charged(
                number, self.agree(expected, "charge_back_payment", *arguments, order_no=order_no)
            )

    def win(self) -> None:
        found = [x for x in self.model.takings.values() if not x.is_return][-8:]
        taking = self.random.choice(found)
        some = self.random.randint(1, taking.amount)
        amount = self.random.choice([None, some, some, taking.amount + 1])
        expected = self.model.reverse_chargeback(taking, amount)
        rows = self.agree(expected, "reverse_chargeback", taking.number, "won", amount)
        self.charged(taking.number, rows)

    def charged(self, number: str, rows: list[Row]) -> None:
        for row in rows:
            taking = self.model.takings[number]
            found = (row.amount, row.fee, row.lost, row.reversed, row.state)
            assert found == (
                *(taking.amount, taking.fee, taking.lost, taking.reversed),
                taking.state(),
            )

    def write_off(self) -> None:
        number, refund, part = self.part(12)
        sent = self.way(part)
        sent_no = self.sent_no(number, part, sent)
        code = self.model.write_off(refund, part, sent)
        for row in self.agree(code, "write_off", sent_no, "a cent"):
            assert row.state == sent.state

    def part(self, newest: int) -> tuple[str, Refund, Part]:
        """A part of one of the newest refunds, with the refund's number."""
        refunds = self.model.refunds
        # Of what the channel took by itself there is no news.
        some = [no for no in refunds if not refunds[no].is_taken or self.random.random() < 0.1]
        # What comes free of a payment that lost some is covered by it.
        lossy = [
            no
            for no in some
            if any(x.lost for part in refunds[no].parts for x in part.payment.takings)
        ]
        some = lossy if lossy and self.random.random() < 0.25 else some
        number = self.random.choice((some or list(refunds))[-newest:])
        refund = self.model.refunds[number]
        return number, refund, self.random.choice(refund.parts)

    def way(self, part: Part) -> Sent:
        """Most of the time the newest."""
        return part.ways[-1] if self.random.random() < 0.8 else self.random.choice(part.ways)

    def sent_no(self, number: str, part: Part, sent: Sent) -> str:
        """The number of this channel refund: they sort by time."""
        payment_no = part.payment.payment_no
        kind, _, nth = number.partition(" ")
        if nth:
            query = (
                "select refund_no from mixpay.refunds where (merchant_id, kind) = (%s, %s) "
                "order by refund_no limit 1 offset %s"
            )
            ((refund_no,),) = self.shop.query(query, self.shop.merchant, kind, int(nth) - 1)
        else:
            refund_no = number
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

    def named(self, refund_no: str) -> str:
        """How the model calls it."""
        if refund_no in self.model.refunds:
            return refund_no
        query = (
            "select kind, (select count(*) from mixpay.refunds as x where x.merchant_id = "
            "r.merchant_id and x.kind = r.kind and x.refund_no <= r.refund_no) as nth "
            "from mixpay.refunds as r where (merchant_id, refund_no) = (%s, %s)"
        )
        ((kind, nth),) = self.shop.query(query, self.shop.merchant, refund_no)
        return f"{kind} {nth}"

    def claim(self) -> None:
        claimed = self.shop.rows("claim_channel_refunds", "worker", 5, "1 hour")
        for row in claimed:
            parts = self.model.refunds[self.named(row.refund_no)].parts
            (part,) = (x for x in parts if x.payment.payment_no == row.payment_no)
            (sent,) = (x for x in part.ways if x.state == "pending")
            sent.state = "sent"

    def news(self) -> None:
        number, refund, part = self.part(8)
        freed = [
            (no, refund, part, sent)
            for no, refund in self.model.refunds.items()
            for part in refund.parts
            for sent in part.ways
            if sent.state == "failed" or (sent.state == "bounced" and not refund.is_taken)
        ]
        sent, is_late = self.way(part), bool(freed) and self.random.random() < self.late
        if is_late:
            # What went before may go again.
            went = [x for x in freed[-40:] if x[3].transfers]
            again = bool(went) and self.random.random() < 0.6
            number, refund, part, sent = self.random.choice(went if again else freed[-12:])
        call = self.random.choice([*2 * ["complete"], *3 * ["fail"], "doubt", *2 * ["bounce"]])
        sent_no = self.sent_no(number, part, sent)
        if call == "bounce":
            told = [None, *(x.txn for x in sent.transfers)]
            txn = self.number("X") if self.random.random() < 0.2 else self.random.choice(told)
            code = self.model.bounce(refund, part, sent, txn)
            self.agree(code, "bounce_channel_refund", sent_no, "account closed", txn)
        elif is_late or call == "complete":
            # Now and then its number comes later, or another transfer of the same.
            often = 0.8 if sent.transfers else 0.5
            txn = self.number("X") if self.random.random() < often else None
            code = self.model.complete(refund, part, sent, txn)
            self.agree(code, "complete_channel_refund", sent_no, txn)
        elif call == "fail":
            code = self.model.fail(refund, part, sent)
            self.agree(code, "fail_channel_refund", sent_no, "refused")
        else:
            code = self.model.doubt(refund, sent)
            self.agree(code, "doubt_channel_refund", sent_no, "time-out", retry_after="1 day")

    def resolve(self) -> None:
        listed = [
            (no, refund, part, sent)
            for no, refund in self.model.refunds.items()
            for part in refund.parts
            for sent in part.ways
            if sent.anomalies()
        ]
        if listed:
            number, refund, part, sent = self.random.choice(listed)
            sent_no = self.sent_no(number, part, sent)
            resolution = self.random.choice(["booked", "recovered", "written_off"])
            nth = self.random.choice([None, 1, *sent.anomalies(), *sent.anomalies()])
            code = self.model.resolve(refund, part, sent, resolution, nth)
            self.agree(code, "resolve_anomaly", sent_no, resolution, "looked into", nth)


NUMBERED = (
    "(select merchant_id, refund_no, state, case when kind in ('surplus', 'reversal', 'return', "
    "'chargeback') then kind || ' ' || row_number() over (partition by merchant_id, kind "
    "order by refund_no) else refund_no end as number from mixpay.refunds)"
)
EVERYTHING = {
    "trades": "select trade_no, state, amount, paid, refunded from mixpay.trades",
    "orders": "select order_no, amount, paid, refunded, mergeable from mixpay.order_balances",
    "lines": "select trade_no, order_no, amount, paid, refunded, live from mixpay.trade_orders",
    "payments": "select payment_no, state, applied, surplus, refunded, surplus_refunded, "
    "authorized, voided_at is not null "
    "from mixpay.payments",
    "details": f"select r.number, d.payment_no, d.amount, r.state, array_agg(array[x.channel, "
    "x.state, (select coalesce(string_agg("
    "t.nth || coalesce(t.channel_txn_no, '') || ' ' || t.state, ', ' order by t.nth), '') "
    "from mixpay.transfer_list as t where t.merchant_id = x.merchant_id "
    "and t.channel_refund_no = x.channel_refund_no)] "
    "order by x.channel_refund_no) "
    "from mixpay.refund_details as d "
    f"inner join {NUMBERED} as r using (merchant_id, refund_no) "
    "inner join mixpay.channel_refunds as x using (merchant_id, refund_no, payment_no)",
    "authorizations": "select payment_no, trade_no, authorized from mixpay.authorization_list",
    "returns": "select return_no, payment_no, amount, unapplied, lost from mixpay.returns",
    "chargebacks": "select chargeback_no, payment_no, order_no, amount, fee, lost, reversed, state "
    "from mixpay.chargebacks",
}
GROUPED = {"details": " group by r.number, d.payment_no, d.amount, r.state"}


def in_database(conn: Connection[Any], merchant: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    # Sent at once: most of them take less than their way.
    with conn.pipeline():
        cursors = {
            name: conn.execute(f"{query} where merchant_id = %s{GROUPED.get(name, '')}", [merchant])
            for name, query in EVERYTHING.items()
        }
    for name, cursor in cursors.items():
        keys = 2 if name in ("lines", "details") else 1
        found[name] = {
            (row[:keys] if keys > 1 else row[0]): row[keys:] for row in cursor.fetchall()
        }
    return found


def in_model(model: Model) -> dict[str, Any]:
    return {
        "trades": {
            no: (
                trade.state,
                sum(x.amount for x in trade.lines),
                sum(x.paid for x in trade.lines),
                sum(x.refunded for x in trade.lines),
            )
            for no, trade in model.trades.items()
        },
        "orders": {
            no: (
                order.amount,
                sum(line.paid for _, line in model.lines_of(no)),
                sum(line.refunded for _, line in model.lines_of(no)),
                model.left(no),
            )
            for no, order in model.orders.items()
        },
        "lines": {
            (no, x.order_no): (x.amount, x.paid, x.refunded, x.live)
            for no, trade in model.trades.items()
            for x in trade.lines
        },
        "payments": {
            no: (
                *(p.state, p.applied, p.surplus, p.refunded + p.returned, p.returned),
                *(p.authorized, p.voided),
            )
            for no, p in model.payments.items()
        },
        "details": {
            (no, part.payment.payment_no): (
                part.amount,
                state,
                [[x.channel, x.state, x.told()] for x in part.ways],
            )
            for no, refund in model.refunds.items()
            for state in [refund.state()]
            for part in refund.parts
        },
        "authorizations": {
            no: (trade_no, p.authorized)
            for trade_no, trade in model.trades.items()
            for p in trade.payments
            for no in [p.payment_no]
            if p.authorized and not p.voided and p.state != "succeeded"
        },
        "returns": {
            no: (x.payment.payment_no, x.amount, x.unapplied, x.lost)
            for no, x in model.takings.items()
            if x.is_return
        },
        "chargebacks": {
            no: (x.payment.payment_no, x.order_no, x.amount, x.fee, x.lost, x.reversed, x.state())
            for no, x in model.takings.items()
            if not x.is_return
        },
    }
