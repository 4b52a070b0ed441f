"""Measure reconciliation: a statement of a million lines against a million payments.

    python bench/reconciling.py      python bench/reconciling.py --lines 100000

The payments are written by bare statements, without their facts: nothing here reads those. The
lines come from memory, as JSON, in the batches of `mixpay reconcile`, so the time of a parser is
not in it. A temporary server runs with `synchronous_commit = off`. Beside each time stands the CPU
of the session's process, which other work on the machine does not change, and the most memory that
it had of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import psycopg

from mixpay_db import database, reconciling
from mixpay_db.embedded import EmbeddedServer

OPTIONS = {
    "synchronous_commit": "off",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "autovacuum": "off",
}
START = datetime(2026, 3, 1, tzinfo=UTC)
FILL = """
set session_replication_role = replica;
insert into mixpay.merchants (merchant_id, title, allocation) values ('m', 'M', 'fifo');
insert into mixpay.trades (
    merchant_id, trade_no, currency, amount, paid, allocation, state, last_seq
)
select 'm', 'T' || i, 'CNY', 100 + i % 9000, 100 + i % 9000, 'fifo', 'paid', 1
from generate_series(1, {lines}) as i;
insert into mixpay.payments (
    merchant_id, payment_no, trade_no, channel, recorded, asked, amount, applied, state,
    channel_txn_no, paid_at, seq, txn_day
)
select
    'm', 'P' || i, 'T' || i, 'wechat', true, 100 + i % 9000, 100 + i % 9000, 100 + i % 9000,
    'succeeded', '42000' || md5(i::text), '2026-03-01Z'::timestamptz + i * interval '2 seconds', 1,
    '0001-01-01'
from generate_series(1, {lines}) as i;
set session_replication_role = origin;
analyze mixpay.trades, mixpay.payments;
"""


def batch(first: int, last: int, by: str) -> str:
    lines = []
    for i in range(first, last + 1):
        line: dict[str, Any] = {
            "line_no": i,
            "kind": "payment",
            "type": "SUCCESS",
            "amount": 100 + i % 9000,
            "currency": "CNY",
            "happened_at": (START + timedelta(seconds=2 * i)).isoformat(),
            "state": "succeeded",
        }
        # One in a thousand is nobody's.
        lost = "0" if i % 1000 == 0 else ""
        if by == "channel":
            line["channel_txn_no"] = f"42000{lost}{hashlib.md5(str(i).encode()).hexdigest()}"  # noqa: S324
        elif by == "ours":
            line["our_no"] = f"P{lost}{i}"
        lines.append(line)
    return json.dumps(lines)


class Measured:
    """What a session's process takes for each step."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self.process = psutil.Process(conn.info.backend_pid)
        self.most = 0

    def private(self) -> int:
        memory = self.process.memory_info()
        return int(memory.rss - memory.shared)

    def step(self, what: str, run: Callable[[], Any]) -> None:
        begin, cpu = time.monotonic(), sum(self.process.cpu_times()[:2])
        run()
        seconds = time.monotonic() - begin
        used = sum(self.process.cpu_times()[:2]) - cpu
        self.most = max(self.most, self.private())
        print(f"{what:12} {seconds:6.1f} s, {used:6.1f} s of CPU in the server", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--by", choices=["channel", "ours", "amount"], default="channel")
    arguments = parser.parse_args()
    with EmbeddedServer(OPTIONS) as server, psycopg.connect(server.url("postgres")) as conn:
        database.install(conn)
        conn.execute(FILL.format(lines=arguments.lines).encode())
        conn.commit()
        conn.execute("select mixpay.open_statement('m', 'S', 'channel:wechat')")
        measured = Measured(conn)
        texts = [
            batch(first, min(first + reconciling.BATCH - 1, arguments.lines), arguments.by)
            for first in range(1, arguments.lines + 1, reconciling.BATCH)
        ]

        def load() -> None:
            for text in texts:
                conn.execute("select mixpay.load_statement_lines('m', 'S', %s::jsonb)", [text])
                measured.most = max(measured.most, measured.private())

        def run() -> None:
            for row in conn.execute("select * from mixpay.reconcile('m', 'S')"):
                print(f"{'':12} {row[0]} {row[1]}: {row[5]:,}")

        measured.step("loading", load)
        measured.step(
            "sealing",
            lambda: conn.execute("select mixpay.seal_statement('m', 'S', %s)", [arguments.lines]),
        )
        measured.step("comparing", run)
        conn.commit()
        measured.step("once more", run)
        measured.step(
            "summary", lambda: conn.execute("select * from mixpay.reconciliation_summary")
        )
        print(f"The session had {measured.most / 2**20:,.0f} MB of its own at most.")


if __name__ == "__main__":
    main()
