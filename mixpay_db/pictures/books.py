"""What the pages and the terminal tell, asked of the views: nobody else here asks the database.

Rows are dictionaries, amounts whole numbers in the currency's smallest unit. Values are bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import dict_row, tuple_row

from mixpay_db import database
from mixpay_db.pictures import flow
from mixpay_db.problem import MIGRATE, Problem

Row = dict[str, Any]
Place = tuple[int, str]

# As many payments, orders and refunds have a place of their own in a picture; the others share one.
NAMED = 12
# As many rows a table shows; how many there are is said.
SHOWN = 200
# The name of all that have none of their own.
OTHERS = ""
# A page that takes longer than this is given up.
_TIMEOUT = "30s"


# A page reads stretches of the log and things by their numbers, whatever the planner guesses of how
# many these are; and to compile its queries would take longer than they do.
_BY_KEY: list[LiteralString] = [
    "set local enable_seqscan = off",
    "set local enable_bitmapscan = off",
    "set local max_parallel_workers_per_gather = 0",
    "set local jit = off",
    "set local work_mem = '32MB'",
]


_READER = "mixpay_reader"


class NotOnRecord(Problem):
    """There is nothing of that number."""


@contextmanager
def session(url: str, zone: str | None = None, *, reader: bool = True) -> Iterator[Connection]:
    """One look at the books: read only, as mixpay_reader, and all of it at one moment."""
    with psycopg.connect(url, row_factory=dict_row, application_name="mixpay pages") as conn:
        conn.read_only = True
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        if reader:
            _read_only_as_reader(conn)
        try:
            conn.execute("select set_config('statement_timeout', %s, true)", [_TIMEOUT])
            for setting in _BY_KEY:
                conn.execute(setting)
            if zone is not None:
                conn.execute("select set_config('TimeZone', %s, true)", [zone])
        except psycopg.errors.InvalidParameterValue as error:
            raise Problem(
                f"there is no time zone {zone!r:.80}", "Name one as in Asia/Shanghai or UTC."
            ) from error
        yield conn


def _read_only_as_reader(conn: Connection) -> None:
    try:
        conn.execute(sql.SQL("set local role {}").format(sql.Identifier(_READER)))
    except psycopg.errors.InvalidParameterValue as error:
        raise Problem("there is no role mixpay_reader on this server", MIGRATE) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise Problem(
            "this login may not act as mixpay_reader",
            "grant mixpay_reader to it, or connect as another.",
        ) from error


Connection = psycopg.Connection[Row]


def ask(conn: Connection, query: LiteralString | sql.Composed, **values: Any) -> list[Row]:
    return conn.execute(query, values).fetchall()


def one(conn: Connection, query: LiteralString | sql.Composed, **values: Any) -> Row | None:
    return conn.execute(query, values).fetchone()


def zone_of(conn: Connection) -> str:
    row = one(conn, "select current_setting('TimeZone') as zone")
    return str(row["zone"]) if row else ""


def merchants(conn: Connection) -> list[Row]:
    return ask(conn, "select merchant_id, title from mixpay.merchant_list order by merchant_id")


def the_merchant(conn: Connection, merchant: str) -> Row:
    found = one(
        conn,
        "select merchant_id, title from mixpay.merchant_list where merchant_id = %(merchant)s",
        merchant=merchant,
    )
    if found is None:
        raise NotOnRecord(f"there is no merchant {merchant!r:.80}", "See mixpay.merchant_list.")
    return found


# A trade.


@dataclass
class Trade:
    """All that is told of a trade, and the flow of its money."""

    balance: Row
    lines: list[Row]
    payments: list[Row]
    refunds: list[Row]
    channel_refunds: list[Row]
    settlements: list[Row]
    splits: list[Row]
    history: list[Row]
    flow: flow.Flow = field(default_factory=flow.Flow)
    # How many there are, where only the first are shown.
    counts: dict[str, int] = field(default_factory=dict)


def trade(conn: Connection, merchant: str, number: str) -> Trade:
    key = {"merchant": merchant, "number": number}
    balance = one(
        conn,
        "select * from mixpay.trade_balances "
        "where merchant_id = %(merchant)s and trade_no = %(number)s",
        **key,
    )
    if balance is None:
        raise NotOnRecord(
            f"there is no trade {number!r:.80} of merchant {merchant!r:.80}",
            "mixpay report trade_balances lists them.",
        )
    counts: dict[str, int] = {}

    def first(name: str, query: LiteralString, **more: Any) -> list[Row]:
        rows = ask(conn, query, **key, limit=SHOWN + 1, **more)
        if len(rows) > SHOWN:
            counts[name] = _count(conn, query, **key, **more)
        return rows[:SHOWN]

    lines = first(
        "lines",
        "select * from mixpay.trade_lines where merchant_id = %(merchant)s"
        " and trade_no = %(number)s order by position limit %(limit)s",
    )
    payments = first(
        "payments",
        "select * from mixpay.payment_balances where merchant_id = %(merchant)s"
        " and trade_no = %(number)s order by paid_at, seq, created_at, payment_no limit %(limit)s",
    )
    channel_refunds = first(
        "channel_refunds",
        "select * from mixpay.channel_refund_list where merchant_id = %(merchant)s"
        " and trade_no = %(number)s order by channel_refund_no limit %(limit)s",
    )
    numbers = list(dict.fromkeys(row["refund_no"] for row in channel_refunds))
    refunds = ask(
        conn,
        "select * from mixpay.refund_list where merchant_id = %(merchant)s"
        " and refund_no = any(%(refunds)s) order by created_at, refund_no",
        merchant=merchant,
        refunds=numbers,
    )
    told = Trade(
        balance=balance,
        lines=lines,
        payments=payments,
        refunds=refunds,
        channel_refunds=channel_refunds,
        settlements=first(
            "settlements",
            "select * from mixpay.trade_settlements where merchant_id = %(merchant)s"
            " and trade_no = %(number)s order by settlement_no, order_no, account, owner"
            " limit %(limit)s",
        ),
        splits=ask(
            conn,
            "select *, amount - balance as gave_back from mixpay.split_list"
            " where merchant_id = %(merchant)s and order_no = any(%(orders)s)"
            " order by order_no, position limit %(limit)s",
            merchant=merchant,
            orders=[line["order_no"] for line in lines if line["split_no"] is not None],
            limit=SHOWN,
        ),
        history=first(
            "history",
            "select * from mixpay.history where merchant_id = %(merchant)s"
            " and trade_no = %(number)s order by entry limit %(limit)s",
        ),
        counts=counts,
    )
    told.flow = _flow_of(conn, merchant, number, told)
    return told


def _count(conn: Connection, query: LiteralString, **values: Any) -> int:
    """How many rows a query has without its limit."""
    everything = query.replace(" limit %(limit)s", "")
    counting = sql.SQL("select count(*) as n from ({}) as q").format(sql.SQL(everything))
    row = one(conn, counting, **values)
    return int(row["n"]) if row else 0


# The movements of a trade, between what has a place of its own in the picture. A sum over one log,
# read by its key: as many rows come back as the picture has bands, whatever the trade's size.
_MOVEMENTS = """
select
    from_account, to_account,
    case from_account
        when 'order' then case when from_owner = any(%(orders)s) then from_owner else '' end
        when 'surplus' then case when from_owner = any(%(payments)s) then from_owner else '' end
        when 'refund' then case when from_owner = any(%(refunds)s) then from_owner else '' end
        when 'anomaly' then '' when 'outside' then '' else from_owner
    end as from_owner,
    case to_account
        when 'order' then case when to_owner = any(%(orders)s) then to_owner else '' end
        when 'surplus' then case when to_owner = any(%(payments)s) then to_owner else '' end
        when 'refund' then case when to_owner = any(%(refunds)s) then to_owner else '' end
        when 'anomaly' then '' when 'outside' then '' else to_owner
    end as to_owner,
    case when payment_no = any(%(payments)s) then payment_no else '' end as payment_no,
    sum(amount)::bigint as units
from mixpay.journal
where merchant_id = %(merchant)s and source = 'trade' and number = %(number)s
group by 1, 2, 3, 4, 5
"""
# What orders, payments and refunds together have, where some have no place of their own.
_ALL_LINES = """
select
    coalesce(sum(paid), 0)::bigint as paid, coalesce(sum(in_escrow), 0)::bigint as in_escrow,
    coalesce(sum(case when live then amount - paid else 0 end), 0)::bigint as lacking
from mixpay.trade_lines
where merchant_id = %(merchant)s and trade_no = %(number)s
"""
_ALL_PAYMENTS = """
select
    coalesce(sum(amount), 0)::bigint as amount, coalesce(sum(applied), 0)::bigint as applied,
    coalesce(sum(surplus), 0)::bigint as surplus
from mixpay.payment_balances
where merchant_id = %(merchant)s and trade_no = %(number)s
"""


def _flow_of(conn: Connection, merchant: str, number: str, told: Trade) -> flow.Flow:
    arrived = [row for row in told.payments if row["amount"]]
    payments = _named([row["payment_no"] for row in arrived], "payments" in told.counts)
    orders = _named([row["order_no"] for row in told.lines], "lines" in told.counts)
    refunds = _named([row["refund_no"] for row in told.refunds], "channel_refunds" in told.counts)
    moved = ask(
        conn, _MOVEMENTS, merchant=merchant, number=number, payments=payments, orders=orders,
        refunds=refunds,
    )  # fmt: skip
    key = {"merchant": merchant, "number": number}
    of_payments = {row["payment_no"]: row for row in arrived if row["payment_no"] in payments}
    of_orders = {row["order_no"]: row for row in told.lines if row["order_no"] in orders}
    if len(payments) < len(arrived) or "payments" in told.counts:
        of_payments[OTHERS] = _rest(ask(conn, _ALL_PAYMENTS, **key)[0], of_payments)
    if len(orders) < len(told.lines) or "lines" in told.counts:
        of_orders[OTHERS] = _rest(
            ask(conn, _ALL_LINES, **key)[0] | {"live": True, "amount": None}, of_orders
        )
    return _draw(moved, of_payments, of_orders, told)


def _named(numbers: list[str], more: bool) -> list[str]:
    """Which have a place of their own: all, if they are few, else the first."""
    return numbers if len(numbers) <= NAMED and not more else numbers[: NAMED - 1]


def _rest(whole: Row, named: dict[str, Row]) -> Row:
    def lacking(row: Row) -> int:
        return row["amount"] - row["paid"] if row["live"] else 0

    rest = dict(whole)
    for row in named.values():
        for name in rest:
            if isinstance(rest[name], int) and not isinstance(rest[name], bool):
                rest[name] -= lacking(row) if name == "lacking" else row[name]
    if rest.get("amount", 0) is None:
        rest["amount"] = rest["paid"] + rest["lacking"]
    return rest


# The accounts of those whose money an order's becomes.
_OWNERS = ("payee", "receiver", "fee", "channel_fee")


def _draw(
    moved: list[Row], payments: dict[str, Row], orders: dict[str, Row], told: Trade
) -> flow.Flow:
    """Nodes and bands: payments, what they pay, what became of it, and where that went."""
    drawn = flow.Flow()

    def net(to: str, to_owner: str, other: str, other_owner: str | None = None, **of: str) -> int:
        """What came from the other account, less what went back to it."""
        total = 0
        for row in moved:
            if all(row[name] == value for name, value in of.items()):
                ends = (row["from_account"], row["from_owner"], row["to_account"], row["to_owner"])
                if ends[2:] == (to, to_owner) and ends[0] == other:
                    total += row["units"] if other_owner in (None, ends[1]) else 0
                if ends[:2] == (to, to_owner) and ends[2] == other:
                    total -= row["units"] if other_owner in (None, ends[3]) else 0
        return total

    def owners_of(account: str) -> list[str]:
        return sorted(
            {row[f"{end}_owner"] for row in moved for end in ("from", "to")
             if row[f"{end}_account"] == account}
        )  # fmt: skip

    known = {
        (payment, order): net("order", order, "channel", payment_no=payment)
        + net("order", order, "surplus", payment_no=payment)
        for payment in payments
        for order in orders
    }
    paid = flow.shares(
        {number: row["applied"] for number, row in payments.items()},
        {number: row["paid"] for number, row in orders.items()},
        known,
    )
    for number in payments:
        drawn.node("payment", number, 0)
    for number, row in orders.items():
        lacks = row["amount"] - row["paid"] if row["live"] else 0
        if row["paid"] or lacks:
            drawn.node("order", number, 1, lacks)
    for (payment, order), units in paid.items():
        drawn.band(("payment", payment), ("order", order), units)
    for number, row in payments.items():
        if row["surplus"]:
            drawn.node("surplus", number, 1)
            drawn.band(("payment", number), ("surplus", number), row["surplus"])
    # What stays above, what goes back below.
    _draw_owners(drawn, net, owners_of, orders, told)
    _draw_refunds(drawn, net, owners_of, payments, orders, told)
    return drawn


def _draw_refunds(
    drawn: flow.Flow,
    net: Any,
    owners_of: Any,
    payments: dict[str, Row],
    orders: dict[str, Row],
    told: Trade,
) -> None:
    refunds = owners_of("refund")
    # The oldest at the top, as payments are: then bands back to the oldest payments cross less.
    ages = {row["refund_no"]: age for age, row in enumerate(told.refunds)}
    for refund in sorted(refunds, key=lambda number: ages.get(number, len(ages))):
        sources = [
            *((("order", order), net("refund", refund, "order", order)) for order in orders),
            *((("surplus", p), net("refund", refund, "surplus", p)) for p in payments),
        ]
        if not any(units > 0 for _, units in sources):
            continue
        drawn.node("refund", refund, 2)
        for source, units in sources:
            drawn.band(source, ("refund", refund), units)
        left = drawn.units(("refund", refund))
        for payment in payments:
            back = -net("refund", refund, "channel", payment_no=payment)
            if back > 0:
                drawn.node("back", payment, 3)
                drawn.band(("refund", refund), ("back", payment), back)
                left -= back
        for account in ("rounding", "loss", "anomaly", "outside"):
            gone = -net("refund", refund, account)
            if gone > 0:
                drawn.node(account, OTHERS, 3)
                drawn.band(("refund", refund), (account, OTHERS), gone)
                left -= gone
        if left > 0:
            drawn.node("under_way", OTHERS, 3)
            drawn.band(("refund", refund), ("under_way", OTHERS), left)
    for number, row in payments.items():
        surplus = ("surplus", number)
        gone = sum(band.units for band in drawn.bands if band.source == surplus)
        if row["surplus"] > gone:
            drawn.node("not_refunded", number, 2)
            drawn.band(surplus, ("not_refunded", number), row["surplus"] - gone)
    # What a channel took that was nobody's any more: the merchant bears it.
    for account in ("loss", "anomaly", "channel_fee"):
        for payment in payments:
            borne = sum(
                -net(account, owner, "channel", payment_no=payment) for owner in owners_of(account)
            )
            if borne > 0:
                drawn.node(account, "borne", 2)
                drawn.node("back", payment, 3)
                drawn.band((account, "borne"), ("back", payment), borne)


def _draw_owners(
    drawn: flow.Flow, net: Any, owners_of: Any, orders: dict[str, Row], told: Trade
) -> None:
    # As the orders stand, so that bands cross as little as they can.
    for account in _OWNERS:
        owners = owners_of(account)
        for order in orders:
            for owner in owners:
                units = net(account, owner, "order", order)
                if units > 0:
                    drawn.node(account, owner, 2)
                    drawn.band(("order", order), (account, owner), units)
                elif units < 0:
                    # It gave more than it had of this order: what others have in spite of a refund.
                    bears = drawn.node("owes", owner, 0)
                    drawn.band(bears, ("order", order), -units)
    if any(row["in_escrow"] > 0 for row in orders.values()):
        drawn.node("in_escrow", OTHERS, 2)
    for order, row in orders.items():
        drawn.band(("order", order), ("in_escrow", OTHERS), max(row["in_escrow"], 0))
    for key in [node.key for node in drawn.nodes if node.key[0] in ("payee", "receiver")]:
        rows = [
            row for row in told.settlements
            if (row["account"], row["owner"], row["state"]) == (*key, "settled")
        ]  # fmt: skip
        has = drawn.units(key)
        settled = min(max(sum(row["amount"] for row in rows), 0), has)
        if settled:
            numbers = list(dict.fromkeys(row["settlement_no"] for row in rows))
            target = drawn.node("settlement", ", ".join(numbers), 3)
            drawn.band(key, target, settled)
        if has > settled:
            drawn.node("payable", OTHERS, 3)
            drawn.band(key, ("payable", OTHERS), has - settled)


# An order.


@dataclass
class Order:
    """An order over all its trades: how it was paid, what went back, what a refund would take."""

    balance: Row
    lines: list[Row]
    allocations: list[Row]
    refunds: list[Row]
    releases: list[Row]
    disputes: list[Row]
    splits: list[Row]
    repricings: list[Row]
    # Of each trade, the payments that still can give back, oldest first.
    pools: list[tuple[Row, list[Row]]] = field(default_factory=list)


def order(conn: Connection, merchant: str, number: str) -> Order:
    key = {"merchant": merchant, "number": number, "limit": SHOWN}
    balance = one(
        conn,
        "select * from mixpay.order_balances "
        "where merchant_id = %(merchant)s and order_no = %(number)s",
        **key,
    )
    if balance is None:
        raise NotOnRecord(
            f"there is no order {number!r:.80} of merchant {merchant!r:.80}",
            "mixpay report order_balances lists them.",
        )
    lines = ask(
        conn,
        "select * from mixpay.trade_lines where merchant_id = %(merchant)s"
        " and order_no = %(number)s order by nth limit %(limit)s",
        **key,
    )
    told = Order(
        balance=balance,
        lines=lines,
        allocations=ask(
            conn,
            "select a.*, p.channel, p.amount as arrived, p.state"
            " from mixpay.allocations as a"
            " inner join mixpay.payment_balances as p"
            " on p.merchant_id = a.merchant_id and p.payment_no = a.payment_no"
            " where a.merchant_id = %(merchant)s and a.trade_no = any(%(trades)s)"
            " and a.order_no = %(number)s"
            " order by array_position(%(trades)s, a.trade_no), a.entry limit %(limit)s",
            **key,
            trades=[line["trade_no"] for line in lines],
        ),
        refunds=ask(
            conn,
            "select * from mixpay.refund_list where merchant_id = %(merchant)s"
            " and order_no = %(number)s order by created_at, refund_no limit %(limit)s",
            **key,
        ),
        releases=ask(
            conn,
            "select * from mixpay.release_list where merchant_id = %(merchant)s"
            " and order_no = %(number)s order by created_at, release_no limit %(limit)s",
            **key,
        ),
        disputes=ask(
            conn,
            "select * from mixpay.dispute_list where merchant_id = %(merchant)s"
            " and order_no = %(number)s order by created_at, dispute_no limit %(limit)s",
            **key,
        ),
        splits=ask(
            conn,
            "select *, amount - balance as gave_back from mixpay.split_list"
            " where merchant_id = %(merchant)s and order_no = %(number)s"
            " order by position limit %(limit)s",
            **key,
        ),
        repricings=ask(
            conn,
            "select * from mixpay.repricing_list where merchant_id = %(merchant)s"
            " and order_no = %(number)s order by nth limit %(limit)s",
            **key,
        ),
    )
    for line in lines:
        if line["refundable"] > 0:
            told.pools.append((line, _pool(conn, merchant, line)))
    return told


def _pool(conn: Connection, merchant: str, line: Row) -> list[Row]:
    """A trade's payments, end to end: what a refund of all that the line has would take of each."""
    rows = ask(
        conn,
        "select payment_no, channel, paid_at, refundable"
        " from mixpay.payment_balances where merchant_id = %(merchant)s and trade_no = %(trade)s"
        " and refundable > 0 order by paid_at, seq limit %(limit)s",
        merchant=merchant,
        trade=line["trade_no"],
        limit=SHOWN,
    )
    start, pool = 0, []
    for place, row in enumerate(rows, 1):
        end = start + row["refundable"]
        takes = max(0, min(end, line["refundable"]) - start)
        pool.append(
            row
            | {
                "place": place,
                "stands_from": start,
                "stands_to": end,
                "takes_from": start if takes else None,
                "takes_to": start + takes if takes else None,
                "amount": takes,
                "left_over": row["refundable"] - takes,
                "named": False,
            }
        )
        start = end
    return pool


# A refund.


@dataclass
class Refund:
    """A refund: which payments bear it and why, and how each part goes back."""

    row: Row
    currency: str
    channel_refunds: list[Row]
    # Of each of the order's trades that it took from, the payments as they stood then.
    trades: list[tuple[str, list[Row]]]


def refund(conn: Connection, merchant: str, number: str) -> Refund:
    key = {"merchant": merchant, "number": number, "limit": SHOWN}
    row = one(
        conn,
        "select * from mixpay.refund_list "
        "where merchant_id = %(merchant)s and refund_no = %(number)s",
        **key,
    )
    if row is None:
        raise NotOnRecord(
            f"there is no refund {number!r:.80} of merchant {merchant!r:.80}",
            "mixpay report refund_list lists them.",
        )
    channel_refunds = ask(
        conn,
        "select * from mixpay.channel_refund_list where merchant_id = %(merchant)s"
        " and refund_no = %(number)s order by channel_refund_no limit %(limit)s",
        **key,
    )
    explained = ask(
        conn,
        "select * from mixpay.refund_explained where merchant_id = %(merchant)s"
        " and refund_no = %(number)s and refundable > 0 order by nth, place limit %(limit)s",
        **key,
    )
    trades: dict[str, list[Row]] = {}
    for part in explained:
        trades.setdefault(part["trade_no"], []).append(part)
    touched = [*trades, *(part["trade_no"] for part in channel_refunds)]
    return Refund(row, currency_of(conn, merchant, touched[0]), channel_refunds, [*trades.items()])


def currency_of(conn: Connection, merchant: str, trade_no: str) -> str:
    row = one(
        conn,
        "select currency from mixpay.trade_lines where merchant_id = %(merchant)s"
        " and trade_no = %(number)s limit 1",
        merchant=merchant,
        number=trade_no,
    )
    return str(row["currency"]) if row else ""


# A search.

# What bears a number: the kind, its view, its number's column, the page that tells of it and by
# which number.
_NUMBERED: list[tuple[str, LiteralString, LiteralString, str, LiteralString]] = [
    ("trade", "trade_lines", "trade_no", "trade", "trade_no"),
    ("order", "order_balances", "order_no", "order", "order_no"),
    ("payment", "payment_balances", "payment_no", "trade", "trade_no"),
    ("refund", "refund_list", "refund_no", "refund", "refund_no"),
    ("channel_refund", "channel_refund_list", "channel_refund_no", "refund", "refund_no"),
    ("release", "release_list", "release_no", "order", "order_no"),
    ("dispute", "dispute_list", "dispute_no", "order", "order_no"),
    ("split", "split_list", "split_no", "order", "order_no"),
    ("return", "return_list", "return_no", "trade", "trade_no"),
    ("chargeback", "chargeback_list", "chargeback_no", "trade", "trade_no"),
    ("repricing", "repricing_list", "reprice_no", "order", "order_no"),
    ("settlement", "settlement_list", "settlement_no", "", "settlement_no"),
    ("adjustment", "adjustment_list", "adjustment_no", "", "adjustment_no"),
    ("channel_fee", "channel_fee_list", "fee_no", "", "fee_no"),
    ("channel_payout", "channel_payout_list", "payout_no", "", "payout_no"),
    ("repayment", "journal", "number", "", "number"),
    ("statement", "statement_list", "statement_no", "", "statement_no"),
    ("resolution", "resolution_list", "resolution_no", "", "resolution_no"),
]
# Where a view has the numbers of others, too.
_OF_KIND: dict[str, LiteralString] = {"repayment": " and source = 'repayment'"}
# The channels' own numbers, and the same of them.
_OF_CHANNELS: list[tuple[str, LiteralString, LiteralString, str, LiteralString]] = [
    ("payment", "payment_balances", "channel_txn_no", "trade", "trade_no"),
    ("channel_refund", "channel_refund_list", "channel_txn_no", "refund", "refund_no"),
]
_FOUND = 20


def search(conn: Connection, merchant: str, number: str) -> list[Row]:
    """What bears this number: the whole of it, else how it begins, else a channel's own."""
    exact = sql.SQL("{} = %(number)s")
    begins = sql.SQL("{0} >= %(number)s and {0} < %(end)s")
    for condition, kinds in ((exact, _NUMBERED), (begins, _NUMBERED), (exact, _OF_CHANNELS)):
        found = [
            {"kind": kind, "page": page, **row}
            for kind, view, column, page, target in kinds
            for row in ask(
                conn,
                sql.SQL(
                    "select distinct {column} as number, {target} as target from {view}"
                    " where merchant_id = %(merchant)s and {condition}{of_kind}"
                    " order by 1 limit %(limit)s"
                ).format(
                    of_kind=sql.SQL(_OF_KIND.get(kind, "")),
                    column=sql.Identifier(column),
                    target=sql.Identifier(target),
                    view=sql.Identifier("mixpay", view),
                    condition=condition.format(sql.Identifier(column)),
                ),
                merchant=merchant,
                number=number,
                # Numbers are printable ASCII, which ends before this.
                end=number + "\x7f",
                limit=_FOUND,
            )
        ]
        if found:
            return found
    return []


# A merchant.


@dataclass
class Merchant:
    """A merchant's period: money by day and channel, refunds, work, balances."""

    first: date
    last: date
    # By day and channel: what came in, what went back.
    flow: list[Row]
    # What was in escrow at the end of each day on which that changed, and when the period began.
    escrow: list[Row]
    causes: list[Row]
    ages: list[Row]
    work: list[tuple[str, int, list[Row]]]
    owners: list[Row]
    places: list[Row]
    # What the channels say, where statements were loaded.
    reconciliation: list[Row]
    differences: list[Row]

    @property
    def currencies(self) -> list[str]:
        rows = [*self.flow, *self.escrow, *self.owners, *self.places]
        return sorted({row["currency"] for row in rows})


# What each fold moved of the accounts that a period tells of, from the last fold before it on. Of
# a fold that was written on a single day of the period, nothing has to be read in the log.
_FOLDS = """
with folds as (
    select
        fold, account, owner, currency, until_epoch, until_xid, earliest_at, latest_at,
        came_in - lag(came_in, 1, 0::bigint) over before as came_in,
        went_out - lag(went_out, 1, 0::bigint) over before as went_out
    from mixpay.fold_list
    where
        merchant_id = %(merchant)s
        and (account in ('order', 'refund') and owner = '' or account = 'channel' and owner <> '')
    window before as (partition by account, owner, currency order by fold)
)
select
    fold, account, case account when 'channel' then owner else '' end as channel, currency,
    came_in, went_out, until_epoch, until_xid::text as until_xid,
    latest_at >= %(start)s and earliest_at < %(stop)s as within,
    case
        when
            earliest_at >= %(start)s and latest_at < %(stop)s
            and earliest_at::date = latest_at::date
            then earliest_at::date
    end as day
from folds
where fold >= (select coalesce(max(fold), 0) from folds where latest_at < %(start)s)
order by fold
"""


# Movements of stretches of the log, each from a place on, and up to before another; those which …
_WHICH: LiteralString = """
from unnest(
    %(from_epochs)s::bigint[], %(from_xids)s::text[], %(until_epochs)s::bigint[],
    %(until_xids)s::text[]
) as s (from_epoch, from_xid, until_epoch, until_xid)
cross join lateral (
    select created_at, currency, from_account, from_owner, to_account, to_owner, amount, refund_no
    from mixpay.journal
    where
        merchant_id = %(merchant)s
        and (epoch, xid) >= (s.from_epoch, s.from_xid::xid8)
        and (epoch, xid) < (s.until_epoch, s.until_xid::xid8)
        and created_at < %(stop)s
        and """
# … by an index that has this order, however short the log is.
_IN_ORDER: LiteralString = """
    order by epoch, xid
) as j
"""
# What mixpay.day_flow says of channels and orders, out of stretches alone; each movement is read
# once. Before the period there is no day: that part only opens the balance of what is in escrow.
_DAYS: LiteralString = (
    """
select
    case when j.created_at >= %(start)s then j.created_at::date end as day, j.currency,
    j.from_account, case j.from_account when 'channel' then j.from_owner else '' end as from_owner,
    j.to_account, case j.to_account when 'channel' then j.to_owner else '' end as to_owner,
    sum(j.amount)::bigint as amount
"""
    + _WHICH
    + "epoch > 0 and (from_account in ('channel', 'order') or to_account in ('channel', 'order'))"
    + _IN_ORDER
    + """
group by 1, 2, 3, 4, 5, 6
"""
)
_OPENING = """
select distinct on (currency) currency, balance
from mixpay.fold_list
where
    merchant_id = %(merchant)s and account = 'order' and owner = '' and latest_at < %(start)s
order by currency, fold desc
"""
_CAUSES: LiteralString = (
    """
select r.kind, j.currency, count(distinct r.refund_no) as count,
    sum(case j.to_account when 'refund' then j.amount else -j.amount end)::bigint as amount
"""
    + _WHICH
    # Of the entry, and nothing of the epoch: that asks for the index that refunds have.
    + """entry > 0 and refund_no is not null and (
        to_account = 'refund' and from_account in ('order', 'surplus')
        or from_account = 'refund' and to_account in ('order', 'surplus')
    )"""
    + _IN_ORDER
    + """
inner join mixpay.refund_list as r
    on r.merchant_id = %(merchant)s and r.refund_no = j.refund_no
where j.created_at >= %(start)s
group by 1, 2
order by 4 desc, 1, 2
"""
)
# What is open has an index of its own: when it is due, or that it waits.
_AGES = """
select
    case
        when c.created_at > now() - interval '1 day' then 'day'
        when c.created_at > now() - interval '3 days' then 'three_days'
        when c.created_at > now() - interval '7 days' then 'week'
        else 'older'
    end as age,
    l.currency, count(*) as count, sum(c.amount)::bigint as amount, min(c.created_at) as oldest
from (
    select trade_no, amount, created_at from mixpay.channel_refund_list
    where merchant_id = %(merchant)s and due_at is not null
    union all
    select trade_no, amount, created_at from mixpay.channel_refund_list
    where merchant_id = %(merchant)s and state = 'waiting' and due_at is null
) as c
cross join lateral (
    select x.currency from mixpay.trade_lines as x
    where x.merchant_id = %(merchant)s and x.trade_no = c.trade_no limit 1
) as l
group by 1, 2
order by min(c.created_at) desc, 2
"""
# The work lists: each row's number and page, its money, since when.
_WORK: dict[str, LiteralString] = {
    "anomaly": "select refund_no as number, 'refund' as page, amount, trade_no, channel,"
    " null::text as currency, null::text as reason, created_at from mixpay.anomaly_list"
    " where merchant_id = %(merchant)s",
    "doubt": "select refund_no as number, 'refund' as page, amount, trade_no, channel,"
    " null::text as currency, reason, created_at from mixpay.doubt_list"
    " where merchant_id = %(merchant)s",
    "bounced": "select refund_no as number, 'refund' as page, amount, trade_no, channel,"
    " null::text as currency, reason, created_at from mixpay.bounced_list"
    " where merchant_id = %(merchant)s",
    "manual": "select refund_no as number, 'refund' as page, amount, trade_no, channel,"
    " null::text as currency, reason, created_at from mixpay.manual_list"
    " where merchant_id = %(merchant)s",
    "surplus": "select refund_no as number, 'refund' as page, amount, trade_no, channel,"
    " null::text as currency, reason, created_at from mixpay.surplus_list"
    " where merchant_id = %(merchant)s",
    "waiting": "select refund_no as number, 'refund' as page, amount, trade_no, channel,"
    " null::text as currency, reason, created_at from mixpay.waiting_list"
    " where merchant_id = %(merchant)s",
    "dispute": "select order_no as number, 'order' as page, in_escrow as amount,"
    " null::text as trade_no, null::text as channel, currency, reason, created_at"
    " from mixpay.dispute_list where merchant_id = %(merchant)s and state = 'open'",
    "due": "select order_no as number, 'order' as page, in_escrow as amount, trade_no,"
    " null::text as channel, currency, waits_for as reason, release_at as created_at"
    " from mixpay.due_list where merchant_id = %(merchant)s",
    "authorization": "select trade_no as number, 'trade' as page, authorized as amount, trade_no,"
    " channel, currency, null::text as reason, created_at from mixpay.authorization_list"
    " where merchant_id = %(merchant)s",
    "shortfall": "select owner as number, '' as page, lacking as amount, null::text as trade_no,"
    " null::text as channel, currency, title as reason, null::timestamptz as created_at"
    " from mixpay.shortfall_list where merchant_id = %(merchant)s",
}
# So many of each list are shown.
_OPEN = 5
_BALANCES = """
select b.account, b.owner, b.currency, b.came_in, b.went_out, b.balance, p.title, s.paid_out
from mixpay.account_balances as b
left join mixpay.payee_list as p
    on b.account = 'payee' and p.merchant_id = b.merchant_id and p.payee_no = b.owner
left join (
    select account, owner, currency, sum(amount)::bigint as paid_out
    from mixpay.settlement_list
    where merchant_id = %(merchant)s and state = 'settled'
    group by 1, 2, 3
) as s on s.account = b.account and s.owner = b.owner and s.currency = b.currency
where
    b.merchant_id = %(merchant)s
    and b.account in ('payee', 'receiver', 'fee', 'channel', 'bank')
order by b.account, b.balance desc, b.owner, b.currency
limit %(limit)s
"""


def merchant(conn: Connection, merchant: str, first: date, last: date) -> Merchant:
    """The period from the first day to the last, both included, in the session's time zone."""
    told = period(conn, merchant, first, last)
    balances = ask(conn, _BALANCES, **told.key, limit=SHOWN)
    return Merchant(
        first=first,
        last=last,
        flow=told.flow,
        escrow=told.escrow,
        causes=ask(conn, _CAUSES, **told.key, **told.folded.period.places()),
        ages=ask(conn, _AGES, **told.key),
        work=list(_work(conn, merchant)),
        owners=[row for row in balances if row["account"] in ("payee", "receiver", "fee")],
        places=[
            row | {"balance": -row["balance"]}
            for row in balances
            if row["account"] in ("channel", "bank")
        ],
        reconciliation=_reconciliation(conn, told.key),
        differences=_differences(conn, told.key),
    )


@dataclass
class Period:
    """Days of a merchant, as his folds and the rest of his log tell them."""

    key: dict[str, Any]
    folded: _Folded
    flow: list[Row]
    escrow: list[Row]


def period(conn: Connection, merchant: str, first: date, last: date) -> Period:
    """What came in and went out on each of them, and what was in escrow."""
    if last.year > 9000:
        raise Problem(f"{last} is no day of any books")
    if last < first:
        raise Problem(f"{last} is before {first}", "The first day comes first.")
    key: dict[str, Any] = {"merchant": merchant, "start": first, "stop": last + timedelta(days=1)}
    moments = one(
        conn, "select %(start)s::timestamptz as start, %(stop)s::timestamptz as stop", **key
    )
    key |= (moments or {}) | {"first": first, "last": last}
    folded = _folded(ask(conn, _FOLDS, **key))
    days = _days(folded.days, ask(conn, _DAYS, **key, **folded.rest.places()))
    opened = {row["currency"]: row["balance"] for row in ask(conn, _OPENING, **key)}
    flow = [
        # A channel's account is below zero by what it has of ours: what goes out came in to us.
        {
            "day": row["day"],
            "currency": row["currency"],
            "channel": row["channel"],
            "came_in": row["went_out"],
            "went_out": row["came_in"],
            "net": row["went_out"] - row["came_in"],
        }
        for row in days
        if row["account"] == "channel" and row["day"] is not None
    ]
    return Period(key, folded, flow, _escrow(days, opened, first))


@dataclass
class _Stretches:
    """Parts of the log, in order: where each begins, and before which place it ends."""

    ends: list[tuple[Place, Place]] = field(default_factory=list)

    def add(self, begin: Place, end: Place) -> None:
        if self.ends and self.ends[-1][1] == begin:
            begin, _ = self.ends.pop()
        self.ends.append((begin, end))

    def places(self) -> dict[str, list[Any]]:
        return {
            "from_epochs": [begin[0] for begin, _ in self.ends],
            "from_xids": [begin[1] for begin, _ in self.ends],
            "until_epochs": [end[0] for _, end in self.ends],
            "until_xids": [end[1] for _, end in self.ends],
        }


@dataclass
class _Folded:
    """What folds say of a period, and where the log has to be read."""

    # What each fold of a single day moved.
    days: list[Row] = field(default_factory=list)
    # Where the rest of these days stands in the log.
    rest: _Stretches = field(default_factory=_Stretches)
    # Where all of the period stands.
    period: _Stretches = field(default_factory=_Stretches)


def _folded(folds: list[Row]) -> _Folded:
    told = _Folded()
    begin = _FIRST
    for _, rows in groupby(folds, key=lambda row: row["fold"]):
        accounts = list(rows)
        fold = accounts[0]
        end = fold["until_epoch"], fold["until_xid"]
        if fold["within"]:
            told.period.add(begin, end)
            if fold["day"] is None:
                told.rest.add(begin, end)
            else:
                told.days += accounts
        begin = end
    # What is not folded yet may be of any day.
    told.rest.add(begin, _BEYOND)
    told.period.add(begin, _BEYOND)
    return told


def _days(folded: list[Row], moved: list[Row]) -> list[Row]:
    """What came into channels and orders and went out of them, by day, currency and channel."""
    names = ("day", "currency", "account", "channel")
    days: dict[tuple[Any, ...], Row] = {}

    def add(key: tuple[Any, ...], way: str, amount: int) -> None:
        of = days.setdefault(key, dict(zip(names, key, strict=True)) | _NOTHING)
        of[way] += amount

    for row in folded:
        for way in _NOTHING:
            add(tuple(row[name] for name in names), way, row[way])
    for row in moved:
        for end, way in (("from", "went_out"), ("to", "came_in")):
            account = row[f"{end}_account"]
            if account in ("channel", "order"):
                add((row["day"], row["currency"], account, row[f"{end}_owner"]), way, row["amount"])
    return sorted(
        days.values(), key=lambda row: (row["day"] or date.min, row["currency"], row["channel"])
    )


_NOTHING = {"came_in": 0, "went_out": 0}
# A place in the log: an epoch and a transaction. The first one, and one that is behind all.
_FIRST: Place = (0, "0")
_BEYOND: Place = (2**63 - 1, str(2**64 - 1))


def _escrow(days: list[Row], opened: dict[str, int], first: date) -> list[Row]:
    balances = dict(opened)
    moved = [row for row in days if row["account"] == "order"]
    for row in moved:
        if row["day"] is None:
            balances[row["currency"]] = (
                balances.get(row["currency"], 0) + row["came_in"] - row["went_out"]
            )
    told = [
        {"day": first - timedelta(days=1), "currency": currency, "balance": balance}
        for currency, balance in sorted(balances.items())
    ]
    for row in sorted((row for row in moved if row["day"] is not None), key=lambda row: row["day"]):
        balance = balances.get(row["currency"], 0) + row["came_in"] - row["went_out"]
        balances[row["currency"]] = balance
        told.append({"day": row["day"], "currency": row["currency"], "balance": balance})
    return told


def _work(conn: Connection, merchant: str) -> Iterator[tuple[str, int, list[Row]]]:
    for name, query in _WORK.items():
        rows = ask(
            conn,
            "select *, count(*) over () as n from (" + query + ") as q"  # noqa: S608 (ours)
            " order by created_at, number limit %(limit)s",
            merchant=merchant,
            limit=_OPEN,
        )
        for row in rows:
            row["currency"] = row["currency"] or currency_of(conn, merchant, row["trade_no"])
        if rows:
            yield name, rows[0]["n"], rows


def _reconciliation(conn: Connection, key: dict[str, Any]) -> list[Row]:
    return ask(
        conn,
        "select * from mixpay.reconciliation_summary where merchant_id = %(merchant)s"
        " and day >= %(first)s and day <= %(last)s order by day, account, owner, currency"
        " limit %(limit)s",
        **key,
        limit=SHOWN,
    )


def _differences(conn: Connection, key: dict[str, Any]) -> list[Row]:
    """What statements and books do not agree about, as of now, with what to do."""
    return ask(
        conn,
        "select * from mixpay.reconciliation_differences where merchant_id = %(merchant)s"
        " order by happened_at, owner, statement_no, line_no, part, number limit %(limit)s",
        **key,
        limit=SHOWN,
    )


@dataclass
class Checked:
    """What sql/checks find: how many there are, and what is broken, each with its first rows."""

    count: int
    broken: list[tuple[str, list[str], list[tuple[Any, ...]]]]
    # Why nobody looked.
    refused: str = ""


def checks(url: str, merchant: str) -> Checked:
    """Runs them as mixpay_monitor, who sees what a check finds and nothing else."""
    with psycopg.connect(url, row_factory=tuple_row) as conn:
        conn.read_only = True
        try:
            conn.execute("set local role mixpay_monitor")
            results = database.run_checks(conn, merchant)
        except psycopg.errors.InsufficientPrivilege as error:
            return Checked(0, [], error.diag.message_primary or "refused")
    broken = [(r.name, list(r.columns), r.rows[:_OPEN]) for r in results if r.rows]
    return Checked(len(results), broken)


def now(conn: Connection) -> datetime:
    """The moment of which everything that is asked tells, in the session's time zone."""
    row = one(conn, "select now() as now")
    if row is None:
        raise AssertionError
    moment: datetime = row["now"]
    return moment
