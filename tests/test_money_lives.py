"""Short random lives with payees, escrow, splits and payouts, against a model that knows only sums.

It knows what each account holds and why, and no rows: all accounts are compared after each step.
MIXPAY_SOAK=1 makes it thousands of lives.
"""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

import psycopg
import pytest
from books import clock, let_folds_be_small
from lives import Life, Line, Model, Part, Payment, Refund, Sent, Share, in_database, in_model
from psycopg import Connection, sql
from psycopg.types.json import Jsonb
from shop import FIRST_DAY, Row, Shop, day
from units import first_units

SOAK = os.environ.get("MIXPAY_SOAK") == "1"
LIVES = 100
BATCHES = 60 if SOAK else 3
DUE, NOT_DUE = day(1), FIRST_DAY + timedelta(days=9000)
Account = tuple[str, str, str]  # kind, whose, currency


@dataclass
class Receiver:
    kind: str
    owner: str
    fixed: int = 0
    rate: int = 0
    rest: bool = False
    keeps: bool = False

    def account(self) -> str:
        return self.kind.removeprefix("platform_")

    def json(self) -> dict[str, Any]:
        keys = {
            "kind": self.kind if self.kind != "receiver" else None,
            "receiver": self.owner,
            "fixed": self.fixed,
            "rate": self.rate,
            "takes_remainder": self.rest,
            "kept_on_refund": self.keeps,
        }
        return {key: value for key, value in keys.items() if value}


@dataclass
class Split:
    order_no: str
    receivers: list[Receiver]
    at_payment: bool
    # The payee of the order, if he is among them: at payment, his is what stays in escrow.
    home: int | None


@dataclass(eq=False)
class Purse:
    """Whose a line's money is: in escrow, the payee's, or divided."""

    hold: bool | datetime | None
    in_escrow: int = 0
    # What refunds have taken of what the payee had got already.
    owed: int = 0
    # What each receiver of the split got of it, and what of that was taken back.
    got: list[int] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)

    def shares(self) -> list[int]:
        return [got - taken for got, taken in zip(self.got, self.taken, strict=True)]


@dataclass
class Dispute:
    order_no: str
    outcome: str | None = None
    amount: int | None = None
    refund: Refund | None = None

    def holds_back(self) -> bool:
        """Also what the buyer was to get and did not does not become the payee's by itself."""
        return not self.outcome or bool(self.refund and any(p.freed for p in self.refund.parts))


@dataclass
class Settlement:
    account: Account
    amount: int
    reversed: bool = False
    # How often it was reversed.
    times: int = 0


class Money(Model):
    """What the accounts hold: some are added to, the others are sums of what the lines hold."""

    def __init__(self, allocation: str) -> None:
        super().__init__(allocation)
        # What settlements have paid out, and all else that moved.
        self.paid_out: Counter[Account] = Counter()
        self.earned: Counter[Account] = Counter()
        self.purses: dict[Line, Purse] = {}
        self.escrowed_of: dict[Part, int] = {}
        self.splits: dict[str, Split] = {}
        self.split_of: dict[str, str] = {}
        self.disputes: dict[str, Dispute] = {}
        self.settlements: dict[str, Settlement] = {}
        self.settled_until: dict[Account, datetime] = {}

    def add(self, kind: str, owner: str, currency: str, amount: int) -> None:
        if amount:
            self.earned[kind, owner, currency] += amount

    def split(self, line: Line) -> Split | None:
        return self.splits.get(self.split_of.get(line.order_no, ""))

    def payee(self, line: Line) -> str | None:
        return self.orders[line.order_no].payee_no

    def purses_of(self, order_no: str) -> list[Purse]:
        return [self.purses[line] for _, line in self.lines_of(order_no)]

    def in_escrow(self, order_no: str) -> int:
        return sum(purse.in_escrow for purse in self.purses_of(order_no))

    def account_of(self, line: Line) -> Account:
        order = self.orders[line.order_no]
        return "payee", order.payee_no or "", order.currency

    def to_payee(self, line: Line, amount: int) -> None:
        self.add(*self.account_of(line), amount)

    # Dividing.

    def balances(self, split: Split, purse: Purse) -> list[int]:
        """Who keeps his fee has it although it was taken back; who takes the rest bears that."""
        borne = sum(t for r, t in zip(split.receivers, purse.taken, strict=True) if r.keeps)
        return [
            got - (0 if r.keeps else taken) - (borne if r.rest else 0)
            for r, got, taken in zip(split.receivers, purse.got, purse.taken, strict=True)
        ]

    def give(self, split: Split, purse: Purse, amount: int) -> None:
        """Divides some more, or less: each in turn what is due to him of the whole order."""
        purses = self.purses_of(split.order_no)
        divided = sum(sum(x.got) for x in purses) + amount
        left = sum(purse.shares()) + amount
        self.seen["divided over trades"] += any(sum(x.got) for x in purses if x is not purse)
        for i, receiver in enumerate(split.receivers):
            if not receiver.rest:
                due = receiver.fixed + divided * receiver.rate // 10000
                due -= sum(x.got[i] for x in purses if x is not purse)
                share = max(0, min(left, due - purse.taken[i]))
                purse.got[i] = purse.taken[i] + share
                left -= share
        i = next(i for i, receiver in enumerate(split.receivers) if receiver.rest)
        purse.got[i] = purse.taken[i] + left

    def take_from(self, purse: Purse, amount: int) -> None:
        purse.taken = first_units(purse.got, purse.got, purse.taken, sum(purse.taken) + amount)

    def take_less_from(self, split: Split, purse: Purse, amount: int) -> None:
        """What comes back was taken back, or had not been divided when it went."""
        back = min(amount, sum(purse.taken))
        none = [0] * len(purse.taken)
        purse.taken = first_units(purse.got, purse.taken, none, sum(purse.taken) - back)
        if amount > back:
            self.give(split, purse, amount - back)

    def divide(
        self,
        line: Line,
        change: Callable[[Split, Purse], None],
        stays: Callable[[int], int] = lambda _: 0,
    ) -> None:
        """Books what a change of the shares moves.

        Of a split at payment, stays says what is in escrow then, given how much more the payee
        gets: of an order on hold, and never more than what is left of his share.
        """
        split, purse = self.split(line), self.purses[line]
        assert split
        had = self.balances(split, purse)
        change(split, purse)
        currency = self.orders[line.order_no].currency
        for i, has in enumerate(self.balances(split, purse)):
            moved, receiver = has - had[i], split.receivers[i]
            if split.at_payment and i == split.home:
                was = purse.in_escrow
                purse.in_escrow = max(0, min(purse.shares()[i], stays(moved))) if purse.hold else 0
                moved -= purse.in_escrow - was
            self.add(receiver.account(), receiver.owner, currency, moved)

    # What happens to a line.

    def pay(self, line: Line, amount: int) -> None:
        super().pay(line, amount)
        split, purse = self.split(line), self.purses[line]
        if split and (split.at_payment or not purse.hold):
            self.divide(
                line, lambda s, p: self.give(s, p, amount), lambda more: purse.in_escrow + more
            )
        elif not split and self.payee(line) and not purse.hold:
            self.to_payee(line, amount)
        else:
            purse.in_escrow += amount

    def back(self, line: Line, amount: int, change: Callable[[Split, Purse, int], None]) -> int:
        """Takes it off a line, what is in escrow first; returns how much of it was not."""
        split, purse = self.split(line), self.purses[line]
        was = purse.in_escrow
        if split and split.at_payment:
            self.divide(
                line, lambda s, p: change(s, p, amount), lambda more: purse.in_escrow + more
            )
            return amount - (was - purse.in_escrow)
        left = max(0, amount - was)
        purse.in_escrow -= amount - left
        if split:
            self.divide(line, lambda s, p: change(s, p, left))
        elif left:
            self.to_payee(line, -left)
        return left

    def unpay(self, line: Line, amount: int) -> None:
        super().unpay(line, amount)
        if amount:
            self.seen["un-applied of a split"] += self.split(line) is not None
            self.seen["un-applied of a payee"] += amount > self.purses[line].in_escrow
            self.back(line, amount, lambda s, p, n: self.give(s, p, -n))

    def take(self, line: Line, parts: list[Part]) -> None:
        super().take(line, parts)
        amount, had = sum(part.amount for part in parts), self.earned[self.account_of(line)]
        if amount:
            in_escrow = amount - self.back(line, amount, lambda _, p, n: self.take_from(p, n))
            self.seen["refunded, some of it in escrow"] += 0 < in_escrow < amount
            self.seen["refunded of a split"] += in_escrow < amount and self.split(line) is not None
            # The last parts are what payee and receivers gave back.
            for part in parts:
                self.escrowed_of[part] = max(0, min(in_escrow, part.amount))
                in_escrow -= self.escrowed_of[part]
            self.purses[line].owed += had - self.earned[self.account_of(line)]

    def give_back(self, line: Line, part: Part) -> None:
        super().give_back(line, part)
        split, purse, in_escrow = self.split(line), self.purses[line], self.escrowed_of[part]
        had = self.earned[self.account_of(line)]
        self.seen["came back to a split"] += split is not None
        self.seen["came back, some of it in escrow"] += 0 < in_escrow < part.amount
        if not split:
            purse.in_escrow += in_escrow
            self.to_payee(line, part.amount - in_escrow)
        elif in_escrow == part.amount and not purse.hold:
            # It went before there was a split, and is divided as if it came now.
            self.divide(line, lambda s, p: self.give(s, p, in_escrow))
            return
        elif split.at_payment:
            self.divide(
                line,
                lambda s, p: self.take_less_from(s, p, part.amount),
                lambda more: purse.in_escrow + more - min(purse.owed, max(0, more)),
            )
        else:
            purse.in_escrow += in_escrow
            self.divide(line, lambda s, p: self.take_less_from(s, p, part.amount - in_escrow))
        purse.owed += had - self.earned[self.account_of(line)]

    # Trades, payments and refunds.

    def merge(self, trade_no: str, sent: list[Share]) -> str | None:
        code = super().merge(trade_no, sent)
        if code is None:
            for share, line in zip(sent, self.trades[trade_no].lines, strict=True):
                split, purse = self.split(line), Purse(share.hold)
                self.purses[line] = purse
                if split:
                    purse.got, purse.taken = ([0] * len(split.receivers) for _ in range(2))
        return code

    def arrive(self, payment: Payment, amount: int, paid_at: datetime | None) -> None:
        self.seen["money that was not needed"] += payment.trade.state != "open"
        super().arrive(payment, amount, paid_at)
        self.add("channel", payment.channel, payment.trade.currency, -amount)

    def sent(self, part: Part, sent: Sent, amount: int) -> None:
        self.add("channel", sent.channel, part.payment.trade.currency, amount)

    def rounded(self, part: Part, sent: Sent, amount: int) -> None:
        self.add("rounding", sent.channel, part.payment.trade.currency, amount)

    def lose(self, payment: Payment, amount: int) -> None:
        currency = payment.trade.currency
        self.move(("loss", payment.channel), ("channel", payment.channel), currency, amount)

    def charge_fee(self, payment: Payment, fee: int) -> None:
        currency = payment.trade.currency
        self.move(("channel_fee", payment.channel), ("channel", payment.channel), currency, fee)

    def out_of_place(self, part: Part, sent: Sent, anomaly: str) -> None:
        currency, amount = part.payment.trade.currency, part.amount
        if anomaly == "open":
            self.add("channel", sent.channel, currency, amount)
            self.add("anomaly", "", currency, -amount)
            return
        self.add("anomaly", "", currency, amount)
        if anomaly == "recovered":
            self.add("channel", sent.channel, currency, -amount)
        elif anomaly == "written_off":
            self.add("outside", "", currency, -amount)

    # Escrow.

    def release(self, order_no: str, amount: int | None) -> str | None:
        if self.in_dispute(order_no):
            return "MX503"
        if not self.orders[order_no].payee_no and order_no not in self.split_of:
            return "MX504"
        in_escrow = self.in_escrow(order_no)
        if not in_escrow or (amount or 0) > in_escrow:
            return "MX501"
        left = in_escrow if amount is None else amount
        for _, line in self.lines_of(order_no):
            part = min(left, self.purses[line].in_escrow)
            self.let_go(line, part)
            left -= part
        return None

    def let_go(self, line: Line, amount: int) -> None:
        split, purse = self.split(line), self.purses[line]
        purse.in_escrow -= amount
        if split and not split.at_payment:
            self.divide(line, lambda s, p: self.give(s, p, amount))
        else:
            self.to_payee(line, amount)

    def release_due(self) -> Counter[str]:
        """What is released of each order."""
        released: Counter[str] = Counter()
        waiting = {x.order_no for x in self.disputes.values() if x.holds_back()}
        for line, purse in self.purses.items():
            owned = self.payee(line) or self.split(line)
            if purse.hold != DUE or not purse.in_escrow or not owned:
                continue
            if line.order_no in waiting:
                self.seen["due, and given to the buyer"] += not self.in_dispute(line.order_no)
                continue
            released[line.order_no] += purse.in_escrow
            self.let_go(line, purse.in_escrow)
        return released

    def in_dispute(self, order_no: str) -> bool:
        return any(x.order_no == order_no and not x.outcome for x in self.disputes.values())

    def open_dispute(self, dispute_no: str, order_no: str) -> str | None:
        if self.in_dispute(order_no):
            return "MX503"
        self.disputes[dispute_no] = Dispute(order_no)
        return None

    def close_dispute(
        self, dispute_no: str, outcome: str, amount: int | None, refund_no: str
    ) -> str | None:
        dispute = self.disputes[dispute_no]
        if dispute.outcome:
            same = dispute.outcome == outcome and amount in (None, dispute.amount)
            return None if same else "MX507"
        if outcome == "buyer":
            back = self.in_escrow(dispute.order_no) if amount is None else amount
            if back:
                code = self.refund(refund_no, dispute.order_no, back)
                if code:
                    return code
                dispute.amount, dispute.refund = back, self.refunds[refund_no]
        dispute.outcome = outcome
        return None

    # Splits.

    def divides(self, order_no: str, amount: int) -> bool:
        split = self.splits.get(self.split_of.get(order_no, ""))
        if not split:
            return True
        rate = sum(r.rate for r in split.receivers)
        return sum(r.fixed for r in split.receivers) + rate * amount // 10000 <= amount

    def split_order(
        self, split_no: str, order_no: str, receivers: list[Receiver], at_payment: bool
    ) -> str | None:
        order = self.orders[order_no]
        receivers = list(receivers)
        if order.payee_no and not any(r.rest for r in receivers):
            receivers.append(Receiver("payee", order.payee_no, rest=True))
        names = [(r.kind, r.owner) for r in receivers]
        if len(set(names)) < len(names):
            return "MX904"
        if any(kind == "payee" and owner not in self.payees for kind, owner in names):
            return "MX102"
        rate = sum(r.rate for r in receivers)
        most = sum(r.fixed for r in receivers) + rate * order.amount // 10000
        if most > order.amount or rate > 10000 or sum(r.rest for r in receivers) != 1:
            return "MX510"
        if split_no in self.splits:
            return "MX509"
        if order_no in self.split_of:
            return "MX508"
        if at_payment and self.in_dispute(order_no):
            return "MX503"
        home = ("payee", order.payee_no or "")
        split = Split(order_no, receivers, at_payment, names.index(home) if home in names else None)
        for _, line in self.lines_of(order_no):
            purse = self.purses[line]
            purse.got, purse.taken = ([0] * len(receivers) for _ in range(2))
        for _, line in self.lines_of(order_no):
            self.redivide(line, split_no, split)
        return None

    def redivide(self, line: Line, split_no: str, split: Split) -> None:
        """What the payee had is divided; at payment, or without a hold, what is in escrow, too."""
        purse = self.purses[line]
        had = line.paid - line.refunded - purse.in_escrow
        self.to_payee(line, -had)
        self.splits[split_no], self.split_of[line.order_no] = split, split_no
        if split.at_payment or not purse.hold:
            given, purse.in_escrow = had + purse.in_escrow, 0
            # Of his part the payee keeps what he had already.
            self.divide(line, lambda s, p: self.give(s, p, given), lambda more: more - had)
        else:
            self.divide(line, lambda s, p: self.give(s, p, had))

    # Settling.

    def settle(
        self,
        number: str,
        account: Account,
        until: datetime,
        earned: Counter[Account],
    ) -> str | None:
        """earned: what was earned until then."""
        if until < self.settled_until.get(account, until):
            return "MX403"
        payable = earned[account] - self.paid_out[account]
        self.settled_until[account] = until
        self.settlements[number] = Settlement(account, payable)
        if payable > 0:
            self.paid_out[account] += payable
            self.add("bank", "main", account[2], payable)
        return None

    def bring_in(self, account: Account, amount: int) -> None:
        self.add(*account, amount)
        self.add("bank", "main", account[2], -amount)

    def reverse_settlement(self, number: str, nth: int | None) -> str | None:
        settlement = self.settlements[number]
        if settlement.amount <= 0:
            return "MX406"
        if (nth or 1) > settlement.times + (not settlement.reversed):
            return "MX415"
        if not settlement.reversed and (nth is None or nth > settlement.times):
            settlement.reversed = True
            settlement.times += 1
            self.bring_in(settlement.account, settlement.amount)
        return None

    def reinstate_settlement(self, number: str, nth: int | None) -> str | None:
        settlement = self.settlements[number]
        if (nth or 1) > settlement.times:
            return "MX415"
        if settlement.reversed and nth in (None, settlement.times):
            settlement.reversed = False
            self.bring_in(settlement.account, -settlement.amount)
        return None

    def payable(self) -> dict[Account, int]:
        """What is above zero of payees and receivers."""
        found = {
            account: earned - self.paid_out[account]
            for account, earned in self.earned.items()
            if account[0] in ("payee", "receiver")
        }
        return {account: amount for account, amount in found.items() if amount > 0}

    def move(self, source: tuple[str, str], to: tuple[str, str], currency: str, by: int) -> None:
        self.add(*source, currency, -by)
        self.add(*to, currency, by)

    # What is compared.

    def accounts(self) -> dict[Account, int]:
        """What each holds, of refunds and anomalies all together; nothing where there is zero."""
        owned_by = Counter(self.earned)
        owned_by.subtract(self.paid_out)
        for line, purse in self.purses.items():
            order = self.orders[line.order_no]
            owned_by["order", order.order_no, order.currency] += purse.in_escrow
        for payment in self.payments.values():
            account = ("surplus", payment.payment_no, payment.trade.currency)
            owned_by[account] += payment.surplus - payment.returned
        for refund in self.refunds.values():
            for part in refund.parts:
                if part.state() == "processing":
                    owned_by["refund", "", part.payment.trade.currency] += part.amount
        return {account: amount for account, amount in owned_by.items() if amount}


class MoneyLife(Life):
    """A shop with payees, who are paid out."""

    model: Money
    late = 0.35
    # Repeated, they return what they returned before and change nothing.
    ONCE = (
        *("merge_orders", "record_payment", "record_payments", "refund_order", "record_refund"),
        *("split_order", "release_order", "open_dispute", "close_dispute", "cancel_order"),
        *("settle_payee", "settle_receiver", "reverse_settlement", "record_repayment"),
        *("reinstate_settlement", "adjust_account", "record_channel_fee", "record_channel_payout"),
        *("resolve_anomaly", "return_payment", "charge_back_payment", "reverse_chargeback"),
        *("authorize_payment", "record_channel_refund", "reprice_order"),
    )

    def __init__(self, shop: Shop, model: Money, random: Random) -> None:
        super().__init__(shop, model, random)
        self.calls: list[tuple[str | None, str, tuple[Any, ...], dict[str, Any]]] = []
        self.once: list[int] = []
        self.taken: Counter[str] = Counter()
        self.marks: list[tuple[datetime, Counter[Account]]] = []
        self.periods: list[tuple[datetime, dict[Account, int]]] = []
        # No life is like another.
        self.currency = random.choice(["CNY", "CNY", "JPY"])
        self.new, self.most = random.choice([0, 1, 1, 3]), random.choice([1, 2, 2, 4])
        self.holds = random.choice(
            [(None,), (True, DUE), (True, DUE, None), (None, False, True, DUE, NOT_DUE)]
        )
        self.moods: dict[str, float] = {}
        self.agree(None, "register_merchant", "Shop", model.allocation)
        for payee_no in ("S1", "S2", "S3"):
            self.agree(None, "register_payee", payee_no, "Store")
            model.payees.add(payee_no)

    def agree(self, expected: str | None, call: str, *arguments: Any, **named: Any) -> list[Row]:
        self.calls.append((expected, call, arguments, named))
        rows = super().agree(expected, call, *arguments, **named)
        self.taken[f"{call} {expected}" if expected else call] += 1
        if expected is None and call in self.ONCE:
            self.once.append(len(self.calls) - 1)
        return rows

    def script(self) -> str:
        """Its calls; the numbers that the database makes are others each time."""

        def literal(value: Any) -> str:
            plain = Jsonb(value) if isinstance(value, list) else value
            return sql.Literal(plain).as_string(self.shop.conn)

        return "\n".join(
            f"select * from mixpay.{call}("
            + ", ".join(
                [
                    *map(literal, (self.shop.merchant, *arguments)),
                    *(f"p_{name} => {literal(value)}" for name, value in named.items()),
                ]
            )
            + (f");  -- {code}" if code else ");")
            for code, call, arguments, named in self.calls
        )

    def steps(self) -> dict[Any, float]:
        if not self.model.trades:
            return {self.merge: 1}
        if not self.model.payments:
            return {self.record: 1, self.record_many: 1, self.split: 0.5}
        steps, purses = super().steps(), self.model.purses.values()
        payments = self.model.payments.values()
        steps |= {
            self.merge: 3,
            self.start: 3,
            self.succeed: 5,
            self.fail: 0.7,
            self.record: 6,
            self.record_many: 3,
            self.refund: 6,
            self.record_refund: 2,
            self.close: 2.5,
            self.cancel: 2.5,
            self.split: 4,
            self.release: 5,
            self.release_due: 4 if any(x.hold == DUE and x.in_escrow for x in purses) else 0.2,
            self.open_dispute: 3,
            self.settle: 2.5,
            self.settle_all: 0.4,
            self.repay: 0.7,
            self.adjust: 0.7,
            self.charge: 0.5,
            self.pay_out: 0.5,
            self.fold: 0.4,
            self.mark: 0.7,
            self.close_period: 0.4,
            self.again: 1,
            self.take: 1.5,
            self.charge_back: 1.5,
            self.record_channel_refund: 1,
            self.reprice: 1.5,
            self.authorize: 5 if any(p.state == "pending" for p in payments) else 0.2,
            self.capture: 4 if any(p.authorized for p in payments) else 0.1,
        }
        if any(not x.is_return for x in self.model.takings.values()):
            steps[self.win] = 2.5
        if self.model.disputes:
            is_open = any(not x.outcome for x in self.model.disputes.values())
            steps[self.close_dispute] = 6 if is_open else 0.5
        if self.model.settlements:
            steps[self.reverse_settlement] = 1
            failed = any(x.reversed for x in self.model.settlements.values())
            steps[self.reinstate_settlement] = 2 if failed else 0.2
        if self.model.refunds:
            steps |= {self.claim: 1.5, self.news: 10, self.redirect: 2.5, self.write_off: 1}
        if any(x.anomalies() for r in self.model.refunds.values() for p in r.parts for x in p.ways):
            steps[self.resolve] = 6
        return {step: often * self.mood(step.__name__) for step, often in steps.items()}

    def step(self) -> None:
        """One that calls."""
        before = len(self.calls)
        while len(self.calls) == before:
            super().step()

    def mood(self, step: str) -> float:
        if step not in self.moods:
            self.moods[step] = self.random.choice([0.2, 0.6, 1, 1, 3])
        return self.moods[step]

    def maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    def some_currency(self) -> str:
        """Most of the time the shop's."""
        return "KWD" if self.maybe(0.03) else self.currency

    def share(self, share: Share) -> Share:
        random = self.random
        known = self.model.orders.get(share.order_no)
        payee_no = random.choice([None, "S1", "S1", "S1", "S2", "S2", "S3"])
        currency = self.some_currency()
        if known and not self.maybe(0.03):
            currency = known.currency
            payee_no = None if self.maybe(0.2) else known.payee_no
        elif self.maybe(0.02):
            payee_no = "S9"
        hold = random.choice(self.holds)
        return Share(share.order_no, share.amount, share.pay, payee_no, hold, currency)

    def amount(self, trade_no: str) -> int:
        lacking = max(1, self.model.trades[trade_no].lacking())
        some = self.random.randint(1, lacking)
        return self.random.choice([lacking, *6 * [some], lacking + some])

    def channel(self) -> str:
        return self.random.choice(["card", "card", "wallet", "alipay", "cash", "transfer"])

    def record_many(self) -> None:
        sent = []
        for _ in range(self.random.randint(1, 4)):
            if trade_no := self.trade_no():
                paid_at = self.moment()
                number, channel = self.number("P"), self.channel()
                amount = self.amount(trade_no)
                self.model.record(trade_no, number, amount, channel, paid_at)
                sent.append(
                    {
                        "trade_no": trade_no,
                        "payment_no": number,
                        "channel": channel,
                        "amount": amount,
                        "paid_at": paid_at and paid_at.isoformat(),
                    }
                )
        if sent:
            self.agree(None, "record_payments", sent)

    def order_no(self) -> str | None:
        """Most of the time one of which something is paid."""
        orders = [no for no in self.model.orders if self.model.refundable(no) or self.maybe(0.02)]
        return self.random.choice(orders) if orders else None

    # Escrow.

    def order_no_on_hold(self) -> str | None:
        """Most of the time one of which something is in escrow."""
        orders = [no for no in self.model.orders if self.model.in_escrow(no) or self.maybe(0.03)]
        return self.random.choice(orders) if orders else None

    def part_of(self, most: int) -> int | None:
        """All, or some, or too much."""
        some = self.random.randint(1, max(1, most))
        return self.random.choice([None, None, *5 * [some], most + 1])

    def release(self) -> None:
        if order_no := self.order_no_on_hold():
            number, amount = self.number("L"), self.part_of(self.model.in_escrow(order_no))
            expected = self.model.release(order_no, amount)
            self.agree(expected, "release_order", order_no, number, amount)

    def release_due(self) -> None:
        expected = self.model.release_due()
        released: Counter[str] = Counter()
        for row in self.agree(None, "release_due"):
            released[row.order_no] += row.amount
        assert released == expected
        self.taken["released when due"] += len(released)

    def open_dispute(self) -> None:
        if order_no := self.order_no_on_hold():
            number = self.number("D")
            expected = self.model.open_dispute(number, order_no)
            self.agree(expected, "open_dispute", order_no, number)

    def close_dispute(self) -> None:
        disputes = self.model.disputes
        open_ones = [number for number in disputes if not disputes[number].outcome]
        number = self.random.choice(open_ones or list(disputes))
        dispute = disputes[number]
        outcome, amount = self.random.choice(["buyer", "buyer", "payee"]), None
        if outcome == "buyer" and self.maybe(0.5):
            amount = self.part_of(self.model.refundable(dispute.order_no))
        was_open, refund_no = not dispute.outcome, self.number("?")
        expected = self.model.close_dispute(number, outcome, amount, refund_no)
        rows = self.agree(expected, "close_dispute", number, outcome, None, amount)
        if refund_no in self.model.refunds:
            # The database made the number.
            self.model.refunds[rows[0].refund_no] = self.model.refunds.pop(refund_no)
        if was_open and not expected:
            self.taken[f"decided for the {outcome}"] += 1

    # Splits.

    def receivers(self, order: Share) -> list[Receiver]:
        random = self.random
        names = [
            *(
                ("receiver", "R1"),
                ("receiver", "R2"),
                ("platform_fee", "F1"),
                ("channel_fee", "F1"),
            ),
            *(("channel_fee", "F2"), ("payee", "S1"), ("payee", "S2"), ("payee", "S3")),
        ]
        receivers = [Receiver(*name) for name in random.sample(names, random.randint(1, 4))]
        own = [x for x in receivers if (x.kind, x.owner) == ("payee", order.payee_no)]
        if self.maybe(0.25 if order.payee_no and not own else 0.95):
            random.choice(receivers).rest = True
        for receiver in receivers:
            if not receiver.rest:
                receiver.fixed = random.choice([0, 0, random.randint(1, 1 + order.amount // 4)])
                receiver.rate = random.choice([0, random.randint(1, 900), random.randint(1, 4500)])
                if not receiver.fixed + receiver.rate:
                    receiver.rate = 1000
                receiver.keeps = self.maybe(0.35)
        if self.maybe(0.02):
            receivers.append(random.choice([receivers[0], Receiver("payee", "S9", 1)]))
        return receivers

    def split(self) -> None:
        orders = [
            no for no in self.model.orders if no not in self.model.split_of or self.maybe(0.05)
        ]
        if orders:
            order_no = self.random.choice(orders)
            used = list(self.model.splits) if self.maybe(0.03) else []
            number = self.random.choice(used or [self.number("V")])
            receivers = self.receivers(self.model.orders[order_no])
            takes_place = self.random.choice([None, "release", "payment", "payment"])
            expected = self.model.split_order(number, order_no, receivers, takes_place == "payment")
            shares = [receiver.json() for receiver in receivers]
            self.agree(expected, "split_order", order_no, number, shares, takes_place)

    # Settling.

    def mark(self) -> None:
        """Remembers a moment, and what was earned until then."""
        self.marks.append((clock(self.shop), Counter(self.model.earned)))

    def owner(self) -> tuple[str, str]:
        """A payee or receiver, most of the time one that was paid something."""
        owners = {
            account[:2] for account in self.model.earned if account[0] in ("payee", "receiver")
        }
        owners |= {("payee", "S1")} if self.maybe(0.9) else {("receiver", "R1")}
        return self.random.choice(sorted(owners))

    def settle(self) -> None:
        model, number = self.model, self.number("Z")
        kind, owner = self.owner()
        known = [account[2] for account in model.earned if account[:2] == (kind, owner)]
        currency = self.some_currency()
        is_named = self.maybe(0.7)
        moment, earned = clock(self.shop), model.earned
        until = None
        if self.marks and self.maybe(0.3):
            moment, earned = self.random.choice(self.marks)
            until = moment
        if kind == "receiver" and not any(
            r.kind == "receiver" and r.owner == owner
            for split in model.splits.values()
            for r in split.receivers
        ):
            expected: str | None = "MX407"
        elif not is_named and len(known) != 1:
            expected = "MX404"
        else:
            account = (kind, owner, currency if is_named else known[0])
            expected = model.settle(number, account, moment, earned)
        self.shop.until_final()
        rows = self.agree(
            expected, f"settle_{kind}", owner, number, until, currency if is_named else None
        )
        if rows:
            (row,), payable = rows, model.settlements[number].amount
            assert row.carried_in + row.earned == payable
            assert (row.amount, row.carried_out) == (max(0, payable), min(0, payable))
            self.taken["paid out"] += payable > 0
            self.taken["carried over"] += payable < 0

    def settle_all(self) -> None:
        self.shop.until_final()
        expected = self.model.payable()
        rows = self.agree(None, "settle_all")
        assert {(x.account, x.owner, x.currency): x.amount for x in rows} == expected
        for row in rows:
            account = (row.account, row.owner, row.currency)
            self.model.settle(row.settlement_no, account, row.until_at, self.model.earned)
            self.taken["paid out with all"] += 1

    def reinstate_settlement(self) -> None:
        settlements = self.model.settlements
        failed = [number for number, x in settlements.items() if x.reversed]
        number = self.random.choice([*failed, *failed, *settlements])
        nth = self.some_reversal(number)
        expected = self.model.reinstate_settlement(number, nth)
        self.agree(expected, "reinstate_settlement", number, "it had arrived", nth=nth)

    def some_reversal(self, number: str) -> int | None:
        """The one that comes next, one before it, or none."""
        times = self.model.settlements[number].times
        return self.random.choice([None, None, *range(1, times + 3)])

    def adjust(self) -> None:
        account, currency = self.owner(), self.some_currency()
        others = [("fee", "adjustment"), ("channel", "cash"), ("bank", "main"), ("payee", "S1")]
        against = self.random.choice([x for x in others if x != account])
        number, amount = self.number("J"), self.random.choice([-1, 1]) * self.random.randint(1, 60)
        named = any(self.has_receiver(split, account) for split in self.model.splits.values())
        if account[0] == "payee" or named:
            self.model.move(against, account, currency, amount)
        expected = None if account[0] == "payee" or named else "MX407"
        arguments = (f"{account[0]}:{account[1]}", number, amount, currency, "as agreed")
        self.agree(expected, "adjust_account", *arguments, f"{against[0]}:{against[1]}")

    @staticmethod
    def has_receiver(split: Split, account: tuple[str, str]) -> bool:
        return any((r.kind, r.owner) == account for r in split.receivers)

    def charge(self) -> None:
        """A fee, or one that the channel gives back."""
        channel, currency = self.random.choice(["card", "C"]), self.some_currency()
        number, amount = self.number("F"), self.random.choice([-3, 1, 2, 5, 8])
        if channel == "C":
            self.agree("MX203", "record_channel_fee", channel, number, amount, currency)
            return
        self.model.move(("channel_fee", channel), ("channel", channel), currency, amount)
        self.agree(None, "record_channel_fee", channel, number, amount, currency)

    def pay_out(self) -> None:
        channel = self.random.choice(["card", "wallet", "alipay"])
        number, amount = self.number("O"), self.random.choice([-20, 50, 70, 100])
        self.model.move(("bank", "main"), ("channel", channel), self.currency, amount)
        self.agree(None, "record_channel_payout", channel, number, amount, self.currency)

    def reverse_settlement(self) -> None:
        number = self.random.choice(list(self.model.settlements))
        nth = self.some_reversal(number)
        expected = self.model.reverse_settlement(number, nth)
        self.agree(expected, "reverse_settlement", number, "account closed", nth=nth)

    def repay(self) -> None:
        """Most of the time what somebody owes."""
        accounts = self.model.accounts()
        owed = [x for x in accounts if x[0] in ("payee", "receiver", "fee") and accounts[x] < 0]
        account = self.random.choice([*owed, *owed, ("payee", "S1", self.currency)])
        number, amount = self.number("Y"), self.random.randint(1, 60)
        self.model.bring_in(account, amount)
        kind, owner, currency = account
        self.agree(None, "record_repayment", f"{kind}:{owner}", number, amount, currency)

    # What must change nothing.

    def fold(self) -> None:
        self.agree(None, "fold_balances")

    def close_period(self) -> None:
        moment = clock(self.shop)
        self.periods.append((moment, self.model.accounts()))
        self.agree(None, "close_period", moment)

    def again(self) -> None:
        if self.once:
            _, call, arguments, named = self.calls[self.random.choice(self.once)]
            if call in ("reverse_settlement", "reinstate_settlement"):
                # Only the last of them is repeated: after the other one it is news.
                failed = self.model.settlements[arguments[0]].reversed
                call = "reverse_settlement" if failed else call
                call = call if failed else "reinstate_settlement"
                if not failed and not self.model.settlements[arguments[0]].times:
                    return
            if call == "resolve_anomaly" and None in arguments:
                # Since then there may be another one, and nobody knows which is meant.
                anomalies = "select from mixpay.anomalies where channel_refund_no = %s"
                if len(self.shop.query(anomalies, arguments[0])) > 1:
                    return
            self.taken["again"] += 1
            self.agree(None, call, *arguments, **named)

    # What is compared.

    def compare(self) -> None:
        rows = self.shop.query(ACCOUNTS, *[self.shop.merchant] * 3)
        found = {(row.account, row.owner, row.currency): row.balance for row in rows if row.balance}
        expected = with_totals(self.model.accounts())
        assert found == expected, [
            f"{account}: {found.get(account, 0)} instead of {expected.get(account, 0)}"
            for account in sorted(found.keys() | expected.keys())
            if found.get(account) != expected.get(account)
        ]
        for currency in {account[2] for account in found}:
            total = sum(found[x] for x in found if not x[1] and x[2] == currency)
            assert total == 0, f"the {currency} sum to {total}"

    def look_back(self) -> None:
        """Closed periods are what they were, and so are the balances of their moments."""
        for moment, accounts in self.periods:
            expected = {
                account: amount
                for account, amount in with_totals(accounts).items()
                if not account[1] or account[0] not in ("order", "surplus")
            }
            closed = self.shop.query(CLOSED, self.shop.merchant, moment)
            assert {tuple(row[:3]): row.balance for row in closed} == expected
            then = self.shop.rows("trial_balance", moment)
            assert {(x.account, "", x.currency): x.balance for x in then if x.balance} == {
                account: amount for account, amount in expected.items() if not account[1]
            }


ACCOUNTS = """
select account, owner, currency, balance from mixpay.account_balances where merchant_id = %s
union all
select account, owner, currency, balance from mixpay.trial_balance(%s)
union all
select s.account, s.owner, j.currency, sum(s.amount)
from mixpay.journal as j
cross join lateral (values
    (j.to_account, j.to_owner, j.amount), (j.from_account, j.from_owner, -j.amount)
) as s (account, owner, amount)
where j.merchant_id = %s and s.account in ('order', 'surplus')
group by s.account, s.owner, j.currency
"""
CLOSED = """
select account, owner, currency, came_in - went_out as balance from mixpay.closed_balances
where merchant_id = %s and until_at = %s and came_in <> went_out
"""


def with_totals(accounts: dict[Account, int]) -> dict[Account, int]:
    """With what all accounts of a kind hold together."""
    totals: Counter[Account] = Counter()
    for (kind, _, currency), amount in accounts.items():
        totals[kind, "", currency] += amount
    return {account: amount for account, amount in (accounts | totals).items() if amount}


def live(conn: Connection[Any], seed: int) -> MoneyLife:
    """One life of some 35 steps, of a merchant of its own."""
    random = Random(seed)
    allocation = random.choice(["fifo", "pro_rata"])
    life = MoneyLife(Shop(conn, f"m{seed}"), Money(allocation), random)
    try:
        for _ in range(random.randint(20, 48)):
            life.step()
            life.compare()
        life.look_back()
        life.fold()
        life.compare()
        assert in_database(conn, life.shop.merchant) == in_model(life.model)
    except (AssertionError, psycopg.Error) as error:
        error.add_note(f"In life {seed}, by the last of these calls:\n{life.script()}")
        raise
    return life


# How often at least, in a hundred lives.
RARE = {
    "money that was not needed": 40,
    "record_payments": 40,
    "succeed_payment": 5,
    "close_trade": 10,
    "cancel_order": 10,
    "un-applied of a payee": 4,
    "un-applied of a split": 2,
    "divided over trades": 6,
    "refunded, some of it in escrow": 4,
    "refunded of a split": 40,
    "record_refund": 20,
    "came back to a split": 12,
    "bounce_channel_refund": 12,
    "doubt_channel_refund": 5,
    "redirect_channel_refund": 20,
    "redirect_channel_refund MX301": 1,
    "resolve_anomaly": 1,
    "release_order": 15,
    "release_order MX501": 3,
    "release_order MX503": 3,
    "release_order MX504": 3,
    "released when due": 6,
    "decided for the buyer": 4,
    "decided for the payee": 1,
    "split_order MX508": 2,
    "paid out": 20,
    "carried over": 4,
    "settle_receiver": 5,
    "settle_receiver MX407": 1,
    "reverse_settlement": 2,
    "reverse_settlement MX406": 4,
    "record_repayment": 15,
    "close_period": 8,
    "again": 20,
    "authorize_payment": 3,
    "return_payment": 40,
    "open again": 10,
    "charge_back_payment": 40,
    "covered what was lost": 5,
    "reverse_chargeback": 12,
    "came back in part": 1,
    "write_off": 8,
    "record_channel_refund": 6,
    "a moment came later": 20,
}


@pytest.mark.parametrize("batch", range(BATCHES))
def test_model_and_database_agree_account_by_account(conn: Connection[Any], batch: int) -> None:
    # So that there are many, even of a short life.
    let_folds_be_small(Shop(conn), 12)
    lives = [live(conn, seed) for seed in range(batch * LIVES, (batch + 1) * LIVES)]
    if SOAK:
        return
    # It was no quiet hundred.
    seen = sum((life.taken + life.model.seen for life in lives), Counter[str]())
    assert {name: seen[name] for name, least in RARE.items() if seen[name] < least} == {}
