"""Measure the calls that every payment makes against pgbench's own transaction.

    make bench                     python bench/bench.py --help

Each round runs each script once, one after the other on the same server, so that a machine that
slows down slows all of them; a figure is the median of the rounds, a ratio the median of the
ratios within a round. The server is a temporary one with fsync on and autovacuum off. CPU is what
the operating system charged to the server's processes, WAL what the server wrote.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from rich.console import Console
from rich.table import Table

from mixpay_db import database
from mixpay_db.embedded import EmbeddedServer, find_binaries

HERE = Path(__file__).parent
OPTIONS = {
    "autovacuum": "off",
    "shared_buffers": "2GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
}
TRANSACTION = "tpcb-like"
CALLS = ("record_payment", "refund_order", "merge_orders")

# The trades that the calls find: of two orders, to be paid in two payments; of one, paid in three.
FILL = """
select count(*) from mixpay.merge_many('bench', (
    select jsonb_agg(jsonb_build_object('trade_no', 'T' || n, 'orders', jsonb_build_array(
        jsonb_build_object('order_no', 'A' || n, 'amount', 60, 'currency', 'CNY'),
        jsonb_build_object('order_no', 'B' || n, 'amount', 40, 'currency', 'CNY')
    )))
    from generate_series(%(first)s::bigint, %(last)s::bigint) as n
));
select count(*) from mixpay.merge_many('bench', (
    select jsonb_agg(jsonb_build_object('trade_no', 'R' || n, 'orders', jsonb_build_array(
        jsonb_build_object('order_no', 'C' || n, 'amount', 90, 'currency', 'CNY')
    )))
    from generate_series(%(first)s::bigint, %(last)s::bigint) as n
));
select count(*) from mixpay.record_payments('bench', (
    select jsonb_agg(jsonb_build_object(
        'trade_no', 'R' || n, 'payment_no', format('R%%s-%%s', n, i),
        'channel', 'card', 'amount', 30
    ))
    from generate_series(%(first)s::bigint, %(last)s::bigint) as n, generate_series(1, 3) as i
));
"""
BATCH = 2000


@dataclass(frozen=True)
class Figures:
    tps: float
    cpu: float  # microseconds per transaction
    wal: float  # bytes per transaction


class Bench:
    def __init__(self, server: EmbeddedServer, clients: int, transactions: int) -> None:
        self.server, self.clients, self.transactions = server, clients, transactions
        self.pgbench = [str(find_binaries() / "pgbench"), "--no-vacuum", "postgres"]
        self.environment = {
            "PGHOST": server.host,
            "PGPORT": str(server.port),
            "PGUSER": server.user,
        }
        self.conn = psycopg.connect(server.url("postgres"), autocommit=True)

    def _pgbench(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self.pgbench, *arguments], env=self.environment, capture_output=True, text=True
        )
        if done.returncode != 0 or "ERROR" in done.stderr:
            raise SystemExit(done.stderr)
        return done.stdout

    def fill(self, scale: int, rounds: int) -> None:
        self._pgbench("--initialize", "--quiet", f"--scale={scale}")
        database.install(self.conn)
        self.conn.execute("select mixpay.register_merchant('bench', 'Bench')")
        for first in range(0, self.clients * self.transactions * rounds, BATCH):
            numbers = {"first": first, "last": first + BATCH - 1}
            psycopg.ClientCursor(self.conn).execute(FILL, numbers)
        self.conn.execute("vacuum analyze")
        # Reading pgbench's tables for the first time would count as its transactions' work.
        self.conn.execute("create extension pg_prewarm")
        self.conn.execute(
            "select pg_prewarm(oid) from pg_class "
            "where relname like 'pgbench%' and relkind in ('r', 'i')"
        )
        self.conn.execute("checkpoint")

    def _cpu_seconds(self) -> float:
        """Of all processes of the server that have ended: a connection's process ends with it."""
        postmaster = int((self.server.data / "postmaster.pid").read_text().split()[0])
        times = psutil.Process(postmaster).cpu_times()
        return times.children_user + times.children_system

    def _wal_bytes(self) -> int:
        row = self.conn.execute(
            "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"
        ).fetchone()
        return row[0] if row else 0

    def run(self, name: str, round_no: int) -> Figures:
        script = f"--builtin={name}" if name == TRANSACTION else f"--file={HERE / name}.sql"
        cpu, wal = self._cpu_seconds(), self._wal_bytes()
        said = self._pgbench(
            script, "--protocol=prepared", "--jobs=2", f"--client={self.clients}",
            f"--transactions={self.transactions}", "--define=i=-1",
            f"--define=transactions={self.transactions}",
            f"--define=base={round_no * self.clients * self.transactions}",
        )  # fmt: skip
        done = self.clients * self.transactions
        tps = re.search(r"^tps = ([\d.]+)", said, re.MULTILINE)
        if tps is None:
            raise SystemExit(said)
        return Figures(
            float(tps[1]),
            (self._cpu_seconds() - cpu) * 1e6 / done,
            (self._wal_bytes() - wal) / done,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument(
        "--transactions", type=int, default=1000, help="of each client in each round"
    )
    parser.add_argument("--scale", type=int, default=100, help="of pgbench's tables")
    arguments = parser.parse_args()
    console = Console()
    figures: dict[str, list[Figures]] = defaultdict(list)
    with EmbeddedServer(OPTIONS) as server:
        bench = Bench(server, arguments.clients, arguments.transactions)
        console.print("filling the tables …")
        bench.fill(arguments.scale, arguments.rounds + 1)
        for round_no in range(arguments.rounds + 1):
            for name in (TRANSACTION, *CALLS):
                measured = bench.run(name, round_no)
                if round_no > 0:  # the first one only warms up
                    figures[name].append(measured)
            console.print(f"round {round_no} of {arguments.rounds}")
        broken = [check.name for check in database.run_checks(bench.conn) if check.rows]
        bench.conn.close()
    table = Table(
        title=f"{arguments.clients} clients, fsync on, medians of {arguments.rounds} rounds"
    )
    for column in ("", "tps", "× tpcb-like", "CPU µs", "× tpcb-like", "WAL bytes"):
        table.add_column(column, justify="left" if column == "" else "right")
    base = figures[TRANSACTION]
    for name, rounds in figures.items():
        table.add_row(
            name,
            f"{statistics.median(f.tps for f in rounds):,.0f}",
            f"{statistics.median(f.tps / b.tps for f, b in zip(rounds, base, strict=True)):.2f}",
            f"{statistics.median(f.cpu for f in rounds):,.0f}",
            f"{statistics.median(f.cpu / b.cpu for f, b in zip(rounds, base, strict=True)):.2f}",
            f"{statistics.median(f.wal for f in rounds):,.0f}",
        )
    console.print(table)
    console.print(f"checks that are broken afterwards: {', '.join(broken) or 'none'}")


if __name__ == "__main__":
    main()
