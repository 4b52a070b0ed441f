"""What the database matches is what a model in Python matches, on many random statements.

The model is written from docs/reconciliation.md, not from the SQL: lists and loops, one pair at a
time. Everything that is random comes from a seed that a failure names.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from bills import line, load, reconcile, summary
from shop import Shop, day

HOUR = timedelta(hours=1)
LAG = timedelta(hours=6)
LIVES = 25


@dataclass
class Ours:
    kind: str
    number: str
    amount: int
    at: datetime
    txn: str | None
    payment: str | None = None
    payment_txn: str | None = None


@dataclass
class Theirs:
    statement: str
    told: dict[str, Any]

    @property
    def key(self) -> tuple[str, int]:
        return self.statement, self.told["line_no"]

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.told["happened_at"])

    def get(self, name: str) -> Any:
        return self.told.get(name)


class Model:
    """The books and the statements of one channel, and what reconciling them one by one says."""

    def __init__(self, ours: list[Ours], tolerance: int) -> None:
        self.ours = ours
        self.tolerance = tolerance
        self.match: dict[tuple[str, int], tuple[Ours, str]] = {}
        self.lines: list[Theirs] = []
        self.covered: list[Ours] = []
        self.horizon: datetime | None = None

    def reconcile(self, lines: list[Theirs], since: datetime, until: datetime) -> None:
        new = lines
        self.lines += new
        window = [o for o in self.ours if since - LAG <= o.at < until + LAG]
        self._by_number(new, window)
        self.covered += [o for o in window if since <= o.at < until and o not in self.covered]
        # Whatever is open names ours of whatever time.
        self._by_number(self._open(), self.ours, both=True)
        self._by_amount(since, until, by_payment=True)
        self._by_amount(since, until, by_payment=False)
        self.horizon = max(until, self.horizon or until)

    def _open(self) -> list[Theirs]:
        return [t for t in self.lines if t.key not in self.match]

    def _taken(self) -> list[Ours]:
        return [ours for ours, _ in self.match.values()]

    def _pair(self, theirs: Theirs, ours: Ours, rule: str) -> None:
        if theirs.key not in self.match and not any(ours is taken for taken in self._taken()):
            self.match[theirs.key] = ours, rule

    def _by_number(self, lines: list[Theirs], ours: list[Ours], *, both: bool = False) -> None:
        by_key, by_name = [], []
        for t in lines:
            same = [o for o in ours if o.kind == t.get("kind")]
            keyed = [o for o in same if o.txn is not None and o.txn == t.get("channel_txn_no")]
            named = [o for o in same if o.number == t.get("our_no")]
            by_key += [(t, o) for o in keyed]
            by_name += [(t, o) for o in named if both or not keyed]

        def early(pair: tuple[Theirs, Ours]) -> tuple[Any, ...]:
            t, o = pair
            return t.at, t.statement if both else "", t.told["line_no"], o.at, o.kind, o.number

        for t, o in sorted(by_key, key=early):
            self._pair(t, o, "channel_txn_no")
        for t, o in sorted(by_name, key=early):
            self._pair(t, o, "our_no")

    def _by_amount(self, since: datetime, until: datetime, *, by_payment: bool) -> None:
        pairs = []
        for t in self._open():
            if not since - LAG <= t.at < until + LAG:
                continue
            for o in self.ours:
                if (
                    o.kind != t.get("kind")
                    or abs(o.amount - t.told["amount"]) > self.tolerance
                    or abs(o.at - t.at) > LAG
                    or any(o is taken for taken in self._taken())
                ):
                    continue
                if by_payment:
                    txn, number = t.get("of_channel_txn_no"), t.get("of_our_no")
                    fits = (txn is not None and o.payment_txn == txn) or (
                        number is not None and o.payment == number
                    )
                else:
                    fits = o.kind not in ("payment", "refund") or (
                        (o.txn is None or t.get("channel_txn_no") is None)
                        and t.get("our_no") is None
                    )
                if fits:
                    off = abs(o.amount - t.told["amount"])
                    place = off, abs(o.at - t.at), t.at, *t.key, o.kind, o.number
                    pairs.append((place, t, o))
        for _, t, o in sorted(pairs, key=lambda pair: pair[0]):
            self._pair(t, o, "payment" if by_payment else "amount")

    def results(self) -> dict[tuple[str, int], tuple[str, str | None, str | None]]:
        """Of each line: its result, what of ours it is about, and by what rule."""
        return {t.key: self._result(i, t) for i, t in enumerate(self.lines)}

    def _result(self, place: int, t: Theirs) -> tuple[str, str | None, str | None]:
        if found := self.match.get(t.key):
            ours, rule = found
            off = abs(ours.amount - t.told["amount"])
            return "amount" if off > self.tolerance else "matched", ours.number, rule
        if self._is_duplicate(place, t):
            return "duplicate", None, None
        return self._late(t.at, "missing_here"), None, None

    def _is_duplicate(self, place: int, t: Theirs) -> bool:
        def same(other: Theirs, name: str) -> bool:
            return bool(other.get(name) == t.get(name))

        if t.get("channel_txn_no") is None:
            return any(
                o.number == t.get("our_no") and o.kind == t.get("kind")
                and self._line(key).told["amount"] == t.told["amount"]
                for key, (o, _) in self.match.items()
            )  # fmt: skip
        return any(
            all(same(other, name) for name in ("channel_txn_no", "kind", "amount"))
            and other is not t
            and (i < place or other.key in self.match)
            for i, other in enumerate(self.lines)
        )

    def _line(self, key: tuple[str, int]) -> Theirs:
        return next(t for t in self.lines if t.key == key)

    def _late(self, at: datetime, late: str) -> str:
        assert self.horizon is not None
        return late if at + LAG <= self.horizon else "expected"

    def only_ours(self) -> dict[tuple[str, str], str]:
        taken = self._taken()
        return {
            (o.kind, o.number): self._late(o.at, "missing_there")
            for o in self.covered
            if not any(o is t for t in taken)
        }


def live(random: Random, shop: Shop) -> list[Ours]:
    """Payments of three days, some without the channel's number; refunds and fees."""
    ours: list[Ours] = []
    for i in range(random.randint(5, 14)):
        at = day(1) + HOUR * random.randint(0, 71)
        amount = random.choice([100, 101, 200, 300])
        txn = f"X{i}" if random.random() < 0.7 else None
        shop.merge(f"T{i}", **{f"A{i}": amount})
        shop.pay(f"T{i}", f"P{i}", amount, "card", at, txn)
        payment = Ours("payment", f"P{i}", amount, at, txn, f"P{i}", txn)
        ours.append(payment)
        if random.random() < 0.3:
            back = at + HOUR * random.randint(0, 10)
            number = f"Y{i}" if random.random() < 0.5 else None
            shop.call("record_channel_refund", f"A{i}", f"R{i}", 50, f"P{i}", number, back, "asked")
            part = shop.channel_refund(f"R{i}", f"P{i}").channel_refund_no
            ours.append(Ours("refund", part, -50, back, number, f"P{i}", txn))
        if random.random() < 0.3:
            shop.call("record_channel_fee", "card", f"F{i}", 3, "CNY", f"P{i}", None, at)
            ours.append(Ours("fee", f"F{i}", -3, at, f"F{i}", f"P{i}", txn))
    return ours


def tell(random: Random, ours: list[Ours]) -> list[dict[str, Any]]:
    """Lines about some of it, as badly as channels tell: late, without numbers, twice, wrongly."""
    lines: list[dict[str, Any]] = []
    for o in ours:
        if random.random() < 0.15:
            continue
        told = line(
            0,
            o.kind,
            o.amount + random.choice([0, 0, 0, 0, 0, 1, 40]),
            o.at + HOUR * random.choice([0, 0, 1, -1, 5, 9]),
        )
        if o.txn and o.kind != "fee" and random.random() < 0.7:
            told["channel_txn_no"] = o.txn
        if random.random() < 0.3:
            told["our_no"] = o.number
        if o.kind != "payment" and random.random() < 0.6:
            told["of_channel_txn_no" if random.random() < 0.5 else "of_our_no"] = (
                o.payment_txn if random.random() < 0.5 else o.payment
            ) or o.payment
        lines.append(told)
        if random.random() < 0.1:
            lines.append(dict(told))
    for i in range(random.randint(0, 3)):
        at = day(1) + HOUR * random.randint(0, 71)
        extra = line(0, random.choice(["payment", "fee"]), random.choice([100, -3]), at)
        if extra["kind"] == "fee":
            extra["amount"] = -3
        if random.random() < 0.5:
            extra["channel_txn_no"] = f"Z{i}"
        lines.append(extra)
    random.shuffle(lines)
    return lines


@pytest.mark.parametrize("seed", range(LIVES))
def test_database_and_model_agree(shop: Shop, seed: int) -> None:
    random = Random(seed)
    tolerance = random.choice([0, 0, 1])
    shop.call("set_reconciliation", "channel:card", tolerance=tolerance, lag=LAG)
    ours = live(random, shop)
    model = Model(ours, tolerance)
    lines = tell(random, ours)
    # A statement a day, by the lines' own moments; sometimes one is left out, or comes later.
    days = [0, 1, 2, 3]
    if random.random() < 0.4:
        random.shuffle(days)
    for number in days[: random.randint(2, 4)]:
        since = day(1).replace(hour=0) + timedelta(days=number)
        until = since + timedelta(days=1)
        told = [t for t in lines if since <= datetime.fromisoformat(t["happened_at"]) < until]
        told = [{**t, "line_no": i} for i, t in enumerate(told, 1)]
        load(shop, f"S{number}", told, period=(since, until))
        found = reconcile(shop, f"S{number}")
        model.reconcile([Theirs(f"S{number}", t) for t in told], since, until)

        stored = {
            (row.statement_no, row.line_no): (row.result, row.our_number, row.matched_by)
            for row in shop.query("select * from mixpay.statement_line_list")
        }
        assert stored == model.results(), (seed, number)
        left = {
            (row.kind, row.number): row.result
            for row in shop.query("select * from mixpay.unmatched_items where result <> 'matched'")
        }
        assert left == model.only_ours(), (seed, number)
        sums = summary(shop)
        told_by_all = sum(t.told["amount"] for t in model.lines)
        assert sums[1] == told_by_all, seed
        # Again finds nothing else.
        again = reconcile(shop, f"S{number}")
        still = {k: n for k, n in found.items() if not k.startswith("earlier")}
        assert again == still, (seed, number)


def test_the_statements_have_everything_in_them(shop: Shop) -> None:
    """What the model is asked about comes up: each rule, and each result that a line can have."""
    seen: set[str | None] = set()
    for seed in range(4):
        random = Random(seed)
        one = Shop(shop.conn, f"m{seed}")
        one.call("register_merchant", "One")
        one.call("set_reconciliation", "channel:card", lag=LAG)
        lines = tell(random, live(random, one))
        lines = [{**told, "line_no": i} for i, told in enumerate(lines, 1)]
        load(one, "S", lines, period=(day(1).replace(hour=0), day(5)))
        reconcile(one, "S")
        for row in one.query(
            "select result, matched_by from mixpay.statement_line_list where merchant_id = %s",
            one.merchant,
        ):
            seen |= {row.result, row.matched_by}
    assert seen >= {"channel_txn_no", "our_no", "payment", "amount"}
    assert seen >= {"matched", "missing_here", "duplicate"}
