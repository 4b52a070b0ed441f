"""The calls that load some trades, in one transaction, and what the database answered."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from mixpay_db.errors import MixpayError, TradeUnknown
from mixpay_db.importer.rows import Bad, Good, Tally, Trade
from mixpay_db.money import from_units

# What one call of merge_many or record_payments takes.
LARGEST_BATCH = 10_000

# Each batch is a transaction of its own: what it wrote itself was created now.
_MERGE = """
select
    count(*), count(*) filter (where created_at = now()),
    coalesce(array_agg(trade_no) filter (where created_at <> now()), '{}')
from mixpay.merge_many(%s, %s)
"""
_RECORD = """
select
    count(*), count(*) filter (where created_at = now()),
    sum(amount)::bigint, sum(surplus)::bigint,
    coalesce(sum(surplus) filter (where created_at = now()), 0)::bigint,
    coalesce(array_agg(trade_no) filter (where created_at = now() and trade_no = any (%s)), '{}')
from mixpay.record_payments(%s, %s)
"""
_REFUND = """
select count(*), count(*) filter (where r.created_at = now()), sum(r.amount)::bigint
from jsonb_to_recordset(%s) as j (
    order_no text, refund_no text, amount bigint, channel text, refunded_at timestamptz
)
cross join lateral mixpay.record_refund(
    %s, j.order_no, j.refund_no, j.amount, j.channel, j.refunded_at
) as r
"""
# A refund that is there keeps what it named. A new one names no payments where first in, first out
# takes none of another channel; else those of its channel, in that order, then the trades' others.
_BORNE_BY = """
with j as (
    select *
    from jsonb_to_recordset(%(refunds)s) as x (
        order_no text, refund_no text, channel text, payment_no text
    )
), taken as (
    select o.order_no, p.payment_no, p.trade_no, p.channel, p.ordinality as place
    from (select distinct order_no from j) as o
    inner join mixpay.order_balances as b
        on b.merchant_id = %(merchant_id)s and b.order_no = o.order_no and b.refundable > 0
    cross join lateral mixpay.preview_refund(
        %(merchant_id)s, o.order_no, b.refundable
    ) with ordinality as p
)
select
    j.refund_no,
    case
        when r.refund_no is not null then r.payment_nos
        when j.payment_no is not null then array[j.payment_no]
        when exists (
            select from taken as t where t.order_no = j.order_no and t.channel <> j.channel
        ) then array(
            select p.payment_no
            from mixpay.payment_balances as p
            left join taken as t on t.order_no = j.order_no and t.payment_no = p.payment_no
            where
                p.merchant_id = %(merchant_id)s and p.channel = j.channel and p.refundable > 0
                and p.trade_no in (select x.trade_no from taken as x where x.order_no = j.order_no)
            order by t.place nulls last, p.paid_at, p.seq
        )
    end
from j
left join lateral (
    select x.refund_no, x.payment_nos from mixpay.refund_list as x
    where x.merchant_id = %(merchant_id)s and x.refund_no = j.refund_no
    limit 1
) as r on true
"""
_PARTS = """
select refund_no, channel_refund_no, channel, state
from mixpay.channel_refund_list
where merchant_id = %s and refund_no = any (%s)
order by channel_refund_no
"""

_PLACE = re.compile(r"^(trade|payment|refund|completion) \d+(, order \d+)?: ")

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True)
class Merchant:
    """Whose orders are loaded."""

    merchant_id: str
    currency: str
    # Channels whose refunds a person hands out.
    offline: frozenset[str] = frozenset()
    # Those that are registered.
    payees: frozenset[str] = frozenset()


@dataclass
class Answer:
    """What the database answered to one batch, and the rows of it that are refused."""

    rows: int = 0
    new_rows: int = 0
    amount: int = 0
    surplus: int = 0
    trades: int = 0
    new_trades: int = 0
    refunds: Tally = field(default_factory=Tally)
    changed: set[str] = field(default_factory=set)
    refused: list[tuple[Good, str, str]] = field(default_factory=list)

    def add(self, other: Answer) -> Answer:
        for name in ("rows", "new_rows", "amount", "surplus", "trades", "new_trades"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.refunds.rows += other.refunds.rows
        self.refunds.amount += other.refunds.amount
        self.changed |= other.changed
        self.refused += other.refused
        return self


class Calls:
    """The calls that load some trades, in one transaction, and what they answered."""

    def __init__(
        self,
        conn: Connection,
        merchant: Merchant,
        trades: Sequence[Trade],
        stored: Mapping[str, int] | None = None,
    ) -> None:
        self.loaded = Answer()
        self._merchant = merchant
        self._conn = conn
        self._trades = trades
        self._stored = stored or {}
        self._trade_nos = {o.order_no: trade.trade_no for trade in trades for o in trade.orders}
        self._there_before: list[str] = []

    def merge(self) -> None:
        lines = [line for trade in self._trades if (line := self._merge_line(trade))]
        if not lines:
            return
        self._register_payees()
        for i in range(0, len(lines), LARGEST_BATCH):
            parameters = [self._merchant.merchant_id, json.dumps(lines[i : i + LARGEST_BATCH])]
            merged, new, there_before = self._ask(_MERGE, parameters)
            self.loaded.trades += merged
            self.loaded.new_trades += new
            self._there_before += there_before

    def record(self, rows: Sequence[Good] | None = None) -> None:
        if rows is None:
            rows = [row for trade in self._trades for row in trade.payments()]
        loaded = Answer()
        for i in range(0, len(rows), LARGEST_BATCH):
            some = rows[i : i + LARGEST_BATCH]
            lines = json.dumps([self._payment_line(row) for row in some])
            parameters = [self._there_before, self._merchant.merchant_id, lines]
            count, new, amount, surplus, new_surplus, changed = self._ask(_RECORD, parameters)
            if new_surplus and self._there_before:
                self._refuse_beyond(some)
            loaded.add(Answer(count, new, amount, surplus, changed=set(changed)))
        self.loaded.add(loaded)

    def refund(self, rows: Sequence[Good] | None = None) -> None:
        if rows is None:
            rows = [row for trade in self._trades for row in trade.refunds()]
        apart: tuple[list[Good], list[Good]] = ([], [])
        for row in rows:
            apart[row.payment_no is None and row.channel in self._merchant.offline].append(row)
        sent, by_hand = apart
        # Trades are locked in ascending number, as every call does it.
        by_hand.sort(key=lambda row: self._trade_nos[row.order_no])
        told = []
        if by_hand:
            lines = json.dumps([_refund_line(row) for row in by_hand])
            told.append(self._ask(_REFUND, [lines, self._merchant.merchant_id]))
        if sent:
            told.append(self._refund_through_channels(sent))
        # Both or neither: what raises is counted by nobody.
        for count, new, amount in told:
            self.loaded.add(Answer(count, new, -amount, refunds=Tally(count, amount)))

    def refused_of(
        self, rows: Sequence[Good], call: Callable[[Sequence[Good]], None]
    ) -> list[tuple[Good, str, str]]:
        """Calls with all; what is refused with each half, down to single rows: returns those."""
        if not rows:
            return []
        try:
            with self._conn.transaction():
                call(rows)
                return []
        except (MixpayError, Bad) as error:
            if len(rows) == 1:
                return [(rows[0], *told(error))]
        middle = len(rows) // 2
        return [*self.refused_of(rows[:middle], call), *self.refused_of(rows[middle:], call)]

    def refused_of_stored(self, trade: Trade) -> list[tuple[Good, str, str]]:
        """The payments that are refused by the trade as it is stored, whatever its orders are."""
        bad: list[tuple[Good, str, str]] = []
        with self._conn.transaction(force_rollback=True):
            bad = self.refused_of(trade.payments(), self.record)
        unknown = f"{TradeUnknown.sqlstate}:"
        return [] if any(reason.startswith(unknown) for _, reason, _ in bad) else bad

    def _ask(self, query: str, parameters: Sequence[Any]) -> tuple[Any, ...]:
        return self._conn.execute(query.encode(), parameters).fetchone() or ()

    def _register_payees(self) -> None:
        named = {o.said.payee_no for trade in self._trades for o in trade.orders if o.payments}
        missing = sorted(payee_no for payee_no in named - self._merchant.payees if payee_no)
        if missing:
            self._conn.cursor().executemany(
                "select from mixpay.register_payee(%s, %s, %s)",
                [(self._merchant.merchant_id, payee_no, payee_no) for payee_no in missing],
            )

    def _merge_line(self, trade: Trade) -> dict[str, Any] | None:
        orders = []
        expires_at = None
        for order in trade.orders:
            said = order.said
            expires_at = expires_at or said.expires_at
            if not order.payments:
                continue
            line: dict[str, Any] = {
                "order_no": order.order_no,
                "amount": said.amount
                or self._stored.get(order.order_no)
                or sum(row.amount for row in order.payments),
                "currency": self._merchant.currency,
            }
            if said.payee_no:
                line["payee_no"] = said.payee_no
            if said.hold is not None:
                line["hold"] = said.hold
            orders.append(line)
        if not orders:
            return None
        merged = {"trade_no": trade.trade_no, "orders": orders}
        return {**merged, "expires_at": expires_at} if expires_at else merged

    def _payment_line(self, row: Good) -> dict[str, Any]:
        line = {
            "trade_no": self._trade_nos[row.order_no],
            "payment_no": row.number,
            "channel": row.channel,
            "amount": row.amount,
        }
        if row.at:
            line["paid_at"] = row.at
        if row.channel_txn_no:
            line["channel_txn_no"] = row.channel_txn_no
        return line

    def _refuse_beyond(self, rows: Sequence[Good]) -> None:
        """What an order that was there before does not lack is no surplus, unless the input
        says what the order is of: then its amount here may be of fewer payments."""
        unnamed = {
            order.order_no
            for trade in self._trades
            for order in trade.orders
            if order.said.amount is None
        }
        row = next((row for row in rows if row.order_no in unnamed), None)
        if row is not None:
            amount = self._stored.get(row.order_no)
            of = from_units(amount, self._merchant.currency) if amount else "fewer payments"
            raise Bad(
                "the order is there already and takes no more",
                f"order {row.order_no} is of {of}, and lacks less than this payment brings",
            )

    def _refund_through_channels(self, rows: Sequence[Good]) -> tuple[Any, ...]:
        """The channel has sent it: so it is refunded, and each part is complete."""
        merchant_id = self._merchant.merchant_id
        lines = [{**_refund_line(row), "payment_no": row.payment_no} for row in rows]
        asked = {"merchant_id": merchant_id, "refunds": json.dumps(lines)}
        borne_by: dict[str, list[str]] = dict(self._conn.execute(_BORNE_BY, asked).fetchall())
        sent = []
        for row in rows:
            # Without any, it is for the database to say what is wrong with the order.
            line: dict[str, Any] = {
                "order_no": row.order_no,
                "refund_no": row.number,
                "amount": row.amount,
            }
            if borne_by[row.number]:
                line["payment_nos"] = borne_by[row.number]
            sent.append(line)
        told = self._ask(
            "select count(*), count(*) filter (where created_at = now()), sum(amount)::bigint "
            "from mixpay.refund_orders(%s, %s)",
            [merchant_id, json.dumps(sent)],
        )
        by_number = {row.number: row for row in rows}
        completions = []
        for refund_no, channel_refund_no, channel, state in self._conn.execute(
            _PARTS, [merchant_id, list(by_number)]
        ).fetchall():
            row = by_number[refund_no]
            if channel != row.channel:
                raise Bad(
                    "no payment of the order came through the refund's channel",
                    f"{row.channel} gave back what {channel} would have to",
                )
            if state in ("failed", "bounced"):
                continue
            done = {"channel_refund_no": channel_refund_no}
            if row.channel_txn_no:
                done["channel_txn_no"] = row.channel_txn_no
            if row.at:
                done["refunded_at"] = row.at
            completions.append(done)
        for i in range(0, len(completions), LARGEST_BATCH):
            self._ask(
                "select count(*) from mixpay.complete_channel_refunds(%s, %s)",
                [merchant_id, json.dumps(completions[i : i + LARGEST_BATCH])],
            )
        return told


def _refund_line(row: Good) -> dict[str, Any]:
    return {
        "order_no": row.order_no,
        "refund_no": row.number,
        "amount": row.amount,
        "channel": row.channel,
        "refunded_at": row.at,
    }


def told(error: MixpayError | Bad) -> tuple[str, str]:
    """A reason that many rows may share, and what it is in this one."""
    if isinstance(error, Bad):
        return error.reason, error.detail
    reason = f"{error.sqlstate}: {type(error).__doc__}".removesuffix(".")
    # Which place it has in a call is of no use to whoever reads the file.
    message = _PLACE.sub("", error.message or "")
    return reason, ": ".join(filter(None, (message, error.detail)))
