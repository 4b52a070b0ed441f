"""The calls that do many things at once: what one of the many takes.

Each round is one call in a session that has made its plans, in each database in turn.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import psycopg
from calls import POOLS, REGISTER_PAYEE, Call, Pool, merge, order, trades
from harness import Database

RULES = ("fifo", "pro_rata")
KINDS = ("", "with payees", "with splits")
LINES = (2, 10)
SHARES = """[
    {"receiver": "courier", "rate": 300},
    {"kind": "platform_fee", "receiver": "platform", "rate": 200}
]"""
ARGUMENTS = "%(merchant)s, %(json)s::jsonb"
PAYEE = ", 'payee_no', 'P'"


@dataclass(frozen=True)
class Item:
    """What is paid, refunded or completed; each has a trade of two lines. `{0}` is its prefix."""

    json: str
    single: str
    script: str  # the single call as a client sends it


ITEMS = {
    "succeed_payments": Item(
        "'payment_no', '{0}' || k, 'channel_txn_no', '{0}' || k",
        "succeed_payment(%(merchant)s, '{0}' || k, '{0}' || k)",
        "succeed_payment('m' || :m, '{0}' || :k, '{0}' || :k)",
    ),
    "refund_orders": Item(
        "'order_no', '{0}0-' || k, 'refund_no', '{0}' || k, 'amount', 10",
        "refund_order(%(merchant)s, '{0}0-' || k, '{0}' || k, 10)",
        "refund_order('m' || :m, '{0}0-' || :k, '{0}' || :k, 10)",
    ),
    "complete_channel_refunds": Item(
        "'channel_refund_no', channel_refund_no, 'channel_txn_no', '{0}' || k",
        "complete_channel_refund(%(merchant)s, channel_refund_no, '{0}' || k)",
        "complete_channel_refund('m' || :m, "
        "(select channel_refund_no from public.known where key = '{0}' || :k), '{0}' || :k)",
    ),
}


@dataclass(frozen=True)
class Task:
    """`fill` makes what the call finds for the numbers k in `items`; `json` is what it is given."""

    name: str
    merchant: str
    fill: tuple[str, ...]
    call: str
    json: str | None
    items: int  # for each k
    number: int  # of k


def _payments(prefix: str, amount: int) -> str:
    return f"""
    select jsonb_agg(jsonb_build_object(
        'trade_no', '{prefix}' || k, 'payment_no', '{prefix}' || k || '-' || i, 'channel', 'card',
        'amount', {amount}
    ) order by k, i)
    from items cross join generate_series(1, 2) as i
    """


def _trades(prefix: str, lines: int, more: str = "") -> str:
    return merge(prefix, *(order(f"{prefix}{i}-", 20, more) for i in range(lines)))


def _split(prefix: str, lines: int) -> str:
    return (
        f"select count(*) from items cross join generate_series(0, {lines - 1}) as i "
        f"cross join lateral mixpay.split_order(%(merchant)s, '{prefix}' || i || '-' || k, "
        f"'{prefix}' || i || '-' || k, '{SHARES}'::jsonb, 'payment') as s"
    )


def tasks(size: int) -> Iterator[Task]:
    for nth, (lines, kind, rule) in enumerate(product(LINES, KINDS, RULES)):
        prefix = f"B{chr(ord('a') + nth)}"
        fill = [_trades(prefix, lines, PAYEE if kind else "")]
        if kind == "with splits":
            fill.append(_split(prefix, lines))
        yield Task(
            " ".join(filter(None, (f"record_payments, {lines} lines, {rule}", kind))), rule,
            tuple(fill), f"select count(*) from mixpay.record_payments({ARGUMENTS})",
            _payments(prefix, 10 * lines), 2, size // 5 if kind == "with splits" else size,
        )  # fmt: skip
    yield Task(
        "merge_many, trades of two orders", "fifo", (),
        f"select count(*) from mixpay.merge_many({ARGUMENTS})",
        trades("Bm", order("Bm0-", 20), order("Bm1-", 20)), 1, 2 * size,
    )  # fmt: skip
    for name, item in ITEMS.items():
        for task, prefix in ((in_one_statement(name), f"B{name[0]}"), (name, f"C{name[0]}")):
            yield Task(
                task, "fifo", (*_before(name, prefix), *_made(prefix)),
                f"select count(*) from mixpay.{name}({ARGUMENTS})" if task == name else
                "select count(*) from made cross join lateral "
                f"mixpay.{item.single.format(prefix)} as x",
                f"select jsonb_agg(jsonb_build_object({item.json.format(prefix)})) from made"
                if task == name else None,
                1, size,
            )  # fmt: skip


def in_one_statement(name: str) -> str:
    return f"{ITEMS[name].single.split('(')[0]}, one after the other"


def sent_singly(name: str) -> Call:
    """The single calls of as many items, as a client sends them: each its own transaction."""
    prefix = f"D{name[0]}"
    POOLS[name] = Pool(
        (
            *_before(name, prefix),
            "insert into public.known (key, channel_refund_no) "
            "select refund_no, channel_refund_no from mixpay.channel_refunds inner join items "
            f"on merchant_id = %(merchant)s and refund_no = '{prefix}' || k",
        ),
        fresh=True,
    )
    return Call(name, f"select * from mixpay.{ITEMS[name].script.format(prefix)};", name)


def _before(name: str, prefix: str) -> Iterator[str]:
    """What must have happened."""
    yield _trades(prefix, 2)
    if name == "succeed_payments":
        yield (
            "select count(x.payment_no) from items cross join lateral mixpay.start_payment("
            f"%(merchant)s, '{prefix}' || k, '{prefix}' || k, 40, 'card') as x"
        )
    else:
        yield (
            "select count(*) from mixpay.record_payments(%(merchant)s, (select jsonb_agg("
            f"jsonb_build_object('trade_no', '{prefix}' || k, 'payment_no', '{prefix}' || k, "
            "'channel', 'card', 'amount', 40)) from items))"
        )
    if name == "complete_channel_refunds":
        yield (
            "select count(x.refund_no) from items cross join lateral mixpay.refund_order("
            f"%(merchant)s, '{prefix}0-' || k, '{prefix}' || k, 10) as x"
        )


def _made(prefix: str) -> Iterator[str]:
    """What it was told of them is in `made`."""
    yield "drop table if exists made"
    yield (
        "create temp table made as select k, channel_refund_no from items "
        "left join mixpay.channel_refunds "
        f"on merchant_id = %(merchant)s and refund_no = '{prefix}' || k"
    )


class Bulk:
    def __init__(self, databases: list[Database], size: int) -> None:
        self.databases, self.tasks, self.next = databases, list(tasks(size)), 0
        for db in databases:
            db.conn.execute("set synchronous_commit = off")
            for rule in RULES:
                db.conn.execute("select mixpay.register_merchant(%s, 'Bulk', %s)", [rule, rule])
                psycopg.ClientCursor(db.conn).execute(REGISTER_PAYEE, {"merchant": rule})

    def measure(self, rounds: int) -> dict[str, dict[str, list[float]]]:
        """Microseconds for each item: by task, by database, of each round."""
        times: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for round_no in range(rounds + 1):
            for task in self.tasks:
                for db in self.databases:
                    took = self._run(db, task)
                    if round_no > 0 and took is not None:  # the first one makes the plans
                        times[task.name][db.name].append(took)
                self.next += task.number
            if round_no == 0:  # as autovacuum would: the merchants were unknown when last analyzed
                for db in self.databases:
                    db.conn.execute("analyze")
        return times

    def _run(self, db: Database, task: Task) -> float | None:
        function = task.call.split("mixpay.")[1].split("(")[0]
        if not db.has_function(function):
            return None
        values: dict[str, Any] = {"merchant": task.merchant}
        cursor = psycopg.ClientCursor(db.conn)
        cursor.execute("truncate items")
        cursor.execute(
            "insert into items select generate_series(%s::bigint, %s::bigint)",
            [self.next, self.next + task.number - 1],
        )
        for statement in task.fill:
            cursor.execute(statement, values)
        if task.json is not None:
            row = cursor.execute(f"select ({task.json})::text", values).fetchone()
            values["json"] = row[0] if row else None
        begin = time.perf_counter()
        cursor.execute(task.call, values)
        took = time.perf_counter() - begin
        return took * 1e6 / (task.number * task.items)
