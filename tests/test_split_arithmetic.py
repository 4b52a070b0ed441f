"""Random lives of orders that are split, against a model that knows who is due what."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from psycopg import Connection
from shop import Json, Shop
from units import first_units

from mixpay_db import errors

LIVES = range(33, 63)  # together they do all that the last lines of the test name
STEPS = 22
LARGEST = 10**15


@dataclass(frozen=True)
class Receiver:
    account: str
    fixed: int
    rate: int
    rest: bool
    keeps: bool


@dataclass
class Line:
    """An order's part in one trade; given and taken are its receivers', in their order."""

    order: "Order"
    trade_no: str
    amount: int
    hold: bool
    paid: int = 0
    refunded: int = 0
    in_escrow: int = 0
    live: bool = True
    cancelled: bool = False
    given: list[int] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    # What refunds have taken of what its payee had got already.
    owed: int = 0

    def left(self) -> int:
        return self.paid - self.refunded

    def has(self, i: int) -> int:
        """Who takes the rest bears what was taken of those who keep theirs."""
        receivers = self.order.receivers
        borne = sum(t for r, t in zip(receivers, self.taken, strict=True) if r.keeps)
        return (
            self.given[i]
            - (0 if receivers[i].keeps else self.taken[i])
            - (borne if receivers[i].rest else 0)
        )


@dataclass
class Order:
    order_no: str
    amount: int
    payee: str | None
    lines: list[Line] = field(default_factory=list)
    receivers: list[Receiver] = field(default_factory=list)
    at_payment: bool = False
    # Something was taken out again of what had been divided.
    shrank: bool = False

    def unpaid(self) -> int:
        return self.amount - sum(x.amount if x.live else x.paid for x in self.lines)

    def divided(self) -> int:
        return sum(sum(line.given) for line in self.lines)

    def due(self, i: int) -> int:
        receiver = self.receivers[i]
        return receiver.fixed + self.divided() * receiver.rate // 10000

    def home(self) -> int | None:
        """The place of its own payee among those whose money may be in escrow."""
        accounts = [r.account for r in self.receivers]
        name = f"payee:{self.payee}"
        return accounts.index(name) if self.at_payment and name in accounts else None


def add(line: Line, amount: int) -> None:
    """Divide so much more of the line, or less: to each in turn what he is due, then the rest."""
    order = line.order
    rest = next(i for i, r in enumerate(order.receivers) if r.rest)
    line.given[rest] += amount  # whosever it was: now the order's sum is right
    dues = [order.due(i) for i in range(len(order.receivers))]
    left = sum(line.given) - sum(line.taken)
    for i in range(len(order.receivers)):
        if i != rest:
            elsewhere = sum(x.given[i] for x in order.lines if x is not line)
            more = min(left, max(0, dues[i] - elsewhere - line.taken[i]))
            line.given[i] = line.taken[i] + more
            left -= more
    line.given[rest] = line.taken[rest] + left
    order.shrank |= amount < 0


def take(line: Line, amount: int) -> None:
    """In proportion to the shares, but nobody gets back what he gave before."""
    line.taken = first_units(line.given, line.given, line.taken, sum(line.taken) + amount)


def give_back(line: Line, amount: int) -> None:
    """Beyond what was taken, it comes in for the first time."""
    old = min(amount, sum(line.taken))
    line.taken = first_units(line.given, line.taken, [0] * len(line.taken), sum(line.taken) - old)
    if amount > old:
        add(line, amount - old)


def payees(line: Line) -> int:
    """Of what is divided at payment, what is its own payee's: in escrow or not."""
    home = line.order.home()
    return 0 if home is None else line.has(home)


def hold(line: Line, wish: int) -> None:
    home = line.order.home()
    most = line.given[home] - line.taken[home] if home is not None and line.hold else 0
    line.in_escrow = max(0, min(wish, most))


def pay(line: Line, amount: int) -> None:
    line.paid += amount
    if not line.order.receivers:
        line.in_escrow += amount if line.hold or line.order.payee is None else 0
    elif not line.order.at_payment and line.hold:
        line.in_escrow += amount
    else:
        before = payees(line)
        add(line, amount)
        hold(line, line.in_escrow + payees(line) - before)


def release(line: Line, amount: int) -> None:
    line.in_escrow -= amount
    if line.order.receivers and not line.order.at_payment:
        add(line, amount)


def refund(line: Line, amount: int) -> int:
    """How much of it was no longer in escrow."""
    line.refunded += amount
    in_escrow = line.in_escrow
    if line.order.at_payment:
        before = payees(line)
        take(line, amount)
        hold(line, in_escrow + payees(line) - before)
        line.owed += (before - in_escrow) - (payees(line) - line.in_escrow)
    else:
        line.in_escrow -= min(amount, in_escrow)
        line.owed += amount - (in_escrow - line.in_escrow)
        if line.order.receivers:
            take(line, amount - (in_escrow - line.in_escrow))
    return amount - (in_escrow - line.in_escrow)


def free(line: Line, amount: int, cleared: int) -> None:
    """What was no longer in escrow comes back first."""
    line.refunded -= amount
    if line.order.receivers and not line.hold and cleared == 0:
        add(line, amount)  # it was refunded before the split
    elif line.order.at_payment:
        before, in_escrow = payees(line), line.in_escrow
        give_back(line, amount)
        gain = payees(line) - before
        hold(line, in_escrow + gain - min(line.owed, max(0, gain)))
        line.owed -= gain - (line.in_escrow - in_escrow)
    else:
        line.in_escrow += amount - cleared
        line.owed -= cleared
        if line.order.receivers:
            give_back(line, cleared)


def unpay(line: Line, amount: int) -> None:
    line.paid -= amount
    line.amount -= amount if line.cancelled else 0
    if line.order.at_payment:
        before = payees(line)
        add(line, -amount)
        hold(line, line.in_escrow + payees(line) - before)
        return
    in_escrow = line.in_escrow
    line.in_escrow -= min(in_escrow, amount)
    if line.order.receivers and amount > in_escrow:
        add(line, in_escrow - amount)


def split(order: Order, receivers: list[Receiver], at_payment: bool) -> None:
    order.receivers, order.at_payment = receivers, at_payment
    for line in order.lines:
        line.given, line.taken = [0] * len(receivers), [0] * len(receivers)
    for line in order.lines:
        was_in_escrow = line.in_escrow
        if at_payment or not line.hold:
            add(line, line.left())
            hold(line, payees(line) - (line.left() - was_in_escrow))
        else:
            add(line, line.left() - was_in_escrow)


def accounts(orders: list[Order]) -> Counter[str]:
    found: Counter[str] = Counter()
    for order in orders:
        for line in order.lines:
            found[f"order:{order.order_no}"] += line.in_escrow
            if not order.receivers and order.payee:
                found[f"payee:{order.payee}"] += line.left() - line.in_escrow
            for i, receiver in enumerate(order.receivers):
                found[receiver.account] += line.has(i) - (
                    line.in_escrow if i == order.home() else 0
                )
    return found


def greedy(order: Order) -> list[int]:
    left = order.divided()
    shares = [0] * len(order.receivers)
    for i, receiver in enumerate(order.receivers):
        if not receiver.rest:
            shares[i] = min(left, order.due(i))
            left -= shares[i]
    return [left if r.rest else s for r, s in zip(order.receivers, shares, strict=True)]


def promises(order: Order) -> None:
    """What must be true whatever came before."""
    for line in order.lines:
        assert 0 <= line.in_escrow <= line.left()
        has = [line.has(i) for i in range(len(order.receivers))]
        if order.receivers:
            assert sum(has) == line.left() - (0 if order.at_payment else line.in_escrow)
        assert all(h >= 0 or r.rest for h, r in zip(has, order.receivers, strict=True))
        if line.refunded == line.paid:
            assert all(
                r.rest or h == (g if r.keeps else 0)
                for h, r, g in zip(has, order.receivers, line.given, strict=True)
            )
    if order.receivers and not order.shrank:
        given = [sum(x.given[i] for x in order.lines) for i in range(len(order.receivers))]
        # In each trade of its own, to the unit; over all of them never more than is due.
        assert all(
            r.rest or g <= order.due(i)
            for i, (g, r) in enumerate(zip(given, order.receivers, strict=True))
        )
        if len(order.lines) == 1:
            assert given == greedy(order)


@dataclass
class Part:
    """One channel refund."""

    number: str
    line: Line
    amount: int
    cleared: int
    state: str
    redirected: bool = False


class Life:
    """A merchant's orders: each step is done to the model and to the database."""

    def __init__(self, conn: Connection[Any], seed: int) -> None:
        self.random = Random(seed)
        self.shop = Shop(conn, f"m{seed}")
        self.shop.call("register_merchant", "Shop")
        for payee in ("S", "S2"):
            self.shop.call("register_payee", payee, "Store")
        self.most = self.random.choice([3, 12, 12, 40, 1000, LARGEST])
        self.orders: list[Order] = []
        # The largest amount must do for all the orders of a trade.
        count = 1 if self.most == LARGEST else self.random.choice([1, 2, 2, 3])
        for name in ("A", "B", "C")[:count]:
            amount = self.random.randint(max(1, self.most // 3), self.most)
            self.orders.append(Order(name, amount, self.random.choice(["S", "S", "S2", None])))
        self.trades: dict[str, list[Line]] = {}
        self.states: dict[str, str] = {}
        self.parts: list[Part] = []
        self.count = 0
        self.did: Counter[str] = Counter()

    def number(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count:04}"

    def part_of(self, most: int) -> int:
        """Often all of it."""
        return most if self.random.random() < 0.25 else self.random.randint(1, most)

    def lines(self) -> list[Line]:
        return [line for order in self.orders for line in order.lines]

    def step(self) -> None:
        calls = {
            self.merge: 3, self.pay: 7, self.release: 3, self.refund: 5, self.split: 2,
            self.news: 6, self.redirect: 1.5, self.close: 1, self.cancel: 2,
        }  # fmt: skip
        # Until one of them finds something to do.
        for call in self.random.choices(list(calls), list(calls.values()), k=20):
            if call():
                break
        self.agree()

    def merge(self) -> bool:
        some = [o for o in self.orders if o.unpaid() > 0 and not any(x.live for x in o.lines)]
        if not some:
            return False
        trade_no = self.number("T")
        sent: Json = []
        self.trades[trade_no], self.states[trade_no] = [], "open"
        for order in self.random.sample(some, self.random.choice([1, len(some), len(some)])):
            share = self.part_of(order.unpaid())
            line = Line(order, trade_no, share, self.random.random() < 0.6)
            line.given, line.taken = [0] * len(order.receivers), [0] * len(order.receivers)
            order.lines.append(line)
            self.trades[trade_no].append(line)
            sent.append({
                "order_no": order.order_no, "amount": order.amount, "currency": "CNY",
                "payee_no": order.payee, "pay": share, "hold": line.hold,
            })  # fmt: skip
        self.shop.call("merge_orders", sent, trade_no)
        return True

    def lacking(self, trade_no: str) -> int:
        return sum(x.amount - x.paid for x in self.trades[trade_no] if x.live)

    def allot(self, trade_no: str, amount: int) -> None:
        for line in [x for x in self.trades[trade_no] if x.live]:
            share = min(amount, line.amount - line.paid)
            if share:
                pay(line, share)
            amount -= share
        self.fill(trade_no)

    def fill(self, trade_no: str) -> None:
        if self.lacking(trade_no) == 0:
            self.states[trade_no] = "paid"
            for line in self.trades[trade_no]:
                line.live = False

    def open(self) -> list[str]:
        return [no for no, state in self.states.items() if state == "open"]

    def pay(self) -> bool:
        if not self.open():
            return False
        trade_no, number = self.random.choice(self.open()), self.number("P")
        amount = self.part_of(self.lacking(trade_no))
        self.allot(trade_no, amount)
        if self.random.random() < 0.7:
            self.shop.pay(trade_no, number, amount, "card")
        else:
            self.shop.rows("record_payments", [
                {"trade_no": trade_no, "payment_no": number, "channel": "card", "amount": amount}
            ])  # fmt: skip
        return True

    def release(self) -> bool:
        some = [
            o for o in self.orders if (o.payee or o.receivers) and any(x.in_escrow for x in o.lines)
        ]
        if not some:
            return False
        order = self.random.choice(some)
        amount = left = self.part_of(sum(x.in_escrow for x in order.lines))
        for line in order.lines:
            share = min(left, line.in_escrow)
            if share:
                release(line, share)
            left -= share
        self.shop.call("release_order", order.order_no, self.number("L"), amount)
        self.did["release"] += 1
        return True

    def refund(self, order: Order | None = None, amount: int | None = None) -> bool:
        some = [o for o in self.orders if any(x.left() for x in o.lines)]
        if not some:
            return False
        order = order or self.random.choice(some)
        amount = left = amount or self.part_of(sum(x.left() for x in order.lines))
        number = self.number("R")
        by_hand = self.random.random() < 0.15
        if by_hand:
            self.shop.call("record_refund", order.order_no, number, amount, "cash")
        else:
            self.shop.call("refund_order", order.order_no, number, amount)
        rows = self.shop.query(
            "select c.channel_refund_no, c.amount, c.state, p.trade_no "
            "from mixpay.channel_refunds as c "
            "inner join mixpay.payments as p using (merchant_id, payment_no) "
            "where (c.merchant_id, c.refund_no) = (%s, %s) order by p.paid_at, p.seq",
            self.shop.merchant,
            number,
        )
        for line in order.lines:
            share = min(left, line.left())
            left -= share
            cleared = refund(line, share) if share else 0
            parts = [row for row in rows if row.trade_no == line.trade_no]
            assert sum(row.amount for row in parts) == share
            # What was in escrow went first: the last parts are what was given back.
            for row in reversed(parts):
                own = min(cleared, row.amount)
                cleared -= own
                self.parts.append(Part(row.channel_refund_no, line, row.amount, own, row.state))
        self.did["refund"] += 1
        self.did["refund after split"] += bool(order.receivers)
        return True

    def split(self) -> bool:
        some = [o for o in self.orders if o.lines and not o.receivers]
        if not some:
            return False
        order = self.random.choice(some)
        shares, receivers = self.shares(order)
        at_payment = self.random.random() < 0.5
        split(order, receivers, at_payment)
        place = "payment" if at_payment else self.random.choice(["release", None])
        number = f"X{order.order_no}"
        self.shop.rows("split_order", order.order_no, number, shares, place)
        self.did["split of money"] += any(x.paid for x in order.lines)
        return True

    def shares(self, order: Order) -> tuple[Json, list[Receiver]]:
        """Most are rates and fixed amounts that are more than the first payments."""
        random = self.random
        names = [
            ("receiver", "R1"), ("receiver", "R2"), ("platform_fee", "F"), ("channel_fee", "F"),
            ("channel_fee", "C"), ("payee", "S"), ("payee", "S2"),
        ]  # fmt: skip
        chosen = random.sample(names, random.randint(1, 5))
        rest = None if order.payee and random.random() < 0.5 else random.choice(chosen)
        if rest is None:
            chosen = [n for n in chosen if n != ("payee", order.payee)] or [("receiver", "R3")]
        sent: Json = []
        rates = 10000 if random.random() < 0.5 else random.randint(1, 10000)
        for kind, receiver in chosen:
            share: dict[str, Any] = {"kind": kind, "receiver": receiver}
            if (kind, receiver) == rest:
                share["takes_remainder"] = True
            else:
                rate = min(rates, random.choice([0, 1, 250, 3333, 5000, random.randint(1, 9999)]))
                if rate and random.random() < 0.2:
                    rate = rates  # all that is left
                rates -= rate
                fixed = 0 if rate and random.random() < 0.6 else random.randint(1, order.amount)
                share |= {"rate": rate} if rate else {}
                share |= {"fixed": fixed} if fixed else {}
                share |= {"kept_on_refund": True} if random.random() < 0.35 else {}
            sent.append(share)
        total = sum(s.get("fixed", 0) for s in sent)
        total += sum(s.get("rate", 0) for s in sent) * order.amount // 10000
        if total > order.amount:
            return self.shares(order)
        receivers = [
            Receiver(
                f"{s['kind'].removeprefix('platform_')}:{s['receiver']}",
                s.get("fixed", 0),
                s.get("rate", 0),
                "takes_remainder" in s,
                "kept_on_refund" in s,
            )
            for s in sent
        ]
        if rest is None:
            receivers.append(Receiver(f"payee:{order.payee}", 0, 0, rest=True, keeps=False))
        return sent, receivers

    def news(self) -> bool:
        """Of a channel refund: it was sent, it failed, it bounced, it was sent after all."""
        some = [part for part in self.parts if not part.redirected and part.state != "bounced"]
        if not some:
            return False
        part = self.random.choice(some[-6:])
        if part.state == "failed":
            part.state = self.shop.call("complete_channel_refund", part.number, None).state
            if part.state == "succeeded":
                part.cleared = refund(part.line, part.amount)
                self.did["late success"] += 1
            part.redirected = part.state == "failed"  # an anomaly
            return True
        if part.state == "succeeded":
            call, part.state = "bounce", "bounced"
        else:
            call, part.state = self.random.choice(
                [("fail", "failed"), ("fail", "failed"), ("complete", "succeeded")]
            )
        self.shop.call(f"{call}_channel_refund", part.number, None if call == "complete" else "no")
        if call != "complete":
            free(part.line, part.amount, part.cleared)
            self.did["freed"] += 1
        return True

    def redirect(self) -> bool:
        some = [p for p in self.parts if not p.redirected and p.state != "succeeded"]
        if not some:
            return False
        part = self.random.choice(some)
        try:
            new = self.shop.call("redirect_channel_refund", part.number, "bank", "again")
        except errors.RefundTooLarge:  # its amount was given to others
            return False
        part.redirected = True
        freed = part.state in ("failed", "bounced")
        cleared = refund(part.line, part.amount) if freed else part.cleared
        self.parts.append(Part(new.channel_refund_no, part.line, part.amount, cleared, new.state))
        self.did["redirected"] += 1
        return True

    def end(self, trade_no: str) -> None:
        self.states[trade_no] = "closed"
        lines = self.trades[trade_no]
        for line in lines:
            line.live = False
        for line in sorted(lines, key=lambda x: x.order.order_no):
            if line.left():
                unpay(line, line.left())

    def close(self) -> bool:
        some = [no for no, state in self.states.items() if state in ("open", "keeps_paid")]
        if not some:
            return False
        trade_no = self.random.choice(some)
        keep = self.states[trade_no] == "open" and self.random.random() < 0.6
        if keep:
            self.states[trade_no] = "keeps_paid"
            for line in self.trades[trade_no]:
                line.live = False
        else:
            self.end(trade_no)
        self.shop.close(trade_no, keep)
        self.did["closed"] += 1
        return True

    def cancel(self) -> bool:
        some = [(no, x) for no in self.open() for x in self.trades[no] if x.live]
        some = [(no, x) for no, x in some if x.left()] or some
        if not some:
            return False
        trade_no, line = self.random.choice(some)
        if not any(x.live for x in self.trades[trade_no] if x is not line):
            self.end(trade_no)
            line.amount, line.cancelled = line.paid, True
        else:
            line.live = False
            moved = min(line.left(), self.lacking(trade_no))
            if moved:
                unpay(line, moved)
            line.amount, line.cancelled = line.paid, True
            self.allot(trade_no, moved)
            if line.left() and self.states[trade_no] == "paid":
                unpay(line, line.left())
            self.did["moved"] += moved > 0
        self.shop.cancel(trade_no, line.order.order_no)
        self.did["cancelled"] += 1
        return True

    def rows(self, query: str) -> set[tuple[Any, ...]]:
        return {tuple(row) for row in self.shop.query(query, self.shop.merchant)}

    def agree(self) -> None:
        """Lines, shares and every account are what the model says."""
        for order in self.orders:
            promises(order)
        expected = accounts(self.orders)
        found = self.shop.query(
            "select n.name, b.balance from unnest(%s::text[]) as n (name) "
            "cross join lateral mixpay.account_balance(%s, n.name) as b",
            list(expected),
            self.shop.merchant,
        )
        assert {n: b for n, b in found if b} == {n: b for n, b in expected.items() if b}
        lines = self.lines()
        assert self.rows(
            "select trade_no, order_no, amount, paid, refunded, cleared "
            "from mixpay.trade_orders where merchant_id = %s"
        ) == {
            (x.trade_no, x.order.order_no, x.amount, x.paid, x.refunded, x.left() - x.in_escrow)
            for x in lines
        }
        assert self.rows(
            "select s.trade_no, x.order_no, s.position - 1, s.amount, s.taken_back "
            "from mixpay.split_shares as s "
            "inner join mixpay.splits as x using (merchant_id, split_no) "
            "where s.merchant_id = %s and s.amount > 0"
        ) == {
            (x.trade_no, x.order.order_no, i, x.given[i], x.taken[i])
            for x in lines
            for i in range(len(x.given))
            if x.given[i]
        }
        assert self.rows(
            "select order_no, position - 1, balance from mixpay.split_list where merchant_id = %s"
        ) == {
            (o.order_no, i, sum(x.has(i) for x in o.lines))
            for o in self.orders
            for i in range(len(o.receivers))
        }

    def there_and_back(self) -> None:
        """All of each order is refunded at once; it fails, and the shares are what they were."""
        for order in self.orders:
            left = sum(x.left() for x in order.lines)
            if not left:
                continue
            had = [(list(x.given), list(x.taken), x.in_escrow) for x in order.lines]
            clean = not any(sum(x.taken) for x in order.lines)
            old = len(self.parts)
            self.refund(order, left)
            self.agree()
            parts = self.parts[old:]
            self.random.shuffle(parts)
            for part in parts:
                call = "bounce" if part.state == "succeeded" else "fail"
                self.shop.call(f"{call}_channel_refund", part.number, "no")
                part.state = "bounced" if call == "bounce" else "failed"
                free(part.line, part.amount, part.cleared)
                self.agree()
            if clean:
                assert [(x.given, x.taken, x.in_escrow) for x in order.lines] == had


def live(conn: Connection[Any], seed: int, steps: int = STEPS) -> Counter[str]:
    life = Life(conn, seed)
    life.merge()
    for _ in range(steps):
        life.step()
    life.there_and_back()
    return life.did


def test_e13_e22_model_and_database_agree_after_each_step(conn: Connection[Any]) -> None:
    did: Counter[str] = Counter()
    for seed in LIVES:
        did += live(conn, seed)

    assert {
        "release", "refund after split", "split of money", "late success", "freed", "redirected",
        "closed", "cancelled", "moved",
    } <= set(did)  # fmt: skip
